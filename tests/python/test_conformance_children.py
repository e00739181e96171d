"""Options in child processes, and what shows them, are VizTracer's, but for the rows that say otherwise."""

import json
import subprocess
import sys

import pytest
from conformance import ROWS, SAME, both, case
from conftest import BIN, VIZTRACER_PYTHON

NESTED = """
import multiprocessing
def h(): pass
def g(): h()
def f(): g()
def e(): f()
def d(): e()
def c(): d()
def b(): c()
def a(): b()
if __name__ == "__main__":
    process = multiprocessing.get_context("METHOD").Process(target=a)
    process.start()
    process.join()
"""
STARTS = """
import multiprocessing, subprocess, sys
def in_child(): pass
if __name__ == "__main__":
    subprocess.run([sys.executable, "-c", "abs(-1)"], check=True)
    process = multiprocessing.get_context("fork").Process(target=in_child)
    process.start()
    process.join()
"""
LISTS = f"""
import subprocess
subprocess.run([{str(BIN / "viztracer-ctl")!r}, "list", "--json"], check=True)
"""
FORKED, SPAWNED = "`--max_stack_depth` in forked processes", "`--max_stack_depth` in spawned processes"
PREPARED = "functions that prepare a process of `multiprocessing`"
INCLUDED = "`--include_files` in processes of `multiprocessing`"
IGNORED = "`--ignore_multiprocess`"
CONTROL = "`viztracer-ctl`"
SNAPSHOT = "`viztracer.snapshot`"
CALLS = "`viztracer.calls`"
PYTEST = "`pytest --viztracer`"
FEATURES = {FORKED, SPAWNED, PREPARED, INCLUDED, IGNORED, CONTROL, SNAPSHOT, CALLS, PYTEST}


def run_both(directory, row, source, *options):
    """The outcomes of both, whose programs ran without complaint."""
    outcomes = both(directory, case(row, "--quiet", *options, files={"prog.py": source}).values[0])
    assert [(outcome.status, outcome.stdout, outcome.stderr) for outcome in outcomes] == [(0, "", "")] * 2
    return outcomes


def functions(outcome):
    """The functions of the program that are in a report."""
    names = {key[1] for key in outcome.events if key[0] == "X" and "prog.py" in key[1]}
    return {name.split(" ")[0] for name in names} - {"<module>"}


def called(report):
    """The names of all calls in a report."""
    return {event["name"] for event in report["traceEvents"] if event["ph"] in "XB"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="VizTracer's levels are other ones there")
@pytest.mark.parametrize(
    ("row", "method", "depth", "levels_more"),
    [(FORKED, "fork", 5, 0), (FORKED, "forkserver", 5, 0), (SPAWNED, "spawn", 9, 1)],
)
def test_depth_of_the_stack(tmp_path, row, method, depth, levels_more):
    options = ("--max_stack_depth", str(depth), "prog.py")
    theirs, ours = map(functions, run_both(tmp_path, row, NESTED.replace("METHOD", method), *options))
    assert ROWS[row] == ("different on purpose" if levels_more else SAME)
    assert 1 < len(theirs) < len("abcdefgh"), "the limit cuts the stack"
    assert len(ours) == len(theirs) + levels_more


def test_what_prepares_a_process(tmp_path):
    assert ROWS[PREPARED] == "different on purpose"
    theirs, ours = run_both(tmp_path, PREPARED, NESTED.replace("METHOD", "forkserver"), "prog.py")
    assert functions(theirs) == functions(ours) == set("abcdefgh")
    # Before CPython 3.11, code does not know the class of its function.
    reports = (theirs.report, ours.report)
    named = [{name.split(" ")[0].removeprefix("BaseProcess.") for name in called(report)} for report in reports]
    preparing = {"_main", "_bootstrap"}
    assert [names & preparing for names in named] == [set(), preparing]


def test_files_that_are_included(tmp_path):
    options = ("--include_files", "prog.py", "--", "prog.py")
    theirs, ours = map(functions, run_both(tmp_path, INCLUDED, NESTED.replace("METHOD", "fork"), *options))
    assert ROWS[INCLUDED] == "better"
    assert (theirs, ours) == (set(), set("abcdefgh"))


def test_children_that_are_ignored(tmp_path):
    outcomes = run_both(tmp_path, IGNORED, STARTS, "--ignore_multiprocess", "prog.py")
    assert ROWS[IGNORED] == "different on purpose"
    assert [functions(outcome) for outcome in outcomes] == [set(), {"in_child"}], "only ours has the forked process"
    assert all("builtins.abs" not in called(outcome.report) for outcome in outcomes), "nobody has the started one"


@pytest.mark.parametrize(("row", "name"), [(SNAPSHOT, "snapshot"), (CALLS, "calls")])
def test_functions_of_ours_alone(tmp_path, row, name):
    """test_snapshot.py and test_calls.py prove it in detail."""
    assert ROWS[row] == "better"
    source = f"import viztracer\ndef yes(): pass\ndef no(): pass\n(yes if hasattr(viztracer, {name!r}) else no)()\n"
    assert [functions(outcome) for outcome in run_both(tmp_path, row, source, "prog.py")] == [{"no"}, {"yes"}]


def test_sessions_are_shown(sandbox):
    """test_control.py proves it in detail."""
    assert ROWS[CONTROL] == "better"
    assert not (VIZTRACER_PYTHON.parent / "viztracer-ctl").exists()
    path = sandbox.script(LISTS)
    done = sandbox.viztracer("--quiet", path)
    assert done.returncode == 0, done.stderr
    assert path in str(json.loads(done.stdout)["sessions"])


def test_test_runs():
    """test_pytest_plugin.py proves it in detail."""
    assert ROWS[PYTEST] == "better"
    code = "import importlib.metadata as m; print(*(one.name for one in m.entry_points(group='pytest11')))"
    plugins = [
        subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        for python in (VIZTRACER_PYTHON, sys.executable)
    ]
    assert ["viztracer" in found for found in plugins] == [False, True]
