"""The open connections of the server: how many there may be, and for how long somebody may stay who shows no token."""

from __future__ import annotations

import socket
import threading
import time

CONNECTIONS_MAX = 64  # a browser makes six at a time
STRANGER_SECONDS = 10  # to send a request; a browser takes milliseconds


class Connections:
    """The open connections. A stranger is one that has not shown a token yet.

    When there are too many connections, the oldest stranger is ended for each new one, so strangers cannot lock out the
    user.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._strangers: dict[socket.socket, float] = {}  # and when they came, the oldest first
        self._open: set[socket.socket] = set()

    def admit(self, connection: socket.socket) -> bool:
        """Count a new connection; return whether it is admitted."""
        with self._lock:
            if len(self._open) >= CONNECTIONS_MAX:
                self._end_oldest_stranger()
            # A connection that was ended still counts until its thread is done.
            if len(self._open) >= 2 * CONNECTIONS_MAX:
                return False
            self._open.add(connection)
            self._strangers[connection] = time.monotonic()
        return True

    def recognize(self, connection: socket.socket) -> None:
        """Count a connection that has shown a token as no stranger any more."""
        with self._lock:
            self._strangers.pop(connection, None)

    def forget(self, connection: socket.socket) -> None:
        """Count a connection out that is about to be closed."""
        with self._lock:
            self._open.discard(connection)
            self._strangers.pop(connection, None)

    def expire(self) -> None:
        """End the strangers whose time is over."""
        with self._lock:
            while self._strangers and next(iter(self._strangers.values())) < time.monotonic() - STRANGER_SECONDS:
                self._end_oldest_stranger()

    def end_oldest(self) -> None:
        """End the oldest stranger, since the process may have no more connections."""
        with self._lock:
            self._end_oldest_stranger()

    def _end_oldest_stranger(self) -> None:
        """Shut the oldest stranger's connection down; its thread then reads the end of the request."""
        if self._strangers:
            connection = next(iter(self._strangers))
            del self._strangers[connection]
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already
