"""Processes, threads and what is lost: as VizTracer has it, but for the rows of COMPATIBILITY.md that say otherwise."""

import sys

import pytest
from conformance import case, check

KILLED = """
import os, signal
def work(): pass
pid = os.fork()
if pid == 0:
    work()
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(pid, 0)
"""
OPEN = """
import os, signal
def work(n): os.kill(os.getpid(), signal.SIGKILL)
if os.fork() == 0:
    work(57)
os.wait()
"""
CONTINUED = """
import os, sys
def work(n):
    if os.fork():
        os.wait()
work(57)
"""
FORKED = """
import os
def before(): pass
def inside(): pass
before()
pid = os.fork()
if pid == 0:
    inside()
else:
    os.waitpid(pid, 0)
"""
STARTED = """
import subprocess, sys
if len(sys.argv) == 1:
    subprocess.run([sys.executable, "prog.py", "child"], check=True)
else:
    abs(-1)
"""
SHELL = """
import os, sys
if len(sys.argv) == 1:
    os.system(f"{sys.executable} prog.py child")
else:
    abs(-1)
"""
MULTIPROCESSING = """
import multiprocessing
def work(n): return abs(n)
if __name__ == "__main__":
    process = multiprocessing.get_context("fork").Process(target=work, args=(1,))
    process.start()
    process.join()
"""
THREAD = """
import threading
def work(): pass
thread = threading.Thread(target=work, name="mine")
thread.start()
thread.join()
"""
TOOL = """
import sys
from viztracer import VizTracer
sys.monitoring.use_tool_id(sys.monitoring.PROFILER_ID, "mine")
with VizTracer(verbose=0):
    pass
print(sys.monitoring.get_tool(sys.monitoring.PROFILER_ID))
"""
MANY = "def f(): pass\nfor _ in range(1000): f()\n"
AT_EXIT = "import atexit\ndef last(): pass\natexit.register(last)\n"
EXECS = "import os, sys\ndef before(): pass\nbefore()\nos.execv(sys.executable, [sys.executable, '-c', 'pass'])\n"


def of(source, feature, *options, **more):
    return case(feature, "--quiet", *options, "prog.py", files={"prog.py": source}, **more)


def has(name):
    """Whether a report has calls of this function."""
    return lambda events: any(key[0] == "X" and key[1].split(" ")[0] == name for key in events)


def once(name):
    return lambda events: sum(n for key, n in events.items() if key[0] == "X" and key[1].split(" ")[0] == name) == 1


CASES = [
    of(STARTED, "Python programs that a program starts", aspects=("status", "stdout", "stderr", "files")),
    of(MULTIPROCESSING, "processes of `multiprocessing`", aspects=("status", "stdout", "stderr", "files")),
    of(KILLED, "child processes that are killed", ours={"status": 0, "events": has("work")}),
    of(
        OPEN,
        "arguments of calls that are open when a process is killed",
        "--log_func_args",
        ours={"events": lambda events: "57" in str([key for key in events if key[0] == "args"])},
    ),
    of(
        CONTINUED,
        "arguments of calls that a forked child continues",
        "--log_func_args",
        aspects=("status", "stdout", "stderr", "files"),
    ),
    of(SHELL, "programs that a shell starts", ours={"status": 0, "events": has("builtins.abs")}),
    of(FORKED, "forked children", ours={"status": 0, "events": once("before")}),
    of(
        FORKED,
        "names of ranks",
        env={"RANK": "3", "WORLD_SIZE": "4"},
        ours={"events": lambda events: "rank 3 on " in str(events)},
    ),
    of(EXECS, "`exec`", ours={"status": 0, "files": ("result.json",), "events": has("before")}),
    of(AT_EXIT, "what runs at exit", ours={"status": 0, "events": has("last")}),
    of(AT_EXIT, "`--log_exit`", "--log_exit", aspects=("status", "stdout", "stderr", "files")),
    case(
        "events that are lost",
        "--tracer_entries",
        "100",
        "prog.py",
        files={"prog.py": MANY},
        ours={"status": 0, "stdout": ".*Circular buffer is full, 9[0-9]{2} early events were overwritten.*"},
    ),
    case(
        "a file that does not look like a report",
        "-o",
        "data.json",
        "prog.py",
        files={"data.json": "precious"},
        ours={
            "status": 2,
            "stdout": "",
            "stderr": ".*data.json is not replaced, since it does not look like a report.*",
        },
    ),
]
if sys.version_info >= (3, 12):
    CASES += [
        of(THREAD, "names of threads", ours={"events": lambda events: "mine" in str(events)}),
        case(
            "ids of `sys.monitoring`", "prog.py", command="python", files={"prog.py": TOOL}, ours={"stdout": "mine\n"}
        ),
    ]
FEATURES = {one_case.values[0].feature for one_case in CASES} | {"names of threads", "ids of `sys.monitoring`"}


@pytest.mark.parametrize("one_case", CASES)
def test_processes(tmp_path, one_case):
    check(tmp_path, one_case)
