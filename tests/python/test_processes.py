"""Processes: each writes its own file from its start on, and the merge puts them side by side."""

import re

import pytest
import tree
from conftest import IS_WINDOWS, program

FORK = program("fork.py")


@pytest.fixture
def forked(sandbox):
    """The pids of the three generations of fork.py, and the report of their ring files."""
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", FORK)
    assert done.returncode == 0, done.stderr
    pids = dict(re.findall(r"^(\d) (\d+)$", done.stdout, re.MULTILINE))
    return [int(pids[generation]) for generation in "012"], sandbox.merge("rings")


def own_calls(trees, pid, path):
    """The tree of the main thread of a process, whose native id is that of the process."""
    calls = tree.own(trees[pid, pid], path)
    return [(call.depth, re.sub(r" \(.*", "", call.name)) for call in calls]


@pytest.mark.posix("fork")
def test_each_process_has_a_file(sandbox, forked):
    pids, report = forked
    assert {path.name for path in (sandbox.path / "rings").iterdir()} == {f"result_{pid}.bin" for pid in pids}
    assert tree.trees(report).keys() == {(pid, pid) for pid in pids}
    assert {process["pid"] for process in report["viztracer_metadata"]["processes"]} == set(pids)


@pytest.mark.posix("fork")
def test_a_forked_child_begins_inside_the_frames_it_was_born_in(forked):
    (first, child, grandchild), report = forked
    trees = tree.trees(report)
    assert own_calls(trees, first, FORK) == [
        (0, "<module>"),
        (1, "before_the_fork"),
        (1, "fork_and_wait"),
        (2, "posix.fork"),
        (2, "in_the_parent"),
        (3, "posix.waitpid"),
        (1, "posix.getpid"),
        (1, "builtins.print"),
    ]
    assert own_calls(trees, child, FORK) == [
        (0, "<module>"),
        (1, "fork_and_wait"),
        (2, "posix.fork"),
        (2, "in_the_child"),
        (3, "fork_and_wait"),
        (4, "posix.fork"),
        (4, "in_the_parent"),
        (5, "posix.waitpid"),
        (2, "posix.getpid"),
        (2, "builtins.print"),
        (2, "sys.exit"),
    ]
    assert own_calls(trees, grandchild, FORK) == [
        (0, "<module>"),
        (1, "fork_and_wait"),
        (2, "in_the_child"),
        (3, "fork_and_wait"),
        (4, "posix.fork"),
        (4, "in_the_child"),
        (4, "posix.getpid"),
        (4, "builtins.print"),
        (4, "sys.exit"),
    ]


def test_multiprocessing(sandbox):
    path = program("primes_processes.py")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", path)
    assert done.returncode == 0, done.stderr
    report = sandbox.merge("rings")
    names = tree.names(report, "process_name")
    assert sorted(names.values()) == ["MainProcess", "Process-1", "Process-2", "Process-3"]
    trees = tree.trees(report)
    assert IS_WINDOWS or all(pid == tid for pid, tid in trees)
    assert set(tree.names(report, "thread_name").values()) == {"MainThread"}
    for pid, name in names.items():
        (calls,) = [tree.own(calls, path) for (its_pid, _), calls in trees.items() if its_pid == pid]
        primes = sum(call.name.startswith("is_prime (") for call in calls)
        assert primes == (0 if name == "MainProcess" else 2000)


def test_without_pid_suffix_the_report_holds_all_processes(sandbox):
    path = program("primes_processes.py")
    report = sandbox.trace(path)
    assert len(tree.names(report, "process_name")) == 4
    assert sum(event["name"] == f"is_prime ({path}:7)" for event in tree.spans(report)) == 6000


@pytest.mark.posix("fork")
def test_a_child_that_leaves_without_a_word_is_there(sandbox):
    """os._exit runs no clean-up of Python's: VizTracer loses such a child."""
    script = sandbox.script(
        "import os\n"
        "def work(): pass\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    work()\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "print(pid)\n"
    )
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    child = int(done.stdout.splitlines()[0])
    report = sandbox.merge("rings")
    ended = [event for event in tree.spans(report) if event["pid"] == child and not event.get("args")]
    unfinished = {e["name"]: e["args"] for e in tree.spans(report) if e["pid"] == child and e.get("args")}
    assert f"work ({script}:2)" in [event["name"] for event in ended]
    assert unfinished[f"<module> ({script}:1)"] == {"unfinished": True, "inherited": True}
    assert unfinished["posix._exit"] == {"unfinished": True}


@pytest.mark.posix("fork")
def test_a_fork_in_a_thread(sandbox):
    """The child's only thread is the one that forked: it has the child's pid for its native id, and its own frames."""
    script = sandbox.script(
        "import os, threading\n"
        "def in_the_child(): pass\n"
        "def forks():\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        in_the_child()\n"
        "        os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "    print(pid)\n"
        "thread = threading.Thread(target=forks, name='forking')\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    child = int(done.stdout.splitlines()[0])
    report = sandbox.merge("rings")
    trees = tree.trees(report)
    names = [name for _, name in own_calls(trees, child, script)]
    assert names == ["forks", "posix.fork", "in_the_child", "posix._exit"]
    assert {thread for thread in trees if thread[0] == child} == {(child, child)}


@pytest.mark.posix("fork")
def test_merging_is_independent_of_the_order_of_inputs(sandbox):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", FORK)
    assert done.returncode == 0, done.stderr
    rings = sorted((sandbox.path / "rings").iterdir())
    for name, inputs in {"a.json": rings, "b.json": rings[::-1], "c.json": ["rings"]}.items():
        assert sandbox.viztracer_merge(*inputs, "-o", name).returncode == 0
    a, b, c = ((sandbox.path / f"{name}.json").read_bytes() for name in "abc")
    assert a == c
    assert tree.trees(sandbox.report("a.json")) == tree.trees(sandbox.report("b.json"))
