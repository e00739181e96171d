"""`VizEvent`: a block of code that appears in the trace like a call."""

from __future__ import annotations

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from .snaptrace import Tracer


class VizEvent:
    """A context manager that records the block it is used with; `VizTracer.log_event` makes it.

    Args:
        tracer: what records the block.
        event_name: the block's name.
        file_name: the file it is in.
        lineno: its line.
    """

    def __init__(self, tracer: Tracer, event_name: str, file_name: str, lineno: int) -> None:
        self._tracer = tracer
        self.event_name = event_name
        self.file_name = file_name
        self.lineno = lineno
        self._start: float | None = None

    def __enter__(self) -> None:
        self._start = self._tracer.begin_block()

    def __exit__(self, _kind: object, _error: object, _traceback: object) -> None:
        """Record the block, unless nothing was recorded when it began or is recorded now."""
        if self._start is not None:
            self._tracer.add_block(self.event_name, self.file_name, self.lineno, self._start)
