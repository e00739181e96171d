"""Does code that is left out run at untraced speed?  ``benches/run filters``

A module is left out by each kind of filter, and times its own loop: as the best of several, in nanoseconds per round
of the loop. Python without a tracer, viztracer-ring and VizTracer take turns, each sample in a fresh process. With
`sys.monitoring`, a location in code that is left out raises one event and none from then on. Before 3.12 the
interpreter sends every event to the profile function, whatever it is for. `@ignore_function` pauses the thread, so that
what the function calls is left out as well; its events still come then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from process import run
from question import Answer, Bench, median, number

if TYPE_CHECKING:
    from pathlib import Path

    from environments import Environment

RUNS = 7
LOOPS = 150
COUNT = 3_000  # so short that some loops are never interrupted
NOISE = "1.03"
CONTENDERS = ("untraced", "ours", "VizTracer")

# What is timed stands in the module itself, so that nothing that is recorded takes part.
LIBRARY = """
from time import perf_counter_ns

class Thing:
    def __init__(self, value):
        self.value = value

    def twice(self):
        return self.value * 2

def numbers():
    yield 1
    yield 2

{decorator}
def work(count):
    for number in range(count):
        {statement}

def best():
    work(10)
    times = []
    for _ in range({loops}):
        begin = perf_counter_ns()
        work({count})
        times.append(perf_counter_ns() - begin)
    return min(times)
"""
SCRIPT = """
import sys
sys.path.insert(0, "left_out")
import library
with open("times", "w") as file:
    print(library.best(), file=file)
"""
PYTHON_CALLS = "Thing(value=number).twice()"
C_CALLS = 'len("text"); [].append(number); int("1"); sum((1, 2))'
GENERATORS = "sum(numbers())"
FROZEN = '_verbose_message("text")'
IMPORT_FROZEN = "from importlib._bootstrap import _verbose_message\n"
IGNORE_FUNCTION = "@viztracer.ignore_function"


@dataclass(frozen=True)
class Filter:
    """A way to leave code out.

    Attributes:
        name: its name in the table.
        options: the options of `viztracer`.
        statement: what the code does in its loop.
        head: what the module begins with.
        decorator: that of the function with the loop, where there is a tracer.
    """

    name: str
    options: tuple[str, ...]
    statement: str
    head: str = ""
    decorator: str = ""


FILTERS = (
    Filter("`--exclude_files`, Python functions", ("--exclude_files", "left_out"), PYTHON_CALLS),
    Filter("`--exclude_files`, C functions", ("--exclude_files", "left_out"), C_CALLS),
    Filter("`--exclude_files`, generators", ("--exclude_files", "left_out"), GENERATORS),
    Filter("`--include_files`, Python functions", ("--include_files", "prog.py"), PYTHON_CALLS),
    Filter("`--include_files`, C functions", ("--include_files", "prog.py"), C_CALLS),
    Filter("`--ignore_c_function`, C functions", ("--ignore_c_function",), C_CALLS),
    Filter(
        "`--ignore_frozen`, Python functions",
        ("--ignore_frozen", "--exclude_files", "left_out"),
        FROZEN,
        head=IMPORT_FROZEN,
    ),
    Filter("`@ignore_function`, C functions", (), C_CALLS, "import viztracer\n", IGNORE_FUNCTION),
    Filter("`@ignore_function`, Python functions", (), PYTHON_CALLS, "import viztracer\n", IGNORE_FUNCTION),
)


def answer(bench: Bench) -> Answer:
    """Measure every kind of filter on every Python version."""
    result = Answer("Code that is left out", (__doc__ or "").partition("\n\n")[2].strip())
    samples: dict[tuple[str, str, str], list[float]] = {}
    for environment in bench.environments:
        (bench.scratch / environment.version / "left_out").mkdir(parents=True)
    for _ in bench.rounds(RUNS):
        for environment in bench.environments:
            for filtered in FILTERS:
                for contender in CONTENDERS:
                    ns = best_ns(environment, contender, filtered, bench.scratch / environment.version)
                    labels = {"python": environment.version, "filter": filtered.name, "contender": contender}
                    samples.setdefault((environment.version, filtered.name, contender), []).append(ns)
                    result.samples.append({**labels, "ns": ns})
    times = (f"{contender}, ns" for contender in CONTENDERS)
    head = ("left out", *times, "ours/untraced", "goal", "VizTracer/untraced")
    for environment in bench.environments:
        rows = []
        for filtered in FILTERS:
            untraced, ours, other = (samples[environment.version, filtered.name, name] for name in CONTENDERS)
            goal = NOISE if environment.monitors and not filtered.decorator else "–"
            ratios = [median(one / base for one, base in zip(mine, untraced, strict=True)) for mine in (ours, other)]
            times = (number(median(values)) for values in (untraced, ours, other))
            rows.append([filtered.name, *times, number(ratios[0], 2), goal, number(ratios[1], 2)])
        result.table(head, rows, f"CPython {environment.version}: medians per round of the loop")
    return result


def best_ns(environment: Environment, contender: str, filtered: Filter, directory: Path) -> float:
    """Return the time of one round of the loop."""
    decorator = "" if contender == "untraced" else filtered.decorator
    library = filtered.head + LIBRARY.format(
        decorator=decorator, statement=filtered.statement, loops=LOOPS, count=COUNT
    )
    (directory / "left_out/library.py").write_text(library)
    (directory / "prog.py").write_text(SCRIPT)
    run([*command(environment, contender, filtered), "prog.py"], directory)
    return int((directory / "times").read_text()) / COUNT


def command(environment: Environment, contender: str, filtered: Filter) -> list[str | Path]:
    """Return the command line up to the program."""
    if contender == "untraced":
        return [environment.ours / "python"]
    binaries = environment.ours if contender == "ours" else environment.viztracer
    return [binaries / "viztracer", "--quiet", "--output_file", "report.json", *filtered.options, "--"]
