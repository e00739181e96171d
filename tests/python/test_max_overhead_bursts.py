"""`--max_overhead` on CPython 3.10 and 3.11: calls are recorded in bursts, and the report says so.

A process is in a burst while it has a profile function, so the programs here see for themselves when bursts begin and
end, and wait for that.
"""

import re
import sys
import textwrap

import pytest
import tree
from test_control import wait_for
from test_control_switch import Switch

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 12), reason="newer versions leave out single functions")

SMALL = "0.000001"  # what a process may spend at once is all that it may spend
LARGE = "0.2"
PAUSED, RESUMED = "max_overhead: paused", "max_overhead: resumed"

HEAD = """\
import os, sys, threading, time

def short(value=1): return value

def is_resting():
    short()  # a thread that rests loses its profile function at its next event
    return sys.getprofile() is None

def until(rests):
    while is_resting() != rests:
        for _ in range(1000): short()

"""


def program(sandbox, body):
    return sandbox.script(HEAD + textwrap.dedent(body))


def instants(report):
    """Times and names of the ends and begins of bursts, in the order of time."""
    events = [event for event in report["traceEvents"] if event["name"] in (PAUSED, RESUMED)]
    return sorted((event["ts"], event["name"]) for event in events)


def calls(report, name):
    return [event for event in tree.spans(report) if event["name"].startswith(f"{name} (")]


def process(sandbox, name="traced.json"):
    (of_process,) = sandbox.metadata(name)["processes"]
    return of_process


def test_calls_are_recorded_in_bursts(sandbox):
    script = program(
        sandbox,
        """
        def outer():
            for _ in range(3):
                until(rests=True)
                until(rests=False)
        outer()
        """,
    )
    done = sandbox.viztracer("--max_overhead", LARGE, "-o", "traced.json", script)
    assert done.returncode == 0, done.stderr
    assert re.search(r"calls were recorded for \S+ \w+ of \S+ \w+, in \d+ bursts \(--max_overhead\)", done.stdout)
    report = sandbox.report("traced.json")
    times = instants(report)
    assert [name for _, name in times[:6]] == [PAUSED, RESUMED] * 3
    begins = [time for time, name in times if name == PAUSED]
    ends = [time for time, name in times if name == RESUMED]
    for begin, end in zip(begins, ends, strict=False):
        assert not [call for call in tree.spans(report) if begin < call["ts"] < end]
    assert [call for call in calls(report, "short") if ends[0] <= call["ts"] < begins[1]]
    tree.check_nesting(report)
    assert process(sandbox)["bursts"] in (len(begins), len(begins) + 1)
    rested = sum(end - begin for begin, end in zip(begins, ends, strict=False)) * 1000
    assert process(sandbox)["rested_ns"] >= rested * 0.9


def test_tables_and_reports_of_reports_say_so(sandbox):
    sandbox.viztracer("--max_overhead", SMALL, "-o", "traced.json", program(sandbox, "until(rests=True)"))
    before = process(sandbox)
    assert before["bursts"] == 1
    table = sandbox.viztracer_merge("traced.json", "--top", "9").stdout
    rows = [line.split()[0] for line in table.splitlines() if " (" in line and line.lstrip()[0] in ">0123456789"]
    assert rows and all(row.startswith(">=") for row in rows), table
    assert "at least" in table and "calls are recorded in bursts only" in table
    done = sandbox.viztracer_merge("traced.json", "-o", "again.json")
    assert "in 1 burst (--max_overhead)" in done.stdout + done.stderr
    again = process(sandbox, "again.json")
    assert (again["bursts"], again["rested_ns"]) == (1, before["rested_ns"])


def test_calls_that_are_open_at_the_end_of_a_burst_are_unfinished(sandbox):
    """So nothing after it is shown inside of them."""
    script = program(
        sandbox,
        """
        def inner():
            until(rests=True)
            until(rests=False)
        def outer():
            inner()
            after()
        def after():
            for _ in range(3): short()
        outer()
        """,
    )
    report = sandbox.trace("--max_overhead", LARGE, script)
    resumed = instants(report)[1][0]
    for name in ("outer", "inner"):
        (call,) = calls(report, name)
        assert call["ts"] + call["dur"] < resumed, name
    tree.check_nesting(report)
    (after,) = calls(report, "after")
    assert [call for call in tree.spans(report) if call["ts"] <= after["ts"] < call["ts"] + call["dur"]] == [after]


def test_what_the_program_logs_is_recorded_between_bursts(sandbox):
    script = program(
        sandbox,
        """
        from viztracer import get_tracer
        def log(name):
            get_tracer().log_instant(name)
        until(rests=True)
        log("main")
        thread = threading.Thread(target=log, args=("thread",)); thread.start(); thread.join()
        """,
    )
    report = sandbox.trace("--max_overhead", SMALL, script)
    assert [name for _, name in instants(report)] == [PAUSED]
    assert {"main", "thread"} <= {event["name"] for event in report["traceEvents"] if event["ph"] == "i"}
    assert not calls(report, "log")


def test_all_threads_rest_and_are_recorded_again(sandbox):
    """One that is there before, and one that begins between two bursts."""
    script = program(
        sandbox,
        """
        end = has_resumed = False
        recorded = set()
        def work():
            while not end:
                counts = has_resumed
                if not is_resting() and counts: recorded.add(threading.get_ident())
        threads = [threading.Thread(target=work)]
        threads[0].start()
        until(rests=True)
        threads.append(threading.Thread(target=work))
        threads[1].start()
        until(rests=False)
        has_resumed = True
        while len(recorded) < 2:
            until(rests=True)
            until(rests=False)
        end = True
        for thread in threads: thread.join()
        """,
    )
    report = sandbox.trace("--max_overhead", LARGE, script)
    resumed = next(time for time, name in instants(report) if name == RESUMED)
    threads = {call["tid"] for call in calls(report, "short") if call["ts"] >= resumed}
    assert len(threads) == 3
    tree.check_nesting(report)


def test_a_child_that_is_forked_between_bursts_records_and_its_parent_goes_on(sandbox):
    script = program(
        sandbox,
        """
        def of_child(): short()
        until(rests=True)
        child = os.fork()
        if not child:
            of_child()
            os._exit(0)
        until(rests=False)
        os.waitpid(child, 0)
        """,
    )
    done = sandbox.viztracer("--max_overhead", LARGE, "-o", "traced.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("traced.json")
    (call,) = calls(report, "of_child")
    bursts = {one["pid"]: one.get("bursts", 0) for one in sandbox.metadata("traced.json")["processes"]}
    assert bursts.pop(call["pid"]) == 0
    assert list(bursts.values())[0] >= 1


def test_a_program_that_is_executed_between_bursts_is_recorded(sandbox):
    script = program(
        sandbox,
        """
        def second(): short()
        if sys.argv[1:]:
            second()
        else:
            until(rests=True)
            os.execv(sys.executable, [sys.executable, __file__, "again"])
        """,
    )
    done = sandbox.viztracer("--max_overhead", SMALL, "-o", "traced.json", script)
    assert done.returncode == 0, done.stderr
    assert len(calls(sandbox.report("traced.json"), "second")) == 1


def test_stop_start_and_save_between_bursts(sandbox):
    script = program(
        sandbox,
        f"""
        from viztracer import VizTracer
        tracer = VizTracer(max_overhead={SMALL}, verbose=0)
        def first(): pass
        def second(): pass
        tracer.start()
        first()
        until(rests=True)
        assert tracer.enable
        tracer.stop()
        tracer.start()
        second()
        until(rests=True)
        tracer.stop()
        tracer.save("traced.json")
        tracer = VizTracer(verbose=0)
        tracer.start()
        second()
        tracer.stop()
        tracer.save("again.json")
        while len(os.listdir("/proc/self/task")) > 1: time.sleep(0.001)
        """,
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("traced.json")
    assert (len(calls(report, "first")), len(calls(report, "second"))) == (1, 1)
    assert [name for _, name in instants(report)] == [PAUSED, PAUSED]
    assert process(sandbox)["bursts"] == 2
    assert "bursts" not in process(sandbox, "again.json")


@pytest.mark.parametrize(
    "tool", ["import cProfile; mine = cProfile.Profile(); mine.enable()", "mine = lambda *_: None; sys.setprofile(mine)"]
)
def test_another_profiler_keeps_its_place(sandbox, tool):
    script = program(
        sandbox,
        f"""
        until(rests=True)
        {tool}
        began = time.perf_counter()
        while time.perf_counter() - began < 0.3: short()
        assert sys.getprofile() is mine
        """,
    )
    done = sandbox.viztracer("--max_overhead", LARGE, "-o", "traced.json", script)
    assert done.returncode == 0, done.stderr


def test_the_program_runs_with_one_thread_while_it_forks(sandbox):
    script = program(
        sandbox,
        """
        until(rests=True)
        if not os.fork():
            os._exit(len(os.listdir("/proc/self/task")) - 1)
        assert os.wait()[1] == 0
        """,
    )
    done = sandbox.viztracer("--max_overhead", SMALL, "-o", "traced.json", script)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pause_of_the_session_between_bursts(sandbox, own_shared_memory):
    if not own_shared_memory:
        pytest.skip("this test switches the only session of this user, so it needs a /dev/shm of its own")
    switch = Switch(sandbox)
    source = HEAD + textwrap.dedent(
        """
        import pathlib
        until(rests=True)
        pathlib.Path("up_here").touch()
        while sys.getprofile() is None: time.sleep(0.001)
        until(rests=True)
        while not os.path.exists("go"): time.sleep(0.01)
        """
    )
    with switch.running("--max_overhead", SMALL, source=source, up=["here"]) as running:
        switch("pause")
        switch.wait_until_all(paused=True, count=1)
        switch("resume")
        switch.wait_until_all(paused=False, count=1)
        (sandbox.path / "go").touch()
        switch.end(running)
    switches = [event for event in switch.report() if event["name"] in (PAUSED, RESUMED, "paused", "resumed")]
    shown = [event["name"] for event in sorted(switches, key=lambda event: event["ts"])]
    assert shown == [PAUSED, "paused", "resumed", PAUSED]


def test_a_stop_of_the_session_between_bursts(sandbox, own_shared_memory):
    if not own_shared_memory:
        pytest.skip("this test switches the only session of this user, so it needs a /dev/shm of its own")
    switch = Switch(sandbox)
    wait = "while not os.path.exists('go'): time.sleep(0.01)\n"
    source = HEAD + f"import pathlib\nuntil(rests=True)\npathlib.Path('up_here').touch()\n{wait}"
    with switch.running("--max_overhead", SMALL, source=source, up=["here"]) as running:
        switch("stop")
        wait_for(lambda: not switch.processes(), "the process has stopped to record")
        switch.end(running)
    assert [name for _, name in instants({"traceEvents": switch.report()})] == [PAUSED]
