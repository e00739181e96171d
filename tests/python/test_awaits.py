"""--log_async: arrows from the end of each task to where the tasks that waited for it go on."""

import bisect
import math
import signal
import sys
from collections import Counter, defaultdict

import pytest
import tree
from conftest import library

PROGRAM = """
import asyncio, contextlib, os, signal, sys

async def child(seconds=0):
    await asyncio.sleep(seconds)

async def until(event):
    await event.wait()

async def ended(task):
    while not task.done(): await asyncio.sleep(0)

async def fails():
    await asyncio.sleep(0)
    raise LookupError

async def waits_for(task):
    await task

def start(coroutine, name):
    return asyncio.get_running_loop().create_task(coroutine, name=name)

async def main():
    asyncio.current_task().set_name("main")
    go = asyncio.Event()
BODY

if __name__ == "__main__":
    RUN
"""
FROM_3_11, FROM_3_12 = (3, 11), (3, 12)
# What `main` does, the arrows by the names of their tasks, and the version that it needs.
SCENARIOS = {
    "await": ("await start(child(), 'a')", ["a>main"]),
    "one that has ended": ("a = start(child(), 'a'); await ended(a); await a", []),
    "one that raises": ("with contextlib.suppress(LookupError): await start(fails(), 'a')", ["a>main"]),
    "one in another": ("await start(waits_for(start(child(), 'b')), 'a')", ["b>a", "a>main"]),
    "one by two": (
        "a = start(child(0.01), 'a'); await asyncio.gather(start(waits_for(a), 'b'), start(waits_for(a), 'c'))",
        ["a>b", "a>c", "b>main", "c>main"],
    ),
    "gather": ("await asyncio.gather(*(start(child(), f'a{n}') for n in range(3)))", ["a0>main", "a1>main", "a2>main"]),
    "gather in gather": (
        "await asyncio.gather(asyncio.gather(start(child(), 'a'), start(child(), 'b')), start(child(), 'c'))",
        ["a>main", "b>main", "c>main"],
    ),
    "wait": ("await asyncio.wait([start(child(), 'a'), start(child(), 'b')])", ["a>main", "b>main"]),
    "wait for the first": (
        "a, b = start(child(), 'a'), start(until(go), 'b')\n"
        "    await asyncio.wait([a, b], return_when=asyncio.FIRST_COMPLETED)\n"
        "    go.set(); await ended(b)",
        ["a>main"],
    ),
    "wait_for": ("await asyncio.wait_for(start(child(), 'a'), 1000)", ["a>main"]),
    "shield": ("await asyncio.shield(start(child(), 'a'))", ["a>main"]),
    "shield whose awaiter is cancelled": (
        "a = start(until(go), 'a'); b = start(waits_for(asyncio.shield(a)), 'b'); await child(0); b.cancel()\n"
        "    with contextlib.suppress(asyncio.CancelledError): await b\n"
        "    go.set(); await ended(a)",
        ["b>main"],
    ),
    "cancelled awaiter": (
        "b = start(waits_for(start(until(go), 'a')), 'b'); await child(0.01); b.cancel()\n"
        "    with contextlib.suppress(asyncio.CancelledError): await b",
        ["a>b", "b>main"],
    ),
    "callbacks of the program": (
        "b = start(until(go), 'b'); a = start(child(), 'a'); a.add_done_callback(lambda _: b.get_name())\n"
        "    done = asyncio.get_running_loop().create_future(); a.add_done_callback(lambda _: done.set_result(0))\n"
        "    await done; go.set(); await b",
        ["b>main"],
    ),
    "group": (
        "async with asyncio.TaskGroup() as group:\n        for n in range(3): group.create_task(child(), name=f'a{n}')",
        ["a0>main", "a1>main", "a2>main"],
        FROM_3_11,
    ),
    "group whose body lasts": (
        "async with asyncio.TaskGroup() as group:\n"
        "        a = group.create_task(child(), name='a'); group.create_task(until(go), name='b')\n"
        "        await ended(a); go.set()",
        ["b>main"],
        FROM_3_11,
    ),
    "timeout": (
        "with contextlib.suppress(TimeoutError):\n"
        "        async with asyncio.timeout(0.02): await start(until(go), 'a')",
        ["a>main"],
        FROM_3_11,
    ),
    "eager": (
        "async def ends(): pass\n"
        "    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)\n"
        "    await start(ends(), 'a'); await start(child(), 'b')",
        ["b>main"],
        FROM_3_12,
    ),
    "many": ("await asyncio.gather(*(start(child(), 'a') for n in range(2000)))", ["a>main"] * 1024),
}
RUN = "asyncio.run(main())"


def script(sandbox, body, run=RUN):
    return sandbox.script(PROGRAM.replace("BODY", f"    {body}").replace("RUN", run))


def outermost_calls(report):
    """By process and track: begins and ends of the calls that no other call contains, in order."""
    calls = defaultdict(list)
    for event in tree.spans(report):
        calls[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    outermost = defaultdict(list)
    for track, of_track in calls.items():
        for begin, end in sorted(of_track):
            if not outermost[track] or end > outermost[track][-1][1]:
                outermost[track].append((begin, end))
    return outermost


def arrows(report):
    """The arrows by the names of their tasks. Each end is inside a call of its track, the second one after the first."""
    names, outermost, ends = tree.names(report, "thread_name"), outermost_calls(report), defaultdict(dict)
    for event in report["traceEvents"]:
        if event.get("cat") == "await":
            track = event["pid"], event["tid"]
            begun = bisect.bisect_right(outermost[track], (event["ts"], math.inf))
            assert begun and event["ts"] <= outermost[track][begun - 1][1], event
            assert ends[event["id"]].setdefault(event["ph"], (event["ts"], names[track])) == (event["ts"], names[track])
    found = []
    for of in ends.values():
        assert set(of) == {"s", "f"} and of["s"][0] <= of["f"][0]
        found.append(f"{of['s'][1]}>{of['f'][1]}")
    return Counter(found)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_arrows(sandbox, scenario):
    body, expected, *version = SCENARIOS[scenario]
    if version and sys.version_info < version[0]:
        pytest.skip("asyncio of this version has no such thing")
    assert arrows(sandbox.trace("--log_async", script(sandbox, body))) == Counter(expected)


@pytest.mark.parametrize("scenario", ["one by two", "gather", "wait", "cancelled awaiter"])
@pytest.mark.parametrize("kind", ["uvloop", "tasks in Python", "logged arguments"])
def test_arrows_of_other_loops_tasks_and_options(sandbox, kind, scenario):
    body, expected = SCENARIOS[scenario]
    run, options = RUN, ()
    if kind == "uvloop":
        library("uvloop")
        run = "import uvloop; uvloop.install(); asyncio.run(main())"
    elif kind == "tasks in Python":
        run = (
            "asyncio.Task = asyncio.tasks.Task = asyncio.tasks._PyTask\n"
            "    if sys.version_info >= (3, 12): asyncio.current_task = asyncio.tasks._py_current_task\n"
            "    asyncio.run(main())"
        )
    else:
        options = ("--log_func_args", "--log_func_retval")
    assert arrows(sandbox.trace("--log_async", *options, script(sandbox, body, run))) == Counter(expected)


@pytest.mark.parametrize("options", [[], ["--log_async", "--min_duration", "1"]])
def test_none_without_the_option_or_without_short_calls(sandbox, options):
    """An arrow needs a call at each end. Where short calls are left out there might be none."""
    assert arrows(sandbox.trace(*options, script(sandbox, SCENARIOS["gather"][0]))) == Counter()


def test_arrows_survive_a_kill(sandbox):
    path = script(sandbox, "await start(child(), 'a'); os.kill(os.getpid(), signal.SIGKILL)")
    done = sandbox.viztracer("--log_async", "--pid_suffix", "--output_dir", "rings", path)
    assert done.returncode == -signal.SIGKILL
    assert arrows(sandbox.merge("rings")) == Counter(["a>main"])


def test_arrows_in_a_ring_that_has_gone_round(sandbox):
    """The ends that are left have calls around them; the newest arrows are whole."""
    body = "for n in range(3000): await start(child(), f'a{n}')"
    report = sandbox.trace("--log_async", "--tracer_entries", "2000", script(sandbox, body))
    names = tree.names(report, "thread_name")
    ends = defaultdict(list)
    for event in report["traceEvents"]:
        if event.get("cat") == "await":
            ends[event["id"]].append((event["ph"], names[event["pid"], event["tid"]]))
    whole = {of[0][1] for of in map(sorted, ends.values()) if len(of) == 2 for of in [of[::-1]]}
    assert "a2999" in whole and len(ends) < 1000
    assert sum(len(of) == 1 for of in ends.values()) <= 2


@pytest.mark.parametrize("suffix", ["json", "pftrace"])
def test_perfetto_shows_each_arrow(sandbox, perfetto, suffix):
    path = script(sandbox, SCENARIOS["one by two"][0])
    assert sandbox.viztracer("--log_async", "-o", f"x.{suffix}", path).returncode == 0
    shown = perfetto(sandbox.path / f"x.{suffix}", "select count(*) as n from flow")
    assert shown["errors"] == []
    assert [row["n"] for row in shown["rows"][0]] == [4]


CALLBACKS = """
import types
class Owner:
    def done(self, task): pass
    def __getattr__(self, name): print("asked the owner for", name); raise AttributeError(name)
class Callback:
    def __call__(self, *task): pass
    def __getattr__(self, name): print("asked the callback for", name); raise AttributeError(name)
class Wakes:
    def __wakeup(self, task): pass
    def get_name(self): print("asked for a name"); return "a"
class Answers(asyncio.Task):
    def __getattribute__(self, name):
        if name == "_callbacks": print("asked the task")
        return super().__getattribute__(name)
"""


def test_no_code_of_callbacks_runs(sandbox):
    """Not that of their classes, nor that of the objects to which they are bound."""
    body = (
        "a = Answers(child(), name='a')\n"
        "    for done in Owner().done, Callback(), Wakes()._Wakes__wakeup, types.MethodType(Callback(), 1):\n"
        "        a.add_done_callback(done)\n"
        "    await a"
    )
    program = PROGRAM.replace("async def child", f"{CALLBACKS}\nasync def child")
    path = sandbox.script(program.replace("BODY", f"    {body}").replace("RUN", RUN))
    done = sandbox.viztracer("--log_async", "--quiet", "-o", "r.json", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert arrows(sandbox.report("r.json")) == Counter(["a>main"])


def test_paths_from_a_task_to_one_that_waits_are_not_counted_out(sandbox):
    """Each future is looked at once, however many others it completes."""
    body = (
        "futures = [start(child(), 'a')]\n"
        "    for n in range(8): futures = [asyncio.gather(*futures) for n in range(20)]\n"
        "    await asyncio.gather(*futures)"
    )
    assert arrows(sandbox.trace("--log_async", script(sandbox, body))) == Counter(["a>main"])


FORKS = """
def forks(depth):
    asyncio.run(main())
    for _ in range(4 if depth else 0):
        pid = os.fork()
        if not pid: forks(depth - 1); sys.exit()
        assert os.waitpid(pid, 0)[1] == 0
"""


def test_arrows_of_forked_processes_have_ids_of_their_own(sandbox):
    """A forked process inherits the seed of random numbers, and those that it forks draw as many as others do."""
    path = script(sandbox, f"await start(child(), 'a')\n{FORKS}", "forks(2)")
    processes = defaultdict(set)
    for event in sandbox.trace("--log_async", path)["traceEvents"]:
        if event.get("cat") == "await":
            processes[event["id"]].add(event["pid"])
    assert Counter(map(len, processes.values())) == {1: 1 + 4 + 16}
