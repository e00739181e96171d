"""Open directories, and what is in them by its name there: no link is followed, whatever others put in its place."""

from __future__ import annotations

import os
import sys

assert sys.platform != "win32"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

Directory = int  # a descriptor

# Not to wait for anybody if it is a FIFO now.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def open_listed(name: str, inside: Directory | None = None) -> Directory:
    """Open a directory whose names are asked for. Raise `OSError` if there is none, or it may not be listed."""
    return os.open(name, READ | os.O_DIRECTORY, dir_fd=inside)


def leave(directory: Directory) -> None:
    """Close a directory."""
    os.close(directory)


def state(directory: Directory) -> os.stat_result:
    """Return what `os.stat` does, of an open directory."""
    return os.fstat(directory)


def state_of(name: str, inside: Directory) -> os.stat_result:
    """Return what `os.lstat` does, of something in an open directory."""
    return os.stat(name, dir_fd=inside, follow_symlinks=False)


def open_file(name: str, inside: Directory | None = None) -> int:
    """Return the descriptor of a file, to read it."""
    return os.open(name, READ, dir_fd=inside)


def unlink(name: str, inside: Directory) -> None:
    """Remove a file."""
    os.unlink(name, dir_fd=inside)


def names(directory: Directory) -> list[str]:
    """Return what is in a directory that was opened for that."""
    return os.listdir(directory)


def entries(directory: Directory) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    """Return what is in a directory that was opened for that, as a context."""
    return os.scandir(directory)


def is_private(found: os.stat_result) -> bool:
    """Whether a file or directory is this user's, and nobody else may open it."""
    return found.st_uid == os.geteuid() and not found.st_mode & 0o077


def is_own(found: os.stat_result) -> bool:
    """Whether a file or directory is this user's."""
    return found.st_uid == os.geteuid()


def held(found: os.stat_result) -> int:
    """Return how many bytes of memory or disk a file holds."""
    return found.st_blocks * 512  # (stat(2))


def is_locked(descriptor: int) -> bool:
    """Whether a process holds a lock on an open file, or that cannot be known. Nobody waits for this look."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:
        return True
    return False


def give_name(path: str, link: str) -> str:
    """Let a link lead to an open file, of which `path_again` has returned this path; return the path of the link."""
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(path, link)
    return link
