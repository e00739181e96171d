"""`log_torch`: what torch does is in the report, at its time. Here a stand-in for torch does it."""

import os

import pytest
import tree
from conftest import VIZTRACER_PYTHON, program

PROGRAM = program("with_torch/training.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": os.path.dirname(PROGRAM)}


def assert_operators_are_in_their_calls(report):
    events = report["traceEvents"]
    operators = [event for event in events if event.get("cat") == "cpu_op"]
    steps = [event for event in events if event["name"].startswith("step ")]
    assert [event["name"] for event in operators] == ["aten::ones"] * 3 and len(steps) == 3
    for step, operator in zip(steps, sorted(operators, key=lambda event: event["ts"])):
        assert (step["pid"], step["tid"]) == (operator["pid"], operator["tid"])
        # The two have read the wall clock each for itself.
        assert step["ts"] - 500 < operator["ts"] < operator["ts"] + operator["dur"] < step["ts"] + step["dur"] + 500
    names = tree.names(report, "process_name")
    assert names[steps[0]["pid"]] == "MainProcess"
    assert [event for event in events if "export_chrome_trace" in event["name"]] == []


@pytest.mark.parametrize("output", ["report.json", "report.json.gz"])
def test_operators_of_a_program(sandbox, output):
    done = sandbox.viztracer("--quiet", "--log_torch", "-o", output, PROGRAM, env=ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert_operators_are_in_their_calls(sandbox.report(output))


def test_operators_are_those_that_viztracer_shows(sandbox):
    command = (VIZTRACER_PYTHON, "-m", "viztracer", "--quiet", "--log_torch", "-o", "report.json", PROGRAM)
    done = sandbox.run(*command, env=ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert_operators_are_in_their_calls(sandbox.report("report.json"))


def test_operators_are_on_the_page(sandbox):
    done = sandbox.viztracer("--quiet", "--log_torch", "-o", "report.html", PROGRAM, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "aten::ones" in (sandbox.path / "report.html").read_text("utf-8")


def test_operators_of_a_part_of_a_program(sandbox):
    """A second save has them, too; a start forgets them."""
    script = sandbox.script(
        "from viztracer import VizTracer\nimport torch\n"
        "def step(n): return torch.ones(n)\n"
        "tracer = VizTracer(log_torch=True, verbose=0)\n"
        "tracer.start()\nfor n in range(3): step(n)\ntracer.stop()\n"
        "tracer.save('first.json')\ntracer.save('second.json')\n"
        "tracer.start()\nfor n in range(3): step(n)\ntracer.stop()\ntracer.save('third.json')\n"
    )
    done = sandbox.python(script, env=ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for name in ("first.json", "second.json", "third.json"):
        assert_operators_are_in_their_calls(sandbox.report(name))


def test_forked_children_end_without_it(sandbox):
    """Torch records one process, so a child does not touch the profiler of its parent."""
    script = sandbox.script(
        "import os, torch\ndef step(n): return torch.ones(n)\nfor n in range(3): step(n)\n"
        "child = os.fork()\nif not child: step(5); raise SystemExit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = sandbox.viztracer("--quiet", "--log_torch", "-o", "report.json", script, env=ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7\n", "")
    report = sandbox.report("report.json")
    assert sum(event["name"].startswith("step ") for event in report["traceEvents"]) == 4
    assert sum(event.get("cat") == "cpu_op" for event in report["traceEvents"]) == 3


def test_ring_files_cannot_hold_it(sandbox):
    done = sandbox.viztracer("--log_torch", "--pid_suffix", "--output_dir", "rings", PROGRAM, env=ENVIRONMENT)
    assert done.returncode == 2 and done.stderr.startswith("viztracer: --log_torch needs -o"), done.stderr


def test_without_torch(sandbox):
    done = sandbox.viztracer("--log_torch", PROGRAM)
    assert (done.returncode, done.stdout, done.stderr) == (1, "torch is not installed\n", "")
    code = "from viztracer import VizTracer\nVizTracer(log_torch=True)"
    assert "ModuleNotFoundError: log_torch needs the package torch" in sandbox.python("-c", code).stderr
