"""Other tools that observe the traced program, as PyPI or CPython has them: nobody is evicted, and nothing breaks."""

import json
import re
import socket
from collections import Counter

import pytest
import tree
from conftest import library


def calls(report, function, file):
    """How often each process has called this function."""
    shown = re.compile(re.escape(function) + r" \(.*" + re.escape(file) + r":\d+\)")
    return Counter(event["pid"] for event in tree.spans(report) if shown.fullmatch(event["name"]))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


COVERED = "def f(n):\n    if n:\n        return 1\n    return 2\nfor n in range(5):\n    f(n)\nprint('ran')\n"


@pytest.fixture(params=["ctrace", "pytrace", "sysmon"])
def core(request, monkeypatch):
    """The ways in which coverage observes lines."""
    library("coverage")
    if request.param == "sysmon" and not hasattr(__import__("sys"), "monitoring"):
        pytest.skip("sys.monitoring begins with CPython 3.12")
    monkeypatch.setenv("COVERAGE_CORE", request.param)
    return request.param


def covered(sandbox):
    """The lines of the script that coverage saw."""
    done = sandbox.python("-m", "coverage", "json", "-o", "coverage.json", "--include", "script.py")
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = json.loads((sandbox.path / "coverage.json").read_text("utf-8"))["files"].values()
    return file["executed_lines"]


@pytest.mark.parametrize("outside", ["viztracer", "coverage"])
def test_coverage(sandbox, core, outside):
    script = sandbox.script(COVERED)
    traced = ("-m", "viztracer", "--quiet", "-o", "report.json")
    observed = ("-m", "coverage", "run")
    commands = {"viztracer": (*traced, *observed, script), "coverage": (*observed, *traced, script)}
    done = sandbox.python(*commands[outside])
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    assert covered(sandbox) == [1, 2, 3, 4, 5, 6, 7]
    assert list(calls(sandbox.report("report.json"), "f", "script.py").values()) == [5], core


@pytest.mark.parametrize("module", ["profile", "cProfile"])
def test_profilers(sandbox, module):
    """Each takes the profile hook of its thread, where the tracer has it, too, before CPython 3.12."""
    script = sandbox.script("def f(): pass\nfor n in range(5): f()\nprint('ran')\n")
    done = sandbox.viztracer("-o", "report.json", "-m", module, script)
    assert done.returncode == 0 and "ran" in done.stdout, done.stderr
    assert re.search(r"^ +5 .*script\.py:1\(f\)", done.stdout, re.MULTILINE), done.stdout
    report = sandbox.report("report.json")
    told = re.search(r"hook", done.stderr)
    assert bool(told) != (list(calls(report, "f", "script.py").values()) == [5]), done.stderr


def test_pdb(sandbox):
    script = sandbox.script("def f(n):\n    return n + 1\nfor n in range(3):\n    f(n)\nprint('ran')\n")
    commands = "break 2\ncontinue\nprint('at', n)\nclear 1\ncontinue\nquit\n"
    done = sandbox.viztracer("--quiet", "-o", "report.json", "-m", "pdb", script, input=commands)
    assert done.returncode == 0 and "at 0" in done.stdout and "ran" in done.stdout, done.stdout + done.stderr
    assert list(calls(sandbox.report("report.json"), "f", "script.py").values()) == [3]


def test_debugpy(sandbox):
    """The debugger listens; no client comes."""
    library("debugpy")
    script = sandbox.script("def f(n):\n    return n + 1\nfor n in range(3):\n    f(n)\nprint('ran')\n")
    arguments = ("-Xfrozen_modules=off", "-m", "debugpy", "--listen", f"127.0.0.1:{free_port()}", script)
    done = sandbox.python("-Xfrozen_modules=off", "-m", "viztracer", "--quiet", "-o", "report.json", *arguments[1:])
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    assert list(calls(sandbox.report("report.json"), "f", "script.py").values()) == [3]
