"""The signals by which ``viztracer --attach_installed`` controls a process: SIGUSR1 and SIGUSR2."""

from __future__ import annotations

import os
import sys

assert sys.platform == "linux"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None]

# What a process has among its open files that heeds the signals.
INSTALLED = "viztracer_installed"


def heed(start: Handler, save: Handler) -> None:
    """Have these called from now on when the signals come."""
    import signal

    signal.signal(signal.SIGUSR1, start)
    signal.signal(signal.SIGUSR2, save)


def forget() -> None:
    """Give the signals their default actions."""
    import signal

    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)


def open_token() -> int:
    """Return a descriptor that shows others that there are handlers: a fork inherits both, and an exec ends both."""
    return os.memfd_create(INSTALLED, os.MFD_CLOEXEC)


def heeding() -> object:
    """Return whose method is called when the first signal comes; None if it is no method."""
    import signal

    return getattr(signal.getsignal(signal.SIGUSR1), "__self__", None)
