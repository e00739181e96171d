"""A ring that is too small: the newest calls are there, all open ones too, and the rest is counted to the last one."""

import pytest
import tree
from conftest import program

ENTRIES = 1_000
CALLS = 1_000_000
NEWEST = 600

BURST = f"""
from viztracer import VizTracer

def old(): pass
def newest(): pass

def outer(): inner()
def inner():
    for _ in range({CALLS - NEWEST}): old()
    for _ in range({NEWEST}): newest()
    tracer.stop()

tracer = VizTracer(tracer_entries={ENTRIES}, ignore_c_function=True, verbose=0)
tracer.start()
outer()
tracer.save()
"""


def test_the_newest_calls_and_every_open_one_survive(sandbox):
    script = sandbox.script(BURST)
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("result.json")
    (calls,) = tree.trees(report).values()
    assert calls == [
        tree.Call(0, f"outer ({script}:7)", False),
        tree.Call(1, f"inner ({script}:8)", False),
        *[tree.Call(2, f"old ({script}:4)", False)] * (ENTRIES - NEWEST),
        *[tree.Call(2, f"newest ({script}:5)", False)] * NEWEST,
    ]
    assert [event["ph"] for event in tree.spans(report)].count("B") == 2

    metadata = report["viztracer_metadata"]
    assert metadata["overflow"] is True
    ((thread,),) = [process["threads"] for process in metadata["processes"]]
    assert thread["name"] == "MainThread"
    counts = {key: thread[key] for key in ("events", "overwritten", "lost", "unfinished")}
    assert counts == {"events": ENTRIES + 2, "overwritten": CALLS - ENTRIES, "lost": 0, "unfinished": 2}


def test_a_ring_that_is_just_full_lost_nothing(sandbox):
    script = sandbox.script(
        "from viztracer import VizTracer\n"
        "def f(): pass\n"
        f"tracer = VizTracer(tracer_entries={ENTRIES}, ignore_c_function=True, verbose=0)\n"
        "tracer.start()\n"
        f"for _ in range({ENTRIES}): f()\n"
        "tracer.stop()\n"
        "tracer.save()\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("result.json")
    assert len(tree.spans(report)) == ENTRIES
    assert report["viztracer_metadata"]["overflow"] is False


@pytest.mark.parametrize("entries", [1, 2, 255, 256, 257, 5_000])
def test_every_call_is_shown_or_counted(sandbox, entries):
    """Whatever the size of the ring: calls shown and calls overwritten are all the calls there were."""
    for name, options in {"small": ["--tracer_entries", str(entries)], "whole": []}.items():
        done = sandbox.viztracer("--quiet", *options, "-o", f"{name}.json", program("burst.py"), "20000")
        assert (done.returncode, done.stdout) == (7, "10000\n")
    small, whole = sandbox.report("small.json"), sandbox.report("whole.json")
    assert total_overwritten(whole) == 0
    assert len(tree.spans(small)) + total_overwritten(small) == len(tree.spans(whole))
    names = {event["name"].partition(" (")[0] for event in tree.spans(small)}
    assert "builtins.exec" in names  # the outermost call is the newest: it ended last


def test_threads_cover_the_same_time(sandbox):
    """An idle thread's old calls go before a busy thread's new ones."""
    script = sandbox.script(
        "import threading\n"
        "def idle(): pass\n"
        "def busy(): pass\n"
        "def run_busy():\n"
        "    for _ in range(100_000): busy()\n"
        "for _ in range(100): idle()\n"
        "thread = threading.Thread(target=run_busy, name='busy')\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    report = sandbox.trace("--tracer_entries", "2000", script)
    names = [event["name"].partition(" (")[0] for event in tree.spans(report)]
    assert "idle" not in names
    assert names.count("busy") > 1_500


def total_overwritten(report):
    processes = report["viztracer_metadata"]["processes"]
    return sum(thread["overwritten"] for process in processes for thread in process["threads"])
