"""Logged data: instants, counters, objects, raw events, arguments and return values, by the methods of the tracer."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import BIN

HEAD = """
import gc, json, os, signal, sys, threading, time
from viztracer import VizTracer
t = VizTracer(verbose=0, output_file="out.json")
"""
DOES_NOT_LOG_YIELDS = sys.version_info < (3, 12)


def run(sandbox, source, head=HEAD, **options):
    """Runs the program, which begins with a tracer `t`; its report, in the order of the events, without metadata."""
    done = sandbox.python(sandbox.script(head + source), **options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    return events_of(sandbox.report("out.json"))


def events_of(report):
    return [event for event in report["traceEvents"] if event["ph"] != "M"]


def named(events, name):
    return [event for event in events if event.get("name") == name]


def args_of(events, name):
    """The arguments of the only event whose name begins so."""
    (event,) = [event for event in events if event["name"].split(" (")[0] == name]
    return event.get("args")


def without(event, *names):
    return {name: value for name, value in event.items() if name not in ("pid", "tid", "ts", *names)}


# --- the kinds of events ---


def test_events_have_the_shapes_of_viztracer(sandbox):
    events = run(
        sandbox,
        """
t.start()
t.add_instant("plain")
t.add_instant("with", {"a": 1, "b": [None, True, 1.5, "x"]}, "p")
t.add_instant(name="thread", args=None, scope="t")
t.add_instant("thread args", {"k": 1}, "t")
t.add_instant("number", 5)
t.add_counter("memory", {"rss": 5, "vms": 2.5})
t.add_counter("no object", 5)
t.add_object("N", "7", "thing")
t.add_object("O", "7", "thing", {"snapshot": {"x": 1}})
t.add_object("D", "7", "thing")
t.add_raw({"ph": "b", "name": "async", "cat": "c", "id": 5, "pid": 1, "tid": 2})
t.stop()
t.save()
""",
    )
    (pid,) = {event["pid"] for event in events}
    assert {event["tid"] for event in events} == {pid}
    shapes = [without(event) for event in events if event.get("cat") != "FEE"]
    assert shapes == [
        {"ph": "i", "cat": "INSTANT", "name": "plain", "args": None, "s": "g"},
        {"ph": "i", "cat": "INSTANT", "name": "with", "args": {"a": 1, "b": [None, True, 1.5, "x"]}, "s": "p"},
        {"ph": "i", "cat": "INSTANT", "name": "thread", "args": None, "s": "t"},
        {"ph": "i", "cat": "INSTANT", "name": "thread args", "args": {"k": 1}, "s": "t"},
        {"ph": "i", "cat": "INSTANT", "name": "number", "args": 5, "s": "g"},
        {"ph": "C", "name": "memory", "args": {"rss": 5, "vms": 2.5}},
        {"ph": "C", "name": "no object", "args": 5},
        {"ph": "N", "id": "7", "name": "thing"},
        {"ph": "O", "id": "7", "name": "thing", "args": {"snapshot": {"x": 1}}},
        {"ph": "D", "id": "7", "name": "thing"},
        {"ph": "b", "name": "async", "cat": "c", "id": 5},
    ]
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)


def test_a_span_lies_where_its_times_say(sandbox):
    events = run(
        sandbox,
        """
def work():
    begin = t.getts()
    inner()
    t.add_raw({"ph": "X", "name": "block", "ts": begin, "dur": t.getts() - begin, "cat": "FEE", "args": {"k": 1}})
def inner():
    time.sleep(0.02)
t.start()
work()
now = t.getts()
t.add_raw({"ph": "i", "name": "before", "ts": now - 10_000, "s": "t"})
t.stop()
print(now, time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1000)
t.save()
""",
    )
    (work,) = [event for event in events if event["name"].startswith("work (")]
    (inner,) = [event for event in events if event["name"].startswith("inner (")]
    (block,) = named(events, "block")
    (before,) = named(events, "before")
    end = lambda event: event["ts"] + event["dur"]  # noqa: E731
    assert work["ts"] <= block["ts"] <= inner["ts"] and end(inner) <= end(block) <= end(work)
    assert 20_000 <= block["dur"] and block["args"] == {"k": 1} and block["cat"] == "FEE"
    assert before["ts"] < work["ts"] + work["dur"]


def test_a_span_is_a_call_in_the_other_reports(sandbox):
    source = """
t.start()
def work():
    begin = t.getts()
    sum([1])
    t.add_raw({"ph": "X", "name": "block (x.py:1)", "ts": begin, "dur": t.getts() - begin, "cat": "FEE"})
work()
t.stop()
t.save()
"""
    run(sandbox, source)
    done = sandbox.viztracer_merge("out.json", "-o", "again.folded")
    assert done.returncode == 0, done.stderr
    lines = (sandbox.path / "again.folded").read_text().splitlines()
    assert any("work (" in line and "block (x.py:1)" in line for line in lines), lines


def test_perfetto_shows_all_of_it(sandbox, perfetto):
    script = sandbox.script("""
from viztracer import get_tracer
t = get_tracer()
t.stop()
t.log_func_args = t.log_func_retval = True
t.start()
def f(n):
    begin = t.getts()
    t.add_instant("global"); t.add_instant("thread", {"n": n}, "t")
    t.add_counter("memory", {"rss": n})
    for ph in "NO": t.add_object(ph, "7", "thing", {"snapshot": {"n": n}})
    for ph in "bne": t.add_raw({"ph": ph, "name": "async", "cat": "c", "id": str(n)})
    t.add_func_args("more", {"n": [n, None]})
    t.add_raw({"ph": "X", "name": "block", "ts": begin, "dur": t.getts() - begin})
    return str(n)
for n in range(5): f(n)
""")
    done = sandbox.viztracer("--output_dir", "rings", "--pid_suffix", script)
    assert done.returncode == 0, done.stderr
    (ring,) = (sandbox.path / "rings").glob("*.bin")
    for output in ("out.json", "out.pftrace"):
        assert sandbox.viztracer_merge(ring, "-o", output).returncode == 0
        calls = "select count(*) from slice where name like 'f (%'"
        values = (
            "select distinct string_value from args join slice using (arg_set_id)"
            " where name like 'f (%' and key like '%func_args.n' order by 1"
        )
        blocks = (
            "select count(*) from slice s join slice f on f.id = s.parent_id"
            " where s.name = 'block' and f.name like 'f (%'"
        )
        counters = "select count(*) from counter join counter_track t on t.id = track_id where t.name like 'memory%'"
        found = perfetto(sandbox.path / output, calls, values, blocks, counters)
        assert found["errors"] == [], output
        rows = [[value for row in rows for value in row.values()] for rows in found["rows"]]
        assert rows == [[5], [str(n) for n in range(5)], [5], [5]], (output, rows)


def test_times(sandbox):
    done = sandbox.python(
        sandbox.script(
            HEAD
            + """
def monotonic(): return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
def real(): return time.clock_gettime_ns(time.CLOCK_REALTIME)
times = [monotonic(), t.getts() * 1000, monotonic()]
time.sleep(0.05)
later = [monotonic(), t.getts() * 1000, monotonic()]
begin, wall, end = monotonic(), real(), monotonic()
print(json.dumps([times, later, [wall - end, t.get_base_time(), wall - begin]]))
"""
        )
    )
    times, later, base = json.loads(done.stdout)
    for before, told, after in (times, later):
        assert before - 1000 <= told <= after + 1000, "microseconds of the monotonic clock"
    assert base[0] - 50e6 < base[1] < base[2] + 50e6, "somebody may set the wall clock"


def test_nothing_is_logged_before_the_start_and_after_the_stop(sandbox):
    log = """
t.add_instant("{0}"); t.add_counter("{0}", {{}}); t.add_object("N", "1", "{0}"); t.add_raw({{"name": "{0}"}})
t.add_func_args("{0}", 1); t.add_func_exec("{0}", 1, 1); assert t.get_func_args() is None
"""
    while_it_records = """
other = VizTracer(verbose=0, register_global=False)
t.start()
t.add_instant("while")
other.add_instant("of another tracer")
t.stop()
"""
    events = run(sandbox, log.format("before") + while_it_records + log.format("after") + "t.save()\n")
    assert [event["name"] for event in events if event["ph"] in "iCN"] == ["while"]


@pytest.mark.parametrize(
    "call, error",
    [
        ("t.add_instant('x', None, 'q')", "ValueError: Scope must be one of 'g', 'p', 't'"),
        ("t.add_instant('x', None, 5)", "TypeError: Scope must be a string"),
        ("t.add_instant(5)", "TypeError"),
        ("t.add_instant()", "TypeError"),
        ("t.add_counter('c')", "TypeError"),
        ("t.add_raw(5)", "TypeError"),
        ("t.add_func_args(5, 1)", "TypeError"),
        ("t.add_func_args('x')", "TypeError"),
        ("t.add_object('N', '1')", "TypeError"),
    ],
)
def test_bad_calls_raise(sandbox, call, error):
    done = sandbox.python(sandbox.script(HEAD + f"t.start()\n{call}\n"))
    assert done.returncode == 1
    assert any(line.startswith(error) for line in done.stderr.splitlines()), done.stderr


# --- values ---

VALUES = {
    "str": ('"é\\n\\"\\\\"', 'é\n"\\'),
    "surrogate": ("'a\\udc80'", "a\\udc80"),
    "nul": ("'a\\0b'", "a\0b"),
    "int": ("-5", -5),
    "64 bits": ("2**63", 2**63),
    "hundred digits": ("10**100", 10**100),
    "many digits": ("10**400", str(10**400)),
    "very many digits": ("-(1 << 3000)", hex(-(1 << 3000))),
    "nan": ("float('nan')", "nan"),
    "inf": ("[float('inf'), -float('inf')]", ["inf", "-inf"]),
    "float": ("[1.0, 1e300, -0.1]", [1.0, 1e300, -0.1]),
    "bool": ("(True, False, None)", [True, False, None]),
    "keys": ("{1: 1, None: 2, True: 3, 1.5: 4, (1,): 5}", {"1": 3, "null": 2, "1.5": 4, "<tuple object>": 5}),
    "object": ("[object(), b'x', {1}, Class(), Class, 1j]", None),
    "derived": ("[Text('x'), Number(3), Dictionary(a=1), List([1])]", ["x", 3, {"a": 1}, [1]]),
}


def test_values_become_json_or_say_what_they_are(sandbox):
    calls = "\n".join(f"t.add_instant({name!r}, {{'v': {value}}})" for name, (value, _) in VALUES.items())
    events = run(
        sandbox,
        """
class Class:
    def __repr__(self): raise SystemExit
    __str__ = __getattr__ = __iter__ = __len__ = __repr__
class Text(str):
    def __str__(self): raise SystemExit
class Number(int):
    def __index__(self): raise SystemExit
class Dictionary(dict):
    def __iter__(self): raise SystemExit
    def keys(self): raise SystemExit
class List(list):
    def __iter__(self): raise SystemExit
t.start()
"""
        + calls
        + """
loop = []
loop.append(loop)
t.add_instant("cycle", {"v": loop})
deep = 5
for _ in range(10_000):
    deep = [deep]
t.add_instant("deep", {"v": deep})
t.add_instant("twice", {"a": [VALUE := [1]], "b": VALUE})
t.add_instant("long", {"first": 1, "v": "x" * 10_000_000, "last": 2})
t.add_instant("many", {"v": list(range(1_000_000)), "last": 2})
t.add_counter("counter", {"v": float("nan"), "o": object()})
t.stop()
t.save()
""",
    )
    for name, (_, expected) in VALUES.items():
        if expected is not None:
            assert args_of(events, name)["v"] == expected, name
    shown = ["<object object>", "<bytes object>", "<set object>", "<Class object>", "<type object>", "<complex object>"]
    assert args_of(events, "object")["v"] == shown
    assert args_of(events, "cycle")["v"] == ["<list inside of itself>"]
    assert json.dumps(args_of(events, "deep")).count("[") == 99  # and the dictionary around
    assert args_of(events, "twice") == {"a": [[1]], "b": [1]}
    long = args_of(events, "long")
    assert long["first"] == 1 and "more bytes)" in long["v"] and long["v"].startswith("xxx")
    many = args_of(events, "many")["v"]
    assert many[:3] == [0, 1, 2] and many[-1] == f"... ({1_000_000 - len(many) + 1} more)"
    assert args_of(events, "counter") == {"v": "nan", "o": "<object object>"}


def test_large_integers_run_no_python(sandbox):
    events = run(
        sandbox,
        """
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
big = 1 << 200000
t.log_func_args = True
def takes(it): pass
t.start()
t.add_instant("big", {"it": big}, "t")
t.add_counter("big", {"it": big})
t.add_raw({"ph": "i", "name": "big", "args": {"it": big}})
takes(big)
t.stop()
assert "_pylong" not in sys.modules
t.save()
""",
    )
    values = [event["args"]["it"][:10] for event in named(events, "big")]
    assert values == ["0x10000000"] * 3


def test_a_raw_event_may_change_while_it_is_logged(sandbox):
    events = run(
        sandbox,
        """
class Number:
    def __float__(self):
        event.update({f"more {n}": n for n in range(100)})
        return 1.0
event = {"ph": "X", "name": "changes", "ts": Number(), "dur": 1.0, "last": 1}
t.start()
t.add_raw(event)
t.stop()
t.save()
""",
    )
    (event,) = named(events, "changes")
    assert event["last"] == 1
    assert "more 0" not in event


def test_an_event_keeps_its_name_if_the_recording_restarts_meanwhile(sandbox):
    events = run(
        sandbox,
        """
class Number:
    def __float__(self):
        t.stop()
        t.save("earlier.json")
        t.start()
        for n in range(30):
            t.add_instant(f"wrong {n}", {}, "t")
        return 1.0
t.start()
for n in range(3):
    t.add_instant(f"before {n}", {}, "t")
t.add_raw({"ph": "X", "name": "right", "ts": Number(), "dur": 1.0, "args": {"mark": 1}})
t.stop()
t.save()
""",
    )
    (event,) = [event for event in events if "mark" in (event.get("args") or {})]
    assert event["name"] == "right"


def test_code_that_uses_the_variables_of_its_module_leaves_them_alone(sandbox):
    run(
        sandbox,
        """
import types
t.log_func_args = True
def f(x): pass
code = f.__code__.replace(co_flags=f.__code__.co_flags & ~3)
variables = {"keep": 1, "__builtins__": __builtins__}
t.start()
types.FunctionType(code, variables)(1)
t.stop()
t.save()
assert "keep" in variables
""",
    )


def test_names_of_any_kind_and_number(sandbox):
    events = run(
        sandbox,
        """
t.start()
for n in range(10_000):
    t.add_instant(f"event {n}", scope="t")
    t.add_counter(f"counter {n}", {"n": n})
t.add_instant("n" * 5000, scope="t")
t.add_instant("\\udc80", scope="t")
t.add_instant("", scope="t")
t.stop()
t.save()
""",
    )
    instants = [event["name"] for event in events if event["ph"] == "i"]
    assert instants == [*(f"event {n}" for n in range(10_000)), "n" * 5000, "\\udc80", ""]
    assert [event["args"]["n"] for event in events if event["ph"] == "C"] == list(range(10_000))


# --- arguments of calls ---


def test_arguments_that_a_function_adds_to_its_own_call(sandbox):
    events = run(
        sandbox,
        """
def outer(n):
    t.add_func_args("n", n)
    inner()
    t.add_func_args("n", [n])
    t.add_func_args("more", "x")
    if n:
        outer(n - 1)
    assert t.get_func_args() == {"n": [n], "more": "x"}
def inner():
    for line in range(3):
        t.add_func_exec("n", line, line)
def fails():
    t.add_func_args("why", "it fails")
    raise ValueError
def none():
    assert t.get_func_args() is None
def gives():
    t.add_func_args("first", 1)
    yield 1
    t.add_func_args("second", 2)
t.start()
outer(1)
try: fails()
except ValueError: pass
none()
list(gives())
t.stop()
t.save()
""",
    )
    calls = [event for event in events if event["name"].startswith("outer (")]
    assert [call["args"] for call in calls] == [{"n": [0], "more": "x"}, {"n": [1], "more": "x"}]
    inner = [event for event in events if event["name"].startswith("inner (")]
    assert inner[0]["args"] == {"exec_steps": ["(0) n = 0", "(1) n = 1", "(2) n = 2"]} and len(inner) == 2
    assert args_of(events, "fails") == {"why": "it fails", "raised": True}
    assert args_of(events, "none") is None
    assert [event["args"] for event in events if event["name"].startswith("gives (")] == [{"first": 1}, {"second": 2}]


LOGGED = """
t.log_func_args = t.log_func_retval = True
t.start()
"""


def test_arguments_and_return_values_are_logged_as_viztracer_does(sandbox):
    events = run(
        sandbox,
        """
def all_kinds(a, b=2, /, c=3, *args, d, **more):
    local = a
    return local
def none(): pass
def cell(x):
    return lambda: x
def fails(n): raise ValueError(n)
def gives(n):
    yield n
class Class:
    def method(self, q): return [q]
    def __repr__(self): return "<it>"
def deletes(a):
    del a
    return 1
"""
        + LOGGED
        + """
all_kinds(1, d="é'", x=[1, {2: 3}])
none()
cell("x")
try: fails(1)
except ValueError: pass
list(gives(5))
Class().method(1.5)
deletes(0)
exec("y = 1")
len([])
t.stop()
t.save()
""",
    )
    args = {"a": "1", "b": "2", "c": "3", "d": repr("é'"), "args": "()", "more": "{'x': [1, {2: 3}]}"}
    assert args_of(events, "all_kinds") == {"func_args": args, "return_value": "1"}
    assert list(args_of(events, "all_kinds")["func_args"]) == ["a", "b", "c", "d", "args", "more"]
    assert args_of(events, "none") == {"func_args": {}, "return_value": "None"}
    assert args_of(events, "cell")["func_args"] == {"x": "'x'"}
    fails = args_of(events, "fails")
    assert (fails["func_args"], fails["raised"]) == ({"n": "1"}, True)
    if not DOES_NOT_LOG_YIELDS:
        assert fails["return_value"] == "ValueError(1)"
    spans = [event["args"] for event in events if event["name"].startswith("gives (")]
    assert [span["func_args"] for span in spans] == [{"n": "5"}, {"n": "5"}]
    assert [span["return_value"] for span in spans] == ["5", "None"]
    assert args_of(events, "Class.method" if sys.version_info >= (3, 11) else "method") == {
        "func_args": {"self": "<it>", "q": "1.5"},
        "return_value": "[1.5]",
    }
    assert args_of(events, "deletes") == {"func_args": {"a": "0"}, "return_value": "1"}
    assert args_of(events, "builtins.len") is None
    assert not [event for event in events if "__repr__" in event["name"]]


@pytest.mark.parametrize(
    "kind, expected", [("func_args", {"func_args": {"n": "1"}}), ("func_retval", {"return_value": "2"})]
)
def test_one_of_both(sandbox, kind, expected):
    events = run(
        sandbox, f"def f(n): return n + 1\nt.log_{kind} = True\nt.start()\nf(1)\nt.stop()\nt.save()\n"
    )
    assert args_of(events, "f") == expected


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before, the interpreter itself keeps arguments of open calls")
def test_values_are_kept_no_longer_than_without_a_tracer(sandbox):
    run(
        sandbox,
        """
import weakref
class It: pass
def drops(it):
    known = weakref.ref(it)
    del it
    gc.collect()
    assert known() is None
"""
        + LOGGED
        + "drops(It())\nt.stop()\nt.save()\n",
    )


def test_other_hooks_see_the_variables_of_the_functions(sandbox):
    events = run(
        sandbox,
        """
seen = []
def watch(frame, event, argument):
    if frame.f_code.co_name == "f":
        seen.append((event, frame.f_locals.get("n")))
    return watch
def f(n):
    before = locals()
    n += 1
    return n, before
"""
        + LOGGED
        + """
sys.settrace(watch)
assert f(1)[0] == 2
threads = [threading.Thread(target=f, args=(n,)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.settrace(None)
t.stop()
assert seen[0] == ("call", 1) and ("return", 2) in seen, seen
t.save()
""",
    )
    shown = sorted(event["args"]["func_args"]["n"] for event in events if event["name"].startswith("f ("))
    assert shown == ["0", "1", "1", "2"]


HOSTILE = {
    "raises": "def __repr__(self): raise ValueError",
    "raises what ends programs": "def __repr__(self): raise SystemExit",
    "no string": "def __repr__(self): return 5",
    "recurses": "def __repr__(self): return repr(self)",
    "calls the tracer": """
    def __repr__(self):
        t.add_instant("from repr"); t.add_func_args("from repr", 1); t.add_counter("from repr", {}); t.getts()
        t.add_raw({"name": "from repr"}); t.get_func_args(); traced(1)
        return "shown"
""",
    "stops the tracer": """
    def __repr__(self):
        t.stop(); t.start()
        return "shown"
""",
    "starts a thread": """
    def __repr__(self):
        thread = threading.Thread(target=traced, args=(1,)); thread.start(); thread.join()
        return "shown"
""",
    "forks": """
    def __repr__(self):
        pid = os.fork()
        if pid == 0:
            os._exit(traced(7) - 7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        return "shown"
""",
    "is long": "def __repr__(self): return 'x' * 100_000",
    "has surrogates": "def __repr__(self): return '\\udc80'",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_repr_harms_nothing_but_its_text(sandbox, name):
    events = run(
        sandbox,
        "class It:\n    "
        + HOSTILE[name].strip()
        + """
def traced(n): return n
def takes(it, n):
    return it
"""
        + LOGGED
        + """
for n in range(3):
    try:
        raise KeyError
    except KeyError:
        takes(It(), n)
t.stop()
t.save()
""",
    )
    calls = [event["args"] for event in events if event["name"].startswith("takes (")]
    assert all("from repr" not in json.dumps(event) for event in events)
    if name == "stops the tracer":
        return
    assert [call["func_args"]["n"] for call in calls] == ["0", "1", "2"]
    expected = {
        "is long": "x" * 4096 + "... (cut)",
        "has surrogates": "\\udc80",
        "calls the tracer": "shown",
        "starts a thread": "shown",
        "forks": "shown",
    }.get(name, "Not Displayable")
    assert calls[0]["func_args"]["it"] == expected
    shown = {call["func_args"]["it"] for call in calls} | {call["return_value"] for call in calls}
    assert shown <= {expected, "<It object, whose repr is slow>"}  # on a busy machine


def test_a_slow_repr_is_not_called_again(sandbox):
    begin = time.monotonic()
    events = run(
        sandbox,
        "class It:\n    def __repr__(self):\n        time.sleep(0.5)\n        return 'slow'\n"
        + "def takes(it): pass\n"
        + LOGGED
        + "for _ in range(100): takes(It())\nt.stop()\nt.save()\n",
    )
    shown = [event["args"]["func_args"]["it"] for event in events if event["name"].startswith("takes (")]
    assert shown == ["slow"] + ["<It object, whose repr is slow>"] * 99
    assert time.monotonic() - begin < 20


def test_an_interrupt_during_repr_reaches_the_program(sandbox):
    source = """
class It:
    def __repr__(self):
        signal.raise_signal(signal.SIGINT)
        return "x"
def takes(it): pass
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
    source += LOGGED + "try:\n    takes(It())\n    sum(range(10))\nexcept KeyboardInterrupt: print('interrupted')\n"
    done = sandbox.python(sandbox.script(HEAD + source + "t.stop()\nt.save()\n"))
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


def test_the_function_that_shows_values_is_the_programs(sandbox):
    events = run(
        sandbox,
        """
def show(value):
    if value == 2: raise ValueError
    if value == 3: return 3
    return f"<{value}>"
def f(*values): return "x"
def g(a, b, c): return 1
t.log_func_args, t.log_func_retval, t.log_func_repr = True, True, show
t.start()
f()
g(1, 2, 3)
t.stop()
t.save()
""",
    )
    assert args_of(events, "f") == {"func_args": {"values": "<()>"}, "return_value": "<x>"}
    displayed = {"a": "<1>", "b": "Not Displayable", "c": "Not Displayable"}
    assert args_of(events, "g") == {"func_args": displayed, "return_value": "<1>"}
    assert not [event for event in events if event["name"].startswith("show (")]


def test_repr_is_only_called_for_what_is_recorded(sandbox):
    run(
        sandbox,
        """
shown = []
class It:
    def __init__(self, n): self.n = n
    def __repr__(self):
        shown.append(self.n)
        return "it"
def level(n, it):
    if n < 4: level(n + 1, It(n + 1))
    return it
t = VizTracer(verbose=0, output_file="out.json", max_stack_depth=2, min_duration=0)
"""
        + LOGGED
        + "level(1, It(1))\nt.stop()\nt.save()\nassert set(shown) == {1, 2}, shown\n",
    )


# --- threads, tasks, forks, kills ---


def test_threads_and_tasks_log_for_themselves(sandbox):
    events = run(
        sandbox,
        """
import asyncio
t = VizTracer(verbose=0, output_file="out.json", log_async=True)
def work(n):
    t.add_func_args("n", n)
    for k in range(500):
        t.add_counter("k", {"n": n, "k": k})
async def job(n):
    await asyncio.sleep(0)
    t.add_instant("job", {"n": n})
async def jobs(): await asyncio.gather(*(job(n) for n in range(3)))
t.log_func_args = True
t.start()
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
asyncio.run(jobs())
t.stop()
t.save()
""",
    )
    works = {event["args"]["n"]: event["tid"] for event in events if event["name"].startswith("work (")}
    assert set(works) == {0, 1, 2, 3}
    for n, tid in works.items():
        own = [event["args"]["k"] for event in events if event["ph"] == "C" and event["tid"] == tid]
        assert own == list(range(500)), n
    jobs = named(events, "job")
    assert sorted(event["args"]["n"] for event in jobs) == [0, 1, 2] and len({event["tid"] for event in jobs}) == 3


def test_a_forked_child_logs_into_a_file_of_its_own(sandbox):
    script = sandbox.script("""
import os
from viztracer import get_tracer
t = get_tracer()
def f():
    t.add_func_args("whose", "parent")
    t.add_instant("common", scope="t")
    pid = os.fork()
    t.add_instant("common", {"child": pid == 0}, scope="t")
    t.add_func_args("child", pid == 0)
    if pid:
        os.waitpid(pid, 0)
f()
""")
    report = sandbox.trace(script)
    instants = [(event["pid"], event["args"]) for event in report["traceEvents"] if event["name"] == "common"]
    parent = instants[0][0]
    found = sorted(((pid == parent), args and args["child"]) for pid, args in instants[1:])
    assert found == [(False, True), (True, False)]
    calls = [(e["pid"] == parent, e["args"]) for e in report["traceEvents"] if e["name"].startswith("f (")]
    assert (True, {"whose": "parent", "child": False}) in calls
    (args,) = [args for is_parent, args in calls if not is_parent]
    assert args == {"whose": "parent", "child": True}


@pytest.mark.parametrize("entries", [1_000_000, 2_000])
def test_a_killed_process_loses_at_most_one_event(sandbox, entries):
    script = sandbox.script("""
import os, signal
from viztracer import get_tracer
t = get_tracer()
t.stop()
t.log_func_args = t.log_func_retval = True
t.start()
def f(n): return n
for n in range(20_000):
    f(n)
    t.add_counter("n", {"n": n})
    t.add_instant(f"event {n}", {"n": n, "text": "x" * (n % 300)})
os.kill(os.getpid(), signal.SIGKILL)
""")
    options = ["--tracer_entries", str(entries), "--output_dir", "rings", "--pid_suffix"]
    done = sandbox.viztracer(*options, script)
    assert done.returncode == -signal.SIGKILL
    (ring,) = (sandbox.path / "rings").glob("*.bin")
    report = sandbox.merge(ring)
    events = events_of(report)
    assert "overwritten" not in {name for event in events for name in event.get("args") or ()}
    counters = [event["args"]["n"] for event in events if event["name"] == "n"]
    instants = [event["args"]["n"] for event in events if event["name"].startswith("event ")]
    calls = [event["args"]["return_value"] for event in events if event["name"].startswith("f (")]
    for found in (counters, instants, [int(value) for value in calls]):
        assert found[-1] == 19_999 and found == list(range(found[0], 20_000))
        assert len(found) == 20_000 if entries > 20_000 else len(found) > entries // 5


def test_kills_at_any_moment(sandbox):
    script = sandbox.script("""
from viztracer import get_tracer
t = get_tracer()
t.stop()
t.log_func_args = t.log_func_retval = True
t.start()
def f(n):
    t.add_func_args("k", n)
    return n
n = 0
while True:
    f(n)
    t.add_counter("n", {"n": n, "pad": "x" * (n % 100)})
    n += 1
    if n == 200: print("ready", flush=True)
""")
    for turn in range(5):
        options = ["--tracer_entries", "5000", "--output_dir", f"rings{turn}", "--pid_suffix"]
        command = [BIN / "viztracer", *options, script]
        process = subprocess.Popen(command, cwd=sandbox.path, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        process.stdout.readline()
        time.sleep(0.1 + 0.037 * turn)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        (ring,) = (sandbox.path / f"rings{turn}").glob("*.bin")
        events = events_of(sandbox.merge(ring))
        counters = [event["args"]["n"] for event in events if event["name"] == "n"]
        assert counters == list(range(counters[0], counters[0] + len(counters))) and len(counters) > 100
        ended = [e for e in events if e["name"].startswith("f (") and not (e.get("args") or {}).get("unfinished")]
        assert all(event["args"]["func_args"] == {"n": str(event["args"]["k"])} for event in ended)
