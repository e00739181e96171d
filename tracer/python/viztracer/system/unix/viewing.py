"""What only ``vizviewer`` asks of Linux and macOS in the same way."""

from __future__ import annotations

import contextlib
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator

assert sys.platform != "win32"  # for a checker of types

# By which others end the command, beside Ctrl+C.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
# So many files a process of macOS may open, where the limit may be called endless, but not be used so (OPEN_MAX).
FEWER = 10240


def has_input(connection: socket.socket) -> bool:
    """Whether something has come, or the end."""
    waiting = select.poll()  # `select` takes no large descriptors
    waiting.register(connection, select.POLLIN)
    return bool(waiting.poll(0))


@contextlib.contextmanager
def all_descriptors(stay_open: Callable[[], bool]) -> Iterator[None]:
    """Let this process open as many files as it may: a run may have left thousands, and may `stay_open`."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (limits[1], max(limits[0], FEWER)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
            break
    try:
        yield
    finally:
        if not stay_open():
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
