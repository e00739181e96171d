"""Profilers, coverage and debuggers beside the tracer: nobody is evicted, and what each shows stays the same."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import tree
from conftest import BIN, library

PROGRAM = """
import json
def work(n):
    return n + 1
def never():
    return 0
print(json.dumps([work(n) for n in range(5)]))
"""
PRINTED = "[1, 2, 3, 4, 5]\n"
QUIET = ["--quiet", "-o", "report.json"]
FROM_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")


def works(report, script):
    return sum(event["name"] == f"work ({script}:3)" for event in tree.spans(report))


# --- coverage ---

CORES = ["ctrace", "pytrace", pytest.param("sysmon", marks=FROM_3_12)]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("way", ["around viztracer", "inside"])
def test_coverage(sandbox, core, way):
    """coverage finds the lines that ran, with each of its cores, whichever of the two starts the other."""
    library("coverage")
    script = sandbox.script(PROGRAM)
    (sandbox.path / ".coveragerc").write_text(f"[run]\ncore = {core}\n")
    coverage = ["-m", "coverage", "run", "--source", "."]
    if way == "inside":
        done = sandbox.viztracer(*QUIET, *coverage, script)
    else:
        done = sandbox.python(*coverage, "-m", "viztracer", *QUIET, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED, "")
    assert works(sandbox.report("report.json"), script) == 5
    done = sandbox.python("-m", "coverage", "json", "-q", "-o", "lines.json")
    assert done.returncode == 0, done.stderr
    lines = json.loads((sandbox.path / "lines.json").read_text())["files"]["script.py"]
    assert (lines["executed_lines"], lines["missing_lines"]) == ([2, 3, 4, 5, 7], [6])


# --- cProfile and profile ---


def counts(printed):
    """How often a profiler saw each function of the program, by its table."""
    found = re.findall(r"^ *(\d+)(?:/\d+)? .*script\.py:\d+\((\w+)\)$", printed, re.MULTILINE)
    return {name: int(count) for count, name in found}


PROFILERS = ["cProfile", "profile", *(["profiling.tracing"] if sys.version_info >= (3, 15) else [])]


@pytest.mark.parametrize("profiler", PROFILERS)
def test_profiler_inside(sandbox, profiler):
    """Its table has every call. Where the interpreter has one hook per thread, the tracer's gap is said and counted."""
    script = sandbox.script(PROGRAM)
    done = sandbox.viztracer(*QUIET, "-m", profiler, script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(PRINTED)
    assert counts(done.stdout)["work"] == 5
    report = sandbox.report("report.json")
    (process,) = report["viztracer_metadata"]["processes"]
    if sys.version_info >= (3, 12):
        assert (done.stderr, process.get("gaps", 0)) == ("", 0)
        assert works(report, script) == 5
    else:
        assert done.stderr.startswith("viztracer: the program has taken the tracer's hook away")
        assert process["gaps"] >= 1


@pytest.mark.parametrize("profiler", PROFILERS)
def test_profiler_around(sandbox, profiler):
    """`python -m cProfile -m viztracer`: the program's output and its calls in the report are complete."""
    script = sandbox.script(PROGRAM)
    done = sandbox.python("-m", profiler, "-m", "viztracer", *QUIET, script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(PRINTED)
    assert works(sandbox.report("report.json"), script) == 5


# --- the sampling profiler of 3.15, which reads the memory of the process ---

FROM_3_15 = pytest.mark.skipif(sys.version_info < (3, 15), reason="profiling.sampling is new in 3.15")
SAMPLED = """
import sys, time
def work(n):
    end = time.monotonic() + 0.001
    while time.monotonic() < end: pass
    return n
def main():
    print("ready", flush=True)
    count = 0
    while not sys.stdin.closed and count < LIMIT:
        count += 1
        work(count)
        if os.path.exists("enough"): break
    print(count)
import os
main()
"""


# It gives up on a program that takes five seconds to start, as one may on a busy machine.
PATIENT = """
import runpy
import profiling.sampling.cli
assert profiling.sampling.cli._SYNC_TIMEOUT_SEC > 1
profiling.sampling.cli._SYNC_TIMEOUT_SEC = 120
runpy.run_module("profiling.sampling", run_name="__main__", alter_sys=True)
"""


def sampled(stacks, script):
    """Whether a profile of stacks, one a line, has the function of the program where it is called."""
    return re.search(r"\bmain\b[^\n]*;[^\n]*\bwork\b", stacks) is not None and Path(script).name in stacks


@FROM_3_15
def test_process_that_is_sampled(sandbox):
    """`profiling.sampling attach` finds the stacks of the program, and the trace has each of its calls."""
    script = sandbox.script(SAMPLED.replace("LIMIT", "10**9"))
    # The ring would not hold all calls of C functions of a program that runs as long as the sampler takes.
    command = [BIN / "viztracer", *QUIET, "--ignore_c_function", script]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=sandbox.path, **pipes) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            sampling = ("-m", "profiling.sampling", "attach", "-d", "2", "--collapsed", "-o", "stacks.txt")
            done = sandbox.python(*sampling, process.pid)
            (sandbox.path / "enough").touch()
            stdout, stderr = process.communicate(timeout=120)
        finally:
            process.kill()
    assert done.returncode == 0, done.stderr
    assert (process.returncode, stderr) == (0, "")
    assert works(sandbox.report("report.json"), script) == int(stdout)
    assert sampled((sandbox.path / "stacks.txt").read_text(), script)


@FROM_3_15
@pytest.mark.parametrize("way", ["around viztracer", "inside"])
def test_sampler_that_runs_the_program(sandbox, way):
    """Whichever of the two starts the other, the program's output and its calls in the report are complete."""
    script = sandbox.script(SAMPLED.replace("LIMIT", "500"))
    sandbox.script(PATIENT, "patient.py")
    sampling = ["-m", "patient"]
    arguments = ["run", "--collapsed", "-o", "stacks.txt"]
    if way == "inside":
        done = sandbox.viztracer(*QUIET, *sampling, "--", *arguments, script)
    else:
        done = sandbox.python(*sampling, *arguments, "-m", "viztracer", *QUIET, script)
    assert done.returncode == 0, done.stderr
    assert "ready\n500\n" in done.stdout and "viztracer" not in done.stderr
    assert works(sandbox.report("report.json"), script) == 500
    assert sampled((sandbox.path / "stacks.txt").read_text(), script)


# --- debuggers ---

COMMANDS = "break work\ncontinue\nprint('n is', n)\nnext\nup\nwhere\nclear 1\ncontinue\nquit\n"


def test_pdb_inside(sandbox):
    script = sandbox.script(PROGRAM)
    done = sandbox.viztracer(*QUIET, "-m", "pdb", script, input=COMMANDS)
    untraced = sandbox.python("-m", "pdb", script, input=COMMANDS)
    assert "n is 0" in untraced.stdout and PRINTED.strip() in untraced.stdout
    assert (done.returncode, done.stdout, done.stderr) == (untraced.returncode, untraced.stdout, untraced.stderr)
    assert works(sandbox.report("report.json"), script) == 5


def test_breakpoint_of_the_program(sandbox):
    """While a tool of `sys.monitoring` is active, CPython 3.13 stops one line later, as older versions do."""
    script = sandbox.script(PROGRAM.replace("return n + 1", "if n == 2: breakpoint()\n    return n + 1"))
    commands = "print('n is', n)\nnext\ncontinue\n"
    done, untraced = sandbox.viztracer(*QUIET, script, input=commands), sandbox.python(script, input=commands)
    assert "n is 2" in untraced.stdout
    assert (done.returncode, done.stderr) == (untraced.returncode, untraced.stderr) == (0, "")
    assert "(Pdb) n is 2\n" in done.stdout and done.stdout.endswith("(Pdb) [1, 2, 3, 4, 5]\n")
    assert done.stdout == untraced.stdout or sys.version_info >= (3, 13)
    assert works(sandbox.report("report.json"), script) == 5


def test_debugpy_that_listens(sandbox):
    """It listens on loopback, nobody comes, and the program runs as without it."""
    library("debugpy")
    script = sandbox.script(PROGRAM)
    done = sandbox.viztracer(*QUIET, "--ignore_multiprocess", "-m", "debugpy", "--listen", "127.0.0.1:0", script)
    assert (done.returncode, done.stdout) == (0, PRINTED), done.stderr
    assert "viztracer" not in done.stderr
    assert works(sandbox.report("report.json"), script) == 5


# --- another tool of sys.monitoring ---

TOOL = """
import sys
m = sys.monitoring
seen = []
def started(code, offset): seen.append(code.co_name)
def work(n): return n
def use():
    m.use_tool_id(ID, "other")
    m.register_callback(ID, m.events.PY_START, started)
    m.set_events(ID, m.events.PY_START)
BODY
print(m.get_tool(ID), seen.count("work"))
"""
BEFORE = (
    "use()\nfrom viztracer import VizTracer\nwith VizTracer(verbose=0, output_file='report.json'):\n"
    "    work(1)\nwork(2)"
)
WITHIN = "use()\nwork(1); work(2)"
AFTER = (
    "from viztracer import VizTracer\nwith VizTracer(verbose=0, output_file='report.json'):\n    work(0)\n"
    "use()\nwork(1); work(2)"
)


@FROM_3_12
@pytest.mark.parametrize("tool", range(4))
@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_another_tool(sandbox, when, tool):
    """A tool with any usual id sees all its events: it starts before the tracer, under it, or after it."""
    body = {"before": BEFORE, "within": WITHIN, "after": AFTER}[when]
    script = sandbox.script(TOOL.replace("ID", str(tool)).replace("BODY", body))
    if when == "within":
        find = "import sys; print(next(i for i in range(6) if sys.monitoring.get_tool(i) == 'viztracer'))"
        ours = sandbox.viztracer("--quiet", "-o", "x.json", "-c", find)
        if ours.stdout == f"{tool}\n":
            pytest.skip("the tracer itself has this id")
    done = sandbox.viztracer(*QUIET, script) if when == "within" else sandbox.python(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "other 2\n", "")
    names = Counter(event["name"].partition(" (")[0] for event in tree.spans(sandbox.report("report.json")))
    assert names["work"] == {"before": 1, "within": 2, "after": 1}[when]


# Another user of what code objects have for tools, as torch._dynamo is. The code that it knows is not known to us.
USER_OF_CODE = """
import ctypes, sys
import viztracer
if AGAIN:
    for name in [name for name in sys.modules if name.partition(".")[0] == "viztracer"]:
        del sys.modules[name]
    import viztracer
python, is_new = ctypes.pythonapi, sys.version_info >= (3, 12)
request = python.PyUnstable_Eval_RequestCodeExtraIndex if is_new else python._PyEval_RequestCodeExtraIndex
use = python.PyUnstable_Code_SetExtra if is_new else python._PyCode_SetExtra
request.restype = ctypes.c_ssize_t
use.argtypes = [ctypes.py_object, ctypes.c_ssize_t, ctypes.c_void_p]
index = request(None)
code = compile("1", "x", "exec")
assert use(code, index, None) == 0
del code
print(index)
"""


@pytest.mark.parametrize("again", [False, True])
def test_another_user_of_code_objects(sandbox, again):
    """Code dies of which only the other one knows. The package takes one slot, however often it is imported."""
    done = sandbox.python("-c", USER_OF_CODE.replace("AGAIN", str(again)))
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


# --- valgrind ---


@pytest.mark.one_version
@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_valgrind(sandbox):
    """valgrind runs the program on a processor of its own, in a process without a vDSO."""
    script = sandbox.script(PROGRAM)
    done = sandbox.run("valgrind", "-q", "--tool=none", sys.executable, "-m", "viztracer", *QUIET, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED, "")
    assert works(sandbox.report("report.json"), script) == 5
