"""Bounds what the ring files of dead sessions may hold of shared memory, when another session begins."""

from __future__ import annotations

import os
import time

from ..output import terminal
from ..output.sizes import size
from ..system import SCRATCH
from . import discovery, removal

# Seconds for which a dead session stays, so that its user can merge it.
SPARED = 3600.0


def bound(limit: int) -> None:
    """Remove the oldest dead sessions from shared memory until the others hold at most `limit` bytes there; say so.

    A session that has recorded in the last hour stays. Of one whose ring files are elsewhere, only the control block
    goes. Nothing that goes wrong here disturbs the session that begins.
    """
    try:
        dead = [session for session in discovery.find() if not session.is_living]
    except (discovery.NoSharedMemoryError, OSError):
        return
    held = sum(map(_held, dead))
    removed = freed = 0
    for session in dead:
        if held <= limit:
            break
        try:
            if not removal.has_rested(session, SPARED):
                continue
            if _is_elsewhere(session):
                removal.remove_block(session)
            else:
                removal.remove(session)
                freed += session.size
                removed += bool(session.directory)
        except (OSError, removal.RefusalError):
            continue  # `viztracer-ctl clean` says why
        held -= _held(session)
    if removed:
        what = f"{removed} dead run" + ("s" if removed > 1 else "")
        terminal.complain(
            f"removed the ring files of {what}, {size(freed)}, from {SCRATCH}: dead runs may hold {size(limit)} "
            "there (--keep_leftovers)"
        )


def _is_elsewhere(session: discovery.Session) -> bool:
    """Whether the ring files of a session, if there are any, are not in shared memory."""
    return session.directory != "" and os.path.dirname(session.directory) != SCRATCH


def _held(session: discovery.Session) -> int:
    """Return how many bytes of shared memory a session holds."""
    if _is_elsewhere(session):
        return discovery.BLOCK_SIZE if session.block else 0
    return session.size
