"""A traced process asks for a snapshot of its whole session.

The merge is a process of its own, which the program does not see: it is no child of the program, has none of its
descriptors, and gets no signal of its terminal.
"""

from __future__ import annotations

import os
import sys
import time

from ..output import terminal
from ..output.quoting import quote
from ..process import isolation, this_process
from ..snaptrace import start_unseen
from ..system import clock_ns, processes
from . import snapshot as snapshots
from . import times

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

START_PATIENCE = 1.0  # seconds that the removal of ring files, or a reader of their directory, may take
PATIENCE = 600.0  # seconds that a caller waits at most
INTERVAL = 0.005  # seconds between two looks

_taken: dict[str, int] = {}  # by directory, how many snapshots this process has taken


def snapshot(
    name: str = "snapshot",
    last: str | float | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    wait: bool = False,
) -> str | None:
    """Take a snapshot of all processes of this session, as of now.

    All processes go on meanwhile, also the other threads of this one. In a process that is not traced, and when the
    session has taken as many snapshots as `keep_snapshots` allows, nothing happens. No exception is raised. A line on
    stderr says why a snapshot cannot begin, and with `wait` also why there is no report.

    Args:
        name: why, for the name of the report: ``snapshot_20261129-103000.123_<pid>_<name>.json`` in the current
            directory.
        last: only so many seconds, or a time such as ``"5s"`` or ``"500ms"``; None for all that the rings hold.
        output: the report, instead of that name; its extension selects the format. No file is replaced.
        wait: whether to return when the report is written. Otherwise it appears later, whole.

    Returns:
        The absolute path of the report; None if there is none, or with `wait` if it could not be written.
    """
    as_of, now = clock_ns(), time.time()
    tracer: Any = this_process.recording()
    if tracer is None or tracer.rings is None:
        return None
    tracer.pause()  # what this calls is not the program's
    try:
        return _take(tracer, str(name), last, output, wait=bool(wait), as_of=as_of, now=now)
    except Exception as error:  # whatever it is, the program goes on
        terminal.complain(f"no snapshot: {error or type(error).__name__}")
        return None
    finally:
        tracer.resume()


def _take(tracer: Any, name: str, last: Any, output: Any, *, wait: bool, as_of: int, now: float) -> str | None:
    seconds = "" if last is None else str(_seconds(last))
    if output is None:
        path = snapshots.vacant(os.path.abspath(snapshots.file_name(f"{os.getpid()}_{name}", now)))
    else:
        path = os.path.abspath(os.fspath(output))
        snapshots.check_output(path)
    directory: str = tracer.rings.path
    if not _claim(directory, tracer.keep_snapshots):
        return None
    entry = isolation.code("from viztracer.sessions import snapshot; snapshot.main()")
    pid = _start([sys.executable, "-sS", "-c", entry, directory, path, str(as_of), seconds], directory, wait)
    if wait:
        _await(pid, path)
    return path if not wait or os.path.exists(path) else None


def _seconds(last: Any) -> float:
    try:
        seconds = times.seconds(last) if isinstance(last, str) else float(last)
    except ValueError as error:
        raise ValueError(f"last: {error}") from None
    if not 0 < seconds < float("inf"):
        raise ValueError(f"last must be a time above 0, not {last!r}")
    return seconds


def _start(command: list[str], directory: str, has_stderr: bool) -> int:
    """Start the merge, which shares the lock on the directory."""
    give_up = time.monotonic() + START_PATIENCE
    while True:
        try:
            return start_unseen(command, list(map("=".join, isolation.environment())), directory, has_stderr)
        except BlockingIOError:  # somebody removes the ring files, or has just seen that nobody uses them
            if time.monotonic() > give_up:
                raise
        except FileNotFoundError:
            raise snapshots.gone(directory) from None
        time.sleep(INTERVAL)


def _claim(directory: str, limit: int) -> bool:
    """Count one more snapshot of the session; return False if there are as many as there may be.

    A directory of the user's own gets no file for that: there each process counts its own.
    """
    taken = _taken.get(directory, 0)
    if taken > limit:
        return False
    if snapshots.is_shared(directory):
        number = snapshots.claim(directory, taken + 1, limit)
    else:
        number = taken + 1 if taken < limit else None
    _taken[directory] = limit + 1 if number is None else number
    if number is None:  # a line once in each process
        terminal.complain(f"no more snapshots: this session has taken {limit} (--keep_snapshots)")
    return number is not None


def _await(pid: int, path: str) -> None:
    """Wait until the report is there or the process has ended."""
    give_up = time.monotonic() + PATIENCE
    while not os.path.exists(path) and _runs(pid):
        if time.monotonic() > give_up:
            raise snapshots.SnapshotError(f"{quote(path)} is still not written")
        time.sleep(INTERVAL)


def _runs(pid: int) -> bool:
    """Return whether a process has not ended yet, as a zombie has."""
    return processes.running_since(pid) is not None
