"""The ways to end that every system has: each call is in the report, which says how the process has ended."""

import re

import pytest
import tree
from conftest import IS_WINDOWS

PROGRAM = """
import multiprocessing, os, subprocess, sys, time

def work(): pass

def normally(): pass
def by_an_exception(): raise KeyError("mine")
def by_a_status(): sys.exit(3)
def by_exit(): os._exit(4)
def terminated():
    open("ready", "w").close()
    time.sleep(1000)

def live(end):
    print("pid", os.getpid(), flush=True)
    for _ in range(50): work()
    globals()[end]()

def start(kind, end):
    if kind == "a subprocess":
        child = subprocess.Popen([sys.executable, __file__, end])
        return child, child.wait
    child = multiprocessing.get_context("spawn").Process(target=live, args=(end,))
    child.start()
    return child, lambda: child.join() or child.exitcode

def parent(kind, end):
    child, status = start(kind, end)
    if end == "terminated":
        while not os.path.exists("ready"): time.sleep(0.01)
        child.terminate()
    print("status", status())

if __name__ == "__main__":
    parent(*sys.argv[1:]) if len(sys.argv) > 2 else live(sys.argv[1])
"""
# By end: what becomes of it, and the function that is open then.
ENDS = {
    "normally": ("exited", None),
    "by_an_exception": ("exited", None),
    "by_a_status": ("exited", None),
    "by_exit": ("left by os._exit", "by_exit"),
    "terminated": ("ended by SIGTERM", "terminated"),
}
STATUS = {"normally": 0, "by_an_exception": 1, "by_a_status": 3, "by_exit": 4}


def check(report, pid, path, end):
    ending, function = ENDS[end]
    (process,) = [process for process in report["viztracer_metadata"]["processes"] if process["pid"] == pid]
    if end == "terminated" and IS_WINDOWS:  # what subprocess and what multiprocessing has its children end with
        ending = re.fullmatch("exited with status 1 without a word|ended by SIGTERM", process["ending"])[0]
    assert process["ending"] == ending
    events = [event for event in tree.spans(report) if event["pid"] == pid]
    assert len([event for event in events if event["name"].startswith(f"work ({path}:")]) == 50
    unfinished = {e["name"].partition(" (")[0] for e in events if (e.get("args") or {}).get("unfinished")}
    assert function in unfinished if function else not unfinished


def test_a_traceback_is_that_of_the_program_alone(sandbox):
    """Whatever starts the command: on Windows, that is a program which has a script of Python inside."""
    path = sandbox.script("def fails(): raise KeyError('mine')\nfails()\n")
    plain, done = sandbox.python(path), sandbox.viztracer("--quiet", path)
    assert done.stderr == plain.stderr and "mine" in done.stderr
    assert done.returncode == plain.returncode == 1


@pytest.mark.parametrize("end", STATUS)
def test_first_process(sandbox, end):
    path = sandbox.script(PROGRAM)
    done = sandbox.viztracer(path, end)
    assert done.returncode == STATUS[end], done.stderr
    assert "Total Entries:" in done.stdout
    check(sandbox.report("result.json"), int(re.search(r"pid (\d+)", done.stdout)[1]), path, end)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", ["a subprocess", "multiprocessing"])
def test_child(sandbox, kind, end):
    path = sandbox.script(PROGRAM)
    bare = sandbox.python(path, kind, end)
    (sandbox.path / "ready").unlink(missing_ok=True)
    done = sandbox.viztracer(path, kind, end)
    assert done.returncode == 0, done.stderr
    assert re.search(r"status \S+", done.stdout)[0] == re.search(r"status \S+", bare.stdout)[0]
    check(sandbox.report("result.json"), int(re.search(r"pid (\d+)", done.stdout)[1]), path, end)
