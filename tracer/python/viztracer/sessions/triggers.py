"""What has a traced program take snapshots by itself: an exception that nothing handles, a call that takes long."""

from __future__ import annotations

import re
import sys

from ..snaptrace import watch_slow_calls
from ..tracer.options import SLOW_CALL
from . import request

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any

EXCEPTION = "exception"
MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6, "min": 60e6, "h": 3600e6}


class SlowCall:
    """A function, by a regular expression, and how long its calls may take, in us.

    Args:
        trigger: both, as in ``handler>200ms``.
    """

    def __init__(self, trigger: str) -> None:
        found = re.fullmatch(SLOW_CALL, trigger, re.ASCII | re.DOTALL)
        assert found  # the options have been checked
        self.function = re.compile(found["function"].strip())
        self.time = float(found["time"]) * MICROSECONDS[found["unit"]]

    def has_seen(self, function: str, nanoseconds: int) -> bool:
        """Return whether a call is one of this function, and took so long."""
        return nanoseconds >= self.time * 1000 and self.function.search(function) is not None


def arm(triggers: Sequence[str]) -> list[Callable[[], None]]:
    """Have these take snapshots from now on; return what takes that back."""
    exceptions = _arm_exceptions() if EXCEPTION in triggers else []
    return exceptions + _arm_slow_calls(slow_calls(triggers))


def slow_calls(triggers: Sequence[str]) -> list[SlowCall]:
    """Return the triggers that are calls that take long."""
    return [SlowCall(trigger) for trigger in triggers if trigger != EXCEPTION]


def shortest(triggers: Sequence[str]) -> float:
    """Return from how many us on a call may be slow; 0 if none is."""
    return min((slow.time for slow in slow_calls(triggers)), default=0.0)


def _arm_slow_calls(waited: list[SlowCall]) -> list[Callable[[], None]]:
    def see(function: str, nanoseconds: int) -> None:
        if any(slow.has_seen(function, nanoseconds) for slow in waited):
            request.snapshot(f"{function.rpartition('.')[2]}_{nanoseconds // 1_000_000}ms")

    if not waited:
        return []
    watch_slow_calls(see)
    return [lambda: watch_slow_calls(None)]


def _arm_exceptions() -> list[Callable[[], None]]:
    """Take a snapshot before the hooks of the program are called, of the main thread and of the others."""
    import threading

    before, before_of_threads = sys.excepthook, threading.excepthook

    def hook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        _take(kind)
        before(kind, value, trace)

    def hook_of_threads(arguments: Any) -> None:
        _take(arguments.exc_type)
        before_of_threads(arguments)

    sys.excepthook, threading.excepthook = hook, hook_of_threads

    def undo() -> None:
        if sys.excepthook is hook:
            sys.excepthook = before
        if threading.excepthook is hook_of_threads:
            threading.excepthook = before_of_threads

    return [undo]


def _take(kind: type[BaseException]) -> None:
    if issubclass(kind, Exception):  # and not Ctrl+C, nor what ends a program in order
        request.snapshot(kind.__name__)
