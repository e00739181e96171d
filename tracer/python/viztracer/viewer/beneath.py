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

from ..system import directories
from ..system.directories import Directory


class ReplacedError(OSError):
    """Something else is where a file or directory was found."""


@dataclass(frozen=True)
class Found:
    """A regular file or a directory, as it was when it was found.

    Args:
        path: what it is called.
        root: the open directory that the user named, or the one that holds the named file.
        names: the way from there; none for that directory itself.
        identity: device, inode and type.
        size: in bytes.
        modified: when it was changed last, in seconds since 1970.
    """

    path: str
    root: Directory
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
        with self._parent() as (parent, name):
            self._check(directories.state_of(name, parent))  # opening a device may do something
            descriptor = directories.open_file(name, parent)
        try:
            self._check(os.fstat(descriptor))
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def inside(self, is_wanted: Callable[[os.DirEntry[str]], bool]) -> Iterator[Found]:
        """Return those files and directories in this directory that are wanted. Raise `OSError` if that fails."""
        with self._parent() as (parent, name):
            self._check(directories.state_of(name, parent))
            directory = directories.open_listed(name, parent)
        try:
            self._check(directories.state(directory))
            with directories.entries(directory) as items:
                for item in filter(is_wanted, items):
                    with contextlib.suppress(FileNotFoundError):
                        state = directories.state_of(item.name, directory)
                        yield _found(os.path.join(self.path, item.name), self.root, (*self.names, item.name), state)
        finally:
            directories.leave(directory)

    @contextlib.contextmanager
    def _parent(self) -> Iterator[tuple[Directory, str]]:
        """Go from the root to the directory that it is in; give that one, and its name there."""
        with contextlib.ExitStack() as passed:
            directory = self.root
            for name in self.names[:-1]:
                directory = directories.enter(name, directory)
                passed.callback(directories.leave, directory)
            yield directory, self.names[-1] if self.names else "."

    def _check(self, state: os.stat_result) -> None:
        if _identity(state) != self.identity:
            advice = "reload the list, or start vizviewer again"
            raise ReplacedError(f"{self.path} is not what it was when it was listed: {advice}")


class Roots:
    """The directories that are kept open, each once."""

    def __init__(self) -> None:
        self._opened: dict[str, Directory] = {}

    def find(self, path: str) -> Found:
        """Return the file or directory that the user calls so, to which links may lead. Raise `OSError` without one."""
        real = os.path.realpath(path)
        if os.path.isdir(real):
            root = self._root(real)
            return _found(path, root, (), directories.state(root))
        directory, name = os.path.split(real)
        root = self._root(directory)
        return _found(path, root, (name,), directories.state_of(name, root))

    def _root(self, directory: str) -> Directory:
        if directory not in self._opened:
            self._opened[directory] = directories.enter(directory)
        return self._opened[directory]


def _found(path: str, root: Directory, names: tuple[str, ...], state: os.stat_result) -> Found:
    return Found(path, root, names, _identity(state), state.st_size, state.st_mtime)


def _identity(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_dev, state.st_ino, stat.S_IFMT(state.st_mode)
