"""`log_torch` and a DataLoader of torch itself, which `make test-torch` installs in a directory."""

import os
from collections import Counter

import pytest
import tree
from conftest import BIN, VIZTRACER_PYTHON, program

DIRECTORY = os.environ.get("VIZTRACER_TORCH")
PROGRAM = program("with_real_torch/loading.py")

pytestmark = [
    pytest.mark.one_version,
    pytest.mark.skipif(DIRECTORY is None, reason="torch is large: make test-torch runs this"),
]


def traced(sandbox, python, *options):
    environment = os.environ | {"PYTHONPATH": DIRECTORY}
    command = (python, "-m", "viztracer", "--quiet", *options, "-o", "report.json", PROGRAM)
    done = sandbox.run(*command, env=environment)
    assert (done.returncode, done.stdout) == (0, "66.0\n"), done.stderr
    return sandbox.report("report.json")


def main_process(report):
    (pid,) = {event["pid"] for event in tree.spans(report) if event["name"].startswith("train (")}
    return pid


def linear_operators(report):
    """The operators of the main process, and the calls of the function that runs them, in the order of their begins."""
    ours = [event for event in tree.spans(report) if event["pid"] == main_process(report)]
    calls = [event for event in ours if event["name"] == "torch._C._nn.linear"]
    operators = [event for event in ours if event["name"] == "aten::linear"]
    return [sorted(events, key=lambda event: float(event["ts"])) for events in (calls, operators)]


@pytest.mark.parametrize("python", [BIN / "python", VIZTRACER_PYTHON], ids=["ours", "VizTracer"])
def test_operators_are_in_their_calls(sandbox, python):
    calls, operators = linear_operators(traced(sandbox, python, "--log_torch"))
    assert len(calls) == len(operators) == 4
    for call, operator in zip(calls, operators):
        # The two have read the wall clock each for itself.
        begin, end = float(operator["ts"]), float(operator["ts"]) + float(operator["dur"])
        assert call["ts"] - 500 < begin < end < call["ts"] + call["dur"] + 500
        assert call["tid"] == operator["tid"]


def test_only_the_first_process_has_operators(sandbox):
    """VizTracer shows those of the main process once more for each worker."""
    report = traced(sandbox, BIN / "python", "--log_torch")
    names = tree.names(report, "process_name")
    assert sorted(names.values()) == ["MainProcess", "Process-1", "Process-2"]
    of_processes = Counter(names[event["pid"]] for event in report["traceEvents"] if event.get("cat") == "cpu_op")
    assert set(of_processes) == {"MainProcess"}


def test_workers_load_what_viztracer_shows(sandbox):
    loaded = []
    for python in (BIN / "python", VIZTRACER_PYTHON):
        report = traced(sandbox, python)
        items = [event for event in tree.spans(report) if event["name"].startswith("Numbers.__getitem__ ")]
        assert all(event["pid"] != main_process(report) for event in items)
        loaded.append(sorted(Counter(event["pid"] for event in items).values()))
    assert loaded == [[6, 6], [6, 6]]
