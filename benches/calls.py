"""How fast do engines read calls, and how large are they in each format?  ``benches/run calls``

viztracer-ring records four runs of `orders.py 5000000` into ring files, 330 MB. Then programs read `viztracer.calls` of
them: one that counts the rows of all batches, with all columns, in PyArrow, and queries in DuckDB and Polars. Others
write Parquet, as one file and as a directory, and query the file. All are processes of their own; the time includes
their start, the seconds of the first program do not. The newest Python version is used, which has the engines.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from merge import on_disk
from process import run, smallest_peak_mb
from question import Answer, Bench, median, number
from rings import calls_in_rings, record, size_of

if TYPE_CHECKING:
    from environments import Environment
    from process import Finished

RUNS = 5
PROCESSES, CALLS = 4, 5_000_000
GOAL = "20"  # million calls per second
READ = """
import time, pyarrow, viztracer
began, before = time.perf_counter(), time.process_time()
rows = sum(batch.num_rows for batch in pyarrow.RecordBatchReader.from_stream(viztracer.calls("rings")))
print(rows, time.perf_counter() - began, time.process_time() - before)
"""
TABLE = "import viztracer; calls = viztracer.calls('rings')"
BY_DUCKDB = "import duckdb; duckdb.sql('select function, sum(self_ns) from {} group by all').fetchall()"
BY_POLARS = "import polars; polars.DataFrame(calls).group_by('function').agg(polars.sum('self_ns'))"
PROGRAMS = {
    "DuckDB, sum by function": f"{TABLE}; {BY_DUCKDB.format('calls')}",
    "Polars, all columns, sum by function": f"{TABLE}; {BY_POLARS}",
}
QUERY = BY_DUCKDB.format('"calls.parquet"')
KINDS = ("json", "json.gz", "pftrace", "parquet")


def answer(bench: Bench) -> Answer:
    """Record once, and let the programs take turns."""
    environment = bench.environments[-1]
    result = Answer("Calls as data", (__doc__ or "").partition("\n\n")[2].strip())
    with tempfile.TemporaryDirectory(prefix="viztracer-bench-", dir=on_disk(bench.scratch)) as name:
        directory = Path(name)
        rings = record(environment, directory / "rings", PROCESSES, CALLS)
        calls = calls_in_rings(environment, rings)
        engines(bench, environment, directory, calls, result)
        sizes(environment, directory, calls, result)
    smallest = f"The smallest peak that can be seen is that of the runner, {smallest_peak_mb():.0f} MB."
    result.note(f"CPython {environment.version}. {smallest}")
    return result


def engines(bench: Bench, environment: Environment, directory: Path, calls: int, result: Answer) -> None:
    """Read the table with each engine, and write and query Parquet."""
    python = environment.ours / "python"
    merge: list[str | Path] = [environment.ours / "viztracer-merge", "-q", "rings", "-o"]
    commands: dict[str, list[str | Path]] = {name: [python, "-c", program] for name, program in PROGRAMS.items()}
    commands["write .parquet"] = [*merge, "calls.parquet"]
    commands["DuckDB, the same of .parquet"] = [python, "-c", QUERY]
    commands["write .parquet/"] = [*merge, "new.parquet/"]
    samples: dict[str, list[Finished]] = {name: [] for name in commands}
    read: list[tuple[float, float]] = []
    for _ in bench.rounds(RUNS):
        read.append(batches(python, directory, calls, result))
        for name, command in commands.items():
            samples[name].append(run(command, directory))
            result.samples.append({"contender": name, "calls": calls, **samples[name][-1].sample()})
            shutil.rmtree(directory / "new.parquet", ignore_errors=True)
    peak = run([python, "-c", READ], directory).peak_mb
    seconds, cpu = (median(values) for values in zip(*read, strict=True))
    first = [number(seconds, 2), number(calls / seconds / 1e6), GOAL, number(cpu, 2), number(peak, 0)]
    rows = [["PyArrow, all batches", *first]]
    for name, finished in samples.items():
        seconds, cpu = median(one.seconds for one in finished), median(one.cpu_seconds for one in finished)
        peak = median(one.peak_mb for one in finished)
        rows.append([name, number(seconds, 2), number(calls / seconds / 1e6), "–", number(cpu, 2), number(peak, 0)])
    head = ("", "s", "million calls/s", "goal", "CPU s", "peak MB")
    result.table(head, rows, f"{PROCESSES} processes, {calls:,} calls, medians")


def batches(python: Path, directory: Path, calls: int, result: Answer) -> tuple[float, float]:
    """Read all batches once; return the seconds and the CPU seconds, without the start of the process."""
    printed = subprocess.check_output([python, "-c", READ], cwd=directory, text=True).split()
    rows, seconds, cpu = int(printed[0]), float(printed[1]), float(printed[2])
    if rows != calls:
        raise ValueError(f"{rows} rows instead of {calls}")
    result.samples.append({"contender": "batches", "calls": calls, "seconds": seconds, "cpu_seconds": cpu})
    return seconds, cpu


def sizes(environment: Environment, directory: Path, calls: int, result: Answer) -> None:
    """Compare the sizes of the formats."""
    rows = [["ring files", number(size_of(directory / "rings") / 1e6, 0), number(size_of(directory / "rings") / calls)]]
    for kind in KINDS:
        report = directory / f"report.{kind}"
        run([environment.ours / "viztracer-merge", "-q", "rings", "-o", report], directory)
        rows.append([f".{kind}", number(report.stat().st_size / 1e6, 0), number(report.stat().st_size / calls)])
        report.unlink()
    result.table(("format", "MB", "bytes per call"), rows, "The same calls in each format")
