"""Files of sessions, opened so that nobody can lead us elsewhere: no link is followed, and all must be this user's."""

from __future__ import annotations

import fcntl
import os
import stat

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 512  # bytes in which `st_blocks` counts (stat(2))
OTHERS = 0o077  # what a mode allows to others
FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def open_private(name: str, directory: int | None = None) -> int | None:
    """Open a file of this user that nobody else may open; return its descriptor, or None if it is no such file."""
    return _open(name, FLAGS, stat.S_ISREG, directory)


def open_directory(path: str, directory: int | None = None) -> int | None:
    """Open a directory of this user that nobody else may open; return its descriptor, or None if it is none."""
    return _open(path, FLAGS | os.O_DIRECTORY, stat.S_ISDIR, directory)


def _open(name: str, flags: int, is_kind: Callable[[int], bool], directory: int | None) -> int | None:
    try:
        descriptor = os.open(name, flags, dir_fd=directory)
    except (OSError, ValueError):  # the latter of a path with a NUL, which a block may have
        return None
    found = os.fstat(descriptor)
    if is_kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & OTHERS:
        return descriptor
    os.close(descriptor)
    return None


def is_locked(descriptor: int) -> bool:
    """Whether a process holds a lock on an open file, or that cannot be known. Nobody waits for this look."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:
        return True
    return False


def held(found: os.stat_result) -> int:
    """Return how many bytes of memory or disk a file holds."""
    return found.st_blocks * BLOCK
