"""Collapsed stacks: the self time of each stack is the sum over the calls in the JSON report."""

import csv
import json
import re
import resource
from collections import Counter

import pytest
import tree
from conftest import program

pytestmark = pytest.mark.one_version


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
    assert any(stack.endswith(";[overwritten]") for stack in told)


def test_stacks_of_any_depth(sandbox):
    """Memory use is that of a shallow trace. Calls below 2,048 functions are summed up and counted."""
    script = sandbox.script(
        "import sys, threading\n"
        "sys.setrecursionlimit(200000)\n"
        "threading.stack_size(512 << 20)\n"
        "def down(n):\n"
        "    if n: down(n - 1)\n"
        "thread = threading.Thread(target=down, args=(49_999,), name='deep')\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    for output in ("report.folded", "a.speedscope.json"):
        done = sandbox.viztracer_merge("rings", "-o", output, preexec_fn=limit_memory)
        assert done.returncode == 0, done.stderr
        told = re.search(r"1 file(; ([\d,]+) are too deep for it to show)?\n$", done.stderr)
        if output == "report.folded":
            too_deep = int(told[2].replace(",", ""))
        else:
            assert told[2] is None
    longest = 0
    total = 0
    with open(sandbox.path / "report.folded", encoding="utf-8") as file:
        for line in file:
            stack, _, own = line.rpartition(" ")
            if ";deep (" in stack:
                longest = max(longest, stack.count(";") - 1)
                total += int(own)
    assert longest == 2049
    assert stack_of(sandbox, "report.folded", "[deeper]").count(";down (") == 50_000 - too_deep
    done = sandbox.viztracer_merge("rings", "-o", "report.csv", "--tid", tid_of(sandbox, "deep"))
    assert done.returncode == 0, done.stderr
    rows = csv.DictReader((sandbox.path / "report.csv").read_text(encoding="utf-8").splitlines())
    assert total == sum(int(row["self_ns"]) for row in rows if row["pid"] == "0")


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))


def stack_of(sandbox, name, leaf):
    """The stack of a folded report that ends in this frame."""
    with open(sandbox.path / name, encoding="utf-8") as file:
        (stack,) = [line.rpartition(" ")[0] for line in file if line.rpartition(" ")[0].endswith(f";{leaf}")]
    return stack


def tid_of(sandbox, name):
    """Return the id of the thread with this name, from the ring files."""
    done = sandbox.viztracer_merge("rings", "--info", "--json")
    (tid,) = {t["tid"] for file in json.loads(done.stdout)["files"] for t in file["threads"] if t["name"] == name}
    return str(tid)


def overwritten(report):
    """By pid and tid, the time in which calls were overwritten."""
    return {
        (process["pid"], thread["tid"]): (thread["overwritten_since_ns"], thread["overwritten_until_ns"])
        for process in report["viztracer_metadata"]["processes"]
        for thread in process["threads"]
        if "overwritten_since_ns" in thread
    }


def unknown(calls, since, until):
    """Between the begins of known calls, it is unknown what was called."""
    begins = [since, *sorted(start for start, _, _ in calls if since < start < until), until]
    return [(start, end, "[overwritten]") for start, end in zip(begins, begins[1:]) if start < end]


def own_times(report):
    """By stack, in ns."""
    gone = overwritten(report)
    processes, threads = tree.names(report, "process_name"), tree.names(report, "thread_name")
    by_thread = {}
    for event in tree.spans(report):
        by_thread.setdefault((event["pid"], event["tid"]), []).append((*tree.nanoseconds(event), event["name"]))
    own = Counter()
    for (pid, tid), calls in by_thread.items():
        track = f"{processes[pid]} ({pid});{threads[pid, tid]} ({tid})"
        open_calls = []
        calls = calls + unknown(calls, *gone[pid, tid]) if (pid, tid) in gone else calls
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
