"""macOS.

Ring files are on a disk, in the user's directory for temporary files, since memory that is shared has no names that
could be listed. An exec keeps the start time of a process, which the kernel copies then (`forkproc` in kern_fork.c of
XNU). None of this has run on a Mac.
"""

from __future__ import annotations

import os
import sys
import time

assert sys.platform == "darwin"  # for a checker of types

from ...snaptrace import scratch_directory
from ..unix import *  # noqa: F403
from ..unix import AttachingError

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import NoReturn

SCRATCH = scratch_directory()
# Mach-O for 64 and for 32 bits, and for several processors: what execve(2) takes.
PROGRAM_MAGIC = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


def check_attaching() -> NoReturn:
    """Raise `AttachingError`."""
    raise AttachingError("a process that runs already cannot be traced on macOS: start the program with viztracer")


def clock_ns() -> int:
    """Return the time of the clock of ring files, in ns, which goes on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


def can_run(begin: bytes) -> bool:
    """Whether the system can run a file that begins so, and is no script."""
    return begin.startswith(PROGRAM_MAGIC)


def has_room_for(_file: int, texts: list[int]) -> bool:
    """Whether a program may get arguments and variables of so many bytes, beside so many of its path."""
    return sum(texts) <= os.sysconf("SC_ARG_MAX")


def scratch_space() -> tuple[int, int]:
    """Return how many bytes of the disk are free, twice: what others have stored there is not ours to bound."""
    try:
        system = os.statvfs(SCRATCH)
    except OSError:
        return 0, 0
    free = system.f_bavail * system.f_frsize
    return (free, free) if os.access(SCRATCH, os.W_OK) else (0, 0)


def be_expendable() -> None:
    """Do nothing: which process ends if memory runs out is not ours to say."""
