"""The slowest phases of tests, each with the functions in which it spent its time."""

from __future__ import annotations

import csv
import heapq
import os
import sys
from datetime import datetime, timezone

from ..output.report import relative
from ..output.quoting import printable
from . import merge_program
from .spans import MOMENTS

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import pytest

    from .recording import RunRecording

FUNCTIONS = 5  # per phase
PART_MIN = 0.01  # of the time of a phase, that a function must have taken
LIMITED = (
    ">=: called too often to record all calls (--viztracer_max_overhead). "
    "The time of calls that are not recorded is that of their callers."
    if sys.version_info >= (3, 12)
    else ">=: calls are recorded in bursts only (--viztracer_max_overhead)."
)
ALL_PROCESSES = "0"  # the pid of a line over all processes


class Slowest:
    """The hooks that find and show them.

    Args:
        recording: where the tests are recorded.
        count: how many to show.
    """

    def __init__(self, recording: RunRecording, count: int) -> None:
        self.recording = recording
        self.count = count
        self._phases: list[tuple[float, int, pytest.TestReport]] = []  # a heap: the shortest one first
        self._number = 0
        self._is_limited = False  # whether a line has `>=`

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a report if it is among the slowest ones."""
        if not hasattr(report, MOMENTS):
            return  # of a worker that died, say
        self._number += 1
        entry = (report.duration, -self._number, report)
        if len(self._phases) < self.count:
            heapq.heappush(self._phases, entry)
        else:
            heapq.heappushpop(self._phases, entry)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show them."""
        if not self._phases:
            return
        phases = sorted(self._phases, reverse=True)
        what = f"{len(phases)} phases" if len(phases) > 1 else "phase"
        whose = "their" if len(phases) > 1 else "its"
        terminalreporter.write_sep("=", f"where the slowest {what} spent {whose} time (viztracer)")
        for duration, _, report in phases:
            terminalreporter.write_line(f"{duration:.2f}s {report.when or '':<8} {report.nodeid}")
            for line in self._functions(report):
                terminalreporter.write_line(f"    {line}")
        if self._is_limited:
            terminalreporter.write_line(LIMITED)

    def _functions(self, report: pytest.TestReport) -> list[str]:
        pid, thread, begin, end = getattr(report, MOMENTS)
        offset = self.recording.tracer.get_base_time()
        since, until = (_date(round(moment * 1000) + offset) for moment in (begin, end))
        cut = ["--since", since, "--until", until, "--tid", str(thread)]
        try:
            table = merge_program.run(["--quiet", *cut, "--format", "csv", "-o", "-", *self.recording.files_of(pid)])
        except merge_program.NoAnswerError as error:
            return [f"unknown: {error}"]
        rows = [row for row in csv.DictReader(table.splitlines()) if row["pid"] == ALL_PROCESSES]
        rows = heapq.nlargest(FUNCTIONS, rows, key=_own_time)
        if not rows:
            return ["unknown: the ring file has no calls of this time; they were overwritten, or none was recorded"]
        rows = [row for row in rows if _own_time(row) >= PART_MIN * (end - begin) * 1000]
        self._is_limited |= any(map(_has_more, rows))
        return [_line(row, (end - begin) * 1000) for row in rows] or [f"no function took {PART_MIN:.0%} of it"]


def _own_time(row: dict[str, str]) -> int:
    return int(row["self_ns"])


def _has_more(row: dict[str, str]) -> bool:
    """Whether there were more calls than were recorded."""
    return row["elided"] == "true"


def _line(row: dict[str, str], duration: float) -> str:
    place = f" ({_shown(row['file'])}:{row['line']})" if row["file"] else ""
    time, calls = _own_time(row), int(row["calls"])
    part = f"{time / 1e9:8.3f}s {time / duration:4.0%}"
    more = ">=" if _has_more(row) else ""
    return f"{part}  {printable(row['function'] + place)}, {more}{calls} call{'s' * (more != '' or calls != 1)}"


def _shown(path: str) -> str:
    """Return the path of a file below the current directory as it is from there; of another one, just its name."""
    shown = relative(path)
    is_below = not (shown.startswith(os.pardir) or os.path.isabs(shown))
    return shown if is_below else os.path.basename(path)


def _date(nanoseconds: int) -> str:
    """Return a time since 1970 as ``viztracer-merge`` reads it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
