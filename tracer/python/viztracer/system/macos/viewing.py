"""What only ``vizviewer`` asks of macOS."""

from __future__ import annotations

import socket
import sys

assert sys.platform == "darwin"  # for a checker of types

from ..unix.viewing import *  # noqa: F403

KNOWS_VISITORS = False


def is_welcome(_connection: socket.socket) -> bool:
    """Return that nobody is: which user has opened a connection is not asked here."""
    return False
