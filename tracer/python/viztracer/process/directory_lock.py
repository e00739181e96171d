"""The lock on a directory of ring files: snapshots share it, and who removes the directory waits for them."""

from __future__ import annotations

import time

from ..system import lock_directory

INTERVAL = 0.005  # seconds between two tries


def share(path: str) -> int:
    """Return a descriptor with a lock on the directory, which lasts while any copy of the descriptor is open.

    Raises:
        BlockingIOError: it is about to be removed.
        OSError: there is no such directory, or its file system has no locks.
    """
    return lock_directory(path, alone=False)


def take(path: str, seconds: float) -> int | None:
    """Wait until nobody shares the lock; return a descriptor that holds it alone, or None if that takes longer.

    Raises:
        OSError: there is no such directory, or its file system has no locks. So nobody shares one.
    """
    give_up = time.monotonic() + seconds
    while True:
        try:
            return lock_directory(path, alone=True)
        except BlockingIOError:
            if time.monotonic() > give_up:
                return None
        time.sleep(INTERVAL)
