"""Open directories of macOS."""

from __future__ import annotations

import fcntl
import os
import sys

assert sys.platform == "darwin"  # for a checker of types

from ..unix.directories import *  # noqa: F403
from ..unix.directories import Directory

PATH_MAX = 1024  # what the system needs for a path


def enter(name: str, inside: Directory | None = None) -> Directory:
    """Open a directory, to pass through it. Raise `OSError` if there is none, or it may not be listed."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=inside)


def path_again(descriptor: int, path: str) -> str:
    """Return where an open file is, to open it once more: ``/dev/fd`` would share the place up to which it was read.

    A process that may write to the directory can put another file there in between.
    """
    try:
        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(PATH_MAX)).partition(b"\0")[0])
    except OSError:
        return path
