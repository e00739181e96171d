"""Removes dead sessions. What is not certainly of a dead session of this user stays."""

from __future__ import annotations

import os
import re
import stat
import time

from ..output.quoting import quote
from ..snaptrace import ring_facts, ring_status
from ..system import SCRATCH, directories
from . import files

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from ..system.directories import Directory
    from .discovery import Session

RING = re.compile(r"[^/]+_[0-9]+(_[0-9]+)?\.bin", re.ASCII)
REQUEST = re.compile(r"wanted_[0-9a-f]{12}", re.ASCII)  # of `viztracer --attach` to a process that has not recorded
SNAPSHOT = re.compile(r"snapshot_([0-9]+|failure)", re.ASCII)  # by which processes count their snapshots
UNFINISHED_RING = re.compile(r"\..+_[0-9]+\.[0-9a-f]{32}\.new", re.ASCII)
# Seconds after which the first process of a session has locked its block.
SETTLED = 10.0


class RefusalError(Exception):
    """A session is not removed; the message says why."""


def has_rested(session: Session, seconds: float) -> bool:
    """Whether a dead session has recorded nothing for so many seconds.

    Stores into mapped pages do not change the time of a file, so the ring files themselves are asked, which takes time.
    """
    if seconds <= 0:
        return True
    latest = time.time() - seconds
    return session.modified <= latest and all(
        status.written / 1e9 <= latest for status in filter(None, map(ring_status, session.rings))
    )


def remove(session: Session) -> None:
    """Remove the ring files, the directory and the control block of a dead session.

    Raises:
        RefusalError: it may live, or its directory has something else. Then nothing is removed.
        OSError: the file system does not allow it.
    """
    _check_state(session)
    directory = files.open_directory(session.directory) if session.directory else None
    if session.directory and directory is None:
        raise RefusalError(f"{quote(session.directory)} is not a directory that only this user may open")
    try:
        names = directories.names(directory) if directory is not None else []
        for name in names:
            _check(session, name, directory)
        if session.block:
            _unlink_block(session)
        if directory is not None:
            for name in names:
                directories.unlink(name, directory)
        if session.directory:
            os.rmdir(session.directory)  # a link in its place, or a file that was made meanwhile, is an error
    except FileNotFoundError:
        pass  # somebody else removes it, too
    finally:
        if directory is not None:
            directories.leave(directory)


def remove_block(session: Session) -> None:
    """Remove the control block of a dead session. Its ring files stay.

    Raises:
        RefusalError: it may live.
        OSError: the file system does not allow it.
    """
    _check_state(session)
    _unlink_block(session)


def _check_state(session: Session) -> None:
    if session.is_living:
        raise RefusalError("it lives")
    if session.age < SETTLED:
        raise RefusalError(f"it began less than {SETTLED:.0f} s ago and may still be starting; try again")


def _check(session: Session, name: str, directory: Directory | None) -> None:
    """See that a file is one of this session, and that no process writes it."""
    path = quote(os.path.join(session.directory, name))
    descriptor = files.open_private(name, directory)
    if descriptor is None:
        raise RefusalError(f"{path} is not a file that only this user may open")
    try:
        if directories.is_locked(descriptor):
            raise RefusalError(f"a process writes {path}")
    finally:
        os.close(descriptor)
    if UNFINISHED_RING.fullmatch(name) or REQUEST.fullmatch(name) or SNAPSHOT.fullmatch(name):
        return
    facts = ring_facts(os.path.join(session.directory, name)) if RING.fullmatch(name) else None
    if facts is None:
        raise RefusalError(f"{path} is no ring file")
    if facts.state == "living":
        raise RefusalError(f"process {facts.pid} writes {path}")
    if session.description and facts.session_id != session.description.session_id:
        raise RefusalError(f"{path} is of another session")


def _unlink_block(session: Session) -> None:
    """Remove the control block, unless another user's stands there now."""
    shared = directories.enter(os.path.realpath(SCRATCH))
    try:
        found = directories.state_of(session.block, shared)
        if stat.S_ISREG(found.st_mode) and directories.is_own(found):
            directories.unlink(session.block, shared)
    except FileNotFoundError:
        pass  # somebody else has removed it
    finally:
        directories.leave(shared)
