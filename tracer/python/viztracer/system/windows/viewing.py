"""What only ``vizviewer`` asks of Windows."""

from __future__ import annotations

import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

assert sys.platform == "win32"  # for a checker of types

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGBREAK)
KNOWS_VISITORS = False


def is_welcome(_connection: socket.socket) -> bool:
    """Return that nobody is: which user has opened a connection is not asked here."""
    return False


def has_input(connection: socket.socket) -> bool:
    """Whether something has come, or the end."""
    return bool(select.select([connection], [], [], 0)[0])


def all_descriptors(_stay_open: Callable[[], bool]) -> AbstractContextManager[None]:
    """Return a context that does nothing: a process may open as many files as the memory holds."""
    return nullcontext()
