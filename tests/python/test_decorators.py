"""The decorators `ignore_function`, `trace_and_save` and `log_sparse`."""

import asyncio
import inspect
import json
import subprocess
import sys

import pytest
import viztracer
from conftest import BIN, VIZTRACER_PYTHON
from listing_tracer import ListingTracer
from viztracer import get_tracer, ignore_function, log_sparse


@pytest.fixture
def tracer(monkeypatch):
    tracer = ListingTracer()
    monkeypatch.setattr("builtins.__viz_tracer__", tracer, raising=False)
    return tracer


def test_the_package_has_the_decorators():
    names = {"ignore_function", "trace_and_save", "log_sparse"}
    assert names <= set(viztracer.__all__)
    code = "import sys, viztracer; assert 'viztracer.decorator' not in sys.modules; from viztracer import log_sparse"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = viztracer.nonsense


def test_ignored_function_runs_paused(tracer):
    @ignore_function
    def ignored(a, *, b=2):
        """Doc."""
        tracer.log_instant("inside")
        return a + b

    assert ignored(1, b=3) == 4 and ignored.__doc__ == "Doc."
    assert (tracer.events, tracer.paused, tracer.deepest_pause) == ([], 0, 1)


def test_ignored_function_that_raises_leaves_nothing_paused(tracer):
    @ignore_function(tracer=tracer)
    def ignored():
        raise KeyError

    with pytest.raises(KeyError):
        ignored()
    assert tracer.paused == 0


def test_ignored_function_needs_a_tracer():
    assert get_tracer() is None
    ignored = ignore_function(len)
    with pytest.raises(NameError, match="ignore_function only works with global tracer"):
        ignored("a")


def test_ignored_coroutine_is_paused_only_while_it_runs(tracer):
    seen = []

    @ignore_function
    async def ignored():
        seen.append(tracer.paused)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            seen.append(tracer.paused)
            return "cancelled"

    async def main():
        task = asyncio.create_task(ignored())
        await asyncio.sleep(0)
        seen.append(tracer.paused)
        task.cancel()
        return await task

    assert inspect.iscoroutinefunction(ignored)
    assert asyncio.run(main()) == "cancelled"
    assert seen == [1, 0, 1] and tracer.paused == 0


def test_coroutine_that_raises_raises(tracer):
    @ignore_function
    async def ignored():
        await asyncio.sleep(0)
        raise KeyError("text")

    with pytest.raises(KeyError, match="text"):
        asyncio.run(ignored())
    assert tracer.paused == 0


def test_function_stays_as_it_is_without_a_sparse_tracer(tracer):
    def function():
        pass

    assert log_sparse(function) is function
    tracer.log_sparse = True
    assert log_sparse(function) is not function


def test_sparse_function_is_one_event(tracer):
    tracer.log_sparse = True

    class Class:
        @log_sparse
        def method(self, n):
            return n + 1

    assert Class().method(1) == 2
    ((phase, name, raw),) = tracer.events
    line = Class.method.__wrapped__.__code__.co_firstlineno
    assert (phase, name) == ("X", f"method ({__file__}:{line})") and raw["dur"] > 0


def test_sparse_function_that_raises_is_recorded(tracer):
    tracer.log_sparse = True

    @log_sparse
    def fails():
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert len(tracer.events) == 1


def test_sparse_function_asks_for_the_tracer_at_each_call(tracer):
    @log_sparse(dynamic_tracer_check=True)
    def function():
        return 1

    @log_sparse(dynamic_tracer_check=True)
    async def coroutine():
        await asyncio.sleep(0)
        return 2

    assert function() == 1 and tracer.events == []
    tracer.log_sparse = True
    assert function() == 1 and asyncio.run(coroutine()) == 2
    assert [event[1].split()[0] for event in tracer.events] == ["function", "coroutine"]


TRACED = """
import sys
from viztracer import trace_and_save, get_tracer, VizTracer

def leaf():
    return 1

@trace_and_save(output_dir="new/directory", verbose=0, ignore_c_function=True)
def traced(depth, *, fails=False):
    leaf()
    if fails:
        raise KeyError("text")
    return traced(depth - 1) if depth else "result"

@trace_and_save
def prints():
    return leaf()
"""


def reports(sandbox, directory, name):
    paths = sorted((sandbox.path / directory).glob(f"result_{name}_*.json"))
    reports = [json.loads(path.read_text()) for path in paths]
    return [[event["name"].split()[0] for event in report["traceEvents"] if event["ph"] == "X"] for report in reports]


def test_traced_function_is_saved(sandbox):
    sandbox.script(TRACED + "assert traced(0) == 'result'\nassert traced(0) == 'result'\n")
    done = sandbox.python("script.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert reports(sandbox, "new/directory", "traced") == [["leaf", "traced"]] * 2


def test_traced_function_that_raises_is_saved(sandbox):
    sandbox.script(TRACED + "traced(0, fails=True)\n")
    done = sandbox.python("script.py")
    assert done.returncode == 1 and done.stderr.endswith("KeyError: 'text'\n")
    assert reports(sandbox, "new/directory", "traced") == [["leaf", "traced"]]


def test_inner_calls_of_a_traced_function_are_a_part_of_its_trace(sandbox):
    sandbox.script(TRACED + "assert traced(2) == 'result'\n")
    done = sandbox.python("script.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert reports(sandbox, "new/directory", "traced") == [["leaf"] * 3 + ["traced"] * 3]


def test_traced_function_in_a_traced_program_is_a_part_of_its_trace(sandbox):
    path = sandbox.script(TRACED + "assert traced(1) == 'result'\n")
    report = sandbox.trace(path)
    assert sum(event["name"].startswith("traced ") for event in report["traceEvents"]) == 2
    assert reports(sandbox, "new/directory", "traced") == []


def test_report_that_cannot_be_written_does_not_harm_the_program(sandbox):
    (sandbox.path / "d").touch()
    sandbox.script(TRACED + "@trace_and_save(output_dir='d', verbose=0)\ndef f():\n    return 5\nprint(f())\n")
    done = sandbox.python("script.py")
    assert (done.returncode, done.stdout) == (0, "5\n")
    assert "RuntimeWarning: can't save the trace to d/result_f_" in done.stderr


def test_where_to_find_the_report_is_printed(sandbox):
    sandbox.script(TRACED + "assert prints() == 1\n")
    done = sandbox.python("script.py")
    assert done.returncode == 0 and "vizviewer" in done.stdout and "result_prints_" in done.stdout


def test_imports_of_the_tracer_itself_are_not_in_the_trace(sandbox):
    path = sandbox.script(
        "from viztracer import get_tracer, log_sparse\n"
        "get_tracer().set_afterfork(print)\n"
        "with get_tracer().log_event('block'): pass\n"
        "get_tracer().log_var('v', object())\n"
    )
    report = sandbox.trace("--ignore_frozen", "--ignore_c_function", path)
    names = [event["name"].split()[0] for event in report["traceEvents"] if event["ph"] == "X"]
    assert names[:2] == ["block", "<module>"], "then the threads of the interpreter end"


SPARSE = """
import threading, time
from viztracer import get_tracer, log_sparse

def inner():
    time.time()

@log_sparse
def one():
    inner()

@log_sparse(stack_depth=2)
def two():
    inner()
    again()

@log_sparse(stack_depth=5)
def again():
    time.time()

def other():
    while not done:
        inner()

done = False
thread = threading.Thread(target=other)
thread.start()
one()
two()
inner()
with get_tracer().log_event("block"):
    inner()
done = True
thread.join()
one()
"""


def test_sparse_trace_has_the_decorated_functions_alone(sandbox):
    path = sandbox.script(SPARSE)
    done = sandbox.viztracer("--quiet", "--log_sparse", "-o", "out.json", path)
    assert done.returncode == 0, done.stderr
    names = [event["name"].split()[0] for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "X"]
    assert names == ["one", "inner", "again", "two", "block", "one"]


def test_sparse_trace_is_that_of_viztracer(sandbox):
    """Without a block inside of a block, which VizTracer gets wrong, and other threads, which it records, too."""
    source = SPARSE.replace("    again()\n", "").replace("thread.start()", "").replace("thread.join()", "")
    path = sandbox.script(source)
    names = []
    for command in (VIZTRACER_PYTHON.parent / "viztracer", BIN / "viztracer"):
        done = sandbox.run(command, "--quiet", "--log_sparse", "-o", "out.json", "--", path)
        assert done.returncode == 0, done.stderr
        names.append([event["name"] for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "X"])
    assert names[0] == names[1] and len(names[0]) == 5


def test_sparse_recording_follows_forks_and_starts(sandbox):
    fork = "import os\npid = os.fork()\ntwo()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)\n"
    restart = "tracer = get_tracer()\ntracer.stop()\ntwo()\ntracer.start()\ntwo()\n"
    path = sandbox.script(SPARSE + fork + restart)
    done = sandbox.viztracer("--quiet", "--log_sparse", "-o", "out.json", path)
    assert done.returncode == 0, done.stderr
    events = [event for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "X"]
    two = [event["pid"] for event in events if event["name"].startswith("two ")]
    assert len(two) == 4 and len(set(two)) == 2 and len([event for event in events if "again" in event["name"]]) == 4


def test_sparse_calls_have_their_arguments(sandbox):
    path = sandbox.script(
        "from viztracer import get_tracer, log_sparse\n"
        "@log_sparse(stack_depth=1)\n"
        "def f(a):\n"
        "    get_tracer().add_func_args('key', 'value')\n"
        "    g(a)\n"
        "def g(b): pass\n"
        "f(1)\n"
        "f(2)\n"
    )
    done = sandbox.viztracer("--quiet", "--log_sparse", "--log_func_args", "-o", "out.json", "--", path)
    assert done.returncode == 0, done.stderr
    calls = [event for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "X"]
    arguments = [{"func_args": {"a": str(n)}, "key": "value"} for n in (1, 2)]
    assert [(call["name"].split()[0], call["args"]) for call in calls] == [("f", given) for given in arguments]


def test_sparse_blocks_of_many_threads(sandbox):
    """Blocks begin and end while other threads are in the middle of calls."""
    sandbox.script(
        "import threading\n"
        "from viztracer import log_sparse\n"
        "@log_sparse(stack_depth=2)\n"
        "def f(n): return g(n)\n"
        "def g(n): return n and g(n - 1)\n"
        "def work():\n"
        "    for n in range(200): g(20); f(n % 5)\n"
        "threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    done = sandbox.viztracer("--quiet", "--log_sparse", "-o", "out.json", "script.py")
    assert (done.returncode, done.stderr) == (0, "")
    calls = [event for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "X"]
    names = [call["name"].split()[0] for call in calls if "abandoned" not in str(call.get("args"))]
    assert names.count("f") == names.count("g") == 800 and set(names) == {"f", "g"}
