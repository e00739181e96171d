"""Do test suites of real projects run under ``pytest --viztracer`` as they run without it?  ``benches/run pytest``

The source distributions of the projects are downloaded from PyPI and unpacked, and each project is installed with what
its tests need. pytest runs each suite in one process and with two workers of pytest-xdist (``-n 2``): untraced, traced
with the limit of overhead that is the default, and traced without a limit. The three take turns. The columns show: the
number of tests; whether all tests had the same outcomes, and pytest the same exit status, in all runs; how many times
more processor time and time the traced runs took, as medians; the ring files of one run with the limit, and whether
each has a regular end.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tarfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from environments import ENVS, Missing
from question import Answer, Bench, median, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from environments import Environment

SECONDS = 1200
ROUNDS = 3
TOOLS = ("pytest==9.2.0", "pytest-xdist==3.8.0")
LIMIT = "--viztracer_max_overhead"


@dataclass(frozen=True)
class Suite:
    """The test suite of a project.

    Attributes:
        project: what its source distribution is called.
        version: that of the project.
        needs: what the tests import besides.
        options: options of pytest.
    """

    project: str
    version: str
    needs: Sequence[str] = ()
    options: Sequence[str] = ()


SUITES = (
    Suite("attrs", "26.1.0", ("hypothesis", "cloudpickle")),
    Suite("click", "8.5.1"),
    Suite("jinja2", "3.1.6", ("trio",)),
)


@dataclass
class Run:
    """How a suite has run: its exit status, how many tests had each outcome, seconds, and processor time."""

    status: int
    outcomes: Counter[tuple[str, str]]
    seconds: float
    processor: float


def answer(bench: Bench) -> Answer:
    """Run every suite on the newest Python version."""
    result = Answer("Test suites of real projects", (__doc__ or "").partition("\n\n")[2].strip())
    environment = bench.environments[-1]
    limits = {"untraced": None, "limit": "5%" if environment.monitors else "0", "no limit": "0"}
    rows = []
    for suite in SUITES:
        python, sources = install(suite, environment)
        for workers in ((), ("-n", "2")):
            name = " ".join([suite.project, suite.version, *workers])
            runs: dict[str, list[Run]] = {kind: [] for kind in limits}
            files = ""
            for _ in bench.rounds(ROUNDS):
                for kind, limit in limits.items():
                    print(f"  {name}, {kind}", file=sys.stderr, flush=True)
                    rings = bench.scratch / "rings"
                    traced = [f"--viztracer={rings}", LIMIT, limit] if limit else []
                    runs[kind].append(run(python, sources, [*suite.options, *workers, *traced], bench.scratch))
                    if rings.exists():
                        files = describe(python, rings) if kind == "limit" or not files else files
                        shutil.rmtree(rings)
            rows.append(row(name, runs, files))
            result.samples += [
                {"suite": name, "kind": kind, "status": one.status, "seconds": one.seconds, "processor": one.processor}
                for kind, some in runs.items()
                for one in some
            ]
    head = [f"CPython {environment.version}", "tests", "outcomes and status", "processor time", "time"]
    result.table([*head, "processor time, no limit", "time, no limit", "ring files"], rows)
    return result


def install(suite: Suite, environment: Environment) -> tuple[Path, Path]:
    """Return an interpreter with the project and this package, and the directory of the project's source."""
    directory = ENVS / f"suites-py{environment.version}" / f"{suite.project}-{suite.version}"
    python, sources = directory / "env/bin/python", directory / "source"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "-q"]
    if not sources.exists():
        subprocess.run([environment.ours / "python", "-m", "venv", "--clear", directory / "env"], check=True)
        name = f"{suite.project}=={suite.version}"
        get = [*pip, "download", "--no-deps", "--no-binary", suite.project, "-d", directory, name]
        if subprocess.run(get, check=False).returncode:
            raise Missing(f"cannot download {name}; see above")
        (archive,) = directory.glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(directory / "unpacked", filter="data")
        (unpacked,) = (directory / "unpacked").iterdir()
        if subprocess.run([*pip, "install", *TOOLS, *suite.needs, str(unpacked)], check=False).returncode:
            raise Missing(f"cannot install {name}; see above")
        unpacked.rename(sources)
    (wheel,) = (Path(__file__).parents[1] / f"target/wheels/py{environment.version}").glob("*.whl")
    subprocess.run([*pip, "install", "--force-reinstall", "--no-deps", str(wheel)], check=True)
    return python, sources


def run(python: Path, sources: Path, options: Sequence[str], scratch: Path) -> Run:
    """Run the tests of a project."""
    report = scratch / "outcomes.xml"
    report.unlink(missing_ok=True)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *options, "tests"]
    began, before = time.monotonic(), processor_time()
    done = subprocess.run(
        command,
        cwd=sources,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=SECONDS,
    )
    seconds, processor = time.monotonic() - began, processor_time() - before
    return Run(done.returncode, outcomes(report), seconds, processor)


def processor_time() -> float:
    """Return the processor time of all processes that have ended below this one."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def outcomes(report: Path) -> Counter[tuple[str, str]]:
    """Return what became of each test; tests of one name are counted."""
    found: Counter[tuple[str, str]] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        marks = {child.tag for child in case} & {"failure", "error", "skipped"}
        found[f"{case.get('classname')}::{case.get('name')}", ", ".join(sorted(marks)) or "passed"] += 1
    return found


def describe(python: Path, rings: Path) -> str:
    """Return how many ring files there are, how large they are, and how many of them have no regular end."""
    command = [python.parent / "viztracer-merge", "--info", "--json", rings]
    files = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    files = files if isinstance(files, list) else files["files"]
    size = sum(path.stat().st_size for path in rings.glob("*.bin")) / 1e6
    open_files = sum(file["state"] != "sealed" for file in files)
    return f"{len(files)}, {size:,.0f} MB" + (f", {open_files} without an end" if open_files else "")


def row(name: str, runs: dict[str, list[Run]], files: str) -> list[str]:
    """Return a suite's line of the table."""
    untraced = runs["untraced"]
    first = untraced[0]
    every = [one for some in runs.values() for one in some]
    different = sum((one.outcomes - first.outcomes).total() for one in every)
    same = f"{different} differ" if different else "same"
    if {one.status for one in every} != {first.status}:
        same += f", statuses {sorted({one.status for one in every})}"

    def times(kind: str, attribute: str) -> str:
        if kind not in runs:
            return "–"
        traced, plain = (median(getattr(one, attribute) for one in some) for some in (runs[kind], untraced))
        return number(traced / plain, 2)

    ratios = [times(kind, attribute) for kind in ("limit", "no limit") for attribute in ("processor", "seconds")]
    return [name, str(first.outcomes.total()), same, *ratios, files]
