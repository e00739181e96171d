"""No use of tracers, threads or hooks makes a program crash.

The programs here die of a tracer that frees what another thread is about to use. They do so now and then, so they run
some times, on one processor and on all: in `make test` 20 times each per version, in `make stress` more often.
"""

import os

import pytest
from conftest import ROOT

RUNS = int(os.environ.get("VIZTRACER_STRESS_RUNS", "10"))
PINNED = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"


def assert_ends_well(sandbox, source, runs=1):
    script = sandbox.script(source)
    for run in range(runs):
        done = sandbox.python(script)
        assert done.returncode == 0, (run, done.stdout, done.stderr)
    return done


# --- threads that are busy when recording ends ---

# Starts `busy` in threads that go on until the process ends. CPython 3.10 crashes now and then, traced or not, if a
# thread waits for the GIL when the interpreter is freed: there they end after all other work of the process.
DAEMONS = """
import atexit, sys, threading, time
working, daemons = True, []
@atexit.register
def let_daemons_end():
    global working
    working = sys.version_info >= (3, 11)
    for daemon in daemons:
        if not working: daemon.join()
def start_daemons(number):
    daemons.extend(threading.Thread(target=busy, daemon=True) for n in range(number))
    for daemon in daemons: daemon.start()
"""
BUSY_DAEMONS = """
from viztracer import VizTracer
def f(x): return len(x)
def busy():
    while working: f([1]); f([2])
tracer = VizTracer(verbose=0, tracer_entries=20000)
tracer.start()
start_daemons({threads})
time.sleep(0.02)
{end}
"""


@pytest.mark.parametrize("place", ["", PINNED], ids=["all processors", "one processor"])
@pytest.mark.parametrize("end", ["", "tracer.stop(); tracer.save()", "tracer.save(); time.sleep(0.01)"])
def test_daemon_threads_that_are_busy_at_the_end(sandbox, place, end):
    source = place + DAEMONS + BUSY_DAEMONS.format(threads=1 if place else 4, end=end)
    assert_ends_well(sandbox, source, RUNS)


BUSY_IN_REPR = """
from viztracer import VizTracer
class Slow:
    def __repr__(self): return str(sum(range(2000)))
def f(x): return x
def busy():
    slow = Slow()
    while working: {work}
tracer = VizTracer(verbose=0, tracer_entries=20000, log_func_args=True)
tracer.start()
start_daemons(4)
time.sleep(0.05)
tracer.save()
"""


@pytest.mark.parametrize("work", ["f(slow)", "tracer.add_func_args('x', [1] * 500); tracer.get_func_args()"])
def test_daemon_threads_that_run_python_for_the_tracer_at_the_end(sandbox, work):
    assert_ends_well(sandbox, DAEMONS + BUSY_IN_REPR.format(work=work), RUNS)


# --- programs whose own code a hook could run ---

CALLED_BY_HOOKS = """
import builtins, _thread, threading, time
from viztracer import VizTracer
MAIN, inside, armed = threading.get_ident(), threading.Event(), False
def f(x): return len(x)
def work():
    for n in range(20000): f("ab")
def taken_in():
    \"\"\"Where a hook may have called us: other threads end the recording meanwhile.\"\"\"
    if armed and threading.get_ident() != MAIN:
        inside.set()
        time.sleep(0.2)
{program}
tracer = VizTracer(verbose=0, tracer_entries=10000)
tracer.start()
thread = Kind(target=work); thread.start(); thread.join()
armed = True
_thread.start_new_thread({start}, ())
inside.wait(0.5)
tracer.stop(); tracer.save()
time.sleep(0.4)
"""
IMPORTS = """
real = builtins.__import__
def __import__(*arguments, **keywords):
    taken_in()
    return real(*arguments, **keywords)
builtins.__import__ = __import__
Kind = threading.Thread
"""
NAME = """
class Kind(threading.Thread):
    @property
    def _name(self):
        taken_in()
        return "computed"
    @_name.setter
    def _name(self, name): pass
"""
DICTIONARY = """
class Registry(dict):
    def get(self, *arguments):
        taken_in()
        return super().get(*arguments)
threading._active = Registry(threading._active)
Kind = threading.Thread
"""
FINALIZERS = """
import gc
class Dies:
    def __init__(self): self.itself = self
    def __del__(self): taken_in()
gc.set_threshold(1)
class Kind(threading.Thread):
    def run(self):
        for n in range(50): Dies(); exec(f"def new{n}(): return ''.join(())\\\\nnew{n}()")
"""


@pytest.mark.parametrize("program", [IMPORTS, NAME, DICTIONARY, FINALIZERS], ids=["import", "name", "dict", "gc"])
@pytest.mark.parametrize("start", ["work", "Kind(target=work).start"])
def test_hooks_call_no_code_of_the_programs(sandbox, program, start):
    assert_ends_well(sandbox, CALLED_BY_HOOKS.format(program=program, start=start), 2)


def test_an_import_that_saves(sandbox):
    """What an overridden `__import__` does in another thread is as if it were called by the program."""
    assert_ends_well(
        sandbox,
        "import builtins, threading\n"
        "from viztracer import VizTracer\n"
        "real, main = builtins.__import__, threading.get_ident()\n"
        "def __import__(name, *arguments, **keywords):\n"
        "    if name == 'colorsys' or (name == 'sys' and threading.get_ident() != main):\n"
        "        tracer.stop(); tracer.save('in.json', verbose=0)\n"
        "    return real(name, *arguments, **keywords)\n"
        "builtins.__import__ = __import__\n"
        "def work():\n"
        "    for n in range(20000): len('ab')\n"
        "    import colorsys\n"
        "tracer = VizTracer(verbose=0, tracer_entries=10000)\n"
        "for n in range(3):\n"
        "    tracer.start()\n"
        "    thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "assert not tracer.enable\n",
    )


# --- hooks that the program calls itself ---

CALLABLE_HOOKS = """
import sys
from viztracer import VizTracer
def hooks():
    if sys.version_info < (3, 12): return [sys.getprofile()]
    m = sys.monitoring
    ours = next(tool for tool in range(6) if m.get_tool(tool) == "viztracer")
    events = [event for name, event in vars(m.events).items() if name not in ("NO_EVENTS", "BRANCH")]
    taken = [m.register_callback(ours, event, None) for event in events]
    for event, hook in zip(events, taken): m.register_callback(ours, event, hook)
    return [hook for hook in taken if hook is not None]
def called(hook, *arguments, **keywords):
    try: hook(*arguments, **keywords)
    except TypeError: pass
tracer = VizTracer(verbose=0)
tracer.start()
assert hooks()
for hook in hooks():
    for arguments in [(), (1,), (len, 2), ("x", "y", "z"), (0, 0, 0, 0), (len, 0, len, []), (None, 1, str.join, None)]:
        called(hook, *arguments)
    for event in "call", "return", "c_call", "c_return":
        called(hook, 1, event, 2); called(hook, sys._getframe(), event, 2); called(hook, 1, event, len)
    called(hook, code=1)
    called(type(hook))
def after(): return len("x")
after()
tracer.stop()
tracer.save("result.json")
assert '"after' in open("result.json").read()
"""


def test_hooks_take_any_arguments(sandbox):
    """A program finds the hooks where the interpreter has them, and may call them with whatever it likes."""
    assert_ends_well(sandbox, CALLABLE_HOOKS)


# --- threads that C code makes ---

FOREIGN = """
import ctypes, threading, time
from viztracer import VizTracer
library = ctypes.CDLL(None)
def work(argument): len(str(argument))
called = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(work)
end = time.monotonic() + 3
def foreign():
    while time.monotonic() < end:
        threads = [ctypes.c_ulong() for n in range(8)]
        for thread in threads: assert library.pthread_create(ctypes.byref(thread), None, called, None) == 0
        for thread in threads: library.pthread_join(thread, None)
makers = [threading.Thread(target=foreign) for n in range(2)]
for maker in makers: maker.start()
tracer = VizTracer(verbose=0, tracer_entries=5000)
while time.monotonic() < end:
    tracer.start(); time.sleep(0.001); tracer.stop()
tracer.start()
tracer.save()
for maker in makers: maker.join()
tracer.stop()
"""


def test_threads_that_come_and_go_without_the_gil(sandbox):
    assert_ends_well(sandbox, FOREIGN)


# --- audit hooks of the program, which the interpreter runs before it sets a hook ---

AUDITED = """
import sys, threading, time
from viztracer import VizTracer
tracer = VizTracer(verbose=0, tracer_entries=5000)
def audit(event, arguments):
    if event.startswith(("sys.setprofile", "sys.monitoring")): time.sleep(0.002)
sys.addaudithook(audit)
def short(): time.sleep(0.001)
def starts():
    while working:
        threads = [threading.Thread(target=short) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
working = True
starters = [threading.Thread(target=starts) for n in range(2)]
for starter in starters: starter.start()
end = time.monotonic() + 1
while time.monotonic() < end:
    tracer.start(); time.sleep(0.002); tracer.stop()
working = False
for starter in starters: starter.join()
tracer.save()
"""


def test_threads_that_end_while_an_audit_hook_runs(sandbox):
    """The interpreter's debug allocator overwrites what is freed. No thread fails to start either."""
    script = sandbox.script(AUDITED)
    for _ in range(max(RUNS // 20, 1)):
        done = sandbox.python(script, env=os.environ | {"PYTHONMALLOC": "malloc_debug"})
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


# --- everything at once ---


@pytest.mark.parametrize("place", ["", PINNED], ids=["all processors", "one processor"])
def test_at_random(sandbox, place):
    seconds = os.environ.get("VIZTRACER_STRESS_SECONDS", "2.5")
    program = ROOT / "tests" / "stress" / "stress.py"
    source = (
        f"{place}import runpy, sys\nsys.argv = ['stress.py', {seconds!r}]\n"
        f"runpy.run_path({str(program)!r}, run_name='__main__')\n"
    )
    done = sandbox.python(sandbox.script(source), timeout=float(seconds) + 110)
    assert done.returncode == 0, (done.stdout, done.stderr)
    not_saved = "viztracer: report not written: save() was not called or failed"
    told = [line for line in done.stderr.splitlines() if not line.startswith(not_saved)]
    assert not [line for line in told if not line.startswith("viztracer: ")], done.stderr
    assert done.stdout.split()[1].isdigit(), "the seed, by which a failure can be had again"
