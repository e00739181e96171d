"""`--max_overhead` on CPython 3.12 and later: about how often functions were called whose calls are not recorded.

The programs go on until there were 8 bursts, which they see in their own ring file. The report shows estimates of 5.
"""

import json
import sys
import textwrap

import pytest
import tree

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="older versions leave out no functions")

HEAD = """\
import os, re, struct, sys, threading, time
from viztracer import get_tracer, VizTracer

ESTIMATE = re.compile(rb"\\x08\\0\\0\\0\\x40\\0\\0\\0....\\0{12}", re.DOTALL)  # how the entries of estimates begin

def short(value=1): return value
calls = 0

def much(times=100_000):
    global calls
    calls += times
    for _ in range(times): short()

def bursts(tracer=None):
    path = (tracer or get_tracer()).ring_file
    with open(path, "rb") as file:
        content = file.read()
    found = [struct.unpack_from("<Q", content, entry.end())[0] for entry in ESTIMATE.finditer(content)]
    return max(found, default=0)

def until(enough=8, tracer=None):
    while bursts(tracer) < enough: much()

"""
OPTIONS = ("--max_overhead", "20%", "--tracer_entries", "5000")


def program(sandbox, body):
    return sandbox.script(HEAD + textwrap.dedent(body))


def trace(sandbox, body, *options):
    done = sandbox.viztracer(*OPTIONS, *options, "-o", "traced.json", program(sandbox, body))
    assert done.returncode == 0, done.stderr
    return done.stdout


def elided(sandbox, report="traced.json", name="short"):
    """What the report says of a function that was elided."""
    (process,) = sandbox.metadata(report)["processes"]
    (one,) = [one for one in process["elided"] if one["name"] == name and not one["only_c_calls"]]
    return one


def test_the_estimate_is_near_the_truth_and_says_how_near(sandbox):
    """Not nearer than its error: what the machine does meanwhile may be anything."""
    said = trace(sandbox, "until()\nopen('truth', 'w').write(str(calls))\n")
    truth = int((sandbox.path / "truth").read_text())
    found = elided(sandbox)
    assert truth / 4 < found["calls_about"] < truth * 4
    assert 0 < found["calls_error"]
    is_useful = found["calls_error"] < found["calls_about"]
    assert ("calls that are not recorded, estimated: short about " in said) == is_useful


def test_the_time_that_a_program_waits_counts_for_nothing(sandbox):
    """It calls the function for 20 ms out of 80: bursts by the clock on the wall would see a quarter of the calls."""
    # A call takes longer here than counting it does, also in a build that is not optimized.
    body = """
        def short(value=1):
            for _ in range(20): value += 1
        while bursts() < 12:
            end = time.process_time() + 0.02
            while time.process_time() < end: much(1000)
            time.sleep(0.06)
        open("truth", "w").write(str(calls))
    """
    trace(sandbox, body)
    truth = int((sandbox.path / "truth").read_text())
    assert truth / 3 < elided(sandbox)["calls_about"] < truth * 3


def test_no_call_of_a_burst_is_recorded(sandbox):
    trace(sandbox, "until()\n")
    report = sandbox.report("traced.json")
    since = elided(sandbox)["ts"]
    assert not [call for call in tree.spans(report) if call["name"].startswith("short (") and call["ts"] > since + 1]
    tree.check_nesting(report)


def test_an_estimate_is_never_shown_as_a_count(sandbox):
    script = program(sandbox, "until()\n")
    sandbox.viztracer("--max_overhead", "20%", "-o", "traced.json", script)
    assert "calls_about" in elided(sandbox)
    table = sandbox.viztracer_merge("traced.json", "--top", "99").stdout
    (row,) = [line.split() for line in table.splitlines() if " short (" in line]
    is_shown = elided(sandbox)["calls_error"] < elided(sandbox)["calls_about"]
    assert (row[0][0], row[1][0], row[1][-1]) == ("~", "±", "%") if is_shown else row[0].startswith(">=")
    document = json.loads(sandbox.viztracer_merge("traced.json", "--top", "99", "--json").stdout)
    (row,) = [row for row in document["all"]["top"] if row["function"] == "short"]
    assert row["is_elided"] and (row["calls_about"] is not None) == is_shown
    if is_shown:
        assert row["calls_about"] == elided(sandbox)["calls_about"] + row["calls"]
    csv = sandbox.viztracer_merge("traced.json", "--format", "csv", "-o", "-").stdout
    assert csv.splitlines()[0].endswith(",elided,elides_c_calls,calls_about,calls_error")


def test_a_part_of_a_recording_has_no_estimate(sandbox):
    """An estimate is one of the whole recording."""
    sandbox.viztracer("--max_overhead", "20%", "-o", "traced.json", program(sandbox, "until()\n"))
    document = json.loads(sandbox.viztracer_merge("traced.json", "--top", "99", "--json", "--last", "100s").stdout)
    assert {row["calls_about"] for row in document["all"]["top"]} == {None}


@pytest.mark.parametrize("options", [("--min_duration", "1us"), ("--max_stack_depth", "50")])
def test_calls_that_might_be_left_out_anyway_are_not_estimated(sandbox, options):
    trace(sandbox, "end = time.monotonic() + 1.5\nwhile time.monotonic() < end: much()\n", *options)
    assert "calls_about" not in elided(sandbox)


def test_reports_of_reports_have_the_same_estimates(sandbox):
    trace(sandbox, "until()\n")
    sandbox.viztracer_merge("traced.json", "-o", "again.json")
    assert elided(sandbox, "again.json") == elided(sandbox)


def test_no_event_of_another_tool_is_woken(sandbox):
    trace(
        sandbox,
        """
        monitoring = sys.monitoring
        COVERAGE, seen = 1, []
        def see(code, *_):
            seen.append(code.co_name)
            return monitoring.DISABLE
        monitoring.use_tool_id(COVERAGE, "coverage")
        for event in (monitoring.events.PY_START, monitoring.events.LINE):
            monitoring.register_callback(COVERAGE, event, see)
        monitoring.set_events(COVERAGE, monitoring.events.PY_START | monitoring.events.LINE)
        until(2)
        before = seen.count("short")
        until()
        assert seen.count("short") == before, (seen.count("short"), before)
        """,
    )
    assert "calls_about" in elided(sandbox)


def test_without_a_second_tool_id_nothing_is_estimated(sandbox):
    script = program(
        sandbox,
        """
        sys.monitoring.use_tool_id(3, "other")
        tracer = VizTracer(max_overhead=0.2, tracer_entries=5000, verbose=0)
        tracer.start()
        end = time.process_time() + 1
        while time.process_time() < end: much()
        assert sys.monitoring.get_tool(3) == "other"
        tracer.stop()
        tracer.save("traced.json")
        """,
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert "calls_about" not in elided(sandbox)


def test_bursts_raise_no_audit_events(sandbox):
    trace(
        sandbox,
        """
        until(1)
        seen, is_watched = [], True
        sys.addaudithook(lambda event, _: is_watched and event.startswith("sys.monitoring") and seen.append(event))
        until(4)
        is_watched = False
        assert not seen, seen
        """,
    )


def test_a_tracer_that_has_stopped_holds_no_tool_id_and_no_thread(sandbox):
    script = program(
        sandbox,
        """
        tracer = VizTracer(max_overhead=0.2, tracer_entries=5000, verbose=0)
        tracer.start()
        until(tracer=tracer)
        tracer.stop()
        held = [sys.monitoring.get_tool(tool) for tool in range(6)]
        assert not any(held), held
        while len(os.listdir("/proc/self/task")) > 1: time.sleep(0.001)
        tracer.start()
        until(2 * bursts(tracer), tracer)
        tracer.stop()
        tracer.save("traced.json")
        """,
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert elided(sandbox)["calls_about"] > 0


def test_a_fork_during_bursts(sandbox):
    """No child records or counts for its parent, and none has a thread that it did not start."""
    trace(
        sandbox,
        """
        until(2)
        for _ in range(20):
            much(20_000)
            child = os.fork()
            if not child:
                is_alone = len(os.listdir("/proc/self/task")) == 1
                much(20_000)
                os._exit(0 if is_alone else 1)
            assert os.waitpid(child, 0)[1] == 0
        until()
        """,
    )
    parents = [process for process in sandbox.metadata("traced.json")["processes"] if "elided" in process]
    abouts = [one for process in parents for one in process["elided"] if "calls_about" in one]
    assert any(one["name"] == "short" for one in abouts)


@pytest.mark.parametrize(
    "body",
    [
        "def gen():\n    for _ in range(50): yield short()\nwhile bursts() < 8:\n    for _ in range(2000): list(gen())\n",
        "def deep(n): return n and deep(n - 1)\nwhile bursts() < 8:\n    for _ in range(2000): deep(40)\n    much()\n",
        "import threading\nthreads = [threading.Thread(target=until) for _ in range(3)]\n"
        "for t in threads: t.start()\nfor t in threads: t.join()\n",
        "def raises():\n    short()\n    raise ValueError\nwhile bursts() < 8:\n    for _ in range(9000):\n"
        "        try: raises()\n        except ValueError: pass\n",
    ],
    ids=["generators", "recursion", "threads", "exceptions"],
)
def test_programs_of_all_kinds(sandbox, body):
    trace(sandbox, body)
    assert elided(sandbox)["calls_about"] >= 0
    tree.check_nesting(sandbox.report("traced.json"))


def test_a_function_whose_code_is_gone_is_called_no_more(sandbox):
    body = """
        exec(compile("def short(value=1):\\n    for _ in range(20): value += 1\\n", "made.py", "exec"))
        until(6)
        open("truth", "w").write(str(calls))
        short = None
        end = time.process_time() + 60
        while bursts() < 30 and time.process_time() < end: sum(range(10_000))
        assert bursts() >= 30
    """
    trace(sandbox, body)
    truth = int((sandbox.path / "truth").read_text())
    assert truth / 3 < elided(sandbox)["calls_about"] < truth * 3


def test_code_that_is_made_again_and_again_is_not_counted_for_all_of_it(sandbox):
    """A burst counts only code that was there when it began."""
    body = """
        end = time.process_time() + 3
        while time.process_time() < end:
            made = compile("def short(value=1):\\n    for _ in range(20): value += 1\\n", "made.py", "exec")
            exec(made)
            much(500)
    """
    trace(sandbox, body)
    assert "calls_about" not in elided(sandbox)


def test_forks_keep_no_burst_away(sandbox):
    trace(
        sandbox,
        """
        end = time.process_time() + 60
        while bursts() < 8 and time.process_time() < end:
            fork = time.process_time() + 0.08
            while time.process_time() < fork: much(1000)
            child = os.fork()
            if not child: os._exit(0)
            os.waitpid(child, 0)
        assert bursts() >= 8
        """,
    )


def test_a_tool_that_takes_the_id_away_keeps_its_events(sandbox):
    trace(
        sandbox,
        """
        monitoring = sys.monitoring
        until(1)
        (tool,) = [tool for tool in (3, 4) if monitoring.get_tool(tool) == "viztracer counts"]
        while not monitoring.get_local_events(tool, short.__code__): much(1000)
        monitoring.free_tool_id(tool)
        monitoring.use_tool_id(tool, "other")
        monitoring.set_local_events(tool, short.__code__, monitoring.events.PY_RETURN)
        end = time.process_time() + 0.5
        while time.process_time() < end: much(1000)
        assert monitoring.get_local_events(tool, short.__code__) == monitoring.events.PY_RETURN
        monitoring.free_tool_id(tool)
        """,
    )
