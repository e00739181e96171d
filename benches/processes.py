"""What do many short processes cost?  ``benches/run processes``

A program runs 200 short processes, two at a time, either forked or each with a new interpreter. It runs in turns:
untraced, under `viztracer --pid_suffix --output_dir` (which leaves the ring files), under `viztracer` (which merges
them), and under VizTracer. The goal is 1.15 times the untraced time, plus 10 ms for each interpreter that starts.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from process import Finished, run
from question import PROGRAMS, Answer, Bench, median, number

if TYPE_CHECKING:
    from pathlib import Path

    from environments import Environment

RUNS = 5
PROCESSES = 200
WAYS = ("fork", "spawn")
CONTENDERS = ("untraced", "ours, rings", "ours", "VizTracer")


def answer(bench: Bench) -> Answer:
    """Measure every Python version."""
    result = Answer("Many short processes", (__doc__ or "").partition("\n\n")[2].strip())
    samples: dict[tuple[str, str, str], list[Finished]] = {}
    for _ in bench.rounds(RUNS):
        for environment in bench.environments:
            for way in WAYS:
                for contender in CONTENDERS:
                    directory = bench.scratch / "run"
                    directory.mkdir()
                    finished = run(command(environment, contender, way), directory)
                    shutil.rmtree(directory)
                    samples.setdefault((environment.version, way, contender), []).append(finished)
                    labels = {"python": environment.version, "way": way, "contender": contender}
                    result.samples.append({**labels, **finished.sample()})
    rows = [row(environment.version, way, samples) for environment in bench.environments for way in WAYS]
    result.table(
        ("CPython", "way", *(f"{contender}, s" for contender in CONTENDERS), "goal, s", "VizTracer/ours"), rows
    )
    return result


def command(environment: Environment, contender: str, way: str) -> list[str | Path]:
    """Return the command that runs the program under a contender."""
    program: list[str | Path] = [PROGRAMS / "processes.py", way, str(PROCESSES)]
    match contender:
        case "untraced":
            return [environment.ours / "python", *program]
        case "ours, rings":
            return [environment.ours / "viztracer", "--pid_suffix", "--output_dir", "rings", *program]
        case "ours":
            return [environment.ours / "viztracer", *program]
    return [environment.viztracer / "viztracer", *program]


def row(version: str, way: str, samples: dict[tuple[str, str, str], list[Finished]]) -> list[str]:
    """Return the table's line for one way on a Python version."""
    seconds = [median(sample.seconds for sample in samples[version, way, contender]) for contender in CONTENDERS]
    untraced, _, ours, viztracer = seconds
    interpreters = PROCESSES + 1 if way == "spawn" else 1
    goal = 1.15 * untraced + 0.01 * interpreters
    return [version, way, *(number(value, 2) for value in (*seconds, goal)), number(viztracer / ours, 1)]
