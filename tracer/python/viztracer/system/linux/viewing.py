"""What only ``vizviewer`` asks of Linux."""

from __future__ import annotations

import os
import socket
import sys

assert sys.platform == "linux"  # for a checker of types

from ..unix.viewing import *  # noqa: F403

# Whether it can be known which user has opened a connection.
KNOWS_VISITORS = True
# The open connections over IPv4 (proc(5)). A field of a row is an address as the processor stores it, in hexadecimal, a
# colon and the port: ``0100007F:2329``.
CONNECTIONS = "/proc/net/tcp"
LOCAL, REMOTE, USER = 1, 2, 7  # columns
ROOT = 0


def is_welcome(connection: socket.socket) -> bool:
    """Whether the other end of this connection belongs to the user of this process, or to root, who may read all.

    Where that cannot be known, nobody is welcome.
    """
    try:
        rows = _rows()
        ends = [_field(connection.getpeername()), _field(connection.getsockname())]
    except OSError:
        return False
    users = {int(row[USER]) for row in rows if [row[LOCAL], row[REMOTE]] == ends}
    return not users.isdisjoint((os.geteuid(), ROOT))


def _rows() -> list[list[str]]:
    """Return the columns of each row but the first, which has headings."""
    with open(CONNECTIONS, encoding="ascii") as file:
        return [line.split() for line in file][1:]


def _field(address: tuple[str, int]) -> str:
    """Return an IPv4 address and port as the kernel lists them."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
