"""How many bytes of ring does a call take?  ``benches/run bytes_per_call``

The size of the ring file after the program has ended, including header, names and half-empty segments, divided by the
calls in its merged report. Measured for a ring that is nearly full, and for a ring that was overwritten twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from process import run
from question import PROGRAMS, Answer, Bench, number
from reports import calls_in

if TYPE_CHECKING:
    from pathlib import Path

    from environments import Environment

ENTRIES = 1_000_000
GOAL = "17.00"
RINGS = (("fib", 980_000), ("orders", 980_000), ("c_calls", 980_000), ("fib", 3_000_000), ("orders", 3_000_000))


def answer(bench: Bench) -> Answer:
    """Record each program once with the newest Python version: the size does not vary."""
    environment = bench.environments[-1]
    result = Answer("Bytes of ring per call", (__doc__ or "").partition("\n\n")[2].strip())
    rows = []
    for program, calls in RINGS:
        size, allocated, shown = record(environment, program, calls, bench.scratch / f"{program}_{calls}")
        result.samples.append({"program": program, "size": size, "allocated": allocated, "calls": shown})
        cells = [program, number(calls, 0), number(shown, 0), number(size, 0), number(allocated, 0)]
        rows.append([*cells, number(size / shown, 2), GOAL])
    head = ("program", "calls made, about", "calls shown", "file, bytes", "on disk, bytes", "bytes per call", "goal")
    result.table(head, rows)
    return result


def record(environment: Environment, program: str, calls: int, directory: Path) -> tuple[int, int, int]:
    """Return the ring file's size, what it takes on disk, and the calls in it."""
    options: list[str | Path] = ["--pid_suffix", "--output_dir", directory, "--tracer_entries", str(ENTRIES)]
    run([environment.ours / "viztracer", *options, PROGRAMS / f"{program}.py", str(calls)])
    (ring,) = directory.iterdir()
    report = directory / "report.json"
    run([environment.ours / "viztracer-merge", ring, "-o", report])
    shown = calls_in(report, environment.ours / "python")
    report.unlink()
    status = ring.stat()
    return status.st_size, status.st_blocks * 512, shown
