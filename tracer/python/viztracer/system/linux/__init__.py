"""Linux."""

from __future__ import annotations

import os
import sys

assert sys.platform == "linux"  # for a checker of types

from ..unix import *  # noqa: F403

# The directory of the ring files of runs that merge them themselves, and of the control blocks of all runs.
SCRATCH = "/dev/shm"
# The first bytes of a program of the machine's own.
PROGRAM_MAGIC = b"\x7fELF"
# The bytes of one argument of a program, and of all of them beside what the limit on the stack allows (execve(2)).
TEXT_MAX, TEXTS_MIN, TEXTS_MAX = 32 * 4096, 32 * 4096, 6 << 20


def check_attaching() -> None:
    """Raise `AttachingError` if no process that runs already can be traced."""


def texts_max() -> int:
    """Return how many bytes the arguments and variables of a program may take."""
    import resource

    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    return TEXTS_MAX if stack == resource.RLIM_INFINITY else max(min(TEXTS_MAX, stack // 4), TEXTS_MIN)


def scratch_space() -> tuple[int, int]:
    """Return how many bytes of shared memory are free, and how many there are; none if it is not writable."""
    try:
        system = os.statvfs(SCRATCH)
    except OSError:
        return 0, 0
    if not os.access(SCRATCH, os.W_OK):
        return 0, 0
    return system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize
