"""Snapshots: what the rings of a living session hold as of one instant, merged while its processes go on.

No process of the session does anything for a snapshot. The merge copies their ring files, the newest segments first,
and looks again at each segment that it has copied; what a process has overwritten meanwhile is counted. Whatever is
newer than the instant is left out.
"""

from __future__ import annotations

import os
import re
import sys
import time

from ..output import terminal
from ..output.quoting import quote
from ..process import directory_lock
from ..snaptrace import is_output_name, snapshot
from ..system import SCRATCH, UNFOLLOWED, be_expendable

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from ..snaptrace import Merged

REASON_MAX = 60  # characters of a reason in a name
CLAIM = "snapshot_{}"  # the file in the directory of a run by which its processes count their snapshots
FAILURE = "snapshot_failure"  # the file there that says why a snapshot is not written
REASON_OF_FAILURE_MAX = 1000  # characters of that


class SnapshotError(Exception):
    """There is no snapshot; the message says why."""


def file_name(reason: str, now: float) -> str:
    """Return ``snapshot_<YYYYmmdd-HHMMSS.mmm>_<reason>.json`` for a time in seconds since 1970, in local time."""
    at = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    reason = re.sub(r"[^\w.-]+", "_", reason, flags=re.ASCII).strip("_.-")[:REASON_MAX] or "unnamed"
    return f"snapshot_{at}.{int(now * 1000) % 1000:03d}_{reason}.json"


def vacant(path: str) -> str:
    """Return this path, or one with a number before the ending if something has the name."""
    stem, number, free = path.removesuffix(".json"), 0, path
    while os.path.lexists(free):
        number, free = number + 1, f"{stem}_{number + 1}.json"
    return free


def check_output(path: str) -> None:
    """Check the name that somebody wants for a snapshot.

    Raises:
        SnapshotError: no report can have it, or a file has it.
    """
    if not is_output_name(path):
        raise SnapshotError(f"{quote(path)}: unknown kind of report")
    if os.path.lexists(path):
        raise SnapshotError(f"{quote(path)} exists, and a snapshot replaces no file")


def is_shared(directory: str) -> bool:
    """Return whether a directory of ring files is the run's own, in which its processes count their snapshots."""
    return os.path.dirname(directory) == SCRATCH


def claim_path(directory: str, number: int) -> str:
    """Return the file that stands for one snapshot of the run in this directory."""
    return os.path.join(directory, CLAIM.format(number))


def claim(directory: str, first: int, limit: int) -> int | None:
    """Count one more snapshot of a run, in its directory.

    Args:
        directory: of the ring files.
        first: the lowest number that is not known to be taken.
        limit: how many the run keeps.

    Returns:
        The number of this snapshot; None if there are as many as there may be.

    Raises:
        SnapshotError: the run has ended.
    """
    for number in range(first, limit + 1):
        try:
            path = claim_path(directory, number)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue  # another process has taken this one
        except FileNotFoundError:
            raise gone(directory) from None
        return number
    return None


def note_failure(directory: str, reason: str) -> None:
    """Leave the reason why a snapshot is not written in the directory of a run; the first one stays."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    try:
        descriptor = os.open(os.path.join(directory, FAILURE), flags, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(reason)
    except OSError:
        pass  # the run is over, there is a reason already, or no space for one


def take_failure(directory: str) -> str | None:
    """Return why a snapshot of a run is not written, to one caller; None if all are."""
    path = os.path.join(directory, FAILURE)
    try:
        descriptor = os.open(path, UNFOLLOWED)
        with open(descriptor, encoding="utf-8", errors="backslashreplace") as file:
            reason = file.read(REASON_OF_FAILURE_MAX)
        os.unlink(path)
    except OSError:
        return None
    return reason or "there was no space to say why"


def share(directory: str) -> int:
    """Return a descriptor by which the ring files in a directory stay for as long as it is open.

    Raises:
        SnapshotError: there are none any more, or they cannot be locked.
    """
    try:
        return directory_lock.share(directory)
    except FileNotFoundError:
        raise gone(directory) from None
    except BlockingIOError:
        raise SnapshotError(f"the ring files in {quote(directory)} are being removed") from None
    except OSError as error:
        raise SnapshotError(f"{quote(directory)}: {error.strerror}") from None


def gone(directory: str) -> SnapshotError:
    """Return what is raised if a session has ended."""
    return SnapshotError(f"the session has ended: its ring files in {quote(directory)} are gone")


def write(directory: str, output: str, as_of: int, last: float | None) -> Merged:
    """Write what the ring files in a directory hold; `as_of` is in ns of the monotonic clock, `last` in seconds.

    Raises:
        SnapshotError: there is no snapshot.
    """
    try:
        return snapshot([directory], output, as_of, last)
    except (RuntimeError, ValueError) as error:
        raise SnapshotError(str(error)) from None


def main() -> None:
    """Write the snapshot that the arguments of this process name. A lock on the ring files is open beside it."""
    directory, output, as_of, last = sys.argv[1:]
    be_expendable()  # rather than the program: the copies of the rings take memory
    try:
        write(directory, output, int(as_of), float(last) if last else None)
    except SnapshotError as error:
        terminal.complain(f"no snapshot: {error}")
        sys.exit(1)
