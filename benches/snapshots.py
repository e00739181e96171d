"""Does a snapshot keep a process waiting?  ``benches/run snapshots``

One process fewer than there are processors call a function in a loop, for some seconds, and look at the time after each
call. `viztracer-ctl snapshot` is called all the time meanwhile, or never; both take turns. The table has the longest
time between two looks of any process. The snapshots, which take all the processors that they get, make processes wait
for one; so the second figure is the longest time without what the system says that the process waited for a processor.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

from process import run
from question import Answer, Bench, median, number

if TYPE_CHECKING:
    from environments import Environment

RUNS = 5
SECONDS = 6
GOAL = "1.0"

PROGRAM = """
import os, sys, time

def waited():
    with open("/proc/self/schedstat") as file:
        return int(file.read().split()[1])

def work(number):
    return number

def main(name, seconds):
    time.sleep(1)  # until all processes run
    longest = unexplained = 0
    before_waited = waited()
    before = time.perf_counter_ns()
    end = before + seconds * 10**9
    while before < end:
        for number in range(20):
            work(number)
        now = time.perf_counter_ns()
        if now - before > 300_000:
            gap, now_waited = now - before, waited()
            longest = max(longest, gap)
            unexplained = max(unexplained, gap - (now_waited - before_waited))
            before_waited, now = now_waited, time.perf_counter_ns()
        before = now
    with open(f"gaps_{name}", "w") as file:
        print(longest, unexplained, file=file)

processes, seconds = map(int, sys.argv[1:])
pids = []
for number in range(1, processes):
    pid = os.fork()
    if pid == 0:
        main(number, seconds)
        os._exit(0)
    pids.append(pid)
main(0, seconds)
for pid in pids:
    os.waitpid(pid, 0)
"""


def answer(bench: Bench) -> Answer:
    """Measure the longest gaps on every Python version, and how long a snapshot takes."""
    result = Answer("Snapshots", (__doc__ or "").partition("\n\n")[2].strip())
    samples: dict[tuple[str, bool], list[tuple[float, float]]] = {}
    durations: dict[str, list[float]] = {}
    for _ in bench.rounds(RUNS):
        for environment in bench.environments:
            for takes in (False, True):
                longest, unexplained, seconds = gaps(environment, bench, takes=takes)
                samples.setdefault((environment.version, takes), []).append((longest, unexplained))
                durations.setdefault(environment.version, []).extend(seconds)
                result.samples.append({
                    "python": environment.version,
                    "snapshots": len(seconds),
                    "gap_ms": longest,
                    "without_waiting_ms": unexplained,
                    "snapshot_seconds": seconds,
                })  # fmt: skip
    head = ("CPython", "gap, ms", "with snapshots", "without waiting, ms", "with snapshots", "goal", "a snapshot, s")
    rows = []
    for environment in bench.environments:
        version = environment.version
        cells = [
            number(median(pair[which] for pair in samples[version, takes]), 2)
            for which in (0, 1)
            for takes in (False, True)
        ]
        rows.append([version, *cells, GOAL, number(median(durations[version]), 2)])
    result.table(head, rows)
    return result


def gaps(environment: Environment, bench: Bench, *, takes: bool) -> tuple[float, float, list[float]]:
    """Return the longest gap, and that without waiting, in ms; and how many seconds each snapshot took."""
    processes = max((os.cpu_count() or 2) - 1, 1)
    directory = bench.scratch
    (directory / "load.py").write_text(PROGRAM)
    for file in directory.glob("gaps_*"):
        file.unlink()
    command = [environment.ours / "viztracer", "--quiet", "--tracer_entries", "1000000", "-o", "report.csv", "--"]
    traced = subprocess.Popen([*command, "load.py", str(processes), str(SECONDS)], cwd=directory)
    seconds = []
    time.sleep(2)
    while takes and not any(directory.glob("gaps_*")) and traced.poll() is None:
        snapshot = [environment.ours / "viztracer-ctl", "snapshot", "--last", "1s", "-o", "snapshot.csv"]
        seconds.append(run(snapshot, directory).seconds)
        (directory / "snapshot.csv").unlink()
    if traced.wait():
        raise subprocess.CalledProcessError(traced.returncode, command)
    found = [tuple(map(int, file.read_text().split())) for file in directory.glob("gaps_*")]
    return max(gap for gap, _ in found) / 1e6, max(gap for _, gap in found) / 1e6, seconds
