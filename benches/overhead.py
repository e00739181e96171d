"""How much time does tracing add to a call?  ``benches/run overhead``

Added time per call = (time traced - best of three times untraced, in the same process) / number of calls.
`sys.setprofile` counts the calls once, in a separate process. viztracer-ring, VizTracer and the floor take turns, each
sample in a fresh process. "First fill" is the first run after `start()`, as in a user's program: the ring is filled for
the first time. "Steady" is the third run, with a full ring. The floor is the interpreter's own part: the same events,
with callbacks that do nothing (floor/floor.c). "With clock" is a floor whose callbacks read the clock and do nothing
else: a tracer that knows when each event happened cannot be cheaper.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import Environment, floor_extension, pyperformance
from question import PROGRAMS, Answer, Bench, median, number

RUNS = 5
CALLS = 600_000  # of the 1,000,000 that the ring holds
SAMPLE = Path(__file__).parent / "sample.py"
FLOOR_GOAL = 1.4
COMPARED = ("ours", "VizTracer", "ours/VizTracer", "goal", "by CPU time")
FLOORS = ("floor", "ours/floor", "goal", "with clock", "ours/with clock")
HEAD = ("program", "calls", "untraced", *COMPARED, *FLOORS)
STATES = {"first": "first fill", "steady": "steady"}


@dataclass(frozen=True)
class Program:
    """A program and the goals for it.

    Attributes:
        name: its name in the table.
        statement: what to run in its namespace.
        goal: ours / VizTracer at most, with `sys.monitoring` and before; None: no goal.
        benchmark: the name of pyperformance's benchmark, if it is one.
        python_functions: whether it makes sense without C functions, too.
    """

    name: str
    statement: str = f"run({CALLS})"
    goal: tuple[float, float] | None = None
    benchmark: str | None = None
    python_functions: bool = True

    def file(self, environment: Environment) -> Path:
        """Return its source file."""
        return pyperformance(self.benchmark, environment) if self.benchmark else PROGRAMS / f"{self.name}.py"


PROGRAMS_MEASURED = (
    Program("fib", goal=(0.55, 0.7)),
    Program("methods", goal=(0.55, 0.7)),
    Program("generators", goal=(0.55, 0.7)),
    Program("c_calls", goal=(0.35, 0.7), python_functions=False),
    Program("exceptions"),
    Program("richards", "Richards().run(1)", benchmark="bm_richards"),
    Program("deltablue", "delta_blue(1100)", benchmark="bm_deltablue"),
)


@dataclass(frozen=True)
class Case:
    """A program, with calls of C functions recorded ("all") or only those of Python functions ("python")."""

    environment: Environment
    program: Program
    calls: str

    def sample(self, contender: str, python: Path, scratch: Path) -> dict[str, Any]:
        """Take one sample in a fresh process."""
        work = [str(self.program.file(self.environment)), self.program.statement]
        command = [str(python / "python"), str(SAMPLE), contender, *work, self.calls, str(scratch)]
        last_line = subprocess.check_output(command, text=True, cwd=scratch).splitlines()[-1]
        sample: dict[str, Any] = json.loads(last_line)
        return sample


def answer(bench: Bench) -> Answer:
    """Measure every program on every Python version."""
    result = Answer("Overhead per call", (__doc__ or "").partition("\n\n")[2].strip())
    floors = {environment: floor_extension(environment) for environment in bench.environments}
    cases = [
        Case(environment, program, calls)
        for environment in bench.environments
        for program in PROGRAMS_MEASURED
        for calls in (("all", "python") if program.python_functions else ("all",))
    ]
    counted = {case: case.sample("count", case.environment.viztracer, bench.scratch)[case.calls] for case in cases}
    samples: dict[Case, list[dict[str, Any]]] = {case: [] for case in cases}
    for _ in bench.rounds(RUNS):
        for case in cases:
            for taken in interleaved(case, floors[case.environment], bench.scratch):
                samples[case].append(taken)
                labels = {"python": case.environment.version, "program": case.program.name, "calls": case.calls}
                result.samples.append({**labels, "count": counted[case], **taken})
    for environment in bench.environments:
        mine = [case for case in cases if case.environment == environment]
        for when, state in STATES.items():
            rows = [row(case, when, counted[case], samples[case]) for case in mine]
            result.table(HEAD, rows, f"CPython {environment.version}, {state}: ns per call, medians")
        if floors[environment] is None:
            result.note("No floor: floor/floor.c could not be compiled; is there a C compiler, and Python.h?")
    result.note(
        'The goals against VizTracer are for the first fill. "By CPU time" is ours/VizTracer without waiting for a '
        "processor. "
        "`python` means `--ignore_c_function`. Before 3.12 the interpreter sends events of C functions in any case, "
        "so there the floor without them, per recorded call, contains theirs."
    )
    return result


def interleaved(case: Case, floor: Path | None, scratch: Path) -> list[dict[str, Any]]:
    """Take one sample of each contender."""
    environment = case.environment
    contenders = {"ours": ("viztracer", environment.ours), "VizTracer": ("viztracer", environment.viztracer)}
    if floor:
        contenders["floor"] = (f"noop={floor}", environment.viztracer)
        contenders["clock"] = (f"clock={floor}", environment.viztracer)
    return [{"contender": name, **case.sample(*how, scratch)} for name, how in contenders.items()]


def row(case: Case, when: str, calls: int, samples: list[dict[str, Any]]) -> list[str]:
    """Return the table's line for a case."""

    def added(contender: str, clock: str) -> float:
        return median(added_ns(sample, when, clock) for sample in samples if sample["contender"] == contender) / calls

    ours, viztracer, floor, clock = (added(contender, "wall") for contender in ("ours", "VizTracer", "floor", "clock"))
    goal = case.program.goal if when == "first" else None
    return [
        case.program.name,
        case.calls,
        number(median(best_untraced(sample, "wall") for sample in samples) / calls),
        number(ours),
        number(viztracer),
        number(ours / viztracer, 2),
        number(goal[0 if case.environment.monitors else 1], 2) if goal else "–",
        number(added("ours", "cpu") / added("VizTracer", "cpu"), 2),
        number(floor),
        number(ours / floor, 2),
        number(FLOOR_GOAL, 1),
        number(clock),
        number(ours / clock, 2),
    ]


def added_ns(sample: dict[str, Any], when: str, clock: str) -> float:
    """Return the time that tracing added."""
    return float(sample[when][clock]) - best_untraced(sample, clock)


def best_untraced(sample: dict[str, Any], clock: str) -> float:
    """Return the shortest time without a tracer."""
    return min(float(run[clock]) for run in sample["untraced"])
