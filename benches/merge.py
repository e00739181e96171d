"""How fast are files merged, into what, and with how much memory?  ``benches/run merge``

Four runs of `orders.py 240000` are recorded by ours into ring files and by the peer into JSON files. Then
`viztracer-merge` of the one, into every kind of report, with all cores and with one thread, and `viztracer --combine`
of the other take turns. After that, once each: the peer's files merged by ours; 1,000,000 to 100,000,000 calls; 1 GB
of ring files; 2,000 of 500 kB; and 20,000 of which each holds next to nothing. All in the newest Python version; the
files are on a disk, where Python puts temporary files if that is one.
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
# Calls per second against the peer's.
GOALS = {"json": "50", "pftrace": "100"}
SPEED_UP_GOAL = "1.7"
MEMORY_GOAL = "200"
# Of 1 GB of ring files, the part whose calls the peer is given.
PEERS_PART = 20
MANY_FILES, BYTES_EACH = 2_000, 500_000
SMALL_FILES, SMALL_FILE_GOAL_US = 20_000, "100"
# The last ones are 8 files, 5 of which are 1 GB.
LINEAR = (1_000_000, 10_000_000, 100_000_000)
LARGE_FILES, IN_ONE_GB = 8, 5
ROOM_NEEDED = 10_000_000_000


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
class Place:
    """Where a question is answered: with which commands, in which directory, and for which answer."""

    environment: Environment
    directory: Path
    result: Answer

    def ours(self, name: str, inputs: list[Path], output: str, calls: int, *options: str) -> Merge:
        """Return our way to merge."""
        command: list[str | Path] = [self.environment.ours / "viztracer-merge", *inputs, *options, "-o"]
        return Merge(name, command, output, calls)

    def peer(self, inputs: list[Path], calls: int) -> Merge:
        """Return the peer's way to merge."""
        return Merge("peer", [self.environment.peer / "viztracer", "--combine", *inputs, "-o"], "peer.json", calls)

    def once(self, merge: Merge) -> Merge:
        """Merge, once."""
        return merge.once(self.directory, self.result)


def answer(bench: Bench) -> Answer:
    """Record, measure, and remove what is no longer needed: the largest files take 2 GB, their reports 3 GB."""
    environment = bench.environments[-1]
    result = Answer("Merging", (__doc__ or "").partition("\n\n")[2].strip())
    with tempfile.TemporaryDirectory(prefix="viztracer-bench-", dir=on_disk(bench.scratch)) as directory:
        place = Place(environment, Path(directory), result)
        peers_files = four_processes(bench, place)
        peers_json(place, peers_files)
        linear(place)
        many_files(place)
    smallest = f"The smallest peak that can be seen is that of the runner, {smallest_peak_mb():.0f} MB."
    result.note(f"CPython {environment.version}. {smallest}")
    return result


def on_disk(scratch: Path) -> Path:
    """Return the first of some places that is not in memory and has room."""
    candidates = [scratch, ROOT / "target"]
    for place in candidates:
        if place.exists() and filesystem(place) != "tmpfs" and shutil.disk_usage(place).free > ROOM_NEEDED:
            return place
    places = " or ".join(map(str, candidates))
    raise Missing(f"no room of {ROOM_NEEDED / 1e9:.0f} GB on a disk, in {places}; set TMPDIR")


def filesystem(place: Path) -> str:
    """Return the type of the file system that it is on."""
    return subprocess.check_output(["stat", "-f", "-c", "%T", place], text=True).strip()


def four_processes(bench: Bench, place: Place) -> list[Path]:
    """Merge the same runs into every kind of report; return the peer's files."""
    rings = record(place.environment, place.directory / "rings", PROCESSES, CALLS)
    peers_files = record_by_peer(place, "reports", PROCESSES, CALLS)
    theirs = sum(calls_in(file, place.environment.ours / "python") for file in peers_files)
    merged = place.directory / "counted.json"
    run([place.environment.ours / "viztracer-merge", rings, "-o", merged])
    calls, text = calls_in(merged, place.environment.ours / "python"), merged.stat().st_size
    merged.unlink()
    ours = {kind: place.ours(f".{kind}", [rings], f"merged.{kind}", calls) for kind in KINDS}
    alone = {
        kind: place.ours(f".{kind}, 1 thread", [rings], f"merged.{kind}", calls, "--threads", "1") for kind in KINDS
    }
    peer = place.peer(peers_files, theirs)
    for _ in bench.rounds(RUNS):
        for merge in (*ours.values(), *alone.values(), peer):
            place.once(merge)
    rows = [report_row(merge, peer, kind, text, alone[kind].seconds) for kind, merge in ours.items()]
    rows.append(report_row(peer, peer, "", text, peer.seconds))
    head = ("report", "s", "million calls/s", "x peer", "goal", "MB of text/s", "and per CPU s", "CPU s")
    more = ("1 thread / all", "goal", "peak MB", "MB", "bytes per call")
    place.result.table((*head, *more), rows, f"{PROCESSES} processes, {calls:,} calls, medians")
    shutil.rmtree(rings)
    return peers_files


def report_row(merge: Merge, peer: Merge, kind: str, text: int, alone: float) -> list[str]:
    """Return the table's line for a kind of report; `text` is its size as plain JSON, `alone` one thread's time."""
    ours, is_json = merge is not peer, kind.startswith("json")
    return [
        merge.name,
        number(merge.seconds, 3),
        number(merge.calls / merge.seconds / 1e6, 2),
        number(merge.calls / merge.seconds * peer.seconds / peer.calls, 1),
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


def record_by_peer(place: Place, name: str, processes: int, calls: int) -> list[Path]:
    """Record as many processes by the peer, one after the other."""
    directory = place.directory / name
    directory.mkdir()
    files = [directory / f"{number}.json" for number in range(processes)]
    for file in files:
        options: list[str | Path] = ["--tracer_entries", str(calls * 2), "-o", file]
        run([place.environment.peer / "viztracer", *options, PROGRAMS / "orders.py", str(calls)])
    return files


def peers_json(place: Place, files: list[Path]) -> None:
    """Merge the peer's files by ours."""
    size = sum(file.stat().st_size for file in files)
    merge = place.ours("ours", files, "merged.json", 0)
    try:
        place.once(merge)
    except subprocess.CalledProcessError:
        place.result.note("Ours does not read the peer's JSON files yet.")
        return
    row = [number(size / 1e6, 0), number(merge.seconds, 3), number(size / merge.seconds / 1e6, 0)]
    row += [number(size / merge.cpu_seconds / 1e6, 0), "300", number(merge.peak_mb, 0), MEMORY_GOAL]
    head = ("MB of JSON", "s", "MB/s", "MB per CPU s", "goal", "peak MB", "goal")
    place.result.table(head, [row], "The peer's files, merged into .json by ours, once")


def linear(place: Place) -> None:
    """Merge ever more calls, and of the last ones as many as are 1 GB; then let the peer merge a part of those."""
    rows = []
    for calls in LINEAR:
        rings = record(place.environment, place.directory / f"rings_{calls}", LARGE_FILES, calls // LARGE_FILES)
        recorded = calls_in_rings(place.environment, rings)
        merges = [place.once(place.ours(kind, [rings], f"merged.{kind}", recorded)) for kind in ("pftrace", "json.gz")]
        cells = [
            [number(merge.seconds, 2), number(merge.seconds / recorded * 1e9, 1), number(merge.peak_mb, 0)]
            for merge in merges
        ]
        rows.append([number(recorded, 0), *cells[0], *cells[1]])
        if calls == LINEAR[-1]:
            one_gigabyte(place, sorted(rings.iterdir())[:IN_ONE_GB])
        shutil.rmtree(rings)
    head = ("calls", ".pftrace, s", "ns per call", "peak MB", ".json.gz, s", "ns per call", "peak MB")
    place.result.table(head, rows, "Ever more calls, in 8 files, once each")


def one_gigabyte(place: Place, files: list[Path]) -> None:
    """Merge these; the peer gets files with a part of their calls."""
    size = sum(file.stat().st_size for file in files)
    merges = [place.once(place.ours(f"ours, .{kind}", files, f"merged.{kind}", size // 16)) for kind in KINDS[1:3]]
    part = size // 16 // PEERS_PART
    peers_files = record_by_peer(place, "peers_part", PROCESSES, part // PROCESSES)
    merges.append(place.once(place.peer(peers_files, part)))
    shutil.rmtree(peers_files[0].parent)
    merges[-1].name = f"peer, 1/{PEERS_PART} of the calls"
    rows = [
        [merge.name, number(merge.calls, 0), number(merge.seconds, 2), number(merge.peak_mb, 0), goal]
        for merge, goal in zip(merges, (MEMORY_GOAL, MEMORY_GOAL, "–"))
    ]
    place.result.table(("merge", "calls", "s", "peak MB", "goal"), rows, f"{size / 1e9:.2f} GB of ring files, once")


def many_files(place: Place) -> None:
    """Merge many files, and very many."""
    rows = []
    for name, count, calls in (("500 kB", MANY_FILES, BYTES_EACH // 16), ("small", SMALL_FILES, 100)):
        (ring,) = record(place.environment, place.directory / f"one_{count}", 1, calls).iterdir()
        rings = copies(ring, place.directory / f"rings_{count}", count)
        one = place.once(place.ours(f"1 file, {name}", [ring], "merged.json.gz", ring.stat().st_size // 16))
        merge = place.once(place.ours(f"{count} files, {name}", [rings], "merged.json.gz", size_of(rings) // 16))
        each = (merge.seconds - one.seconds) / count * 1e6
        goals = (MEMORY_GOAL, "–") if calls > 100 else ("–", SMALL_FILE_GOAL_US)
        files = f"{count:,} of {ring.stat().st_size:,} bytes"
        row = [files, number(merge.seconds, 2), number(merge.peak_mb, 0), goals[0]]
        rows.append([*row, number(each, 0), number(merge.cpu_seconds / count * 1e6, 0), goals[1]])
        shutil.rmtree(rings)
    head = ("files", "s", "peak MB", "goal", "us per file", "CPU us per file", "goal")
    place.result.table(head, rows, "Many files, merged into .json.gz, once each")
