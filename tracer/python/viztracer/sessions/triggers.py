"""What has a traced program take snapshots by itself: an exception that nothing handles."""

from __future__ import annotations

import sys

from . import request

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any

EXCEPTION = "exception"


def arm(triggers: Sequence[str]) -> list[Callable[[], None]]:
    """Have these take snapshots from now on; return what takes that back."""
    return _arm_exceptions() if EXCEPTION in triggers else []


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
