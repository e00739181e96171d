"""Perfetto's own trace processor reads the reports without an import error and finds every call in them."""

import pytest
import tree
from conftest import program

DEEPEST = 512


ONE_PROCESS = ["recursion", "classes", "generators", "coroutines", "c_calls", "exceptions", "threads", "short_threads"]


@pytest.mark.parametrize(
    ("name", "output"),
    [*((name, "traced.json") for name in [*ONE_PROCESS, "fork"]), ("classes", "traced.json.gz")],
)
def test_every_call_is_a_slice(sandbox, perfetto, name, output):
    done = sandbox.viztracer("-o", output, program(f"{name}.py"))
    assert done.returncode == 0, done.stderr
    found = perfetto(sandbox.path / output)
    report = sandbox.report(output)
    assert found["errors"] == []
    assert found["slices"] == len(tree.spans(report))
    assert found["unfinished"] == 0
    assert found["threads"] == len(tree.trees(report))
    assert found["processes"] == len(tree.names(report, "process_name"))
    assert found["depth"] == 1 + max(call.depth for calls in tree.trees(report).values() for call in calls)


def test_merged_processes(sandbox, perfetto):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("primes_processes.py"))
    assert done.returncode == 0, done.stderr
    report = sandbox.merge("rings")
    found = perfetto(sandbox.path / "merged.json")
    assert found["errors"] == []
    assert found["slices"] == len(tree.spans(report))
    assert found["processes"] == 4


def test_names_are_shown_as_they_are(sandbox, perfetto):
    sandbox.trace(program("threads.py"))
    found = perfetto(sandbox.path / "traced.json")
    assert "naïve ☃" in found["threadNames"]


def test_open_calls_are_unfinished(sandbox, perfetto):
    script = sandbox.script(
        "from viztracer import VizTracer\n"
        "def open_at_the_stop(tracer):\n"
        "    tracer.stop()\n"
        "tracer = VizTracer(verbose=0)\n"
        "tracer.start()\n"
        "open_at_the_stop(tracer)\n"
        "tracer.save()\n"
    )
    done = sandbox.python(script)
    assert done.returncode == 0, done.stderr
    found = perfetto(sandbox.path / "result.json")
    assert found["errors"] == []
    assert found["unfinished"] == sum(event["ph"] == "B" for event in sandbox.report("result.json")["traceEvents"]) >= 1


def test_deep_recursion(sandbox, perfetto):
    """Perfetto draws 512 levels; it keeps what is deeper, unplaced, and says nothing of it."""
    report = sandbox.trace(program("deep_recursion.py"))
    found = perfetto(sandbox.path / "traced.json")
    assert found["errors"] == []
    assert found["slices"] == len(tree.spans(report)) > 3_000
    assert found["depth"] == DEEPEST
