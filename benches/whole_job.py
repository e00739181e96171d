"""How long does `viztracer prog.py` take to a readable report, and with how much memory?  ``benches/run whole_job``

`viztracer -o result.json orders.py 600000`, from the start of the command to its end. viztracer-ring and VizTracer take
turns. Peak memory is the largest resident set of the process or of a child that it waited for (`wait4`). The clock has
stopped when the report is checked and its calls are counted. The report is in Python's directory for temporary files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from process import run, smallest_peak_mb
from question import PROGRAMS, Answer, Bench, median, number
from reports import calls_in

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 5
CALLS = 600_000
GOALS = "8.0", "0.25"


def answer(bench: Bench) -> Answer:
    """Measure every Python version."""
    result = Answer("The whole job", (__doc__ or "").partition("\n\n")[2].strip())
    calls: dict[tuple[str, str], int] = {}
    samples: dict[tuple[str, str], list[Any]] = {}
    for _ in bench.rounds(RUNS):
        for environment in bench.environments:
            for contender, binaries in (("ours", environment.ours), ("VizTracer", environment.viztracer)):
                key = (environment.version, contender)
                report = bench.scratch / "result.json"
                command: list[str | Path] = [binaries / "viztracer", "-o", report, PROGRAMS / "orders.py", str(CALLS)]
                finished = run(command, bench.scratch)
                if key not in calls:
                    calls[key] = calls_in(report, binaries / "python")
                report.unlink()
                samples.setdefault(key, []).append(finished)
                labels = {"python": key[0], "contender": contender, "calls": calls[key]}
                result.samples.append({**labels, **finished.sample()})
    rows = [row(environment.version, calls, samples) for environment in bench.environments]
    head = ("CPython", "calls", "VizTracer's calls", "ours, s", "VizTracer, s", "VizTracer/ours", "goal")
    result.table((*head, "ours, MB", "VizTracer, MB", "ours/VizTracer", "goal"), rows)
    result.note(f"The smallest peak that can be seen is that of the runner, {smallest_peak_mb():.0f} MB.")
    return result


def row(version: str, calls: dict[tuple[str, str], int], samples: dict[tuple[str, str], list[Any]]) -> list[str]:
    """Return the table's line for a Python version."""
    ours, viztracer = samples[version, "ours"], samples[version, "VizTracer"]
    seconds = [median(sample.seconds for sample in kind) for kind in (ours, viztracer)]
    memory = [median(sample.peak_mb for sample in kind) for kind in (ours, viztracer)]
    return [
        version,
        number(calls[version, "ours"], 0),
        number(calls[version, "VizTracer"], 0),
        *(number(value, 3) for value in seconds),
        number(seconds[1] / seconds[0], 1),
        GOALS[0],
        *(number(value, 0) for value in memory),
        number(memory[0] / memory[1], 2),
        GOALS[1],
    ]
