"""The lock on a directory of ring files: snapshots share it, and who removes the directory waits for them."""

from __future__ import annotations

import errno
import os
import time

from ..system import open_directory, try_lock

INTERVAL = 0.005  # seconds between two tries


def share(path: str) -> int:
    """Return a descriptor of the directory with a lock on it, which lasts while any copy of the descriptor is open.

    Raises:
        OSError: there is no such directory, or it is about to be removed.
    """
    descriptor = open_directory(path)
    try:
        if not try_lock(descriptor, alone=False):
            raise BlockingIOError(errno.EWOULDBLOCK, "somebody has it alone", path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def take(path: str, seconds: float) -> int | None:
    """Wait until nobody shares the lock; return a descriptor that holds it alone, or None if that takes longer."""
    give_up = time.monotonic() + seconds
    try:
        descriptor = open_directory(path)
    except OSError:
        return None
    try:
        while not _try_alone(descriptor):
            if time.monotonic() > give_up:
                os.close(descriptor)
                return None
            time.sleep(INTERVAL)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try_alone(descriptor: int) -> bool:
    """Take the lock alone, if nobody shares it; return whether that is so."""
    try:
        return try_lock(descriptor, alone=True)
    except OSError:
        return True  # this file system has no locks, so nobody shares one
