"""`--max_overhead`: functions that are called too often are no longer recorded, and the report says so.

The bound is so small here that what a process may spend at once is all that it may spend. A process that makes enough
calls exceeds it on every machine, however fast it is. From then on it may stop recording any function, however seldom
called, unless its calls take long on average: so functions whose calls a test counts sleep.
"""

import re
import sys

import pytest
import tree

SMALL = "0.000001"
MARK = "max_overhead: no longer recorded: "

needs_switches = pytest.mark.skipif(sys.version_info < (3, 12), reason="older versions switch no single events off")

# `much` takes as long as it takes to make the tracer see that it makes many calls.
HEAD = """\
import sys, time

def short(value=1): return value
def much(call, *arguments):
    for _ in range(CALLS): call(*arguments)
""".replace("CALLS", "600_000")


def trace(sandbox, source, *options):
    """The report of a program that exceeds the bound."""
    return sandbox.trace("--max_overhead", SMALL, *options, sandbox.script(HEAD + source))


def marks(report):
    """What each instant says that is no longer recorded, in the order of the report."""
    events = [event for event in report["traceEvents"] if event["name"].startswith(MARK)]
    return [event["name"].removeprefix(MARK) for event in events]


def calls(report, name):
    return [event for event in tree.spans(report) if event["name"].startswith(f"{name} (")]


def c_calls(report, name):
    return [event for event in tree.spans(report) if event["name"] == name]


def starts(report):
    """The times at which something was no longer recorded, in us."""
    return sorted(event["ts"] for event in report["traceEvents"] if event["name"].startswith(MARK))


@needs_switches
def test_a_short_function_is_no_longer_recorded_and_all_others_are(sandbox):
    report = trace(
        sandbox,
        """
def rare(): time.sleep(0.001)
for n in range(5):
    rare()
    much(short)
""",
    )
    assert "short" in marks(report)
    assert 0 < len(calls(report, "short")) < 5 * 600_000
    assert (len(calls(report, "rare")), len(calls(report, "much"))) == (5, 5)
    tree.check_nesting(report)


@needs_switches
def test_c_functions_of_a_long_function_are_no_longer_recorded(sandbox):
    report = trace(
        sandbox,
        """
def long():
    for _ in range(3_000_000): len("x")
def other(): return len("x")
long()
other()
""",
    )
    assert marks(report) == ["C functions called by long"]
    assert (len(calls(report, "long")), len(calls(report, "other"))) == (1, 1)
    other = calls(report, "other")[0]
    inside = [event for event in tree.spans(report) if event["name"] == "builtins.len" and event["ts"] >= other["ts"]]
    assert len(inside) == 1, "the C functions that another function calls are recorded further"


@needs_switches
@pytest.mark.parametrize(
    "later", ["", "def other(value): return value\nmuch(other, 1); much(other, 1)"], ids=["", "after another decision"]
)
def test_a_place_that_has_called_such_a_function_raises_no_events(sandbox, later):
    """The same place may call a C function the next time, which is not recorded. The report says so."""
    report = trace(
        sandbox,
        f"""
def place(function):
    time.sleep(0.0001)
    return function(0.0001)
much(short); much(short)
{later}
for _ in range(50): place(short)
for _ in range(50): place(time.sleep)
""",
    )
    assert marks(report)[0] == "short"
    assert (len(calls(report, "place")), len(c_calls(report, "time.sleep"))) == (100, 100)
    tree.check_nesting(report)
    summary = sandbox.viztracer_merge("traced.json", "-o", "again.json").stderr
    callers = re.search(r"may have called C functions that are not recorded \(--max_overhead\): ([^;]*);", summary)[1]
    assert "place" in callers.split(", ")


@needs_switches
def test_a_place_that_has_called_a_class_with_such_an_init_raises_no_events(sandbox):
    report = trace(
        sandbox,
        """
class A:
    def __init__(self, value): self.value = value
def place(function):
    time.sleep(0.0001)
    return function(1)
much(A, 1); much(A, 1)
for _ in range(50): place(A)
for _ in range(50): place(abs)
""",
    )
    assert marks(report)[0] == "A.__init__"
    assert (len(calls(report, "place")), len(c_calls(report, "builtins.abs"))) == (100, 0)


@needs_switches
def test_a_c_function_ends_though_its_place_raises_no_events_any_more(sandbox):
    report = trace(
        sandbox,
        """
def place(function, argument):
    time.sleep(0.0001)
    function(argument)
    later()
def later(): time.sleep(0.0001)
def values():
    for _ in range(50): yield place(short, 1)
much(short); much(short)
place(any, values())
""",
    )
    assert marks(report)[0] == "short"
    (outer,), inside = c_calls(report, "builtins.any"), calls(report, "later")
    assert len(inside) == 51
    assert max(event["ts"] for event in inside) >= outer["ts"] + outer["dur"], "the last one comes after it"
    tree.check_nesting(report)


@needs_switches
def test_open_calls_of_a_recursive_function_end_when_it_is_no_longer_recorded(sandbox):
    """Nobody sees when they end. So no later call is shown inside of them."""
    report = trace(
        sandbox,
        """
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def outer(n):
    fib(n)
    time.sleep(0.05)
    after()
def after(): time.sleep(0.001)
outer(30)
outer(20)
""",
    )
    assert marks(report) == ["fib"]
    outer, after = calls(report, "outer"), calls(report, "after")
    assert (len(outer), len(after)) == (2, 2)
    assert max(event["ts"] + event["dur"] for event in calls(report, "fib")) <= starts(report)[0]
    tree.check_nesting(report)


@needs_switches
def test_what_a_loop_that_never_ends_calls_is_not_shown_inside_of_what_has_ended(sandbox):
    report = trace(
        sandbox,
        """
def walk(depth):
    if depth: walk(depth - 1); walk(depth - 1)
def after(): pass
walk(19)
end = time.monotonic() + 0.2
while time.monotonic() < end: pass
for _ in range(100): after()
""",
    )
    assert marks(report)[0] == "walk"
    last = max(event["ts"] + event["dur"] for event in calls(report, "walk"))
    assert last < min(event["ts"] for event in calls(report, "after"))


@needs_switches
@pytest.mark.parametrize(
    "body",
    {
        "generator": "def many():\n    yield from range(600_000)\nfor _ in range(4): list(map(short, many()))",
        "exceptions": (
            "def fails(): raise ValueError\n"
            "def tries():\n    try: fails()\n    except ValueError: pass\n"
            "for _ in range(3): much(tries)"
        ),
        "threads": (
            "import threading\n"
            "threads = [threading.Thread(target=much, args=(short,)) for _ in range(6)]\n"
            "for thread in threads: thread.start()\n"
            "for thread in threads: thread.join()"
        ),
        "coroutines": (
            "import asyncio\n"
            "async def step(): return 1\n"
            "async def main():\n    for _ in range(600_000): await step()\n"
            "for _ in range(3): asyncio.run(main())"
        ),
        "methods": "class A:\n    def method(self): return self\nfor _ in range(3): much(A().method)",
    }.items(),
    ids=lambda item: item[0],
)
@pytest.mark.parametrize(
    "options",
    [(), ("--log_async",), ("--ignore_c_function",), ("--min_duration", "10ms")],
    ids=["", "tasks", "no C functions", "no short calls"],
)
def test_programs_of_all_kinds(sandbox, body, options):
    kind, source = body
    report = trace(sandbox, f"{source}\nprint('done')\n", *options)
    is_kept = kind == "coroutines" and "--log_async" in options
    assert is_kept or marks(report)
    tree.check_nesting(report)


@needs_switches
def test_arguments(sandbox):
    report = trace(sandbox, "for _ in range(2): much(short, 5)\n", "--log_func_args", "--log_func_retval")
    assert "short" in marks(report)
    logged = calls(report, "short")
    assert logged and all(event["args"] == {"func_args": {"value": "5"}, "return_value": "5"} for event in logged)


@needs_switches
def test_a_forked_child_goes_on_without_what_its_parent_no_longer_records(sandbox):
    script = sandbox.script(
        HEAD
        + """
import os
much(short); much(short)
if not os.fork():
    for _ in range(10): short()
    much(int)
    os._exit(0)
os.wait()
"""
    )
    done = sandbox.viztracer("--max_overhead", SMALL, "--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    parent, child = sorted((sandbox.path / "rings").glob("*.bin"), key=lambda path: path.stat().st_mtime_ns)
    dumps = [sandbox.viztracer_merge("--dump", path).stdout for path in (parent, child)]
    assert all("ELIDED" in dump for dump in dumps)


@needs_switches
@pytest.mark.parametrize("tool", ["", "import cProfile; profile = cProfile.Profile(); profile.enable()"], ids=["", "cProfile"])
def test_a_c_function_is_not_taken_for_the_same_one_inside_of_it(sandbox, tool):
    """The interpreter still tells the end of the call that has switched its place off."""
    report = trace(
        sandbox,
        f"""
{tool}
def key(value):
    sorted((1,))
    return value
def later(): time.sleep(0.001)
def big():
    sorted(range(600_000), key=key)
    later()
big()
""",
    )
    assert any("key" in mark for mark in marks(report))
    outer = max((event for event in tree.spans(report) if event["name"] == "builtins.sorted"), key=lambda event: event["dur"])
    (later,) = calls(report, "later")
    assert not outer["ts"] <= later["ts"] < outer["ts"] + outer["dur"]
    assert "matched no call" not in sandbox.viztracer_merge("traced.json", "-o", "again.json").stderr
    tree.check_nesting(report)


@needs_switches
def test_nothing_is_shown_inside_of_c_functions_that_have_ended(sandbox):
    """Another tool keeps the interpreter from telling how they end."""
    report = trace(
        sandbox,
        """
def walk(depth):
    if depth: max((depth - 1, depth - 2), key=lambda n: walk(depth - 1) or 0)
def after(): pass
def top():
    walk(18)
    for _ in range(3): after()
sys.setprofile(lambda *arguments: None)
top()
""",
    )
    assert marks(report)
    assert {call.depth for thread in tree.trees(report).values() for call in thread if call.name.startswith("after (")} == {
        1 + next(call.depth for thread in tree.trees(report).values() for call in thread if call.name.startswith("top ("))
    }


@needs_switches
def test_a_c_function_of_an_unknown_caller_ends_too(sandbox):
    """Its caller was entered before the recording began."""
    script = sandbox.script(
        HEAD
        + f"""
import threading
from viztracer import VizTracer
tracer = VizTracer(verbose=0, max_overhead={SMALL}, output_file="traced.json")
ready, waits, go_on, end = (threading.Event() for _ in range(4))
def later(): pass
def worker(is_old):
    if not is_old:
        for _ in range(600_000): len("x")
        return
    ready.set()
    waits.wait()
    go_on.acquire()
    for _ in range(5): later()
    end.wait()
go_on = threading.Lock()
go_on.acquire()
old = threading.Thread(target=worker, args=(True,))
old.start()
ready.wait()
tracer.start()
waits.set()
for _ in range(3):
    new = threading.Thread(target=worker, args=(False,))
    new.start()
    new.join()
go_on.release()
end.set()
old.join()
tracer.stop()
tracer.save()
"""
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("traced.json")
    assert any("C functions called by worker" in mark for mark in marks(report))
    threads = [thread for thread in tree.trees(report).values() if any(call.name.startswith("later (") for call in thread)]
    (old,) = threads
    assert all(call.depth == 0 for call in old if call.name.startswith("later ("))
    assert "matched no call" not in sandbox.viztracer_merge("traced.json", "-o", "again.json").stderr


@needs_switches
def test_threads_that_end_soon_are_bounded_as_well(sandbox):
    report = trace(
        sandbox,
        """
import threading
def task():
    for _ in range(1500): short()
for _ in range(300):
    thread = threading.Thread(target=task); thread.start(); thread.join()
""",
    )
    assert any("short" in mark.split(", ") for mark in marks(report))
    assert len(calls(report, "short")) < 300 * 1500


@needs_switches
def test_tasks_keep_their_calls(sandbox):
    """With tracks for tasks, coroutines are always recorded: they say which task runs."""
    report = trace(
        sandbox,
        """
import asyncio
async def step(): short()
async def worker():
    for _ in range(60_000):
        await step()
        await asyncio.sleep(0)
async def main(): await asyncio.gather(worker(), worker())
asyncio.run(main())
""",
        "--log_async",
    )
    assert marks(report) and not any("step" in mark.split(", ") or "worker" in mark.split(", ") for mark in marks(report))
    assert len(calls(report, "step")) == 120_000


@needs_switches
def test_arguments_of_a_function_that_is_no_longer_recorded_belong_to_nobody(sandbox):
    report = trace(
        sandbox,
        """
from viztracer import get_tracer
def elided(value): get_tracer().add_func_args("value", value)
def outer():
    for value in range(600_000): elided(value)
outer()
""",
    )
    assert any(mark.endswith("elided") for mark in marks(report))
    (outer,) = calls(report, "outer")
    assert "args" not in outer or "value" not in outer["args"]


@needs_switches
def test_a_bound_that_holds_leaves_everything_as_it_is(sandbox):
    script = sandbox.script(HEAD + "for _ in range(100): short()\n")
    report = sandbox.trace("--max_overhead", "50%", script)
    assert (marks(report), len(calls(report, "short"))) == ([], 100)


@needs_switches
def test_the_reports_say_so(sandbox):
    """The command, tables, and a merge of the report."""
    script = sandbox.script(HEAD + "much(short); much(short)\n")
    done = sandbox.viztracer("--max_overhead", SMALL, "-o", "traced.json", script)
    assert "called too often to record all" in done.stdout and "short" in done.stdout
    (process,) = sandbox.metadata("traced.json")["processes"]
    assert [one["only_c_calls"] for one in process["elided"] if one["name"] == "short"] == [False]
    table = sandbox.viztracer_merge("traced.json", "--top", "9").stdout
    assert any(line.lstrip().startswith(">=") and "short (" in line for line in table.splitlines())
    assert sandbox.viztracer_merge("traced.json", "--strict", "-o", "again.json").returncode == 0


@needs_switches
def test_in_python(sandbox):
    script = sandbox.script(
        HEAD
        + f"""
from viztracer import VizTracer
tracer = VizTracer(max_overhead={SMALL}, verbose=0)
tracer.start()
much(short); much(short)
tracer.stop()
short()
tracer.start()
for _ in range(3): short()
tracer.stop()
tracer.save("traced.json")
tracer = VizTracer(verbose=0)
tracer.start()
for _ in range(3): short()
tracer.stop()
tracer.save("again.json")
"""
    )
    done = sandbox.python(script)
    assert done.returncode == 0, done.stderr
    assert "short" in marks(sandbox.report("traced.json"))
    again = sandbox.report("again.json")
    assert (marks(again), len(calls(again, "short"))) == ([], 3), "a tracer without a bound records all calls again"


@pytest.mark.parametrize("part", ["5", "100%", "1", "-1", "x", "5%%", "nan", ""])
def test_a_bound_that_is_none(sandbox, part):
    done = sandbox.viztracer(f"--max_overhead={part}", sandbox.script("pass"))
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "max_overhead" in done.stderr + done.stdout


@needs_switches
def test_children_inherit_the_bound(sandbox):
    script = sandbox.script(
        HEAD
        + f"""
import multiprocessing
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=much, args=(short,))
    process.start(); process.join()
"""
    )
    report = sandbox.trace("--max_overhead", SMALL, script)
    assert "short" in marks(report)
