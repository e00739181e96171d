"""For each function the report has as many calls as that of VizTracer 1.1.1, with the exceptions listed here."""

import re
import subprocess
import sys
from collections import Counter

import pytest
import tree
from conftest import BIN, VIZTRACER_PYTHON, program
from test_call_trees import COMPLETE, OWN

# Where VizTracer is not right: {program: {function: (calls that it counts, calls there are, why)}}
DIFFERENCES = {
    "fork": {
        "before_the_fork (fork.py:7)": (3, 1, "a forked child of VizTracer repeats what its parent recorded before"),
        "posix.fork": (5, 4, "the same: the grandchild repeats the child's own birth"),
    },
}
if sys.version_info < (3, 12):
    WHY = "VizTracer does not see threads that _thread starts"
    BARE = "bare" if sys.version_info < (3, 11) else "without_an_object.<locals>.bare"
    DIFFERENCES["threads"] = {
        f"{BARE} (threads.py:38)": (0, 1, WHY),
        "work (threads.py:12)": (8, 9, WHY),
        "leaf (threads.py:8)": (21, 23, WHY),
        "builtins.len": (21, 23, WHY),
        "_thread.lock.release": (0, 1, WHY),
    }


def test_commands_of_viztracer_are_there():
    names = {path.name for path in VIZTRACER_PYTHON.parent.iterdir() if "viz" in path.name}
    assert names >= {"viztracer", "vizviewer"} and names <= {path.name for path in BIN.iterdir()}


@pytest.mark.parametrize("name", [*COMPLETE, *OWN, "frames_open_at_stop", "fork", "primes_processes"])
def test_counts(sandbox, name):
    path = program(f"{name}.py")
    command = [VIZTRACER_PYTHON, "-m", "viztracer", "--quiet", "-o", "viztracer.json", path]
    subprocess.run(command, cwd=sandbox.path, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)

    viztracer = own_counts(sandbox.report("viztracer.json"), path, slack=1)  # it rounds begins and durations apart
    ours = own_counts(sandbox.trace(path), path)
    assert len(ours) > 1
    different = {function: (viztracer[function], ours[function]) for function in viztracer | ours}
    different = {function: counts for function, counts in different.items() if counts[0] != counts[1]}
    listed = {function: (theirs, right) for function, (theirs, right, _why) in DIFFERENCES.get(name, {}).items()}
    assert different == listed


def own_counts(report, path, slack=0):
    """Calls of the program's own functions, and of the C functions that these call, over all threads and processes."""
    directory = path.rpartition("/")[0] + "/"
    calls = (call for calls in tree.trees(report, slack).values() for call in tree.own(calls, path))
    return Counter(call.name.replace(directory, "") for call in calls)
