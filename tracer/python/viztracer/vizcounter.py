"""`VizCounter`: numbers that are recorded as counter events."""

from __future__ import annotations

from .event_base import _EventBase


class VizCounter(_EventBase):
    """An object whose public attributes are the numbers of a counter; setting one records all of them.

    The arguments are those of `_EventBase`.
    """

    def _viztracer_log(self) -> None:
        """Record a counter event.

        Raises:
            Exception: an attribute is no number. VizTracer raises no more special class.
        """
        numbers = self._viztracer_attributes()
        for value in numbers.values():
            if type(value) not in (int, float):
                raise Exception("Counter can only take numeric values")  # noqa: TRY002
        if self._viztracer_tracer is not None:
            self._viztracer_tracer.add_counter(self._viztracer_name, numbers)
