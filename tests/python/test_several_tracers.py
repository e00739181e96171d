"""Several tracers in one process: they interrupt each other, and leave nothing when they are over."""

import pytest
from test_inline import called, run  # noqa: F401, a fixture

LEFT = """
import contextlib, os, sys, threading, warnings
from viztracer import VizTracer, get_tracer
warnings.simplefilter("ignore")
def left():
    \"\"\"What a tracer may leave behind: files, descriptors, tool ids.\"\"\"
    tools = [sys.monitoring.get_tool(n) for n in range(6)] if sys.version_info >= (3, 12) else []
    shared = [name for name in os.listdir("/dev/shm") if f"_{os.getpid()}_" in name]
    descriptors = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that has listed them
            descriptors.append(os.readlink(f"/proc/self/fd/{number}"))
    return shared, descriptors, tools
def f(): pass
VizTracer(verbose=0)
before = left()
"""


def test_a_second_tracer_interrupts_the_first(sandbox, run):
    """Each has its own calls; the first one goes on when the second one stops. Nothing is left of either."""
    run(
        LEFT + "def g(): pass\n"
        "with VizTracer(verbose=0, output_file='first.json') as first:\n"
        "    f()\n"
        "    with VizTracer(verbose=0, output_file='second.json') as second:\n"
        "        g()\n"
        "        assert second.enable and not first.enable and get_tracer() is second\n"
        "    assert first.enable and get_tracer() is first\n"
        "    f()\n"
        "    second.run('len([])', 'third.json')\n"
        "    f()\n"
        "first.clear(); second.clear()\n"
        "assert left() == before, (left(), before)\n"
    )
    assert called(sandbox.report("first.json")).count("f") == 3
    assert "g" not in called(sandbox.report("first.json"))
    assert called(sandbox.report("second.json")) == ["g"]
    assert "f" not in called(sandbox.report("third.json"))


FORGET = {
    "an exception": "tracer = VizTracer(verbose=0, output_file='old.json')\n"
    "try: tracer.start(); f(); raise KeyError\nexcept KeyError: pass\n",
    "dropped": "VizTracer(verbose=0, output_file='old.json', register_global=False).start(); f()\n",
    "not the global one": "tracer = VizTracer(verbose=0, output_file='old.json')\nVizTracer()\ntracer.start(); f()\n",
}


@pytest.mark.parametrize("forget", FORGET.values(), ids=FORGET)
def test_a_forgotten_tracer_does_not_block_others(sandbox, forget):
    """What it has recorded is not lost: a line says how to get it."""
    script = sandbox.script(
        LEFT + forget + "def g(): pass\n"
        "for n in range(3):\n"
        "    with VizTracer(verbose=0, output_file=f'new_{n}.json') as new:\n"
        "        assert new.enable\n"
        "        g()\n"
    )
    done = sandbox.python(script)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("viztracer: report not written: save() was not called or failed") == 1
    for number in range(3):
        assert called(sandbox.report(f"new_{number}.json")) == ["g"]
    command = done.stderr.rpartition("merge them with: viztracer-merge ")[2].split()
    assert command[2].endswith("old.json")
    assert "f" in called(sandbox.merge(command[0]))


def test_a_tracer_that_was_interrupted_can_stop_and_save(sandbox, run):
    run(
        LEFT + "def g(): pass\n"
        "first, second = (VizTracer(verbose=0, output_file=f'{name}.json') for name in ('first', 'second'))\n"
        "first.start(); f()\n"
        "second.start(); g()\n"
        "first.stop(); first.save()\n"
        "g()\n"
        "second.stop()\n"
        "assert not first.enable\n"
        "f()\n"
        "second.save()\n"
    )
    assert (called(sandbox.report("first.json")), called(sandbox.report("second.json"))) == (["f"], ["g", "g"])


def test_a_tracer_that_starts_again_interrupts_the_one_that_interrupted_it(sandbox, run):
    run(
        LEFT + "def g(): pass\n"
        "first, second = (VizTracer(verbose=0, output_file=f'{name}.json') for name in ('first', 'second'))\n"
        "first.start(); f()\n"
        "second.start(); g()\n"
        "first.start(); f(); first.stop()\n"
        "g()\n"
        "second.stop()\n"
        "f(); g()\n"
        "first.save(); second.save()\n"
    )
    assert (called(sandbox.report("first.json")), called(sandbox.report("second.json"))) == (["f"] * 2, ["g"] * 2)


def test_saving_while_recording_lets_no_interrupted_tracer_go_on(sandbox, run):
    run(
        LEFT + "first, second = (VizTracer(verbose=0, output_file=f'{name}.json') for name in ('first', 'second'))\n"
        "first.start()\n"
        "second.start()\n"
        "for act in (second.save, second.load, second.clear, lambda: (f(), second.dump('dump'))):\n"
        "    act()\n"
        "    assert second.enable and not first.enable\n"
        "second.stop()\n"
        "assert first.enable\n"
        "first.stop(); first.save(); second.clear()\n"
    )


def test_tracers_that_take_turns_keep_their_calls_apart(sandbox, run):
    run(
        LEFT + "def g(): pass\n"
        "a, b = (VizTracer(verbose=0, output_file=f'{name}.json') for name in 'ab')\n"
        "for n in range(3):\n"
        "    a.start(); f(); a.stop()\n"
        "    b.start(); g(); b.stop()\n"
        "a.save(); b.save()\n"
        "a.clear(); b.clear()\n"
        "assert left() == before, (left(), before)\n"
    )
    assert (called(sandbox.report("a.json")), called(sandbox.report("b.json"))) == (["f"] * 3, ["g"] * 3)


def test_a_tracer_in_a_child_of_a_traced_process(sandbox, run):
    """It records the child until it stops; then the tracer that the child has of its parent goes on."""
    run(
        LEFT + "def g(): pass\n"
        "with VizTracer(verbose=0) as outer:\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        with VizTracer(verbose=0, output_file='inner.json'): f()\n"
        "        g()\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "outer.clear()\n"
        "shared, *others = left()\n"
        "assert others == list(before)[1:], (left(), before)\n"
    )
    assert called(sandbox.report("inner.json")) == ["f"]
    assert [name for name in called(sandbox.report("result.json")) if name in "fg"] == ["g"]


@pytest.mark.parametrize("interval", [0.005, 1e-6])
def test_a_tracer_per_thread(sandbox, run, interval):
    """They interrupt each other, none fails, and no file of any is left behind.

    A call that one thread makes while the tracer of another one records is in the other's report. Each report is
    complete, and a tracer that has the process for itself afterwards records as usual.
    """
    run(
        LEFT + f"sys.setswitchinterval({interval})\n"
        "saved = []\n"
        "def user(name):\n"
        "    for turn in range(80):\n"
        "        with VizTracer(verbose=0, tracer_entries=2000, output_file=f'{name}.json') as tracer: f()\n"
        "        tracer.clear()\n"
        "    saved.append(name)\n"
        "threads = [threading.Thread(target=user, args=(n,)) for n in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "assert sorted(saved) == [*range(4)]\n"
        "with VizTracer(verbose=0, output_file='last.json') as last: f()\n"
        "last.clear()\n"
        "assert left() == before, (left(), before)\n"
    )
    for name in range(4):
        called(sandbox.report(f"{name}.json"))
    assert called(sandbox.report("last.json")) == ["f"]


def test_one_tracer_used_by_two_threads(run):
    run(
        LEFT + "sys.setswitchinterval(1e-6)\n"
        "tracer = VizTracer(verbose=0, tracer_entries=2000)\n"
        "def use():\n"
        "    for n in range(100):\n"
        "        tracer.start(); f(); tracer.stop()\n"
        "        if n % 10 == 0: tracer.save()\n"
        "threads = [threading.Thread(target=use) for n in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "tracer.start(); tracer.save(); tracer.stop(); tracer.save(); tracer.clear()\n"
        "assert left() == before, (left(), before)\n"
    )


ENDINGS = {
    "saved": "tracer.start(); f(); tracer.stop(); tracer.save()",
    "saved while it recorded": "tracer.start(); f(); tracer.save(); tracer.stop()",
    "parsed": "tracer.start(); f(); tracer.stop(); assert tracer.parse()",
    "parsed and saved": "tracer.start(); f(); tracer.stop(); tracer.parse(); tracer.save()",
    "loaded": "tracer.start(); f(); tracer.stop(); assert tracer.load()",
    "cleared": "tracer.start(); f(); tracer.stop(); tracer.clear()",
    "with": "with tracer: f()",
    "never started": "tracer.stop(); tracer.parse()",
}


@pytest.mark.parametrize("use", ENDINGS.values(), ids=ENDINGS)
def test_tracers_that_are_over_leave_nothing(run, use):
    """Neither a descriptor nor a directory; not even the last one, whether it was global or not."""
    run(
        LEFT + "import weakref\n"
        "seen = []\n"
        "def use(number):\n"
        "    tracer = VizTracer(verbose=0, tracer_entries=100, register_global=bool(number % 2))\n"
        f"    {use}\n"
        "    seen.append(weakref.ref(tracer))\n"
        "for number in range(300):\n"
        "    use(number)\n"
        "    if number % 100 == 50:\n"
        "        VizTracer(verbose=0)  # the newest one is held by `get_tracer`\n"
        "        assert left() == before, (left(), before)\n"
        "VizTracer(verbose=0)\n"
        "assert left() == before, (left(), before)\n"
        "assert not any(tracer() for tracer in seen)\n"
    )


def test_what_was_not_saved_outlives_its_tracer(sandbox):
    """It costs no descriptor, and each directory is mentioned when the process ends."""
    script = sandbox.script(
        LEFT + "def use():\n"
        "    tracer = VizTracer(verbose=0, tracer_entries=100, register_global=False)\n"
        "    tracer.start(); f(); tracer.stop()\n"
        "for number in range(20): use()\n"
        "shared, descriptors, tools = left()\n"
        "assert (descriptors, tools) == before[1:], (left(), before)\n"
    )
    done = sandbox.python(script)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 20
    for line in (lines[0], lines[-1]):
        assert "save() was not called or failed" in line
        assert called(sandbox.merge(line.rpartition("viztracer-merge ")[2].split()[0])) == ["f"]


def test_save_that_fails(sandbox):
    """Its name is none of a report; the one in the command that the end of the process prints is."""
    script = sandbox.script(
        LEFT + "tracer = VizTracer(verbose=0, output_file='x.jsn')\n"
        "tracer.start(); f(); tracer.stop()\n"
        "try: tracer.save()\nexcept RuntimeError as error: print('unknown kind' in str(error))\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stdout) == (0, "True\n")
    assert done.stderr.startswith("viztracer: report not written: save() was not called or failed. ")
    command = done.stderr.rpartition("merge them with: viztracer-merge ")[2].split()
    assert sandbox.viztracer_merge(*command).returncode == 0
    assert "f" in called(sandbox.report("x.jsn.json"))


@pytest.mark.parametrize("saved", ["first", "second"])
def test_every_recording_that_is_not_saved_is_mentioned_by_os_exit(sandbox, saved):
    """Also if the last one was saved."""
    script = sandbox.script(
        LEFT + "first, second = (VizTracer(verbose=0, output_file=f'{name}.json') for name in ('first', 'second'))\n"
        "first.start(); first.stop()\n"
        "second.start(); second.stop()\n"
        f"{saved}.save()\n"
        "os._exit(0)\n"
    )
    done = sandbox.python(script)
    other = {"first": "second", "second": "first"}[saved]
    (line,) = done.stderr.splitlines()
    assert "the process ended before it" in line and line.endswith(f"{other}.json")


def test_starts_keep_no_memory(run):
    run(
        LEFT + "import ctypes\n"
        "class Memory(ctypes.Structure):\n"
        "    _fields_ = [(f'other{n}', ctypes.c_size_t) for n in range(7)] + [('used', ctypes.c_size_t)]\n"
        "    _fields_ += [('free', ctypes.c_size_t), ('kept', ctypes.c_size_t)]\n"
        "mallinfo2 = getattr(ctypes.CDLL(None), 'mallinfo2', None)\n"
        "tracer = VizTracer(verbose=0, tracer_entries=1000)\n"
        "def used(starts):\n"
        "    for _ in range(starts): tracer.start(); f(); tracer.stop(); tracer.clear()\n"
        "    return mallinfo2().used\n"
        "if mallinfo2:\n"
        "    mallinfo2.restype = Memory\n"
        "    begin = used(500)\n"
        "    growth = used(2000) - begin\n"
        "    assert growth < 2000 * 100, growth\n"
    )
