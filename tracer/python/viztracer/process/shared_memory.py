"""The file system that is memory: there the ring files of a run are, and the control blocks of all runs."""

from __future__ import annotations

import os

SHARED_MEMORY = "/dev/shm"
LEFTOVERS_MAX = 1 << 30  # bytes that dead runs may hold, if nothing else is said


def space() -> tuple[int, int]:
    """Return how many bytes of shared memory are free, and how many there are; none if it is not writable."""
    try:
        system = os.statvfs(SHARED_MEMORY)
    except OSError:
        return 0, 0
    if not os.access(SHARED_MEMORY, os.W_OK):
        return 0, 0
    return system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize


def limit(keep_leftovers: int, size: int) -> int:
    """Return how many bytes dead runs may hold, of an option's value and the size of shared memory.

    A negative value stands for the default, 1 GiB or a tenth of shared memory, whichever is less.
    """
    return keep_leftovers if keep_leftovers >= 0 else min(LEFTOVERS_MAX, size // 10)
