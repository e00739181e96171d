"""A traced process asks for a snapshot of its whole session.

The merge is a process of its own, which the program does not see: it is no child of the program, has none of its
descriptors but stderr, and gets no signal of its terminal.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time

from ..output import terminal
from ..output.quoting import quote
from ..process import directory_lock, isolation, this_process
from ..snaptrace import start_unseen
from . import snapshot as snapshots

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

# Isolated from the program, as the process that writes the report of a run which a signal ends.
ENTRY = (
    "import sys; sys.path[:] = [*sys.path[1:], {packages!r}]; "
    "from viztracer.sessions import snapshot; snapshot.main()"
)
CLAIM = "snapshot_{}"  # the file in the directory of a run by which its processes count their snapshots
LOWEST_DESCRIPTOR = 10  # of the lock, for as long as it is passed on
PATIENCE = 600.0  # seconds that a caller waits at most

_taken: dict[str, int] = {}  # by directory, how many snapshots this process has taken


def snapshot(
    name: str = "snapshot",
    last: float | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    wait: bool = False,
) -> str | None:
    """Take a snapshot of all processes of this session, as of now.

    All processes go on meanwhile, also the other threads of this one. In a process that is not traced, and when the
    session has taken as many snapshots as `keep_snapshots` allows, nothing happens. What goes wrong with a snapshot is
    said by a line on stderr, and never raised.

    Args:
        name: why, for the name of the report: ``snapshot_20261129-103000.123_<name>.json`` in the current directory.
        last: only so many seconds; None for all that the rings hold.
        output: the report, instead of that name; its extension selects the format. No file is replaced.
        wait: whether to return when the report is written. Otherwise it appears later, whole.

    Returns:
        The absolute path of the report; None if there is none, or with `wait` if it could not be written.
    """
    as_of, now = time.monotonic_ns(), time.time()
    tracer: Any = this_process.recording()
    if tracer is None or tracer.rings is None:
        return None
    tracer.pause()  # what this calls is not the program's
    try:
        return _take(tracer, str(name), last, output, wait=bool(wait), as_of=as_of, now=now)
    except (snapshots.SnapshotError, OSError, ValueError, TypeError) as error:
        terminal.complain(f"no snapshot: {error}")
        return None
    finally:
        tracer.resume()


def _take(tracer: Any, name: str, last: Any, output: Any, *, wait: bool, as_of: int, now: float) -> str | None:
    seconds = "" if last is None else str(float(last))
    if seconds and not 0 < float(seconds) < float("inf"):
        raise ValueError(f"last must be a number of seconds above 0, not {last!r}")
    if output is None:
        path = snapshots.vacant(os.path.abspath(snapshots.file_name(name, now)))
    else:
        path = os.path.abspath(os.fspath(output))
        snapshots.check_output(path)
    directory: str = tracer.rings.path
    lock = snapshots.share(directory)
    try:
        if not _claim(directory, tracer.keep_snapshots, in_files=not tracer.rings.keep):
            return None
        entry = ENTRY.format(packages=isolation.PACKAGES)
        command = [sys.executable, "-sS", "-c", entry, directory, path, str(as_of), seconds]
        passed = fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR)
        try:
            start_unseen(command, list(map("=".join, isolation.environment())), passed)
        finally:
            os.close(passed)
    finally:
        os.close(lock)
    return path if not wait or _is_written(directory, path) else None


def _claim(directory: str, limit: int, *, in_files: bool) -> bool:
    """Count one more snapshot of the session; return False if there are as many as there may be.

    A directory of the user's own gets no file for that: there each process counts its own.
    """
    taken = _taken.get(directory, 0)
    while taken < limit:
        taken += 1
        _taken[directory] = taken
        if not in_files:
            return True
        try:
            path = os.path.join(directory, CLAIM.format(taken))
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            continue  # another process has taken this one
        return True
    if taken == limit:
        _taken[directory] = limit + 1  # a line once in each process
        terminal.complain(f"no more snapshots: this session has taken {limit} (--keep_snapshots)")
    return False


def _is_written(directory: str, path: str) -> bool:
    """Wait until no snapshot of the session is being written; return whether this one is there."""
    lock = directory_lock.take(directory, PATIENCE)
    if lock is None:
        raise snapshots.SnapshotError(f"{quote(path)} is still not written")
    os.close(lock)
    return os.path.exists(path)
