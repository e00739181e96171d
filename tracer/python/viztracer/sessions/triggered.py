"""The process that writes a snapshot for which no Python has run in the program."""

from __future__ import annotations

import os
import sys
import time

from ..system import be_expendable, clock_ns
from . import snapshot as snapshots


def main() -> None:
    """Write the snapshot that the arguments of this process name, in the current directory of the program.

    The arguments: the directory of the ring files, how many snapshots the run keeps, and a note with the time of the
    monotonic clock in ns, the id of the process that asks, and why. A lock on the directory is open beside this process.
    """
    directory, limit, note = sys.argv[1:]
    be_expendable()
    number = snapshots.claim(directory, 1, int(limit)) if snapshots.is_shared(directory) else 0
    if number is None:
        return
    as_of, pid, reason = note.split(" ", 2)
    now = time.time() - (clock_ns() - int(as_of)) / 1e9
    try:
        _write(directory, snapshots.file_name(f"{pid}_{reason}", now), int(as_of))
    except (snapshots.SnapshotError, OSError) as error:  # a stream of the program is not ours to keep open
        if number:
            os.unlink(snapshots.claim_path(directory, number))
            snapshots.note_failure(directory, getattr(error, "strerror", None) or str(error))


def _write(directory: str, name: str, as_of: int) -> None:
    while True:
        path = snapshots.vacant(os.path.abspath(name))
        try:
            snapshots.write(directory, path, as_of, None)
        except snapshots.SnapshotError:
            if os.path.lexists(path):
                continue  # another process has taken the name meanwhile
            raise
        return
