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


def has_input(connection: socket.socket) -> bool:
    """Whether something has come, or the end."""
    waiting = select.poll()  # `select` takes no large descriptors
    waiting.register(connection, select.POLLIN)
    return bool(waiting.poll(0))


@contextlib.contextmanager
def all_descriptors(stay_open: Callable[[], bool]) -> Iterator[None]:
    """Let this process open as many files as it may: a run may have left thousands, and may `stay_open`."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems call a limit endless and mind it all the same
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    try:
        yield
    finally:
        if not stay_open():
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
