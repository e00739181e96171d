"""pytest and pytest-xdist, unmodified, under `viztracer`: the same result, and the calls of each process's tests."""

import os
import re
from collections import Counter

import pytest
import tree
from conftest import BIN, SHARED_MEMORY, library

TESTS = """
import os, pytest
def work(n): return n + 1
def note():
    with open(f"ran_{os.getpid()}", "a") as file: file.write("x")
@pytest.mark.parametrize("n", range(6))
def test_work(n):
    note()
    assert work(n) == n + 1
def test_fails():
    note()
    assert work(1) == LAST
"""
OPTIONS = ["-q", "-p", "no:cacheprovider", "test_it.py"]


def calls(report, name):
    """How often each process called a function of the test file."""
    wanted = re.compile(rf"{name} \(.*test_it\.py:\d+\)")
    return Counter(event["pid"] for event in tree.spans(report) if wanted.fullmatch(event["name"]))


def ran(sandbox):
    """How many tests each process ran, as the tests themselves noted."""
    return {int(path.name.partition("_")[2]): len(path.read_text()) for path in sandbox.path.glob("ran_*")}


@pytest.mark.parametrize(("way", "last"), [("module", 2), ("module", 3), ("entry point", 3), ("xdist", 3)])
def test_tests_and_what_they_call(sandbox, way, last):
    """The seventh test fails if `last` is 3."""
    if way == "xdist":
        library("xdist")
    sandbox.script(TESTS.replace("LAST", str(last)), "test_it.py")
    runner = ["-m", "pytest"] if way == "module" else ["--", "pytest"]
    workers = ["-n", "2"] if way == "xdist" else []
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    options = ["--quiet", "--ignore_c_function", "-o", "report.json"]
    if way != "entry point":  # a report on all of pytest takes long to read
        options += ["--include_files", f"{sandbox.path}/"]
    done = sandbox.viztracer(*options, "--quiet", *runner, *workers, *OPTIONS, env=env)
    assert (done.returncode, done.stderr) == (last - 2, "")
    assert re.search("1 failed, 6 passed in" if last == 3 else "7 passed in", done.stdout)
    report, by_process = sandbox.report("report.json"), ran(sandbox)
    assert calls(report, "note") == calls(report, "work") == by_process
    assert sum(by_process.values()) == 7
    assert calls(report, "test_fails").total() == 1
    names = tree.names(report, "process_name")
    if way == "xdist":
        assert set(names) > set(by_process) and len(names) == 3
        states = {process["pid"]: process["state"] for process in report["viztracer_metadata"]["processes"]}
        assert set(states.values()) == {"sealed"}, states
    else:
        assert set(names) == set(by_process)
    assert list(SHARED_MEMORY.glob("viztracer_*")) == []
