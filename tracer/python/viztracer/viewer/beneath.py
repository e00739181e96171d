"""Files and directories as they were found beneath a directory that the user named.

Others may write to that directory, too. So it stays open, what is in it is opened from there, name by name and without
following a link, and what is opened must be what was found: the same file, not one that has replaced it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# To pass through a directory needs no right to list it, where the system knows the difference.
PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to wait for anybody if it is a FIFO now.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# Where an open file can be opened once more, by the number of its descriptor.
DESCRIPTORS = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"


class ReplacedError(OSError):
    """Something else is where a file or directory was found."""


@dataclass(frozen=True)
class Found:
    """A regular file or a directory, as it was when it was found.

    Args:
        path: what it is called.
        root: a descriptor of the open directory that the user named, or of the one that holds the named file.
        names: the way from there; none for that directory itself.
        identity: device, inode and type.
        size: in bytes.
        modified: when it was changed last, in seconds since 1970.
    """

    path: str
    root: int
    names: tuple[str, ...]
    identity: tuple[int, int, int]
    size: int
    modified: float

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.identity[2] == stat.S_IFDIR

    def open(self) -> int:
        """Return a descriptor to read it, which the caller closes.

        Raises:
            ReplacedError: it is not what was found.
            OSError: it cannot be opened.
        """
        name = self.names[-1] if self.names else "."
        with _directory(self.root, self.names[:-1]) as directory:
            self._check(os.stat(name, dir_fd=directory, follow_symlinks=False))  # opening a device may do something
            descriptor = os.open(name, READ, dir_fd=directory)
        try:
            self._check(os.fstat(descriptor))
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def inside(self, is_wanted: Callable[[os.DirEntry[str]], bool]) -> Iterator[Found]:
        """Return those files and directories in this directory that are wanted. Raise `OSError` if that fails."""
        descriptor = self.open()
        try:
            with os.scandir(descriptor) as items:
                for item in filter(is_wanted, items):
                    with contextlib.suppress(FileNotFoundError):
                        state = item.stat(follow_symlinks=False)
                        yield _found(os.path.join(self.path, item.name), self.root, (*self.names, item.name), state)
        finally:
            os.close(descriptor)

    def _check(self, state: os.stat_result) -> None:
        if _identity(state) != self.identity:
            advice = "reload the list, or start vizviewer again"
            raise ReplacedError(f"{self.path} is not what it was when it was listed: {advice}")


class Roots:
    """The directories that are kept open, each once."""

    def __init__(self) -> None:
        self._descriptors: dict[str, int] = {}

    def find(self, path: str) -> Found:
        """Return the file or directory that the user calls so, to which links may lead. Raise `OSError` without one."""
        real = os.path.realpath(path)
        if os.path.isdir(real):
            root = self._root(real)
            return _found(path, root, (), os.fstat(root))
        directory, name = os.path.split(real)
        root = self._root(directory)
        return _found(path, root, (name,), os.stat(name, dir_fd=root, follow_symlinks=False))

    def _root(self, directory: str) -> int:
        if directory not in self._descriptors:
            self._descriptors[directory] = os.open(directory, PASS)
        return self._descriptors[directory]


@contextlib.contextmanager
def _directory(root: int, names: tuple[str, ...]) -> Iterator[int]:
    """Go from a root into a directory below it; give that one's descriptor."""
    with contextlib.ExitStack() as passed:
        directory = root
        for name in names:
            directory = os.open(name, PASS, dir_fd=directory)
            passed.callback(os.close, directory)
        yield directory


def _found(path: str, root: int, names: tuple[str, ...], state: os.stat_result) -> Found:
    return Found(path, root, names, _identity(state), state.st_size, state.st_mtime)


def _identity(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_dev, state.st_ino, stat.S_IFMT(state.st_mode)
