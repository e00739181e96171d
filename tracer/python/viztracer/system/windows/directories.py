"""Directories by their paths: a directory cannot be held open. No link is followed that is there before a look.

Who may write to a directory is a matter of its access list. This user's own directories, such as that for temporary
files, nobody else writes to.
"""

from __future__ import annotations

import os
import stat
import sys

assert sys.platform == "win32"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

Directory = str  # its path

READ = os.O_RDONLY | os.O_BINARY
# The byte by whose lock others see that a file is written: one that no file has.
LOCKED_BYTE = (0xFFFFFFFE, 0x7FFFFFFF)  # lower and upper half of its offset


def enter(name: str, inside: Directory | None = None) -> Directory:
    """Return a directory, to pass through it. Raise `OSError` if there is none."""
    path = os.path.abspath(_path(name, inside))
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise NotADirectoryError(path)
    return path


def open_listed(name: str, inside: Directory | None = None) -> Directory:
    """Return a directory whose names are asked for. Raise `OSError` if there is none."""
    return enter(name, inside)


def leave(_directory: Directory) -> None:
    """Do nothing."""


def state(directory: Directory) -> os.stat_result:
    """Return what `os.lstat` does, of a directory."""
    return os.lstat(directory)


def state_of(name: str, inside: Directory) -> os.stat_result:
    """Return what `os.lstat` does, of something in a directory."""
    return os.lstat(_path(name, inside))


def open_file(name: str, inside: Directory | None = None) -> int:
    """Return the descriptor of a file, to read it."""
    path = _path(name, inside)
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError(f"{path} is no file")
    return os.open(path, READ)


def unlink(name: str, inside: Directory) -> None:
    """Remove a file."""
    os.unlink(_path(name, inside))


def names(directory: Directory) -> list[str]:
    """Return what is in a directory."""
    return os.listdir(directory)


def entries(directory: Directory) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    """Return what is in a directory that was opened for that, as a context."""
    return os.scandir(directory)


def is_private(_found: os.stat_result) -> bool:
    """Return that nobody else may open a file of this user's own directories."""
    return True


def is_own(_found: os.stat_result) -> bool:
    """Return that a file of this user's own directories is this user's."""
    return True


def held(found: os.stat_result) -> int:
    """Return how many bytes a file has: how many of them the disk holds is not asked."""
    return found.st_size


def is_locked(descriptor: int) -> bool:
    """Whether a process holds the lock of an open file, or that cannot be known. Nobody waits for this look."""
    import ctypes
    import msvcrt

    fields = (ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)
    names = ("internal", "internal_high", "offset", "offset_high", "event")
    overlapped = type("Overlapped", (ctypes.Structure,), {"_fields_": tuple(zip(names, fields))})
    place = overlapped(0, 0, *LOCKED_BYTE, None)
    kernel = ctypes.WinDLL("kernel32")
    handle, at_once = ctypes.c_void_p(msvcrt.get_osfhandle(descriptor)), 1  # LOCKFILE_FAIL_IMMEDIATELY
    if not kernel.LockFileEx(handle, at_once, 0, 1, 0, ctypes.byref(place)):
        return True
    kernel.UnlockFileEx(handle, 0, 1, 0, ctypes.byref(place))
    return False


def path_again(_descriptor: int, path: str) -> str:
    """Return a path by which an open file can be opened once more. Nobody replaces a file that is open here."""
    return path


def give_name(path: str, _link: str) -> str:
    """Return the path of an open file, which `path_again` has returned."""
    return path


def _path(name: str, inside: Directory | None) -> str:
    return os.path.join(inside, name) if inside is not None else name
