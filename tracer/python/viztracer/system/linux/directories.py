"""Open directories of Linux."""

from __future__ import annotations

import os
import sys

assert sys.platform == "linux"  # for a checker of types

from ..unix.directories import *  # noqa: F403
from ..unix.directories import Directory


def enter(name: str, inside: Directory | None = None) -> Directory:
    """Open a directory, to pass through it, which needs no right to list it. Raise `OSError` if there is none."""
    return os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=inside)


def path_again(descriptor: int, _path: str) -> str:
    """Return a path by which an open file can be opened once more, and no file that has replaced it."""
    return f"/proc/self/fd/{descriptor}"
