"""What does the installed package cost an interpreter that traces nothing?  ``benches/run startup``

`python -c pass` runs in turns in a new virtual environment with only the package, and in one without it. `import
viztracer` of viztracer-ring and of VizTracer is timed inside fresh processes. The quartiles show the noise.
"""

from __future__ import annotations

import statistics
import subprocess
from typing import TYPE_CHECKING

from process import run
from question import Answer, Bench, number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUNS = 50
IMPORT = "import time; t = time.perf_counter(); import viztracer; print((time.perf_counter() - t) * 1e3)"


def answer(bench: Bench) -> Answer:
    """Measure every Python version."""
    result = Answer("Start of an interpreter", (__doc__ or "").partition("\n\n")[2].strip())
    contenders: dict[tuple[str, str], Callable[[], float]] = {}
    for environment in bench.environments:
        version = environment.version
        contenders[version, "with"] = starts(environment.only_ours())
        contenders[version, "without"] = starts(environment.plain())
        contenders[version, "import ours"] = imports(environment.ours)
        contenders[version, "import VizTracer"] = imports(environment.viztracer)
    for take in contenders.values():
        take()  # the first time, files are read and byte code is written
    samples: dict[tuple[str, str], list[float]] = {key: [] for key in contenders}
    order = list(contenders.items())
    for _ in bench.rounds(RUNS):
        order.reverse()  # who comes first finds the caches filled with another version's files
        for key, take in order:
            samples[key].append(take())
    for (version, what), values in samples.items():
        result.samples.append({"python": version, "what": what, "ms": values})
    rows = [row(environment.version, samples) for environment in bench.environments]
    head = ("CPython", "with, ms", "quartiles", "without, ms", "quartiles", "difference", "`import`, ours", "VizTracer")
    result.table(head, rows)
    return result


def starts(binaries: Path) -> Callable[[], float]:
    """Return a function that starts an interpreter that does nothing; it returns milliseconds."""
    return lambda: run([binaries / "python", "-c", "pass"]).seconds * 1e3


def imports(binaries: Path) -> Callable[[], float]:
    """Return a function that imports the package in a fresh process; it returns milliseconds."""
    return lambda: float(subprocess.check_output([binaries / "python", "-c", IMPORT]))


def row(version: str, samples: dict[tuple[str, str], list[float]]) -> list[str]:
    """Return the table's line for a Python version."""
    medians = {what: statistics.median(samples[version, what]) for v, what in samples if v == version}
    return [
        version,
        number(medians["with"], 2),
        quartiles(samples[version, "with"]),
        number(medians["without"], 2),
        quartiles(samples[version, "without"]),
        f"{medians['with'] - medians['without']:+.2f}",
        number(medians["import ours"], 1),
        number(medians["import VizTracer"], 1),
    ]


def quartiles(values: list[float]) -> str:
    """Return the lower and the upper quartile."""
    if len(values) < 2:
        return "–"
    low, _, high = statistics.quantiles(values, n=4)
    return f"{number(low, 2)} to {number(high, 2)}"
