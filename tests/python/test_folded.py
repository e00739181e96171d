"""Collapsed stacks: the own time of every stack is what the calls in the JSON report add up to."""

from collections import Counter

import pytest
import tree
from conftest import program


@pytest.mark.parametrize("name", ["recursion", "generators", "exceptions", "threads", "primes_processes", "tasks"])
def test_own_times(sandbox, name):
    arguments = ["gather"] if name == "tasks" else []
    done = sandbox.viztracer("--log_async", "--pid_suffix", "--output_dir", "rings", program(f"{name}.py"), *arguments)
    assert done.returncode == 0, done.stderr
    for output in ("report.json", "report.folded"):
        assert sandbox.viztracer_merge("rings", "-o", output).returncode == 0
    told = {}
    for line in (sandbox.path / "report.folded").read_text(encoding="utf-8").splitlines():
        stack, _, own = line.rpartition(" ")
        told[stack] = int(own)
    assert len(told) > 5
    assert leaves(told) == leaves(own_times(sandbox.report("report.json")))
    if name != "tasks":  # whose tracks begin anew in the JSON, and stand on the event loop here
        assert told == own_times(sandbox.report("report.json"))


def test_a_ring_that_was_overwritten_and_a_process_that_was_killed(sandbox):
    script = sandbox.script(
        "import os, signal\n"
        "def leaf(): pass\n"
        "def node():\n"
        "    for n in range(9000): leaf()\n"
        "def root():\n"
        "    for n in range(5): node()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "root()\n"
    )
    sandbox.viztracer("--tracer_entries", "30000", "--pid_suffix", "--output_dir", "rings", script)
    sandbox.viztracer_merge("rings", "-o", "report.json")
    sandbox.viztracer_merge("rings", "-o", "report.folded")
    told = dict(line.rsplit(" ", 1) for line in (sandbox.path / "report.folded").read_text().splitlines())
    assert {stack: int(own) for stack, own in told.items()} == own_times(sandbox.report("report.json"))
    assert any(f"root ({script}:5);node ({script}:3);leaf ({script}:2)" in stack for stack in told)


def own_times(report):
    """By stack, in ns."""
    processes, threads = tree.names(report, "process_name"), tree.names(report, "thread_name")
    by_thread = {}
    for event in tree.spans(report):
        by_thread.setdefault((event["pid"], event["tid"]), []).append((*tree.nanoseconds(event), event["name"]))
    own = Counter()
    for (pid, tid), calls in by_thread.items():
        track = f"{processes[pid]} ({pid});{threads[pid, tid]} ({tid})"
        open_calls = []
        for start, end, name in sorted(calls, key=lambda call: (call[0], -call[1])):
            while open_calls and open_calls[-1][0] <= start:
                open_calls.pop()
            outer = open_calls[-1][1] if open_calls else track
            stack = f"{outer};{name}"
            own[stack] += end - start
            if open_calls:
                own[outer] -= end - start
            open_calls.append((end, stack))
    return {stack: time for stack, time in own.items() if time > 0}


def leaves(stacks):
    """By the innermost function."""
    own = Counter()
    for stack, time in stacks.items():
        own[stack.rpartition(";")[2]] += time
    return {name: time for name, time in own.items() if "(" in name}
