"""Linux."""

from __future__ import annotations

import os
import sys
import time

assert sys.platform == "linux"  # for a checker of types

from ..unix import *  # noqa: F403

# The directory of the ring files of runs that merge them themselves, and of the control blocks of all runs.
SCRATCH = "/dev/shm"
# The first bytes of a program of the machine's own.
PROGRAM_MAGIC = (b"\x7fELF",)
# The bytes of one argument of a program, and of all of them beside what the limit on the stack allows (execve(2)).
TEXT_MAX, TEXTS_MIN, TEXTS_MAX = 32 * 4096, 32 * 4096, 6 << 20
POINTER = 8  # the bytes that each of them takes besides
# Where the kernel lists other formats that it can run, beside these two files.
FORMATS, NO_FORMATS = "/proc/sys/fs/binfmt_misc", {"register", "status"}


def check_attaching() -> None:
    """Raise `AttachingError` if no process that runs already can be traced."""


def clock_ns() -> int:
    """Return the time of the clock of ring files, in ns."""
    return time.monotonic_ns()


def can_run(begin: bytes) -> bool:
    """Whether the system can run a file that begins so, and is no script."""
    return begin.startswith(PROGRAM_MAGIC) or _knows_other_formats()


def _knows_other_formats() -> bool:
    try:
        return not NO_FORMATS.issuperset(os.listdir(FORMATS))
    except OSError:
        return False


def has_room_for(file: int, texts: list[int]) -> bool:
    """Whether a program may get arguments and variables of so many bytes, beside so many of its path."""
    import resource

    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    most = TEXTS_MAX if stack == resource.RLIM_INFINITY else max(min(TEXTS_MAX, stack // 4), TEXTS_MIN)
    sizes = [file, *texts]
    return max(sizes) <= TEXT_MAX and sum(sizes) + POINTER * len(sizes) <= most


def scratch_space() -> tuple[int, int]:
    """Return how many bytes of shared memory are free, and how many there are; none if it is not writable."""
    try:
        system = os.statvfs(SCRATCH)
    except OSError:
        return 0, 0
    if not os.access(SCRATCH, os.W_OK):
        return 0, 0
    return system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize


def be_expendable() -> None:
    """Have the kernel end this process rather than another one if memory runs out."""
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    except OSError:
        pass
