"""What has a traced program take snapshots by itself: an exception that nothing handles, and signals."""

from __future__ import annotations

import signal
import sys

from ..output import terminal
from . import request

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType, TracebackType
    from typing import Any

EXCEPTION = "exception"


def arm(triggers: Sequence[str]) -> list[Callable[[], None]]:
    """Have these take snapshots from now on; return what takes that back."""
    undo = [_arm_signal(name) for name in triggers if name != EXCEPTION]
    return [*undo, *(_arm_exceptions() if EXCEPTION in triggers else ())]


def _arm_signal(name: str) -> Callable[[], None]:
    """Handle a signal, unless the program handles or ignores it. A handler that it installs later replaces ours."""
    number = signal.Signals[name]

    def take(_number: int, _frame: FrameType | None) -> None:
        request.snapshot(name)

    def undo() -> None:
        if signal.getsignal(number) is take:
            try:
                signal.signal(number, signal.SIG_DFL)
            except ValueError:  # another thread than the main one
                pass

    if signal.getsignal(number) is not signal.SIG_DFL:
        terminal.complain(f"{name} takes no snapshots, since the program handles it already (--keep_snapshot_at)")
        return undo
    try:
        signal.signal(number, take)
    except ValueError:
        terminal.complain(f"{name} takes no snapshots: only the main thread can see to that (--keep_snapshot_at)")
    return undo


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
