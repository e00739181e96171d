"""`VizObject`: an object whose life and attributes are recorded as object events."""

from __future__ import annotations

from .event_base import _EventBase

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    from .viztracer import VizTracer

SHOWN_TYPES = (list, dict, int, float, str)


class VizObject(_EventBase):
    """An object of which a snapshot is recorded whenever a public attribute is set, and also its begin and its end.

    Args:
        tracer: what records the events; None records nothing.
        name: the object's name in the report.
        settings: those of `_EventBase`.
    """

    def __init__(self, tracer: VizTracer | None, name: str, **settings: Any) -> None:
        super().__init__(tracer, name, **settings)
        try:
            self._viztracer_event("N")
        except Exception:
            self._viztracer_tracer = None  # it is no tracer, and would not take the object's end, either
            raise

    def __del__(self) -> None:
        self._viztracer_event("D")

    def _viztracer_log(self) -> None:
        """Record a snapshot of the attributes that are lists, dicts, numbers or strings."""
        shown = {name: value for name, value in self._viztracer_attributes().items() if type(value) in SHOWN_TYPES}
        self._viztracer_event("O", {"snapshot": shown})

    def _viztracer_event(self, phase: str, arguments: dict[str, Any] | None = None) -> None:
        if self._viztracer_tracer is not None:
            self._viztracer_tracer.add_object(phase, str(id(self)), self._viztracer_name, arguments)
