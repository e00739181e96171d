"""What a program records by itself: instant events, variables, blocks of code, steps of a function."""

from __future__ import annotations

import functools
import sys

from ..snaptrace import Tracer, text_of
from ..vizevent import VizEvent
from .recorded_calls import RecordedCalls

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeVar

    Result = TypeVar("Result")
    Scope = Literal["g", "p", "t"]

# The types of which `_attributes_of` is the `repr`, by their ids: a metaclass may compare types as it likes.
_SHOWN_BY_REPR = frozenset(id(kind) for kind in (str, float, bytes, list, tuple, dict))

# What describes objects, once it was looked for.
_objstr: list[Callable[[object], str]] = []
# The `ObjPrint` that does, if it shows a text in single quotes as it is, except to formatters of the program.
_quotes_texts: list[Any] = []
# A text that `repr` shows in another way.
_ODD_TEXT = "it's\t\xe9\\\0"


class LoggedEvents(Tracer):
    """The methods of `VizTracer` by which a program records events of its own. Without a recording they do nothing."""

    _after_fork: Callable[[], object] | None = None

    def begin_by_itself(self) -> None:
        """Begin to record, if the tracer records only what is decorated, and nobody has called `start` or `stop`."""

    def log_instant(self, name: str, args: Any = None, scope: Scope = "t", cond: bool = True) -> None:
        """Record an event without duration.

        Args:
            name: its name.
            args: what is shown with it; anything that JSON can hold.
            scope: what it belongs to: ``"g"`` all processes, ``"p"`` this process, ``"t"`` this thread.
            cond: False records nothing.

        Raises:
            ValueError: `scope` is something else.
        """
        if cond:
            self.add_instant(name, args, scope)

    def log_var(self, name: str, var: Any, cond: bool = True) -> None:
        """Record a value: a number as a counter, any other object as an instant event with its description.

        Args:
            name: the event's name.
            var: the value.
            cond: False records nothing.
        """
        if cond and not self.add_number(name, "value", var):
            self.add_instant(name, {"object": self._description(var)}, "t")

    def _description(self, value: object) -> str:
        """Return what objprint says of a value, if it is installed; else its `repr`, or its attributes."""
        if not _objstr:
            self.pause()  # this import is not the program's
            try:
                from objprint import objstr

                _objstr.append(functools.partial(objstr, color=False))
                printer = getattr(objstr, "__self__", None)
                if getattr(printer, "type_formatter", None) == {} and _objstr[0](_ODD_TEXT) == f"'{_ODD_TEXT}'":
                    _quotes_texts.append(printer)
            except ImportError:
                _objstr.append(_attributes_of)
            except Exception:  # too little stack is left, for example: the next value may have more
                return text_of(value)
            finally:
                self.resume()
        if _objstr[0] is _attributes_of and id(type(value)) in _SHOWN_BY_REPR:
            return text_of(value)
        if type(value) is str and _quotes_texts and not _quotes_texts[0].type_formatter:
            return text_of(f"'{value}'", str)
        return text_of(value, _objstr[0])

    def get_func_args(self) -> dict[str, Any] | None:
        """Return the arguments that were added to the innermost open call of this thread; None if there are none."""
        added = self.func_args_json()
        if added is None:
            return None
        self.pause()  # the functions of `json` are also those of the program, which has not called them here
        try:
            import json

            arguments: dict[str, Any] = json.loads(added)
        finally:
            self.resume()
        return arguments

    def log_event(self, event_name: str) -> VizEvent:
        """Return a context manager that records a block of code like a call: ``with tracer.log_event("load"): ...``."""
        self.begin_by_itself()
        frame = sys._getframe(1)
        return VizEvent(self, event_name, frame.f_code.co_filename, frame.f_lineno)

    def add_variable(self, name: str, var: Any, event: str = "instant") -> None:
        """Record the value of a variable.

        Args:
            name: the variable's name.
            var: its value.
            event: ``"instant"``, with the value in the event's name, or ``"counter"``.

        Raises:
            ValueError: `event` is something else, or the value of a counter is no number.
        """
        if event == "instant":
            self.add_assignment(f"{name}", var)
        elif event != "counter":
            if self.enable:
                raise ValueError(f"{event} is not supported")
        elif not self.add_number(name, name, var):
            raise ValueError(f"{name}({text_of(var, str)}) is not a number")

    def record_calls(self, depth: int) -> RecordedCalls:
        """Return a context manager that records the calls of this thread in a recording with ``log_sparse``.

        Args:
            depth: how many levels of calls; inside of another such block, that one counts.
        """
        return RecordedCalls(self, depth)

    def shield_ignore(self, func: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Call a function so that it is recorded although its caller is not, which is so in any case."""
        return func(*args, **kwargs)

    def setignorestackcounter(self, value: int) -> int:
        """Do nothing and return 0: functions that are left out do not hide what they call."""
        _check_whole("value", value)
        return 0

    def reset_stack(self) -> None:
        """Do nothing: the stack of open calls mends itself."""

    def setpid(self, pid: int = -1) -> None:
        """Do nothing: every process has a file of its own, with its own pid."""
        _check_whole("pid", pid)

    def set_afterfork(self, callback: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Have a function called in the children that `multiprocessing` forks: ``callback(tracer, *args, **kwargs)``.

        A second call replaces the function.

        Raises:
            TypeError: `callback` cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"callback must be callable, not {type(callback).__name__}")
        if self._after_fork is None:
            self.pause()  # this import is not the program's
            from multiprocessing.util import register_after_fork

            register_after_fork(self, _run_after_fork)
            self.resume()
        self._after_fork = lambda: callback(self, *args, **kwargs)


def _check_whole(name: str, value: object) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")


def _run_after_fork(tracer: LoggedEvents) -> None:
    if tracer._after_fork:
        tracer._after_fork()


def _attributes_of(value: object) -> str:
    """Return the `repr` of a value, or its attributes if it has none of its own."""
    if type(value).__repr__ is not object.__repr__ or not hasattr(value, "__dict__"):
        return repr(value)
    lines = [f"  .{name} = {attribute!r}" for name, attribute in vars(value).items()]
    return "\n".join([f"<{type(value).__name__} {id(value):#x}", ",\n".join(lines), ">"])
