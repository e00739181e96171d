"""How large is a trace that CI keeps?  ``benches/run artifacts``

One program with about a million calls is traced once, and all its ring files are written as each kind of report. The
sizes are those of the files, and those of the files in a zip archive, as CI systems keep them. They hardly vary.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from process import run
from question import PROGRAMS, Answer, Bench, number
from reports import calls_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from environments import Environment

CALLS = 1_000_000
KINDS = (".json.gz", ".html", ".pftrace", ".pftrace.gz", ".json")
CUT = "--min_duration=10us"


def answer(bench: Bench) -> Answer:
    """Trace with the newest Python version only: the sizes do not depend on it."""
    environment = bench.environments[-1]
    result = Answer("Bytes that a trace takes", (__doc__ or "").partition("\n\n")[2].strip())
    traces = bench.scratch / "traces"
    run([environment.ours / "viztracer", "--pid_suffix", "--output_dir", traces, PROGRAMS / "orders.py", str(CALLS)])
    rows = []
    for name, files in kept(environment, traces, bench.scratch):
        size, zipped = sum(file.stat().st_size for file in files), zipped_size(files, bench.scratch / "archive.zip")
        result.samples.append({"report": name, "size": size, "zipped": zipped})
        rows.append([name, number(size, 0), number(zipped, 0)])
    calls = calls_in(bench.scratch / "report.json", environment.ours / "python")
    result.table(("file", "bytes", "in a zip archive"), rows, f"{number(calls, 0)} calls")
    return result


def kept(environment: Environment, traces: Path, scratch: Path) -> Iterable[tuple[str, list[Path]]]:
    """Name each kind of file that may be kept, with its files."""
    yield "`.bin`", [*traces.iterdir()]
    for name, options in (("report", ()), ("cut", (CUT,))):
        for kind in KINDS:
            report = scratch / f"{name}{kind}"
            run([environment.ours / "viztracer-merge", *options, traces, "-o", report])
            yield f"`{kind}`" + "".join(f" with `{option.replace('=', ' ')}`" for option in options), [report]


def zipped_size(files: list[Path], archive: Path) -> int:
    """Return the size of a zip archive of these files."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for file in files:
            opened.write(file, file.name)
    return archive.stat().st_size
