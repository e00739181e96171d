"""The base class of `VizCounter` and `VizObject`: an object whose public attributes are recorded when they change."""

from __future__ import annotations

import functools

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .viztracer import VizTracer

WHEN = ("after", "before", "both")


class _EventBase:
    """An object whose public attributes are recorded as an event each time one of them is set.

    Args:
        tracer: what records the events; None records nothing.
        name: the name of the events.
        trigger_on_change: whether setting an attribute records an event.
        include_attributes: record only these attributes; all public ones if empty.
        exclude_attributes: do not record these attributes, unless they are included.
        _others: taken and ignored, as in VizTracer.

    Raises:
        TypeError: a name is no text.
    """

    _viztracer_tracer: VizTracer | None = None
    _viztracer_name: str
    _viztracer_config: dict[str, Any]

    def __init__(
        self,
        tracer: VizTracer | None,
        name: str = "",
        *,
        trigger_on_change: bool = True,
        include_attributes: list[str] | None = None,
        exclude_attributes: list[str] | None = None,
        **_others: object,
    ) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be str, not {type(name).__name__}")
        _check_names("include_attributes", include_attributes)
        _check_names("exclude_attributes", exclude_attributes)
        self._viztracer_tracer = tracer
        self._viztracer_name = name
        self._viztracer_config = {
            "trigger_on_change": trigger_on_change,
            "include_attributes": include_attributes or [],
            "exclude_attributes": exclude_attributes or [],
        }

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_") and self._viztracer_config["trigger_on_change"] and self._is_recorded(name):
            self.log()

    def config(self, key: str, value: object) -> None:
        """Change one of the settings that the constructor takes.

        Raises:
            ValueError: there is no such setting.
        """
        if key not in self._viztracer_config:
            raise ValueError(f"No config named {key}")
        self._viztracer_config[key] = value

    def log(self) -> None:
        """Record the attributes as they are now."""
        if self._viztracer_tracer is not None:
            self._viztracer_log()

    @staticmethod
    def triggerlog(method: Callable[..., Any] | None = None, when: str = "after") -> Callable[..., Any]:
        """Decorate a method so that each call of it records the attributes.

        Args:
            method: the method; None if the decorator is written with arguments.
            when: whether to record ``"before"`` the call, ``"after"`` it, or ``"both"``.

        Raises:
            ValueError: `when` is something else.
        """
        if when not in WHEN:
            raise ValueError(f"when has to be one of 'after', 'before' or 'both', not {when}")
        if method is None:
            return functools.partial(_EventBase.triggerlog, when=when)

        @functools.wraps(method)
        def call_and_log(self: _EventBase, *arguments: Any, **keywords: Any) -> Any:
            if when != "after":
                self.log()
            result = method(self, *arguments, **keywords)
            if when != "before":
                self.log()
            return result

        return call_and_log

    def _viztracer_log(self) -> None:
        """Record the attributes. A subclass says how."""
        raise NotImplementedError

    def _is_recorded(self, name: str) -> bool:
        if included := self._viztracer_config["include_attributes"]:
            return name in included
        return name not in self._viztracer_config["exclude_attributes"]

    def _viztracer_attributes(self) -> dict[str, Any]:
        """Return the attributes that are recorded: the object's, then those of its classes, such as properties."""
        names = list(vars(self))
        for kind in type(self).__mro__:
            if kind not in _ONLY_METHODS:
                names += vars(kind)
        included = self._viztracer_config["include_attributes"]
        excluded = self._viztracer_config["exclude_attributes"]
        values: dict[str, Any] = {}
        for name in names:
            if name in values or name.startswith("_") or (name not in included if included else name in excluded):
                continue
            value = getattr(self, name)
            if not callable(value):
                values[name] = value
        return values


# Their public attributes are no values.
_ONLY_METHODS = (_EventBase, object)


def _check_names(setting: str, names: object) -> None:
    """Raise `TypeError` for a setting that names attributes by something else than texts."""
    if names is None:
        return
    try:
        wrong = next((name for name in names if not isinstance(name, str)), None)  # type: ignore[attr-defined]
    except TypeError:
        wrong = names
    if wrong is not None:
        raise TypeError(f"{setting} must be a list of names, but it is or has a {type(wrong).__name__}")
