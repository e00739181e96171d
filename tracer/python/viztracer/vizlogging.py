"""`VizLoggingHandler`: what a program logs appears in its trace."""

from __future__ import annotations

from logging import Handler, LogRecord

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    from .viztracer import VizTracer


class VizLoggingHandler(Handler):
    """A handler for `logging` that records each message as an instant event, once it knows a tracer."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._tracer: VizTracer | None = None

    def emit(self, record: LogRecord) -> None:
        """Record a message. An error in its arguments is treated as the handlers of `logging` treat it."""
        if self._tracer is None:
            return
        try:
            self._tracer.log_instant(f"logging - {self.format(record)}", scope="p")
        except Exception:
            self.handleError(record)

    def setTracer(self, tracer: VizTracer | None) -> None:  # noqa: N802, VizTracer's name
        """Record messages by this tracer from now on; None: record none.

        Raises:
            TypeError: it is no tracer.
        """
        if not (tracer is None or hasattr(tracer, "log_instant")):
            raise TypeError(f"tracer must be a VizTracer, not {type(tracer).__name__}")
        self._tracer = tracer
