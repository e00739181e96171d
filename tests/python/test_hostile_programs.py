"""Difficult programs: names that break reports, profilers of their own, interpreters in the interpreter.

They print what they print without us, and their report holds what they did.
"""

import json
import sys
from collections import Counter

import pytest
import tree
from witness import Witness


@pytest.fixture
def witness(sandbox):
    return Witness(sandbox)


FROM_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")

# --- names ---

NAMES = {
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f",
    "quotes and backslashes": "\"'\\\\\"\\u0041\\",
    "line ends": "a\nb\rc\r\nd\u2028e\u2029f",
    "NUL": "before\0after",
    "surrogates": "\ud800 \udcff\udfff \ud83d",
    "other planes": "naïve ☃ 🐍 \U0010ffff \ufeff \u202e",
    "markup": "</script><script>alert(1)</script><!-- {{ %s %n ${x}",
    "nothing": "",
    "much": "long " * 3000,
}
NAMED = """
name = {name!r}
def f(): return 1
f.__code__ = f.__code__.replace(co_filename=name, co_firstlineno=3, co_name=name{qualified})
print(sum(f() for _ in range(7)))
"""
THREAD = "import threading\nthread = threading.Thread(target=f, name=name)\nthread.start()\nthread.join()\n"
QUALIFIED = ", co_qualname=name" if sys.version_info >= (3, 11) else ""


@pytest.mark.parametrize("kind", NAMES)
def test_names(witness, kind):
    """Names of files, functions and threads: with any content, the report is JSON and distinguishes the functions."""
    name = NAMES[kind]
    source = "# -*- coding: utf-8 -*-\n" + NAMED.format(name=name, qualified=QUALIFIED)
    source += "" if kind in ("NUL", "surrogates") else THREAD  # which the operating system's thread names refuse
    witness.same(source, "-o", "report.json")
    content = (witness.sandbox.path / "report.json").read_bytes()
    report = json.loads(content.decode("utf-8"))
    of_generator = [event["name"] for event in tree.spans(report) if "<genexpr>" in event["name"]]
    assert len(of_generator) >= 7
    calls = Counter(event["name"] for event in tree.spans(report))
    plain = json.loads(json.dumps(name).encode("utf-8", "replace").decode("utf-8", "replace"))
    shown = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in plain)
    times = 7 if kind in ("NUL", "surrogates") else 8
    named = [called for called, count in calls.items() if count == times and called.endswith(":3)")]
    if kind == "nothing":
        named = [""]  # as of a C function: there is nothing to say where it is
    elif kind not in ("much", "surrogates"):
        assert f"{shown} ({shown}:3)" in named
    assert calls[named[0]] >= 7
    tree.check_nesting(report)


# --- other tools ---

TOOLS = {
    "cProfile": """
        import cProfile, io, pstats
        profile = cProfile.Profile()
        profile.enable()
        work()
        profile.disable()
        print(sorted(entry[2] for entry in pstats.Stats(profile).stats if "work" in entry[2]))
    """,
    "cProfile.run": """
        import cProfile
        cProfile.run("work()", "stats")
        print(os.path.exists("stats"))
    """,
    "sys.setprofile": """
        seen = []
        sys.setprofile(lambda frame, event, argument: seen.append((event, frame.f_code.co_name)))
        work()
        sys.setprofile(None)
        print([one for one in seen if one[1] == "work"])
    """,
    "sys.settrace": """
        seen = []
        def trace(frame, event, argument):
            seen.append((event, frame.f_code.co_name))
            return trace
        sys.settrace(trace)
        work()
        sys.settrace(None)
        print([one for one in seen if one[1] == "work"])
    """,
    "threading.setprofile": """
        import threading
        seen = []
        threading.setprofile(lambda frame, event, argument: seen.append(event))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print("call" in seen)
    """,
    "doctest": """
        import doctest
        print(doctest.testmod())
    """,
    "tracemalloc": """
        import tracemalloc
        tracemalloc.start()
        work()
        print(tracemalloc.is_tracing())
    """,
    "faulthandler": """
        import faulthandler
        faulthandler.enable()
        faulthandler.dump_traceback_later(1000)
        work()
        faulthandler.cancel_dump_traceback_later()
        print(faulthandler.is_enabled())
    """,
}
MONITORING = {
    "the profilers' id": """
        m = sys.monitoring
        m.use_tool_id(m.PROFILER_ID, "mine")
        seen = []
        m.register_callback(m.PROFILER_ID, m.events.PY_START, lambda code, offset: seen.append(code.co_name))
        m.set_events(m.PROFILER_ID, m.events.PY_START)
        work()
        m.set_events(m.PROFILER_ID, 0)
        m.free_tool_id(m.PROFILER_ID)
        print(seen.count("work"))
    """,
    "the other named ids": """
        m = sys.monitoring
        for tool in (m.DEBUGGER_ID, m.COVERAGE_ID, m.OPTIMIZER_ID):
            m.use_tool_id(tool, "mine")
            m.set_events(tool, m.events.CALL | m.events.PY_RETURN)
        work()
        print([m.get_tool(tool) for tool in (m.DEBUGGER_ID, m.COVERAGE_ID, m.OPTIMIZER_ID)])
    """,
    "a callback that disables": """
        m = sys.monitoring
        m.use_tool_id(1, "mine")
        seen = []
        def callback(code, offset):
            seen.append(code.co_name)
            return m.DISABLE
        m.register_callback(1, m.events.PY_START, callback)
        m.set_events(1, m.events.PY_START)
        work()
        m.restart_events()
        work()
        m.free_tool_id(1)
        print(seen.count("work"))
    """,
}


def program(source):
    return "@witnessed\ndef work(): return 1\nwork()\n" + "\n".join(l[8:] for l in source.splitlines()) + "\nwork()\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_another_tool(witness, tool):
    """The program's tool sees what it sees without us. Before 3.12 there is one profiler at a time: the last one."""
    source = program(TOOLS[tool])
    if sys.version_info < (3, 12) and "rofile" in tool:
        told = "viztracer: the program has taken the tracer's hook away.*\n"
        witness.same(source, "-o", "report.json", stderr=f"({told})?")
        assert tree.spans(witness.sandbox.report("report.json"))
    else:
        witness.report(source)


@FROM_3_12
@pytest.mark.parametrize("way", MONITORING)
def test_another_tool_of_sys_monitoring(witness, way):
    witness.report(program(MONITORING[way]))


@FROM_3_12
@pytest.mark.parametrize("tool", range(6))
def test_the_program_frees_a_tool_id(witness, tool):
    """Even the tracer's id: earlier calls are recorded, the program does not notice, the user gets a message."""
    source = program(f"\n        sys.monitoring.free_tool_id({tool})")
    told = "viztracer: the program has taken the tracer's hook away.*\n" if tool == 4 else ""
    journal = witness.same(source, "-o", "report.json", stderr=told)
    report = witness.sandbox.report("report.json")
    recorded = sum(event["name"].startswith("work (") for event in tree.spans(report))
    assert recorded == journal.total() or (recorded == 1 and tool == 4)


# --- classes that come and go ---


def test_short_lived_classes(sandbox):
    """A C method has the class of its object in its name, not a dead class of the same address."""
    script = sandbox.script(
        "import gc\n"
        "def once(name, base, call):\n"
        "    kind = type(name, (base,), {})\n"
        "    call(kind())\n"
        "    del kind\n"
        "    gc.collect()\n"
        "for n in range(50):\n"
        "    once('List%02d' % n, list, lambda one: one.append(1))\n"
        "    once('Dict%02d' % n, dict, lambda one: one.setdefault(1))\n"
        "    once('Same', set, lambda one: one.add(1))\n"
        "class Renamed(list): pass\n"
        "for name in ('First', 'Second'):\n"
        "    Renamed.__name__ = name\n"
        "    Renamed().append(1)\n"
    )
    called = Counter(event["name"] for event in tree.spans(sandbox.trace(script)))
    expected = {f"List{n:02}.append": 1 for n in range(50)} | {f"Dict{n:02}.setdefault": 1 for n in range(50)}
    expected |= {"Same.add": 50, "First.append": 1, "Second.append": 1}
    assert {name: called[name] for name in expected} == expected


# --- interpreters inside the interpreter ---

SUBINTERPRETERS = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
def run(source):
    interpreter = interpreters.create()
    (getattr(interpreters, "exec", None) or interpreters.run_string)(interpreter, source)
    interpreters.destroy(interpreter)
work()
for n in range(3):
    run("def f(n): return n and f(n - 1)\\nf(20)\\nprint('inside', flush=True)")
import threading
threads = [threading.Thread(target=run, args=("print('in a thread', flush=True)",)) for _ in range(3)]
for thread in threads:
    thread.start()
    thread.join()
work()
"""


def test_sub_interpreters(witness):
    """They are not traced, and not disturbed; the main one is."""
    witness.report("@witnessed\ndef work(): return 1\n" + SUBINTERPRETERS)


# --- before and after ---


def test_what_ran_before_the_start_is_told_as_begun(sandbox):
    """Calls that are open when recording begins are not shown; what they call from then on is."""
    sandbox.script(
        "import viztracer\n"
        "def early(): pass\n"
        "def late(): pass\n"
        "def outer():\n"
        "    early()\n"
        "    tracer.start()\n"
        "    late()\n"
        "tracer = viztracer.VizTracer(verbose=0)\n"
        "outer()\n"
        "late()\n"
        "tracer.stop()\n"
        "tracer.save()\n"
    )
    done = sandbox.python("script.py")
    assert (done.returncode, done.stderr) == (0, "")
    names = Counter(event["name"].partition(" (")[0] for event in tree.spans(sandbox.report("result.json")))
    assert (names["late"], names["early"], names["outer"]) == (2, 0, 0)
