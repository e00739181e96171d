"""The tree of calls in the report equals the tree of an independent recorder in plain Python."""

import json
import re

import pytest
import tree
from conftest import ROOT, program

# Compared call by call, the standard library's functions included.
COMPLETE = [
    "recursion",
    "mutual_recursion",
    "classes",
    "closures",
    "comprehensions",
    "generators",
    "exceptions",
    "c_calls",
    "callbacks",
    "decorators",
    "context_managers",
    "evaluated",
    "deep_recursion",
]
# Compared by the program's own functions and the C functions they call: what the standard library does around them
# depends on which thread comes first, or on what else was imported.
OWN = ["coroutines", "async_generators", "threads", "short_threads"]

# A module that is not loaded yet is imported by Python code, one that is loaded is not: that says nothing of a tracer.
IMPORTS = r".* \(<frozen importlib\._bootstrap"


@pytest.mark.parametrize("name", COMPLETE)
def test_tree_is_complete(sandbox, name):
    path = program(f"{name}.py")
    expected = module_tree(reference(sandbox, path)["MainThread"][0])
    traced = module_tree(by_name(sandbox.trace(path))["MainThread"][0])
    assert len(expected) > 5
    assert told_alike(traced, expected) == expected


@pytest.mark.parametrize("name", OWN)
def test_own_functions(sandbox, name):
    path = program(f"{name}.py")
    expected = own_trees(reference(sandbox, path), path)
    traced = own_trees(by_name(sandbox.trace(path)), path)
    assert traced.keys() == expected.keys()
    for name, calls in expected.items():
        assert [told_alike(*pair) for pair in zip(traced[name], calls, strict=True)] == calls


@pytest.mark.parametrize("seed", range(5))
def test_random_calls(sandbox, seed):
    path = program("random_calls.py")
    expected = module_tree(reference(sandbox, path, str(seed))["MainThread"][0])
    traced = module_tree(by_name(sandbox.trace(path, str(seed)))["MainThread"][0])
    assert len(expected) > 500
    assert told_alike(traced, expected) == expected


def test_bare_threads_have_trees_too(sandbox):
    """Threads that _thread starts have no Thread object."""
    path = program("threads.py")
    roots = [calls[0].name for trees in by_name(sandbox.trace(path)).values() for calls in trees]
    assert len([root for root in roots if re.search(r"\bbare \(", root)]) == 1


def test_recursion_error(sandbox):
    """At the limit a Python hook would fail itself: here the program counts its own calls."""
    path = program("recursion_error.py")
    done = sandbox.viztracer("--quiet", "-o", "traced.json", path)
    dives = [int(line) for line in done.stdout.split()]
    assert len(dives) == 3 and min(dives) > 400

    traced = module_tree(by_name(sandbox.report("traced.json"))["MainThread"][0])
    expected = [tree.Call(0, f"<module> ({path}:1)", False), tree.Call(1, "sys.setrecursionlimit", False)]
    for dive in dives:
        expected.append(tree.Call(1, f"until_refused ({path}:15)", False))
        expected.extend(tree.Call(2 + n, f"dive ({path}:9)", True) for n in range(dive))
        expected.append(tree.Call(1, "builtins.print", False))
    assert traced == expected


def test_frames_open_at_the_end(sandbox):
    """Under the command, calls that are open at the end of the program end there, in every thread."""
    path = program("frames_open_at_stop.py")
    report = sandbox.trace(path)
    assert {event["ph"] for event in tree.spans(report)} == {"X"}
    waiting = by_name(report)["waiting"][0]
    names = [call.name for call in tree.own(waiting, path)]
    assert names[:2] == [f"never_returns ({path}:11)", f"waits ({path}:15)"]


def told_alike(traced, expected):
    """The traced calls without marks where the reference does not know whether an exception ended them."""
    unknown = [call.raised is None for call in expected] + [False] * len(traced)
    return [call._replace(raised=None) if skip else call for call, skip in zip(traced, unknown)]


def module_tree(calls):
    return tree.without(tree.below(calls, r"<module> \((/|[A-Z]:).*"), IMPORTS)


def own_trees(trees, path):
    """The trees of the named threads, without those of threads in which nothing of the program ran."""
    own = {name: sorted(tree.own(calls, path) for calls in of_name) for name, of_name in trees.items()}
    return {name: calls for name, calls in own.items() if any(calls) and is_named(name)}


def is_named(thread):
    """Threads without a Thread object, and the hook's view of them, differ between versions of Python."""
    return not thread.startswith(("Dummy-", "Thread-"))


def by_name(report):
    """The trees of the threads of a one-process report, by the thread's name."""
    threads = tree.names(report, "thread_name")
    named = {}
    for thread, calls in tree.trees(report).items():
        named.setdefault(threads[thread], []).append(calls)
    return named


def reference(sandbox, *command):
    """The trees that the independent recorder writes of a program, by the thread's name."""
    done = sandbox.python(ROOT / "tests/python/reference_recorder.py", "reference.json", *command)
    assert done.returncode == 0, done.stderr
    named = {}
    for thread in json.loads((sandbox.path / "reference.json").read_text(encoding="utf-8")):
        named.setdefault(thread["name"], []).append([tree.Call(*call) for call in thread["calls"]])
    return named
