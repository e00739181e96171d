"""How close does a run keep to the bound that the user sets?  ``benches/run budget``

Each program does the same work for some seconds, in a fresh process: untraced, with `--max_overhead 5%`, with all calls
recorded, and under other profilers, three times in turn. Each process prints how long the work took, without the start
of the interpreter and without the report. The table shows the median of that, as a multiple of the untraced time. The
goals for `--max_overhead 5%` are 1.10 for `fib`, of which nearly all time goes into calls, and 1.05 for the others.
Rings and buffers hold 1,000,000 events. py-spy and pyinstrument sample with their own intervals of 10 and 1 ms, Tachyon
(`profiling.sampling` of CPython 3.15) with 1 ms.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from environments import ENVS, Environment, Missing
from overhead import Program
from question import Answer, Bench, median, number

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 3
SECONDS = 5.0
CALLS = 1_000_000  # of one piece of the work
PROFILERS = ("py-spy", "pyinstrument")
PROGRAMS = (
    Program("fib", f"run({CALLS})"),
    Program("methods", f"run({CALLS})"),
    Program("generators", f"run({CALLS})"),
    Program("c_calls", f"run({CALLS})"),
    Program("orders", f"run({CALLS})"),
    Program("richards", "Richards().run(2)", benchmark="bm_richards"),
    Program("deltablue", "delta_blue(2200)", benchmark="bm_deltablue"),
    Program("server", "run(5000)"),
)
# The work of a process. It is run as a program, so that every profiler can start it.
WORK = """
import runpy, sys, time, types
sys.modules["pyperf"] = types.ModuleType("pyperf")
namespace = runpy.run_path({file!r})
work = compile({statement!r}, "<statement>", "exec")
began = time.perf_counter()
for _ in range({pieces}):
    exec(work, namespace)
with open("taken", "w") as file:
    file.write(str(time.perf_counter() - began))
"""


def answer(bench: Bench) -> Answer:
    """Measure every Python version."""
    result = Answer("Overhead with a bound", (__doc__ or "").partition("\n\n")[2].strip())
    for environment in bench.environments:
        commands = contenders(environment)
        rows = []
        for program in PROGRAMS:
            pieces = max(1, round(SECONDS / time(commands["untraced"], environment, program, 1, bench.scratch)))
            taken: dict[str, list[float]] = {name: [] for name in commands}
            for _ in bench.rounds(RUNS):
                for name, command in commands.items():
                    seconds = time(command, environment, program, pieces, bench.scratch)
                    taken[name].append(seconds)
                    labels = {"python": environment.version, "program": program.name, "contender": name}
                    result.samples.append({**labels, "pieces": pieces, "seconds": seconds})
            untraced = median(taken["untraced"])
            multiples = [number(median(taken[name]) / untraced, 2) for name in commands if name != "untraced"]
            rows.append([program.name, number(untraced, 2), *multiples])
        head = ("program", "untraced, s", *(name for name in commands if name != "untraced"))
        result.table(head, rows, f"CPython {environment.version}: multiples of the untraced time, medians")
    return result


def contenders(environment: Environment) -> dict[str, list[str]]:
    """Return the commands that run a program, without its name."""
    ours, original = environment.ours, environment.viztracer
    installed = profilers(environment)
    ring = ["--quiet", "--tracer_entries", "1000000", "-o", "report.json"]
    commands = {
        "untraced": [ours / "python"],
        "at most 5%": [ours / "viztracer", *ring, "--max_overhead", "5%", "--"],
        "all calls": [ours / "viztracer", *ring, "--"],
        "VizTracer": [original / "viztracer", *ring, "--"],
        "cProfile": [ours / "python", "-m", "cProfile", "-o", "profile"],
        "pyinstrument": [installed / "python", "-m", "pyinstrument", "-o", "profile"],
        "py-spy": [installed / "py-spy", "record", "-o", "profile", "--", ours / "python"],
    }
    if environment.version == "3.15":
        sampling = ["-m", "profiling.sampling", "run", "--sampling-rate", "1khz", "--pstats", "-o", "profile"]
        commands["Tachyon"] = [ours / "python", *sampling]
    return {name: [str(part) for part in command] for name, command in commands.items()}


def profilers(environment: Environment) -> Path:
    """Return a virtual environment with the other profilers."""
    installed = ENVS / f"profilers-py{environment.version}"
    python = installed / "bin/python"
    if not (installed / ".profilers").exists():
        subprocess.run([environment.ours / "python", "-m", "venv", "--clear", installed], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        if subprocess.run([*pip, *PROFILERS], check=False).returncode:
            raise Missing(f"cannot install {' and '.join(PROFILERS)} into {installed}; see above")
        (installed / ".profilers").touch()
    return installed / "bin"


def time(command: list[str], environment: Environment, program: Program, pieces: int, scratch: Path) -> float:
    """Return how many seconds this many pieces of the work take; NaN if the profiler does not run the program."""
    script, taken = scratch / "work.py", scratch / "taken"
    script.write_text(
        WORK.format(file=str(program.file(environment)), statement=program.statement, pieces=pieces), encoding="utf-8"
    )
    taken.unlink(missing_ok=True)
    subprocess.run([*command, str(script)], cwd=scratch, capture_output=True, check=False)
    return float(taken.read_text()) if taken.exists() else float("nan")
