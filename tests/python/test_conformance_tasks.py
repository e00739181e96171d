"""Tasks of asyncio are shown as by VizTracer, but for the rows of COMPATIBILITY.md that say otherwise."""

import sys
from collections import Counter

import pytest
import tree
from conformance import ROWS, SAME, both, case

TASKS = """
import asyncio
def plain(n): return n
async def child(n):
    await asyncio.sleep(0)
    return plain(n)
async def main():
    await child(1)
    await asyncio.gather(child(2), asyncio.create_task(child(3), name="mine"))
asyncio.run(main())
plain(4)
"""
POOL = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    print(sum(pool.map(abs, range(4))))
"""
ONE_ROW, ARROWS, LATENCY = "`--log_async`", "arrows between asyncio tasks", "latency of coroutines"
POOLS = "arrows to the work of pools"
FEATURES = {ONE_ROW, ARROWS, LATENCY, POOLS}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What VizTracer and we do with the tasks."""
    tasks = case(ONE_ROW, "--quiet", "--log_async", "prog.py", files={"prog.py": TASKS}).values[0]
    return both(tmp_path_factory.mktemp("tasks"), tasks)


def calls_by_track(report):
    """How often each track has a call of each function of the program; tracks by their names."""
    names = tree.names(report, "thread_name")
    calls = ((names[event["pid"], event["tid"]], event["name"]) for event in tree.spans(report))
    return Counter((track, name.split(" ")[0]) for track, name in calls if "prog.py" in name)


def arrows(report):
    """How many begins and ends of arrows a report has."""
    return [sum(event["ph"] == kind for event in report["traceEvents"]) for kind in "sf"]


def test_each_task_has_its_calls(outcomes):
    assert ROWS[ONE_ROW] == SAME
    theirs, ours = outcomes
    assert (theirs.status, theirs.stdout, theirs.stderr) == (ours.status, ours.stdout, ours.stderr)
    assert calls_by_track(theirs.report) == calls_by_track(ours.report)
    assert calls_by_track(ours.report)["mine", "child"] == 2


def test_arrows_lead_from_tasks_to_those_that_wait(outcomes):
    """test_awaits.py proves it in detail."""
    assert ROWS[ARROWS] == "better"
    theirs, ours = (outcome.report for outcome in outcomes)
    assert (arrows(theirs), arrows(ours)) == ([0, 0], [2, 2])


def test_coroutines_have_lives(outcomes):
    """test_coroutines.py proves it in detail. Before CPython 3.12, only tasks have one."""
    assert ROWS[LATENCY] == "better"
    theirs, ours = (outcome.report for outcome in outcomes)
    assert not [event for event in theirs["traceEvents"] if event["ph"] in "be"]
    lives = Counter(event["cat"] for event in ours["traceEvents"] if event["ph"] == "b")
    # A coroutine of each `child`, that of `main`, and that of `asyncio.sleep` in each `child`.
    assert lives["task"] >= 3 and (lives["coroutine"] >= 4) == (sys.version_info >= (3, 12))


def test_arrows_lead_to_the_work_of_pools(tmp_path):
    """test_pools.py proves it in detail. Before CPython 3.12, there are none."""
    assert ROWS[POOLS] == "better"
    run = case(POOLS, "--quiet", "--log_async", "prog.py", files={"prog.py": POOL}).values[0]
    theirs, ours = both(tmp_path, run)
    assert (theirs.status, theirs.stdout) == (ours.status, ours.stdout) == (0, "6\n")
    count = 4 if sys.version_info >= (3, 12) else 0
    assert (arrows(theirs.report), arrows(ours.report)) == ([0, 0], [count, count])
