"""Which user of this machine has opened a connection, as the kernel lists it in ``/proc/net/tcp`` (proc(5)).

A field of a row is an address as the CPU stores it, in hexadecimal, a colon and the port: ``0100007F:2329``.
"""

from __future__ import annotations

import socket
import sys

from ..system.viewing import is_trusted

LOCAL, REMOTE, USER = 1, 2, 7  # columns


def is_welcome(connection: socket.socket) -> bool:
    """Whether the other end of this connection belongs to the user of this process, or to root, who may read all.

    Where that cannot be known, nobody is welcome.
    """
    try:
        rows = _rows("/proc/net/tcp")
        ends = [_field(connection.getpeername()), _field(connection.getsockname())]
    except OSError:
        return False
    users = [int(row[USER]) for row in rows if [row[LOCAL], row[REMOTE]] == ends]
    return any(map(is_trusted, users))


def _rows(path: str) -> list[list[str]]:
    """Return the columns of each row but the first, which has headings."""
    with open(path, encoding="ascii") as file:
        return [line.split() for line in file][1:]


def _field(address: tuple[str, int]) -> str:
    """Return an IPv4 address and port as the kernel lists them."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
