"""How near to the truth are estimated numbers of calls?  ``benches/run estimates``

With `--max_overhead 5%`, functions that are called too often are no longer recorded, and the report says about how often
they were called. Each program counts its calls itself, works for some seconds of processor time, and calls one empty
function: all the time, by itself (`fib`), in pieces of work with sleeps in between, only after sleeps, in three threads,
or more and more often. The table has the estimate as a multiple of the truth, the error that the report states (in 1 of
20 cases the estimate is further off), and in how many runs the truth was within that. CPython 3.10 and 3.11 leave no
functions out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from process import run
from question import Answer, Bench, median, number

if TYPE_CHECKING:
    from pathlib import Path

    from environments import Environment

RUNS = 5
HEAD = """
import threading, time

calls = 0

def short(): pass

def much(times=1000):
    global calls
    for _ in range(times): short()
    calls += times

def work(seconds, do):
    end = time.process_time() + seconds
    while time.process_time() < end: do()

def other(): return [number * number for number in range(1000)]

def fib(n):
    global calls
    calls += 1
    return n if n < 2 else fib(n - 1) + fib(n - 2)

"""
TAIL = "\nopen('truth', 'w').write(str(calls))\n"
PROGRAMS = {
    "all the time": "work(4, much)",
    "fib": "work(4, lambda: fib(15))",
    "50 ms of work, 200 ms of sleep": "for _ in range(60):\n    work(0.05, much)\n    time.sleep(0.2)",
    "only after sleeps": "for _ in range(400):\n    time.sleep(0.01)\n    much(20_000)\n    work(0.005, other)",
    "three threads": "threads = [threading.Thread(target=lambda: [much(4_000_000)]) for _ in range(3)]\n"
    "for thread in threads: thread.start()\nfor thread in threads: thread.join()\nwork(3, much)",
    "more and more often": "for step in range(100):\n    much(step * 8_000)\n    work(0.03, other)",
}


def answer(bench: Bench) -> Answer:
    """Measure every Python version that can leave out single functions."""
    result = Answer("Estimated calls", (__doc__ or "").partition("\n\n")[2].strip())
    for environment in bench.environments:
        if not environment.monitors:
            continue
        found: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
        for _ in bench.rounds(RUNS):
            for name, samples in found.items():
                sample = estimate(environment, name, bench.scratch)
                samples.append(sample)
                result.samples.append({"python": environment.version, "program": name, **sample})
        head = ("the program calls the function", "estimate / truth", "stated error", "truth within it")
        rows = [row(name, samples) for name, samples in found.items()]
        result.table(head, rows, f"CPython {environment.version}: medians")
    return result


def estimate(environment: Environment, name: str, scratch: Path) -> dict[str, float]:
    """Trace a program; return its calls, and what the report says of them, which may be nothing."""
    (scratch / "program.py").write_text(HEAD + PROGRAMS[name] + TAIL)
    command = [environment.ours / "viztracer", "--quiet", "--max_overhead", "5%", "-o", "report.json", "program.py"]
    run(command, scratch)
    report: dict[str, Any] = json.loads((scratch / "report.json").read_text())
    (process,) = report["viztracer_metadata"]["processes"]
    (elided,) = [one for one in process["elided"] if one["name"] in ("short", "fib") and not one["only_c_calls"]]
    recorded = sum(event["name"].startswith(f"{elided['name']} (") for event in report["traceEvents"])
    truth = float((scratch / "truth").read_text()) - recorded
    nothing = float("nan")
    return {
        "truth": truth,
        "estimate": elided.get("calls_about", nothing),
        "error": elided.get("calls_error", nothing),
    }


def row(name: str, samples: list[dict[str, float]]) -> list[str]:
    """Return the table's line for a program."""
    known = [sample for sample in samples if sample["estimate"] == sample["estimate"]]
    within = sum(abs(sample["estimate"] - sample["truth"]) <= sample["error"] for sample in known)
    ratio = median(sample["estimate"] / sample["truth"] for sample in known)
    error = median(sample["error"] / sample["estimate"] for sample in known if sample["estimate"])
    return [name, number(ratio, 2), f"±{number(100 * error, 0)} %", f"{within} of {len(samples)}"]
