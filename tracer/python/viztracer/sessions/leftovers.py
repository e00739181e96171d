"""Bounds what the ring files of dead sessions may hold of shared memory, when another session begins."""

from __future__ import annotations

import os
import time

from ..output import terminal
from ..output.sizes import size
from ..process.shared_memory import SHARED_MEMORY
from . import discovery, removal

# Seconds for which a dead session stays, so that its user can merge it.
SPARED = 3600.0


def bound(limit: int) -> None:
    """Remove the oldest dead sessions in shared memory until the others hold at most `limit` bytes; say so.

    A session that has recorded in the last hour stays. Nothing that goes wrong here disturbs the session that begins.
    """
    try:
        dead = [session for session in discovery.find() if not session.is_living and _is_in_memory(session)]
    except discovery.NoSharedMemoryError:
        return
    held = sum(session.size for session in dead)
    removed = freed = 0
    for session in dead:
        if held <= limit:
            break
        try:
            if time.time() - removal.written(session) < SPARED:
                continue
            removal.remove(session)
        except (OSError, removal.RefusalError):
            continue  # `viztracer-ctl clean` says why
        held -= session.size
        freed += session.size
        removed += 1
    if removed:
        what = f"{removed} dead run" + ("s" if removed > 1 else "")
        terminal.complain(
            f"removed the ring files of {what}, {size(freed)}, from {SHARED_MEMORY}: dead runs may hold {size(limit)} "
            "there (--max_leftovers)"
        )


def _is_in_memory(session: discovery.Session) -> bool:
    """Whether the ring files of a session, if there are any, are in shared memory."""
    return not session.directory or os.path.dirname(session.directory) == SHARED_MEMORY
