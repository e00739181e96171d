"""What dead runs may hold of the directory that has the ring files of runs which merge them themselves."""

from __future__ import annotations

LEFTOVERS_MAX = 1 << 30  # bytes that dead runs may hold, if nothing else is said


def limit(keep_leftovers: int, size: int) -> int:
    """Return how many bytes dead runs may hold, of an option's value and the size of what the directory is on.

    A negative value stands for the default, 1 GiB or a tenth of that size, whichever is less.
    """
    return keep_leftovers if keep_leftovers >= 0 else min(LEFTOVERS_MAX, size // 10)
