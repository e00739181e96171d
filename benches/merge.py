"""How fast is a merge, into which formats, and with how much memory?  ``benches/run merge``

viztracer-ring and VizTracer each record four runs of `orders.py 240000`, into ring files and JSON files. Then two
commands take turns: `viztracer-merge`, into every format, with all cores and with one thread, and `viztracer
--combine`. Single measurements follow: viztracer-ring merges VizTracer's files, 1,000,000 to 100,000,000 calls, 1 GB
of ring files, 2,000 files of 500 kB, and 20,000 nearly empty files. All runs use the newest Python version. The files
are on a disk: in Python's directory for temporary files if that is on one.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from environments import ROOT, Missing
from process import Finished, run, smallest_peak_mb
from question import PROGRAMS, Answer, Bench, median, number
from reports import calls_in
from rings import calls_in_rings, copies, record, size_of

if TYPE_CHECKING:
    from environments import Environment

RUNS = 5
PROCESSES = 4
CALLS = 240_000
KINDS = ("json", "json.gz", "pftrace", "pftrace.gz")
# Goals: calls per second, as a multiple of VizTracer's.
GOALS = {"json": "50", "pftrace": "100"}
SPEED_UP_GOAL = "1.7"
MEMORY_GOAL = "200"
# VizTracer merges 1 / VIZTRACER_PART of the calls in 1 GB of ring files.
VIZTRACER_PART = 20
MANY_FILES, BYTES_EACH = 2_000, 500_000
SMALL_FILES, SMALL_FILE_GOAL_US = 20_000, "100"
# The last ones are 8 files, 5 of which are 1 GB.
LINEAR = (1_000_000, 10_000_000, 100_000_000)
LARGE_FILES, IN_ONE_GB = 8, 5
DISK_NEEDED = 10_000_000_000


@dataclass
class Merge:
    """A way to merge, and what came of it.

    Attributes:
        name: what the tables call it.
        command: all but the output.
        output: the report's name.
        calls: how many calls the inputs hold.
        finished: a sample for each time that it was done.
        size: bytes of the report.
    """

    name: str
    command: list[str | Path]
    output: str
    calls: int
    finished: list[Finished] = field(default_factory=list)
    size: int = 0

    def once(self, directory: Path, result: Answer) -> Merge:
        """Do it, and remove the report."""
        output = directory / self.output
        sample = run([*self.command, output], directory)
        self.size = output.stat().st_size
        output.unlink()
        self.finished.append(sample)
        labels = {"contender": self.name, "calls": self.calls, "output": self.output, "bytes": self.size}
        result.samples.append({**labels, **sample.sample()})
        return self

    @property
    def seconds(self) -> float:
        """The median of its samples."""
        return median(sample.seconds for sample in self.finished)

    @property
    def cpu_seconds(self) -> float:
        """The median of its samples, of all processors together."""
        return median(sample.cpu_seconds for sample in self.finished)

    @property
    def peak_mb(self) -> float:
        """The median of its samples."""
        return median(sample.peak_mb for sample in self.finished)


@dataclass(frozen=True)
class Setting:
    """The commands, the directory and the answer of one benchmark."""

    environment: Environment
    directory: Path
    result: Answer

    def ours(self, name: str, inputs: list[Path], output: str, calls: int, *options: str) -> Merge:
        """Return the merge by viztracer-merge."""
        command: list[str | Path] = [self.environment.ours / "viztracer-merge", *inputs, *options, "-o"]
        return Merge(name, command, output, calls)

    def viztracer(self, inputs: list[Path], calls: int) -> Merge:
        """Return the merge by VizTracer."""
        return Merge(
            "VizTracer", [self.environment.viztracer / "viztracer", "--combine", *inputs, "-o"], "viztracer.json", calls
        )

    def once(self, merge: Merge) -> Merge:
        """Merge, once."""
        return merge.once(self.directory, self.result)


def answer(bench: Bench) -> Answer:
    """Record, measure, and remove what is no longer needed: the largest files take 2 GB, their reports 3 GB."""
    environment = bench.environments[-1]
    result = Answer("Merging", (__doc__ or "").partition("\n\n")[2].strip())
    with tempfile.TemporaryDirectory(prefix="viztracer-bench-", dir=on_disk(bench.scratch)) as directory:
        setting = Setting(environment, Path(directory), result)
        viztracer_files = four_processes(bench, setting)
        merge_viztracer_json(setting, viztracer_files)
        linear(setting)
        many_files(setting)
    smallest = f"The smallest peak that can be seen is that of the runner, {smallest_peak_mb():.0f} MB."
    result.note(f"CPython {environment.version}. {smallest}")
    return result


def on_disk(scratch: Path) -> Path:
    """Return the first candidate that is on a disk with enough free space."""
    candidates = [scratch, ROOT / "target"]
    for directory in candidates:
        if directory.exists() and filesystem(directory) != "tmpfs" and shutil.disk_usage(directory).free > DISK_NEEDED:
            return directory
    tried = " or ".join(map(str, candidates))
    raise Missing(f"no disk with {DISK_NEEDED / 1e9:.0f} GB of free space: tried {tried}; set TMPDIR")


def filesystem(directory: Path) -> str:
    """Return the type of the file system that it is on."""
    return subprocess.check_output(["stat", "-f", "-c", "%T", directory], text=True).strip()


def four_processes(bench: Bench, setting: Setting) -> list[Path]:
    """Merge the same runs into every kind of report; return VizTracer's files."""
    rings = record(setting.environment, setting.directory / "rings", PROCESSES, CALLS)
    viztracer_files = record_by_viztracer(setting, "reports", PROCESSES, CALLS)
    theirs = sum(calls_in(file, setting.environment.ours / "python") for file in viztracer_files)
    merged = setting.directory / "counted.json"
    run([setting.environment.ours / "viztracer-merge", rings, "-o", merged])
    calls, text = calls_in(merged, setting.environment.ours / "python"), merged.stat().st_size
    merged.unlink()
    ours = {kind: setting.ours(f".{kind}", [rings], f"merged.{kind}", calls) for kind in KINDS}
    alone = {
        kind: setting.ours(f".{kind}, 1 thread", [rings], f"merged.{kind}", calls, "--threads", "1") for kind in KINDS
    }
    viztracer = setting.viztracer(viztracer_files, theirs)
    for _ in bench.rounds(RUNS):
        for merge in (*ours.values(), *alone.values(), viztracer):
            setting.once(merge)
    rows = [report_row(merge, viztracer, kind, text, alone[kind].seconds) for kind, merge in ours.items()]
    rows.append(report_row(viztracer, viztracer, "", text, viztracer.seconds))
    head = ("report", "s", "million calls/s", "x VizTracer", "goal", "MB of text/s", "and per CPU s", "CPU s")
    more = ("1 thread / all", "goal", "peak MB", "MB", "bytes per call")
    setting.result.table((*head, *more), rows, f"{PROCESSES} processes, {calls:,} calls, medians")
    shutil.rmtree(rings)
    return viztracer_files


def report_row(merge: Merge, viztracer: Merge, kind: str, text: int, alone: float) -> list[str]:
    """Return the table's line for a kind of report; `text` is its size as plain JSON, `alone` one thread's time."""
    ours, is_json = merge is not viztracer, kind.startswith("json")
    return [
        merge.name,
        number(merge.seconds, 3),
        number(merge.calls / merge.seconds / 1e6, 2),
        number(merge.calls / merge.seconds * viztracer.seconds / viztracer.calls, 1),
        GOALS.get(kind, "–"),
        number(text / merge.seconds / 1e6, 0) if is_json else "–",
        number(text / merge.cpu_seconds / 1e6, 0) if is_json else "–",
        number(merge.cpu_seconds, 3),
        number(alone / merge.seconds, 2) if ours else "–",
        SPEED_UP_GOAL if ours else "–",
        number(merge.peak_mb, 0),
        number(merge.size / 1e6, 1),
        number(merge.size / merge.calls, 1),
    ]


def record_by_viztracer(setting: Setting, name: str, processes: int, calls: int) -> list[Path]:
    """Record several processes with VizTracer, one after the other."""
    directory = setting.directory / name
    directory.mkdir()
    files = [directory / f"{number}.json" for number in range(processes)]
    for file in files:
        options: list[str | Path] = ["--tracer_entries", str(calls * 2), "-o", file]
        run([setting.environment.viztracer / "viztracer", *options, PROGRAMS / "orders.py", str(calls)])
    return files


def merge_viztracer_json(setting: Setting, files: list[Path]) -> None:
    """Merge VizTracer's files with viztracer-merge."""
    size = sum(file.stat().st_size for file in files)
    merge = setting.ours("ours", files, "merged.json", 0)
    try:
        setting.once(merge)
    except subprocess.CalledProcessError:
        setting.result.note("Ours does not read VizTracer's JSON files yet.")
        return
    row = [number(size / 1e6, 0), number(merge.seconds, 3), number(size / merge.seconds / 1e6, 0)]
    row += [number(size / merge.cpu_seconds / 1e6, 0), "300", number(merge.peak_mb, 0), MEMORY_GOAL]
    head = ("MB of JSON", "s", "MB/s", "MB per CPU s", "goal", "peak MB", "goal")
    setting.result.table(head, [row], "VizTracer's files, merged into .json by ours, once")


def linear(setting: Setting) -> None:
    """Merge more and more calls, then 1 GB of the last ring files, then a part of these with VizTracer."""
    rows = []
    for calls in LINEAR:
        rings = record(setting.environment, setting.directory / f"rings_{calls}", LARGE_FILES, calls // LARGE_FILES)
        recorded = calls_in_rings(setting.environment, rings)
        merges = [
            setting.once(setting.ours(kind, [rings], f"merged.{kind}", recorded)) for kind in ("pftrace", "json.gz")
        ]
        cells = [
            [number(merge.seconds, 2), number(merge.seconds / recorded * 1e9, 1), number(merge.peak_mb, 0)]
            for merge in merges
        ]
        rows.append([number(recorded, 0), *cells[0], *cells[1]])
        if calls == LINEAR[-1]:
            one_gigabyte(setting, sorted(rings.iterdir())[:IN_ONE_GB])
        shutil.rmtree(rings)
    head = ("calls", ".pftrace, s", "ns per call", "peak MB", ".json.gz, s", "ns per call", "peak MB")
    setting.result.table(head, rows, "Ever more calls, in 8 files, once each")


def one_gigabyte(setting: Setting, files: list[Path]) -> None:
    """Merge these files; VizTracer merges files with a part of their calls."""
    size = sum(file.stat().st_size for file in files)
    merges = [setting.once(setting.ours(f"ours, .{kind}", files, f"merged.{kind}", size // 16)) for kind in KINDS[1:3]]
    part = size // 16 // VIZTRACER_PART
    viztracer_files = record_by_viztracer(setting, "viztracer_part", PROCESSES, part // PROCESSES)
    merges.append(setting.once(setting.viztracer(viztracer_files, part)))
    shutil.rmtree(viztracer_files[0].parent)
    merges[-1].name = f"VizTracer, 1/{VIZTRACER_PART} of the calls"
    rows = [
        [merge.name, number(merge.calls, 0), number(merge.seconds, 2), number(merge.peak_mb, 0), goal]
        for merge, goal in zip(merges, (MEMORY_GOAL, MEMORY_GOAL, "–"))
    ]
    setting.result.table(("merge", "calls", "s", "peak MB", "goal"), rows, f"{size / 1e9:.2f} GB of ring files, once")


def many_files(setting: Setting) -> None:
    """Merge many files, and very many."""
    rows = []
    for name, count, calls in (("500 kB", MANY_FILES, BYTES_EACH // 16), ("small", SMALL_FILES, 100)):
        (ring,) = record(setting.environment, setting.directory / f"one_{count}", 1, calls).iterdir()
        rings = copies(ring, setting.directory / f"rings_{count}", count)
        one = setting.once(setting.ours(f"1 file, {name}", [ring], "merged.json.gz", ring.stat().st_size // 16))
        merge = setting.once(setting.ours(f"{count} files, {name}", [rings], "merged.json.gz", size_of(rings) // 16))
        each = (merge.seconds - one.seconds) / count * 1e6
        goals = (MEMORY_GOAL, "–") if calls > 100 else ("–", SMALL_FILE_GOAL_US)
        files = f"{count:,} of {ring.stat().st_size:,} bytes"
        row = [files, number(merge.seconds, 2), number(merge.peak_mb, 0), goals[0]]
        rows.append([*row, number(each, 0), number(merge.cpu_seconds / count * 1e6, 0), goals[1]])
        shutil.rmtree(rings)
    head = ("files", "s", "peak MB", "goal", "us per file", "CPU us per file", "goal")
    setting.result.table(head, rows, "Many files, merged into .json.gz, once each")
