"""What the interpreter does is in the trace if that is asked for: what is printed, collected and audited."""

import builtins
import gc
import sys

import pytest
from conftest import BIN, VIZTRACER_PYTHON
from viztracer import VizTracer


@pytest.fixture
def traced(tmp_path):
    """traced(act, **options) -> the instants and counters that a tracer with these options records."""

    def traced(act, **options):
        tracer = VizTracer(verbose=0, register_global=False, output_file=str(tmp_path / "out.json"), **options)
        tracer.start()
        try:
            act()
        finally:
            tracer.stop()
            events = tracer.load()  # otherwise the tracer reports at exit that nothing was saved
        return [(event["ph"], event["name"], event["args"]) for event in events if event["ph"] in "iC"]

    return traced


def test_printed_text_is_in_the_trace_and_nowhere_else(traced, capsys, tmp_path):
    before = print

    def act():
        print("a", 1, sep="-", end="!")
        print()
        with open(tmp_path / "file", "w") as file:
            print("to a file", file=file)

    events = traced(act, log_print=True)
    assert [event[1] for event in events] == ["print - a-1!", "print - \n"]
    assert capsys.readouterr().out == "" and (tmp_path / "file").read_text() == "to a file\n"
    assert print is before


def test_print_prints_again_after_an_error(traced, capsys):
    def act():
        print(Unprintable())

    with pytest.raises(KeyError):
        traced(act, log_print=True)
    print("again")
    assert capsys.readouterr().out == "again\n"


class Unprintable:
    def __str__(self):
        raise KeyError


def test_garbage_collections_are_counted(traced):
    def act():
        cycle = []
        cycle.append(cycle)
        del cycle
        gc.collect()

    before = list(gc.callbacks)
    gc.disable()  # the only one is that of `act`
    try:
        first, last = traced(act, log_gc=True)
    finally:
        gc.enable()
    name = "garbage collection"
    assert first == ("C", name, {"collecting": 1, "collected": 0, "uncollectable": 0})
    assert last[1] == name and last[2]["collecting"] == 0 and last[2]["collected"] >= 1
    assert gc.callbacks == before


def test_audit_events_by_name(traced):
    def act():
        sys.audit("my.event", 1, "x", Unprintable())
        sys.audit("other.event", 5)
        sys.audit("my", 2)

    mine = ("i", "my.event", {"args": ["1", "x", "Not Displayable"]})
    assert traced(act, log_audit=["my.*"]) == [mine, ("i", "my", {"args": ["2"]})]
    assert traced(act, log_audit=[r"my\.e"]) == []
    assert mine in traced(act, log_audit=[]) and ("i", "other.event", {"args": ["5"]}) in traced(act, log_audit=[])
    assert traced(act) == []


def test_kept_print_prints_when_nothing_is_recorded(capsys):
    tracer = VizTracer(verbose=0, register_global=False, log_print=True)
    tracer.start()
    kept = print
    tracer.stop()
    kept("kept")
    tracer.clear()
    assert capsys.readouterr().out == "kept\n"


def test_print_of_the_program_stays(monkeypatch):
    monkeypatch.setattr(builtins, "print", print)
    tracer = VizTracer(verbose=0, register_global=False, log_print=True)
    tracer.start()
    builtins.print = mine = lambda *values: None
    tracer.stop()
    tracer.clear()
    assert print is mine


FULL_STACK = """
import gc, os, sys
gc.set_threshold(1)
sys.setrecursionlimit(200)
class Node: pass
def full(depth):
    if depth:
        return full(depth - 1)
    os.listdir(".")
    return [Node() for _ in range(9)]
for depth in range(300):
    try:
        full(depth)
    except RecursionError:
        break
print(depth)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="C functions take space on the stack of Python calls, too")
@pytest.mark.parametrize("option", ["--log_gc", "--log_audit"])
def test_they_take_nothing_of_the_stack(sandbox, option):
    """Neither is the program stopped nor is something printed where it has used up its stack."""
    path = sandbox.script(FULL_STACK)
    plain = sandbox.python(path)
    done = sandbox.viztracer("--quiet", "-o", "out.json", option, "--", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, plain.stdout, "")


@pytest.mark.parametrize("options", [["--log_print"], ["--log_gc"]], ids=str)
def test_events_are_those_of_viztracer(sandbox, options):
    path = sandbox.script("import gc\ngc.disable()\nprint('a', 'b')\nprint('c', end='')\nprint()\ngc.collect()\n")
    reports = []
    for command in (VIZTRACER_PYTHON.parent / "viztracer", BIN / "viztracer"):
        done = sandbox.run(command, "--quiet", "-o", "out.json", *options, "--", path)
        assert done.returncode == 0, done.stderr
        events = [event for event in sandbox.report("out.json")["traceEvents"] if event["ph"] in "iC"]
        for event in events:
            (event.get("args") or {}).pop("collected", None)
        reports.append(
            (done.stdout, [(event["ph"], event["name"], event.get("args"), event.get("s")) for event in events])
        )
    assert reports[0] == reports[1] and reports[0][1]
