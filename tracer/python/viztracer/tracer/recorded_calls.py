"""`RecordedCalls`: a block of code whose calls are recorded, while those of other code are not."""

from __future__ import annotations

import _thread
import os

from ..process import this_process

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from ..snaptrace import Tracer

# The threads in such a block, each by its process, since a forked child has only one of them.
_recorded: set[tuple[int, int]] = set()


class RecordedCalls:
    """A context manager that records the calls of its thread; `VizTracer.record_calls` makes it.

    Args:
        tracer: what records them.
        depth: how many levels of calls.
    """

    def __init__(self, tracer: Tracer, depth: int) -> None:
        self._tracer = tracer
        self._depth = depth
        self._thread: tuple[int, int] | None = None

    def __enter__(self) -> None:
        thread = os.getpid(), _thread.get_ident()
        if thread not in _recorded:
            self._thread = thread
            with this_process.lock:  # the first and the last one install and remove the hook
                _recorded.add(thread)
                self._tracer.begin_calls(self._depth)

    def __exit__(self, *_error: object) -> None:
        if self._thread is not None:
            with this_process.lock:
                _recorded.discard(self._thread)
                self._tracer.end_calls(any(pid == os.getpid() for pid, _ in _recorded))
