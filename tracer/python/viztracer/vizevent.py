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
        self._name = f"{event_name} ({file_name}:{lineno})"
        self._start: float | None = None

    def __enter__(self) -> None:
        self._start = self._tracer.getts() if self._tracer.enable else None

    def __exit__(self, *_error: object) -> None:
        """Record the block, unless nothing was recorded when it began or is recorded now."""
        if self._start is None or not self._tracer.enable:
            return
        duration = self._tracer.getts() - self._start
        self._tracer.add_raw({"ph": "X", "name": self._name, "ts": self._start, "dur": duration, "cat": "FEE"})
