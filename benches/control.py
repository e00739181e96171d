"""What does it cost that a session can be paused, and what does a paused one cost?  ``benches/run control``

Each sample is a fresh process that runs a program untraced, traced without a control block, traced with one, and while
the session is paused, five times in turn. The costs are medians of the differences within a turn, in CPU time: per call
of being controllable (goal: at most 0.5 ns), and of being paused beside untraced (goal: none that can be measured).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from overhead import CALLS, Case, Program
from question import Answer, Bench, median, number

RUNS = 5
SAMPLE = Path(__file__).parent / "control_sample.py"
PROGRAMS = (Program("fib"), Program("c_calls"), Program("methods"))


def answer(bench: Bench) -> Answer:
    """Measure every Python version."""
    result = Answer("A session that can be switched", (__doc__ or "").partition("\n\n")[2].strip())
    rows = []
    for environment in bench.environments:
        for program in PROGRAMS:
            count = Case(environment, program, "all").sample("count", environment.viztracer, bench.scratch)["all"]
            controllable, paused, noise = [], [], []
            for _ in bench.rounds(RUNS):
                command = [environment.ours / "python", SAMPLE, program.file(environment), program.statement]
                done = subprocess.run([*command, bench.scratch], capture_output=True, text=True, check=True)
                sample = json.loads(done.stdout)
                turns = list(zip(sample["untraced"], sample["without"], sample["with"], sample["paused"], strict=True))
                controllable += [(having - lacking) / count for _, lacking, having, _ in turns]
                paused += [100 * (pause / untraced - 1) for untraced, _, _, pause in turns]
                noise += [100 * (turn[0] / median(sample["untraced"]) - 1) for turn in turns]
                result.samples.append({"python": environment.version, "program": program.name, "count": count, **sample})
            spread = max(noise) - min(noise)
            row = [number(count, 0), number(median(controllable), 2), number(median(paused), 1), number(spread, 1)]
            rows.append([f"{environment.version}, {program.name}", *row])
    result.table(
        ("program", "calls", "controllable, ns per call", "paused, % of untraced", "spread of untraced, %"),
        rows,
        f"of about {CALLS:,} calls, medians",
    )
    return result
