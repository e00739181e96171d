"""Arguments of calls that are open: when the process is killed, when the trace is saved, and in a forked child."""

import json
import textwrap

import pytest

KILL = "os.kill(os.getpid(), signal.SIGKILL)"
OPTIONS = ("--quiet", "--log_func_args", "--log_func_retval", "--pid_suffix", "--output_dir", "rings")


def calls(report, pid=None):
    """The calls of the script's functions with logged arguments: names and arguments, in the order of their begins."""
    found = [event for event in report["traceEvents"] if event["ph"] in "XB" and "func_args" in event.get("args", {})]
    found.sort(key=lambda event: (event["ts"], -event.get("dur", 0)))
    names = [(event["name"].partition(" ("), event) for event in found if event["pid"] == (pid or event["pid"])]
    return [(name, event["args"]) for (name, _, file), event in names if "script.py:" in file and name != "<module>"]


def trace(sandbox, code, *options, status=0):
    ended = sandbox.viztracer(*OPTIONS, *options, "--", sandbox.script(textwrap.dedent(code)))
    assert ended.returncode == status, ended.stderr
    return sandbox.merge("rings"), ended.stdout


PROGRAM = f"""
import os, signal
def outer(a, *rest, **more):
    return inner(a + 1, "x" * 4000)
def inner(b, text):
    b = None
    {KILL}
outer(1, 2, k=[3])
"""


def test_a_killed_process(sandbox):
    report, _ = trace(sandbox, PROGRAM, status=-9)
    assert calls(report) == [
        ("outer", {"func_args": {"a": "1", "rest": "(2,)", "more": "{'k': [3]}"}, "unfinished": True}),
        ("inner", {"func_args": {"b": "2", "text": repr("x" * 4000)}, "unfinished": True}),
    ]


def test_what_is_added_later(sandbox):
    code = f"""
    import os, signal
    from viztracer import get_tracer
    def outer(n):
        for k in range(1000):
            get_tracer().add_func_args("k", k)
        inner(n)
        get_tracer().add_func_args("never", 1)
    def inner(m):
        total = 5
        total += 1
        get_tracer().add_func_args("seen", [total])
        get_tracer().add_func_args("seen", [total, total])
        {KILL}
    outer(7)
    """
    report, _ = trace(sandbox, code, "--log_func_exec", "inner", status=-9)
    outer, inner = calls(report)
    assert outer == ("outer", {"func_args": {"n": "7"}, "k": 999, "unfinished": True})
    assert inner[1]["exec_steps"] == ["(10) total = 5", "(11) total = 6"]
    assert (inner[1]["func_args"], inner[1]["seen"], inner[1]["unfinished"]) == ({"m": "7"}, [6, 6], True)


def test_a_ring_that_went_round(sandbox):
    """The arguments of open calls stay, however much was overwritten since."""
    code = f"""
    import os, signal
    def outer(a):
        for n in range(20000): inner(n)
        {KILL}
    def inner(n): pass
    outer("kept")
    """
    report, _ = trace(sandbox, code, "--tracer_entries", "1000", status=-9)
    assert calls(report)[0] == ("outer", {"func_args": {"a": "'kept'"}, "unfinished": True})
    assert all("overwritten" not in args for _, args in calls(report))


@pytest.mark.parametrize("depth", [100, 900])
def test_deep_recursion(sandbox, depth):
    code = f"""
    import os, signal
    def down(n, text):
        down(n - 1, text) if n else {KILL}
    down({depth}, "x" * 60)
    """
    report, _ = trace(sandbox, code, status=-9)
    expected = [
        ("down", {"func_args": {"n": str(n), "text": repr("x" * 60)}, "unfinished": True})
        for n in reversed(range(depth + 1))
    ]
    assert calls(report) == expected


def test_tasks(sandbox):
    code = f"""
    import asyncio, os, signal
    async def waits(n):
        await asyncio.sleep(0)
        dies(n) if n == 2 else await asyncio.sleep(9)
    def dies(n): {KILL}
    async def main(): await asyncio.gather(*(waits(n) for n in range(3)))
    asyncio.run(main())
    """
    report, _ = trace(sandbox, code, "--log_async", status=-9)
    unfinished = [(name, args["func_args"]) for name, args in calls(report) if "unfinished" in args]
    assert unfinished[-2:] == [("waits", {"n": "2"}), ("dies", {"n": "2"})]


def test_threads(sandbox):
    code = f"""
    import os, signal, threading
    ready = threading.Barrier(4)
    def waits(n):
        ready.wait()
        threading.Event().wait()
    for n in range(3): threading.Thread(target=waits, args=(n,), daemon=True).start()
    def dies(): ready.wait(); {KILL}
    dies()
    """
    report, _ = trace(sandbox, code, status=-9)
    waiting = [args for name, args in calls(report) if name == "waits"]
    assert sorted(args["func_args"]["n"] for args in waiting) == ["0", "1", "2"]
    assert all(args["unfinished"] for args in waiting)


SAVES = """
from viztracer import VizTracer
tracer = VizTracer(log_func_args=True, log_func_retval=True, verbose=0, output_file="saved.json")
def outer(a): inner([a])
def inner(b):
    {ends}
tracer.start()
outer(1)
"""


@pytest.mark.parametrize(
    "ends",
    ['tracer.stop(); tracer.save("saved.json")', 'tracer.save("saved.json"); tracer.stop()', "tracer.stop()"],
)
def test_a_trace_that_is_saved_while_calls_are_open(sandbox, ends):
    code = SAVES.format(ends=ends) + ("" if "save" in ends else 'tracer.save("saved.json")\n')
    ended = sandbox.python(sandbox.script(code))
    assert ended.returncode == 0, ended.stderr
    found = calls(json.loads((sandbox.path / "saved.json").read_text()))
    assert [(name, args["func_args"]) for name, args in found] == [("outer", {"a": "1"}), ("inner", {"b": "[1]"})]


FORKS = """
import os, signal, sys
from viztracer import get_tracer
def outer(a):
    get_tracer().add_func_args("of outer", a)
    return inner(a, {{a: "ü"}})
def inner(b, c):
    get_tracer().add_instant("before", {{"pid": os.getpid()}})
    get_tracer().add_variable("n", 1)
    get_tracer().add_func_args("before", "fork")
    ended(b)
    {fork}
def ended(n): pass
def in_child(n):
    get_tracer().add_func_args("child", n)
    get_tracer().add_instant("in child", {{"pid": os.getpid()}})
print(os.getpid())
outer(5)
"""
ENDS = {
    "returns": "pid = os.fork()\n    if pid: os.waitpid(pid, 0)\n    else: in_child(1); return 'child'",
    "is killed": f"pid = os.fork()\n    if pid: os.waitpid(pid, 0)\n    else: in_child(1); {KILL}",
    "leaves": "pid = os.fork()\n    if pid: os.waitpid(pid, 0)\n    else: in_child(1); os._exit(0)",
    "is killed as it adds": "pid = os.fork()\n    if pid: os.waitpid(pid, 0)\n    else: in_child(1);"
    f" get_tracer().add_func_args('before', 'kill'); {KILL}",
}


@pytest.mark.parametrize("how", ENDS)
def test_a_forked_child(sandbox, how):
    report, output = trace(sandbox, FORKS.format(fork=ENDS[how]))
    parent = int(output.split()[0])
    (child,) = {event["pid"] for event in report["traceEvents"]} - {parent}
    events = [event for event in report["traceEvents"] if event["ph"] in "iC" or "ended" in event["name"]]
    own = [event["args"]["pid"] for event in events if event["name"] in ("before", "in child")]
    assert own == [event["pid"] for event in events if event["name"] in ("before", "in child")]
    assert sorted(own) == sorted([parent, child])
    assert {event["pid"] for event in events if event["name"].startswith(("ended", "n = "))} == {parent}
    outer, inner, in_child = calls(report, child)
    expected = {"func_args": {"a": "5"}, "of outer": 5}
    assert {name: outer[1][name] for name in expected} == expected
    added = "kill" if how == "is killed as it adds" else "fork"
    expected = {"func_args": {"b": "5", "c": "{5: 'ü'}"}, "before": added}
    assert {name: inner[1][name] for name in expected} == expected
    if how == "returns":
        assert (inner[1]["return_value"], outer[1]["return_value"]) == ("'child'", "'child'")
    else:
        assert inner[1]["unfinished"] and outer[1]["unfinished"]
    assert in_child[0] == "in_child" and in_child[1]["child"] == 1
    assert [(name, args.get("return_value")) for name, args in calls(report, parent)] == [
        ("outer", "None"),
        ("inner", "None"),
        ("ended", "None"),
    ]
