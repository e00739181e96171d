"""A program replaces the tracer's hook: recording goes on if possible, and the gap is reported as a loss."""

import sys
from collections import Counter

import pytest
import tree

FROM_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
BEFORE_3_12 = pytest.mark.skipif(sys.version_info >= (3, 12), reason="a hook per thread, which others replace")
TOLD = "viztracer: the program has taken the tracer's hook away"

CALLS = """
import os, sys
def before(): pass
def after(): pass
before()
{displace}
after()
"""
RESET = "m = sys.monitoring\nours = next(i for i in range(6) if m.get_tool(i) == 'viztracer')\n"
DISPLACED = {
    "cProfile": (BEFORE_3_12, "import cProfile\np = cProfile.Profile(); p.enable(); p.disable()"),
    "sys.setprofile": (BEFORE_3_12, "sys.setprofile(lambda *event: None); sys.setprofile(None)"),
    "another's hook stays": (BEFORE_3_12, "sys.setprofile(lambda *event: None)"),
    "no events": (FROM_3_12, RESET + "m.set_events(ours, 0)"),
    "freed": (FROM_3_12, RESET + "m.free_tool_id(ours)"),
    "another tool's": (FROM_3_12, RESET + "m.free_tool_id(ours); m.use_tool_id(ours, 'mine')"),
    "another callback": (FROM_3_12, RESET + "m.register_callback(ours, m.events.PY_START, lambda *event: None)"),
}


def names(report):
    return Counter(event["name"].partition(" (")[0] for event in tree.spans(report))


@pytest.mark.parametrize("way", [pytest.param(way, marks=mark) for way, (mark, _) in DISPLACED.items()])
def test_a_gap_is_told_and_a_loss(sandbox, way):
    script = sandbox.script(CALLS.format(displace=DISPLACED[way][1]))
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "--quiet", script)
    assert done.returncode == 0
    assert done.stderr.startswith(TOLD) and len(done.stderr.splitlines()) == 1
    report = sandbox.merge("rings")
    assert names(report)["before"] == 1
    assert report["viztracer_metadata"]["processes"][0]["gaps"] == 1
    strict = sandbox.viztracer_merge("rings", "-o", "strict.json", "--strict")
    assert strict.returncode == 1 and "1 times when another profiler" in strict.stderr


@pytest.mark.parametrize("way", [pytest.param(way, marks=mark) for way, (mark, _) in DISPLACED.items()])
def test_the_next_start_hooks_anew(sandbox, way):
    """What is the program's own stays: a tool that has our id by now, a hook on the thread."""
    if way == "another's hook stays":
        pytest.skip("a start takes the place of a hook, as VizTracer's does")
    script = sandbox.script(
        "from viztracer import VizTracer\ntracer = VizTracer(verbose=0)\ntracer.start()\n"
        + CALLS.format(displace=DISPLACED[way][1])
        + "tracer.stop()\ntracer.start()\ndef again(): pass\nagain()\ntracer.stop()\ntracer.save()\n"
    )
    done = sandbox.python(script)
    assert done.returncode == 0 and done.stderr.startswith(TOLD)
    assert names(sandbox.report("result.json"))["again"] == 1


@pytest.mark.parametrize("way", [pytest.param(way, marks=mark) for way, (mark, _) in DISPLACED.items()])
def test_a_fork_mends_it(sandbox, way):
    if way in ("another's hook stays", "another callback"):
        pytest.skip("that is seen when recording stops")
    displace = DISPLACED[way][1] + "\npid = os.fork()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)"
    script = sandbox.script(CALLS.format(displace=displace))
    done = sandbox.viztracer("--quiet", "-o", "report.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("report.json")
    assert names(report)["after"] == 1
    assert max(process.get("gaps", 0) for process in report["viztracer_metadata"]["processes"]) == 1


@BEFORE_3_12
def test_a_hook_that_is_put_back_is_ours_again(sandbox):
    """`old = sys.getprofile(); ...; sys.setprofile(old)`, as libraries do, leaves no gap behind."""
    script = sandbox.script(
        CALLS.format(displace="old = sys.getprofile(); sys.setprofile(lambda *event: None); sys.setprofile(old)")
    )
    done = sandbox.viztracer("--quiet", "-o", "report.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(sandbox.report("report.json"))["after"] == 1


@BEFORE_3_12
def test_hooks_of_the_program_come_back_or_stay(sandbox):
    script = sandbox.script(
        "import sys, threading\nfrom viztracer import VizTracer\n"
        "def mine(*event): pass\n"
        "threading.setprofile(mine)\n"
        "tracer = VizTracer(verbose=0)\n"
        "tracer.start(); tracer.stop()\n"
        "print(threading.getprofile() is mine)\n"
        "tracer.start(); sys.setprofile(mine); tracer.stop()\n"
        "print(sys.getprofile() is mine)\n"
        "sys.setprofile(None)\n"
        "tracer.save()\n"
    )
    assert sandbox.python(script).stdout == "True\nTrue\n"


@BEFORE_3_12
def test_the_hook_of_another_thread_stays(sandbox):
    """As with VizTracer. That thread may be in its hook when recording starts."""
    script = sandbox.script(
        "import sys, threading\nfrom viztracer import VizTracer\n"
        "ready, go = threading.Event(), threading.Event()\n"
        "def hooked(): pass\ndef free(): pass\ndef mine(*event): seen.append(event[1])\nseen = []\n"
        "def work(function, hook):\n"
        "    sys.setprofile(hook)\n"
        "    ready.set(); go.wait(); seen.clear(); function()\n"
        "    print(hook and len(seen) >= 2, sys.getprofile() is mine)\n"
        "for function, hook in [(hooked, mine), (free, None)]:\n"
        "    thread = threading.Thread(target=work, args=(function, hook)); thread.start(); ready.wait()\n"
        "    tracer = VizTracer(verbose=0); tracer.start(); go.set(); thread.join(); tracer.stop()\n"
        "    tracer.save(f'{function.__name__}.json'); ready.clear(); go.clear()\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True\nNone False\n", "")
    assert names(sandbox.report("hooked.json"))["hooked"] == 0
    assert names(sandbox.report("free.json"))["free"] == 1


@BEFORE_3_12
def test_audit_hooks_see_no_hooks_of_ours(sandbox):
    script = sandbox.script(
        "import sys, threading\nfrom viztracer import VizTracer\n"
        "def audit(event, arguments):\n"
        "    if event == 'sys.setprofile': print(event)\n"
        "sys.addaudithook(audit)\n"
        "tracer = VizTracer(verbose=0)\n"
        "for n in range(2):\n"
        "    tracer.start()\n"
        "    thread = threading.Thread(target=len, args=('x',)); thread.start(); thread.join()\n"
        "    tracer.stop()\n"
        "tracer.save()\n"
        "sys.setprofile(None)\n"
    )
    assert sandbox.python(script).stdout == "sys.setprofile\n"


EVENTS = """
import sys, threading
def work(): len("x")
def listen(where):
    def note(frame, event, argument): events.append((event, getattr(argument, "__name__", frame.f_code.co_name)))
    events = []
    where(note)
    work()
    sys.setprofile(None)
    return events
def again(hook):
    sys.setprofile(lambda *event: None)
    sys.setprofile(hook)
def through_another(hook): sys.call_tracing(sys.setprofile, (hook,))
print(listen(sys.setprofile))
print(listen(lambda hook: sys.setprofile(hook)))
print(listen(again))
print(listen(through_another))
thread = threading.Thread(target=lambda: print(listen(sys.setprofile)))
thread.start(); thread.join()
import profile
p = profile.Profile()
p.runcall(work)
p.create_stats()
print(sorted((key[2].partition(" at ")[0], value[0]) for key, value in p.stats.items()))
try: sys.setprofile()
except TypeError as error: print(error)
def fails(*event): raise KeyError(event[1:])
try: sys.setprofile(fails); work()
except KeyError as error: print(error, sys.getprofile())
"""


@pytest.mark.parametrize("options", [[], ["--ignore_c_function"]])
def test_a_profile_function_of_the_program_gets_the_same_events(sandbox, options):
    """Not the return of the `sys.setprofile` that has set it, which is none of its events untraced."""
    script = sandbox.script(EVENTS)
    untraced = sandbox.python(script)
    assert untraced.returncode == 0 and "'len'" in untraced.stdout
    done = sandbox.viztracer("--quiet", *options, "-o", "report.json", "--", script)
    assert (done.returncode, done.stdout) == (0, untraced.stdout)


@FROM_3_12
def test_stop_frees_only_what_is_ours(sandbox):
    script = sandbox.script(
        "import sys\nfrom viztracer import VizTracer\n"
        "m = sys.monitoring\n"
        "tracer = VizTracer(verbose=0)\n"
        "tracer.start()\n"
        "ours = next(i for i in range(6) if m.get_tool(i) == 'viztracer')\n"
        "m.free_tool_id(ours); m.use_tool_id(ours, 'viztracer')\n"  # by the same name, even
        "seen = []\n"
        "m.register_callback(ours, m.events.PY_START, lambda code, offset: seen.append(code.co_name))\n"
        "m.set_events(ours, m.events.PY_START)\n"
        "def f(): pass\n"
        "f(); tracer.stop(); f(); tracer.save(); f()\n"
        "print(m.get_tool(ours), seen.count('f'))\n"
        "print([m.register_callback(ours, 1 << bit, None) for bit in range(1, 8)])\n"
    )
    done = sandbox.python(script)
    assert done.returncode == 0
    assert done.stdout == "viztracer 3\n[None, None, None, None, None, None, None]\n"


@FROM_3_12
def test_a_start_that_fails_leaves_nothing(sandbox):
    script = sandbox.script(
        "import os, sys\nfrom viztracer import VizTracer\n"
        "m = sys.monitoring\n"
        "def left(): return sorted(os.listdir('/dev/shm')), os.listdir('/proc/self/fd'), os.listdir('.')\n"
        "VizTracer(verbose=0)\n"
        "before = left()\n"
        "for i in range(6): m.use_tool_id(i, f'tool {i}')\n"
        "try: VizTracer().start()\n"
        "except RuntimeError as error: print(error)\n"
        "for i in range(6): m.free_tool_id(i)\n"
        "refused = []\n"
        "def audit(event, arguments):\n"
        "    if event == 'sys.monitoring.register_callback' and armed:\n"
        "        refused.append(event)\n"
        "        if len(refused) > 2: raise KeyError('mine')\n"
        "armed = True\n"
        "sys.addaudithook(audit)\n"
        "try: VizTracer().start()\n"
        "except KeyError as error: print(error)\n"
        "armed = False\n"
        "print(left() == before, [m.get_tool(i) for i in range(6)])\n"
        "tracer = VizTracer(verbose=0)\n"
        "tracer.start(); len('x'); tracer.stop(); tracer.save()\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = done.stdout.splitlines()
    assert first.startswith("no sys.monitoring tool id is free: 4 by tool 4") and second == "'mine'"
    assert third == "True [None, None, None, None, None, None]"
