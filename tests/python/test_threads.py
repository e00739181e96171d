"""Threads: each has a track of its own, with its name and the number the system gave it."""

import re

import pytest
import tree
from conftest import program


def test_names(sandbox):
    report = sandbox.trace(program("threads.py"))
    names = set(tree.names(report, "thread_name").values())
    expected = {"MainThread", "named", "naïve ☃", "subclass", "outer", "nested", "failing", "pool_0"}
    assert expected | {f"together-{n}" for n in range(4)} <= names
    assert not any(name.startswith("Dummy-") for name in names - bare_thread_names(report))


def bare_thread_names(report):
    """The names given to threads that have no Thread object: any will do."""
    names = tree.names(report, "thread_name")
    return {names[thread] for thread, calls in tree.trees(report).items() if re.search(r"\bbare \(", calls[0].name)}


def test_native_ids(sandbox):
    script = sandbox.script(
        "import os, threading\n"
        "def tell(name):\n"
        "    print(f'{name} {os.getpid()} {threading.get_native_id()}\\n', end='')\n"
        "tell('MainThread')\n"
        "threads = [threading.Thread(target=tell, args=(f'worker-{n}',), name=f'worker-{n}') for n in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "traced.json", script)
    told = {(int(pid), int(tid)): name for name, pid, tid in map(str.split, done.stdout.splitlines())}
    names = tree.names(sandbox.report("traced.json"), "thread_name")
    assert len(told) == 4
    assert told.items() <= names.items()
    assert any(pid == tid and name == "MainThread" for (pid, tid), name in told.items())


def test_short_lived_threads_keep_their_names_and_calls(sandbox):
    """200 threads of one call each, most of which get a native id that an earlier one had."""
    path = program("short_threads.py")
    report = sandbox.trace(path)
    threads = [thread for process in report["viztracer_metadata"]["processes"] for thread in process["threads"]]
    assert {f"short-{n}" for n in range(200)} <= {thread["name"] for thread in threads}
    assert sum(event["name"] == f"work ({path}:6)" for event in tree.spans(report)) == 200
    tree.trees(report)


@pytest.mark.parametrize("thread_is_inside", ["a call", "a loop of calls"])
def test_threads_that_were_there_before_the_start(sandbox, thread_is_inside):
    """What such a thread calls after the start is recorded, under its name, without its help."""
    loop = {"a call": "go.acquire(); work()", "a loop of calls": "while not go.acquire(False): idle()\n    work()"}
    script = sandbox.script(
        "import threading\n"
        "from viztracer import VizTracer\n"
        "ready, go = threading.Lock(), threading.Lock()\n"
        "ready.acquire(); go.acquire()\n"
        "def idle(): pass\n"
        "def work(): pass\n"
        "def run():\n"
        "    ready.release()\n"
        f"    {loop[thread_is_inside]}\n"
        "tracer = VizTracer(verbose=0)\n"
        "thread = threading.Thread(target=run, name='before')\n"
        "thread.start()\n"
        "ready.acquire()\n"
        "tracer.start()\n"
        "go.release()\n"
        "thread.join()\n"
        "tracer.stop()\n"
        "tracer.save()\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("result.json")
    names = tree.names(report, "thread_name")
    (thread,) = [(e["pid"], e["tid"]) for e in tree.spans(report) if e["name"] == f"work ({script}:6)"]
    assert names[thread] == "before"


def test_every_call_of_every_thread_is_there(sandbox):
    """Eight threads at once, with a switch interval so short that they interrupt each other anywhere."""
    script = sandbox.script(
        "import sys, threading\n"
        "sys.setswitchinterval(1e-6)\n"
        "def leaf(n): return len(range(n))\n"
        "def work():\n"
        "    for n in range(2000): leaf(n)\n"
        "threads = [threading.Thread(target=work, name=f'worker-{n}') for n in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    report = sandbox.trace(script)
    names = tree.names(report, "thread_name")
    workers = {names[thread]: tree.own(calls, script) for thread, calls in tree.trees(report).items()}
    pair = [tree.Call(1, f"leaf ({script}:3)", False), tree.Call(2, "builtins.len", False)]
    for n in range(8):
        assert workers[f"worker-{n}"] == [tree.Call(0, f"work ({script}:4)", False), *pair * 2000]
