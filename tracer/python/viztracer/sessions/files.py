"""Files of sessions, opened so that nobody can lead us elsewhere: no link is followed, and all must be this user's."""

from __future__ import annotations

import os
import stat

from ..system import directories
from ..system.directories import Directory


def open_private(name: str, directory: Directory | None = None) -> int | None:
    """Open a file of this user that nobody else may open; return its descriptor, or None if it is no such file."""
    try:
        descriptor = directories.open_file(name, directory)
    except (OSError, ValueError):  # the latter of a path with a NUL, which a block may have
        return None
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and directories.is_private(found):
        return descriptor
    os.close(descriptor)
    return None


def open_directory(path: str) -> Directory | None:
    """Open a directory of this user that nobody else may open, to list it; return None if it is none."""
    try:
        directory = directories.open_listed(path)
    except (OSError, ValueError):
        return None
    if directories.is_private(directories.state(directory)):
        return directory
    directories.leave(directory)
    return None
