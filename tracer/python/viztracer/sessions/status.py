"""What the processes of a session have recorded, from two looks at their ring files."""

from __future__ import annotations

import os
import time

from ..output.sizes import duration, size
from ..snaptrace import RingStatus, ring_status
from ..system import processes

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    from .discovery import Session

HEADINGS = ["PID", "PROCESS", "STATE", "THREADS", "EVENTS", "EVENTS/S", "COST", "OVERWRITTEN", "LOST", "REACHES BACK"]
EVENT_COST = 100e-9  # seconds: an estimate for calls without arguments; `--max_overhead` is more careful
OWN_MIN = 0.02  # seconds of processor time, which the system counts in steps of 0.01
COMMAND_MAX = 40  # characters of a command line that stands for the name of a process


class Look:
    """What ring files held at one time.

    Attributes:
        at: by path, when each was looked at, in seconds of the monotonic clock.
        rings: by path, what each held.
        processor_times: by path, how many seconds of the processors each process has used, if that is known.
    """

    def __init__(self, paths: list[str]) -> None:
        self.at: dict[str, float] = {}
        self.rings: dict[str, RingStatus] = {}
        self.processor_times: dict[str, float] = {}
        for path in paths:
            if found := ring_status(path):
                self.at[path], self.rings[path] = time.monotonic(), found
                used = processes.processor_time(found.pid, found.process_start)
                if used is not None:
                    self.processor_times[path] = used


class ProcessStatus:
    """What a process has recorded.

    Args:
        path: its ring file.
        before: the first look.
        after: the second one.
    """

    def __init__(self, path: str, before: Look, after: Look) -> None:
        self.path = path
        self.ring = after.rings[path]
        self.rate: float | None = None
        self.cost: float | None = None
        if self.is_living and path in before.rings:
            events = max(self.ring.events - before.rings[path].events, 0)
            self.rate = events / max(after.at[path] - before.at[path], 1e-9)
            self.cost = _cost(events, before.processor_times.get(path), after.processor_times.get(path))

    @property
    def is_living(self) -> bool:
        """Whether the process writes its ring file."""
        return self.ring.state == "living"

    @property
    def is_paused(self) -> bool:
        """Whether the process lives and has followed a pause."""
        return self.is_living and self.ring.is_paused

    @property
    def reach(self) -> float | None:
        """Return since how many seconds ago nothing is overwritten; None if the process writes no more."""
        return max(time.time() - self.ring.complete_since / 1e9, 0.0) if self.is_living else None

    @property
    def name(self) -> str:
        """Return the name of the process, or its command line."""
        return self.ring.name or " ".join(self.ring.command)[:COMMAND_MAX]

    def cells(self) -> list[str]:
        """Return the row of a table."""
        ring = self.ring
        counts = (f"{ring.threads:,}", f"{ring.events:,}")
        rate = "-" if self.rate is None else f"{self.rate:,.0f}"
        cost = "-" if self.cost is None else f"{100 * self.cost:.0f} %"
        reach = "-" if self.reach is None else f"{self.reach:.1f} s"
        losses = (f"{ring.overwritten:,}", f"{ring.lost:,}")
        state = "paused" if self.is_paused else ring.state
        return [str(ring.pid), self.name, state, *counts, rate, cost, *losses, reach]

    def document(self) -> dict[str, Any]:
        """Return the same for a program."""
        ring = self.ring
        return {
            "pid": ring.pid,
            "process": self.name,
            "state": ring.state,
            "paused": self.is_paused,
            "threads": ring.threads,
            "events": ring.events,
            "events_per_second": self.rate,
            "cost": self.cost,
            "overwritten": ring.overwritten,
            "lost": ring.lost,
            "reaches_back_s": self.reach,
            "file": self.path,
        }


def _cost(events: int, before: float | None, after: float | None) -> float | None:
    """Return what so many events cost, as a part of the processor time that the process used for itself meanwhile.

    None if it used hardly any, or if that is not known.
    """
    if before is None or after is None:
        return None
    own = after - before - events * EVENT_COST
    return events * EVENT_COST / own if own > OWN_MIN else None


class SessionStatus:
    """What the processes of a session have recorded."""

    def __init__(self, session: Session, before: Look, after: Look) -> None:
        self.session = session
        self.processes = [ProcessStatus(path, before, after) for path in session.rings if path in after.rings]
        self.unreadable = len(session.rings) - len(self.processes)

    def rows(self) -> list[list[str]]:
        """Return the rows of a table: the processes that record, or all of those of a dead session."""
        shown = [process for process in self.processes if process.is_living or not self.session.is_living]
        return [HEADINGS, *(process.cells() for process in shown)]

    def remarks(self) -> list[str]:
        """Return lines about what the table leaves out."""
        ended = sum(not process.is_living for process in self.processes) if self.session.is_living else 0
        stopped = self.session.wanted == "stopped"
        over = "have closed their ring files" if stopped else "recorded and have ended"
        counts = [(ended, over), (self.unreadable, "have ring files that cannot be read")]
        return [f"processes that {what}: {count}" for count, what in counts if count]

    def heading(self) -> str:
        """Return a line about the session."""
        session = self.session
        state = session.state if session.wanted == "recording" else f"{session.state}, {session.wanted}"
        return f"{session.id}  {state}, {duration(session.age)} old, {size(session.size)}"

    def document(self) -> dict[str, Any]:
        """Return all of it for a program."""
        processes = [process.document() for process in self.processes]
        return describe(self.session) | {"ring_files": processes, "unreadable": self.unreadable}


def describe(session: Session) -> dict[str, Any]:
    """Return what is known of a session without a look at its ring files, for a program."""
    first = session.description
    return {
        "id": session.id,
        "session": first.session_id if first else None,
        "state": session.state,
        "switch": session.wanted,
        "pid": session.pid,
        "command": session.command,
        "created": session.created,
        "age_s": session.age,
        "processes": len(session.rings),
        "size": session.size,
        "directory": session.directory or None,
    }


def look(sessions: list[Session], seconds: float) -> list[SessionStatus]:
    """Look at the ring files of sessions twice, so many seconds apart.

    Only a living one is looked at again.
    """
    paths = [path for session in sessions for path in session.rings]
    before = Look(paths)
    living = [path for path, ring in before.rings.items() if ring.state == "living"]
    if living:
        time.sleep(seconds)
    after = Look(living)
    for path, ring in before.rings.items():
        if path not in after.rings and os.path.lexists(path):
            after.rings[path], after.at[path] = ring, before.at[path]
    return [SessionStatus(session, before, after) for session in sessions]
