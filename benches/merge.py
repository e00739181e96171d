"""How fast are the files of several processes merged, and with how much memory?  ``benches/run merge``

Four runs of `orders.py 240000` are recorded by ours into ring files and by the peer into JSON files. Then
`viztracer-merge` of the one (with all cores, with one thread) and `viztracer --combine` of the other take turns. At the
end, ours merges files with 20 times as many calls, where memory must stay the same. All in the newest Python version;
the files are where Python puts temporary files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from process import Finished, run, smallest_peak_mb
from question import PROGRAMS, Answer, Bench, median, number
from reports import calls_in

if TYPE_CHECKING:
    from pathlib import Path

    from environments import Environment

RUNS = 5
LARGE_RUNS = 2
PROCESSES = 4
CALLS = 240_000
TIMES = 20
GOAL = 30


@dataclass(frozen=True, eq=False)
class Contender:
    """A way to merge; its last argument is the output's name.

    Attributes:
        name: what the table calls it.
        command: all but the output.
        calls: how many calls the inputs hold.
    """

    name: str
    command: list[str | Path]
    calls: int

    def merge(self, scratch: Path) -> Finished:
        """Do it once."""
        output = scratch / "merged.json"
        output.unlink(missing_ok=True)
        return run([*self.command, output], scratch)


def answer(bench: Bench) -> Answer:
    """Record, then measure."""
    environment = bench.environments[-1]
    result = Answer("Merging", (__doc__ or "").partition("\n\n")[2].strip())
    ours, peer = contenders(environment, bench.scratch)
    finished: dict[Contender, list[Finished]] = {}

    def take(contender: Contender) -> None:
        sample = contender.merge(bench.scratch)
        finished.setdefault(contender, []).append(sample)
        result.samples.append({"contender": contender.name, "calls": contender.calls, **sample.sample()})

    for _ in bench.rounds(RUNS):
        for contender in (*ours, peer):
            take(contender)
    large = large_contender(environment, bench.scratch)
    for _ in range(min(bench.runs or LARGE_RUNS, LARGE_RUNS)):
        take(large)
    (bench.scratch / "merged.json").unlink()
    peers_rate = rate(peer, finished[peer])
    rows = [row(contender, samples, peers_rate) for contender, samples in finished.items()]
    head = ("merge", "calls", "s", "million calls/s", "x peer", "goal", "CPU s", "peak MB", "goal")
    result.table(head, rows, f"CPython {environment.version}, medians")
    result.note(f"The smallest peak that can be seen is that of the runner, {smallest_peak_mb():.0f} MB.")
    return result


def contenders(environment: Environment, scratch: Path) -> tuple[list[Contender], Contender]:
    """Record the inputs; return our ways to merge them, and the peer's."""
    rings, reports = scratch / "rings", scratch / "reports"
    record_rings(environment, rings, CALLS)
    reports.mkdir()
    inputs = [reports / f"{number}.json" for number in range(PROCESSES)]
    for report in inputs:
        run([environment.peer / "viztracer", "-o", report, PROGRAMS / "orders.py", str(CALLS)])
    merged = scratch / "merged.json"
    run(our_merge(environment, rings, []) + [merged])
    ours = calls_in(merged, environment.ours / "python")
    theirs = sum(calls_in(report, environment.ours / "python") for report in inputs)
    ways: dict[str, list[str]] = {"ours": [], "ours, 1 thread": ["--threads", "1"]}
    return (
        [Contender(name, our_merge(environment, rings, options), ours) for name, options in ways.items()],
        Contender("peer", [environment.peer / "viztracer", "--combine", *inputs, "-o"], theirs),
    )


def large_contender(environment: Environment, scratch: Path) -> Contender:
    """Record inputs 20 times as large; return our way to merge them."""
    rings = scratch / "large_rings"
    record_rings(environment, rings, CALLS * TIMES)
    # Each call is a record of 16 bytes: the size tells their number closely enough, and spares reading 2 GB of JSON.
    size = sum(path.stat().st_size for path in rings.iterdir())
    return Contender(f"ours, {TIMES} x as large", our_merge(environment, rings, []), size // 16)


def record_rings(environment: Environment, directory: Path, calls: int) -> None:
    """Record the program in as many processes, one after the other."""
    entries = str(max(1_000_000, calls * 2))
    options: list[str | Path] = ["--pid_suffix", "--output_dir", directory, "--tracer_entries", entries]
    for _ in range(PROCESSES):
        run([environment.ours / "viztracer", *options, PROGRAMS / "orders.py", str(calls)])


def our_merge(environment: Environment, rings: Path, options: list[str]) -> list[str | Path]:
    """Return the command, but for the output's name."""
    return [environment.ours / "viztracer-merge", rings, *options, "-o"]


def row(contender: Contender, samples: list[Finished], peers_rate: float) -> list[str]:
    """Return the table's line for a way to merge."""
    ours = contender.name != "peer"
    return [
        contender.name,
        number(contender.calls, 0),
        number(median(sample.seconds for sample in samples), 3),
        number(rate(contender, samples) / 1e6, 2),
        number(rate(contender, samples) / peers_rate, 1) if ours else "1",
        str(GOAL) if contender.name == "ours" else "–",
        number(median(sample.cpu_seconds for sample in samples), 3),
        number(median(sample.peak_mb for sample in samples), 0),
        "150" if ours else "–",
    ]


def rate(contender: Contender, samples: list[Finished]) -> float:
    """Return calls per second."""
    return median(contender.calls / sample.seconds for sample in samples)
