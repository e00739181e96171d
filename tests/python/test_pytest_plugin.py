"""`pytest --viztracer`: spans of tests, workers and children, last words, the slowest tests, and peace with others."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import BIN, library

LIMITS_OVERHEAD = sys.version_info >= (3, 12)
# What old versions say: only one profile function can be there, and `cProfile` takes the place of the tracer's.
HOOK_TAKEN = "viztracer: the program has taken the tracer's hook away; calls after that are missing from the report\n"
# What the pytest of these tests tells its own children.
INHERITED = ("PYTEST_", "VIZTRACER_")
EVERY_OUTCOME = """
import pytest
@pytest.fixture
def broken(): raise ValueError
@pytest.fixture
def breaks_later():
    yield
    raise ValueError
def test_passes(): pass
def test_fails(): assert 0
@pytest.mark.skip
def test_skipped(): pass
@pytest.mark.xfail
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
def test_setup(broken): pass
def test_teardown(breaks_later): pass
@pytest.mark.parametrize("n", ["\\u20ac/[1]"])
def test_parameter(n): pass
"""
OUTCOMES = {
    "test_passes": ["passed", "passed", "passed"],
    "test_fails": ["passed", "failed", "passed"],
    "test_skipped": ["skipped", "passed"],
    "test_xfails": ["passed", "xfailed", "passed"],
    "test_xpasses": ["passed", "xpassed", "passed"],
    "test_setup": ["error", "passed"],
    "test_teardown": ["passed", "passed", "error"],
    r"test_parameter[\u20ac/[1]]": ["passed", "passed", "passed"],
}
# What pytest prints besides, and what differs from run to run.
OURS = re.compile(r"^=+ viztracer =+\n.*\n.*\n|^viztracer: .*\n", re.MULTILINE)
CHANGES = re.compile(r"in \d+\.\d\ds|0x[0-9a-f]+")


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}


@pytest.fixture
def run(sandbox):
    """run(SOURCE, *OPTIONS) -> how pytest ends on a file of tests."""

    def start(source, *options, env=None, runner=(sys.executable, "-m", "pytest")):
        sandbox.script(textwrap.dedent(source), "test_it.py")
        return sandbox.run(*runner, "-p", "no:cacheprovider", *options, "test_it.py", env=environment() | (env or {}))

    return start


class Span:
    """An asynchronous span of a report: how it is named, what it lies in, and what it says when it ends."""

    def __init__(self, event, around):
        self.pid, self.name, self.around = event["pid"], event["name"], around
        self.args, self.is_over = event["args"], False

    @property
    def outcome(self):
        return self.args.get("outcome")


def spans(report):
    """The spans of a report, in the order of their begins. They must nest: each process has one track."""
    found, stacks = [], {}
    for event in sorted((event for event in report["traceEvents"] if event["ph"] in "be"), key=lambda one: one["ts"]):
        assert (event["cat"], event["id"]) == ("pytest", str(event["pid"]))
        stack = stacks.setdefault(event["pid"], [])
        if event["ph"] == "b":
            found.append(Span(event, stack[-1] if stack else None))
            stack.append(found[-1])
        else:
            span = stack.pop()
            assert span.name == event["name"]
            span.args, span.is_over = event["args"], True
    return found


def outcomes(report):
    """What became of each phase of each test."""
    found = {}
    for span in spans(report):
        if "phase" in span.args:
            found.setdefault(span.args["id"].removeprefix("test_it.py::"), []).append(span.outcome)
    return found


def test_off_unless_asked(run):
    source = """
    import sys
    def test_it():
        assert not [name for name in sys.modules if name.partition(".")[0] == "viztracer"]
        assert sys.getprofile() is None
        assert sys.version_info < (3, 12) or not any(map(sys.monitoring.get_tool, range(6)))
    """
    done = run(source)
    assert done.returncode == 0 and "viztracer: " not in done.stdout, done.stdout


def test_each_test_is_a_span(run, sandbox):
    plain, traced = run(EVERY_OUTCOME), run(EVERY_OUTCOME, "--viztracer=rings")
    assert (plain.returncode, plain.stderr) == (traced.returncode, traced.stderr) == (1, "")
    assert CHANGES.sub("", OURS.sub("", traced.stdout)) == CHANGES.sub("", plain.stdout)
    report = sandbox.merge("rings")
    assert outcomes(report) == OUTCOMES
    root, *others = spans(report)
    assert (root.name, root.around, {span.is_over for span in spans(report)}) == ("tests", None, {True})
    tests = [span for span in others if "phase" not in span.args]
    assert [span.name for span in tests] == [span.args["id"] for span in tests] == [
        f"test_it.py::{name}" for name in OUTCOMES
    ]
    worst = [next((one for one in phases if one != "passed"), "passed") for phases in OUTCOMES.values()]
    assert [span.outcome for span in tests] == worst
    assert {span.around for span in tests} == {root}
    phases = [span for span in others if "phase" in span.args]
    assert all(span.name == span.args["phase"] and span.around.name == span.args["id"] for span in phases)


def test_calls_of_tests_and_of_imports(run, sandbox):
    sandbox.script("def loaded(): pass\nloaded()\n", "conftest.py")
    done = run("def work(): pass\ndef test_it(): work()\n", "--viztracer=rings")
    assert done.returncode == 0, done.stdout
    names = {event["name"].partition(" (")[0] for event in sandbox.merge("rings")["traceEvents"] if event["ph"] == "X"}
    assert {"loaded", "test_it", "work"} <= names
    assert not [name for name in names if name.startswith(("Spans.", "Plugin.", "Workers."))]


def test_the_command_in_the_summary_merges(run, sandbox):
    done = run("def test_it(): pass", "--viztracer=of run/rings")
    (command,) = re.findall(r"^viztracer-merge .*$", done.stdout, re.MULTILINE)
    merged = sandbox.run("sh", "-c", f"PATH={BIN}:$PATH {command}")
    assert merged.returncode == 0, merged.stderr
    assert (sandbox.path / "result.html").exists()
    assert "1 process, " in done.stdout
    again = run("def test_it(): pass", "--viztracer=of run/rings")
    assert "1 process, " in again.stdout and "1 ring file of other runs" in again.stdout


@pytest.mark.one_version
def test_perfetto_shows_the_spans(run, sandbox, perfetto):
    run(EVERY_OUTCOME, "--viztracer=rings")
    assert sandbox.viztracer_merge("--quiet", "rings", "-o", "x.pftrace").returncode == 0
    seen = perfetto(sandbox.path / "x.pftrace", "select name, depth from slice where category = 'pytest'")
    assert seen["errors"] == []
    (rows,) = seen["rows"]
    assert sum(row["name"].startswith("test_it.py::") and row["depth"] == 1 for row in rows) == len(OUTCOMES)


CHILDREN = """
import os, subprocess, sys, pytest
def in_child(): pass
@pytest.mark.parametrize("n", range(4))
def test_forks(n):
    pid = os.fork()
    if pid == 0:
        in_child()
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
def test_starts():
    code = "def in_child(): pass\\nin_child()"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_and_children(run, sandbox, workers):
    if workers:
        library("xdist")
    done = run(CHILDREN, "--viztracer=rings", *(["-n", str(workers)] if workers else []))
    assert done.returncode == 0, done.stdout
    report = sandbox.merge("rings")
    assert sum(event["name"].startswith("in_child (") for event in report["traceEvents"]) == 5
    found = spans(report)
    ran = [span for span in found if span.args.get("phase") == "call"]
    assert len(ran) == 5 and {span.outcome for span in ran} == {"passed"}
    names = {
        event["pid"]: event["args"]["name"] for event in report["traceEvents"] if event["name"] == "process_name"
    }
    assert len(names) == 5 + 1 + workers
    if workers:
        assert {names[span.pid] for span in found} == {"pytest gw0", "pytest gw1"}
    endings = [process["ending"] for process in report["viztracer_metadata"]["processes"]]
    assert sorted(endings) == ["exited"] * (1 + workers) + ["left by os._exit"] * 4 + ["stopped"]


def test_tests_that_run_in_forked_children(run, sandbox):
    """As pytest-forked does it."""
    sandbox.script(
        textwrap.dedent(
            """
            import os, pytest
            from _pytest.runner import runtestprotocol
            @pytest.hookimpl(tryfirst=True)
            def pytest_runtest_protocol(item, nextitem):
                read, write = os.pipe()
                pid = os.fork()
                if pid == 0:
                    reports = runtestprotocol(item, log=False, nextitem=nextitem)
                    os.write(write, ",".join(report.outcome for report in reports).encode())
                    os._exit(0)
                os.waitpid(pid, 0)
                last = os.read(read, 1000).decode().split(",")
                outcome = "failed" if "failed" in last else "passed"
                report = pytest.TestReport(item.nodeid, item.location, {}, outcome, None, "call")
                item.ihook.pytest_runtest_logreport(report=report)
                return True
            """
        ),
        "conftest.py",
    )
    done = run("def test_a(): pass\ndef test_b(): assert 0", "--viztracer=rings")
    assert done.returncode == 1, done.stdout
    report = sandbox.merge("rings")
    assert outcomes(report) == {"test_a": ["passed"] * 3, "test_b": ["passed", "failed", "passed"]}
    tests = {span.name: span for span in spans(report) if span.name.startswith("test_it.py::")}
    assert [span.outcome for span in tests.values()] == ["passed", "failed"]
    phases = [span for span in spans(report) if "phase" in span.args]
    assert len({span.pid for span in phases}) == 2
    assert not {span.pid for span in phases} & {span.pid for span in tests.values()}


def test_tests_that_are_repeated(run, sandbox):
    """As pytest-rerunfailures does it."""
    sandbox.script(
        textwrap.dedent(
            """
            from _pytest.runner import runtestprotocol
            def pytest_runtest_protocol(item, nextitem):
                for attempt in range(3):
                    item._initrequest()
                    reports = runtestprotocol(item, nextitem=nextitem, log=False)
                    is_last = attempt == 2 or not any(report.failed for report in reports)
                    for report in reports:
                        report.outcome = report.outcome if is_last or not report.failed else "rerun"
                        if is_last or report.outcome == "rerun":
                            item.ihook.pytest_runtest_logreport(report=report)
                    if is_last:
                        return True
            def pytest_report_teststatus(report):
                return ("rerun", "R", "RERUN") if report.outcome == "rerun" else None
            """
        ),
        "conftest.py",
    )
    source = "tries = []\ndef test_flaky():\n    tries.append(1)\n    assert len(tries) == 2\ndef test_bad(): assert 0\n"
    done = run(source, "--viztracer=rings")
    assert "1 failed, 1 passed, 3 rerun in" in done.stdout
    tests = [span.args for span in spans(sandbox.merge("rings")) if span.name.startswith("test_it.py::")]
    assert tests == [
        {"id": "test_it.py::test_flaky", "outcome": "passed", "reruns": 1},
        {"id": "test_it.py::test_bad", "outcome": "failed", "reruns": 2},
    ]


DEATHS = {
    "os.kill(os.getpid(), signal.SIGKILL)": "killed by SIGKILL",
    "ctypes.string_at(0)": "crashed by SIGSEGV",
    "os._exit(1)": "left by os._exit",
}


@pytest.mark.parametrize("death", DEATHS)
def test_last_words_of_a_worker_that_dies(run, sandbox, death):
    library("xdist")
    source = f"import ctypes, os, signal\ndef deep():\n    {death}\ndef test_dies(): deep()\ndef test_passes(): pass\n"
    done = run(source, "--viztracer=rings", "-n", "1")
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout, done.stdout
    assert "crashed while running 'test_it.py::test_dies'" in done.stdout
    (section,) = re.findall(
        r"^-+ (last words of gw0 \(pid \d+\) -+\n.*?)(?=^[=_]{9})", done.stdout, re.DOTALL | re.MULTILINE
    )
    (pid,) = re.findall(r"\(pid (\d+)\) -", section)
    assert f"pytest gw0 (pid {pid}) {DEATHS[death]}" in section
    assert set(re.findall(r"\(pid (\d+)\)", section)) == {pid}, "the last words are of others, too"
    assert re.search(r"\.\.\. \d+ calls of pytest\n.*pytest_pyfunc_call .*\n.*test_dies .*\n +\d+  deep ", section)
    assert "_thread_receiver" not in section and len(section.splitlines()) < 70
    killed = [span for span in spans(sandbox.merge("rings")) if span.pid == int(pid)]
    assert [(span.name, span.is_over) for span in killed if not span.is_over or span.name == "setup"] == [
        ("tests", False),
        ("test_it.py::test_dies", False),
        ("setup", True),
        ("call", False),
    ]


def test_a_worker_that_dies_before_the_tests(run, sandbox):
    """Its last words are in a section of their own, since there is no report of a test."""
    library("xdist")
    sandbox.script(
        "import os\ndef pytest_collection():\n    if 'PYTEST_XDIST_WORKER' in os.environ: os._exit(1)\n",
        "conftest.py",
    )
    done = run("def test_it(): pass", "--viztracer=rings", "-n", "1", "--max-worker-restart", "0")
    assert re.search(r"^-+ last words of gw0 \(pid \d+\) -+\npytest gw0 .* left by os\._exit", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("to_workers", [False, True])
def test_last_words_of_a_worker_that_hangs_when_the_user_interrupts(sandbox, to_workers):
    """Ctrl+C in a terminal reaches the workers, too. They may then be in any code of pytest, so a line has the test."""
    library("xdist")
    sandbox.script(
        "import time\ndef hang():\n    open('hangs', 'w').close()\n    time.sleep(1000)\ndef test_hangs(): hang()\n",
        "test_it.py",
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--viztracer=rings", "-n", "1", "test_it.py"]
    with subprocess.Popen(
        command, cwd=sandbox.path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler), start_new_session=True,
    ) as process:  # fmt: skip
        give_up = time.monotonic() + 120
        while not (sandbox.path / "hangs").exists() and time.monotonic() < give_up:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT) if to_workers else process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert re.search(r"^viztracer-merge rings -o result\.html$", output, re.MULTILINE)
    heading = r"last words of gw0 \(pid (\d+)\) -+\n"
    if to_workers:  # unless the worker has ended meanwhile
        words = rf"{heading}(pytest gw0 \(pid \1\) .*\n  test: +test_it.py::test_hangs( |$)|none: |it has no ring file)"
        assert re.search(words, output, re.MULTILINE) or "last words of" not in output
    else:
        words = rf"{heading}pytest gw0 \(pid \1\) is still running\n  test: +test_it.py::test_hangs \(call\)\n"
        assert re.search(words, output), output
        assert re.search(r"\.\.\. \d+ calls of pytest\n.*pytest_pyfunc_call .*\n.*test_hangs .*\n +\d+  hang ", output)
    assert f"(pid {process.pid})" not in output


HANGS = """
import time, pytest
def test_passes(): pass
@pytest.mark.timeout(1, method="METHOD")
def test_hangs(): time.sleep(1000)
"""


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("method", ["signal", "thread"])
def test_pytest_timeout(run, sandbox, method, workers):
    library("pytest_timeout")
    options = ["-n", "1"] if workers and library("xdist") else []
    done = run(HANGS.replace("METHOD", method), "--viztracer=rings", *options)
    assert done.returncode == 1
    summary = "to merge the ring files into a report:"
    if method == "signal":
        assert "1 failed, 1 passed" in done.stdout and "Timeout (>1.0s)" in done.stdout
        assert outcomes(sandbox.merge("rings"))["test_hangs"] == ["passed", "failed", "passed"]
    elif workers:
        assert "left by os._exit" in done.stdout and "test_hangs (" in done.stdout and summary in done.stdout
    else:
        assert "Timeout" in done.stdout + done.stderr and summary not in done.stdout
        line = f"viztracer: pytest has ended before its summary; viztracer-merge --last_words {sandbox.path}/rings"
        assert done.stderr.splitlines()[-1] == line
    if method == "thread":
        words = sandbox.viztracer_merge("--last_words", "rings").stdout
        assert "time.sleep" in words and "test_hangs (" in words


def test_faulthandler(run, sandbox):
    """It still dumps its traceback when a test takes long, and when the process crashes; the file knows the signal."""
    source = "import ctypes\ndef test_crashes(): ctypes.string_at(0)\n"
    plain, traced = run(source), run(source, "--viztracer=rings")
    assert plain.returncode == traced.returncode == -signal.SIGSEGV
    for done in (plain, traced):
        assert "Fatal Python error: Segmentation fault" in done.stderr and "in test_crashes" in done.stderr
    assert "crashed by SIGSEGV" in sandbox.viztracer_merge("--last_words", "rings").stdout
    source = "import time\ndef test_waits():\n    time.sleep(1)\n"
    late = run(source, "--viztracer=late", "-o", "faulthandler_timeout=0.05")
    assert late.returncode == 0 and "in test_waits" in late.stderr


@pytest.mark.parametrize("workers", [0, 1])
def test_where_the_slowest_tests_spend_their_time(run, workers):
    options = ["-n", "1"] if workers and library("xdist") else []
    source = """
    import time
    def nap(): time.sleep(0.4)
    def test_naps(): nap()
    def test_quick(): pass
    """
    done = run(source, "--viztracer=rings", "--viztracer_slowest", "20", *options)
    heading = r"=+ where the slowest 6 phases spent their time \(viztracer\) =+\n"
    (section,) = re.findall(rf"{heading}(.*?)(?======)", done.stdout, re.DOTALL)
    phases = re.findall(r"^(\d+\.\d\d)s (\w+) +(\S+)\n((?:    .*\n)*)", section, re.MULTILINE)
    assert [float(phase[0]) for phase in phases] == sorted((float(phase[0]) for phase in phases), reverse=True)
    assert {(when, test) for _, when, test, _ in phases} == {
        (when, f"test_it.py::{test}") for when in ("setup", "call", "teardown") for test in ("test_naps", "test_quick")
    }
    (nap,) = (lines for _, when, test, lines in phases if when == "call" and "naps" in test)
    assert re.fullmatch(r" +0\.[4-9]\d\ds +\d+%  time\.sleep, 1 call", nap.splitlines()[0])
    some = run(source, "--viztracer=rings", "--viztracer_slowest", "1", *options)
    assert "where the slowest 1 phases" in some.stdout or "where the slowest phase spent" in some.stdout
    assert "test_naps" in some.stdout


def test_the_overhead_is_limited(run):
    done = run("def test_it(): pass", "--viztracer=rings")
    assert ("viztracer: recording into rings, at most 5 % of the processor time\n" in done.stdout) == LIMITS_OVERHEAD
    done = run("def test_it(): pass", "--viztracer=rings", "--viztracer_max_overhead", "0")
    assert "viztracer: recording into rings\n" in done.stdout and done.returncode == 0
    done = run("def test_it(): pass", "--viztracer=rings", "--viztracer_max_overhead", "10%")
    assert "at most 10 % of the processor time" in done.stdout and done.returncode == 0
    done = run("def test_it(): pass", "--viztracer=rings", "--viztracer_max_overhead", "much")
    assert done.returncode == 4 and "--viztracer_max_overhead: invalid part: 'much'" in done.stderr


def test_a_run_that_is_traced_already(run, sandbox):
    """The spans go into the recording that is there; pytest has no warning about it."""
    runner = (BIN / "viztracer", "--quiet", "-o", "report.json", "-m", "pytest")
    done = run("def test_it(): pass", "--viztracer=rings", runner=runner)
    assert done.returncode == 0, done.stderr
    assert "viztracer: this process is recorded already, into " in done.stdout
    assert "warning" not in done.stdout and "viztracer-merge" not in done.stdout
    assert not (sandbox.path / "rings").exists()
    assert outcomes(sandbox.report("report.json")) == {"test_it": ["passed"] * 3}


NESTED = """
import json, os, sys
pytest_plugins = ["pytester"]
def check(pytester, run, *options):
    pytester.makepyfile("def test_a(): pass\\ndef test_b(): assert 0")
    run(*options).assert_outcomes(passed=1, failed=1)
def test_runs_pytest(pytester): check(pytester, pytester.runpytest_inprocess)
def test_starts_pytest(pytester): check(pytester, pytester.runpytest_subprocess)
def test_runs_traced_pytest(pytester): check(pytester, pytester.runpytest_inprocess, "--viztracer=nested")
def test_starts_traced_pytest(pytester): check(pytester, pytester.runpytest_subprocess, "--viztracer=nested")
def own(n): return n
def test_traces(tmp_path):
    from viztracer import VizTracer
    path = tmp_path / "own.json"
    with VizTracer(output_file=str(path), verbose=0):
        own(1)
    names = [event["name"].partition(" (")[0] for event in json.loads(path.read_text())["traceEvents"]]
    assert "own" in names
def test_profiles():
    import cProfile
    profile = cProfile.Profile()
    profile.enable()
    own(2)
    profile.disable()
    assert any(getattr(entry.code, "co_name", "") == "own" for entry in profile.getstats())
def test_after_all(): own(3)
"""


@pytest.mark.parametrize("options", [[], ["--viztracer=rings"], ["--viztracer=rings", "-n", "1"]])
def test_tests_that_run_pytest_and_that_use_the_tracer(run, sandbox, options):
    if "-n" in options:
        library("xdist")
    done = run(NESTED, *options)
    assert (done.returncode, done.stderr) == (0, HOOK_TAKEN if options and not LIMITS_OVERHEAD else ""), done.stdout
    assert "7 passed in" in done.stdout
    if not options:
        return
    report = sandbox.merge("rings")
    assert outcomes(report)["test_after_all"] == ["passed"] * 3
    tests = [span.outcome for span in spans(report) if span.name.startswith("test_it.py::")]
    assert tests == ["passed"] * 7


def test_other_ways_to_load_the_plugin(run, sandbox):
    without = run("def test_it(): pass", "-p", "no:viztracer", "--viztracer=rings")
    assert without.returncode == 4 and "unrecognized arguments: --viztracer" in without.stderr
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    without = run("def test_it(): pass", "--viztracer=rings", env=alone)
    assert without.returncode == 4 and not (sandbox.path / "rings").exists()
    asked = run("def test_it(): pass", "-p", "viztracer", "--viztracer=rings", env=alone)
    assert asked.returncode == 0, asked.stderr
    assert outcomes(sandbox.merge("rings")) == {"test_it": ["passed"] * 3}


def test_another_plugin_with_the_option(run, sandbox):
    sandbox.script(
        "def pytest_addoption(parser): parser.addoption('--viztracer', dest='theirs')\n"
        "def pytest_report_header(config): return f'theirs: {config.option.theirs}'\n",
        "other.py",
    )
    done = run("def test_it(): pass", "-p", "other", "--viztracer=x", env={"PYTHONPATH": str(sandbox.path)})
    assert done.returncode == 0, done.stderr
    assert "theirs: x\n" in done.stdout
    assert "viztracer: another plugin has the option --viztracer, so the one of viztracer-ring is off" in done.stdout


def test_a_directory_that_cannot_be(run, sandbox):
    (sandbox.path / "rings").write_text("a file")
    done = run("def test_it(): pass", "--viztracer=rings")
    assert done.returncode == 0
    assert re.search(r"^viztracer: .*/rings is no directory; the tests run without tracing$", done.stdout, re.MULTILINE)


def test_a_package_that_is_not_this_one(run, sandbox):
    """As after an installation of VizTracer over this package."""
    (sandbox.path / "viztracer").mkdir()
    (sandbox.path / "viztracer/__init__.py").write_text("")
    env = {"PYTHONPATH": str(sandbox.path)}
    assert run("def test_it(): pass", env=env).returncode == 0
    done = run("def test_it(): pass", "--viztracer=rings", env=env)
    assert done.returncode == 4 and "viztracer-ring must be installed again" in done.stderr


SPACE_FORM = "pytest has taken DIR for a path of tests, since it follows a space: its root directory would be "


def test_a_directory_outside_after_a_space(sandbox):
    """pytest looks for its root before it knows our option; the summary says so."""
    (sandbox.path / "project").mkdir()
    (sandbox.path / "rings").mkdir()
    sandbox.script("[pytest]\nmarkers = ours\n", "project/pytest.ini")
    sandbox.script("def test_it(): pass", "project/test_it.py")

    def start(*options):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        return subprocess.run(
            command, cwd=sandbox.path / "project", env=environment(), capture_output=True, text=True, timeout=120
        )

    moved = start("-q", "--viztracer", "../rings")
    assert moved.returncode == 0, moved.stdout
    assert f"{SPACE_FORM}{sandbox.path}/project with --viztracer=DIR\n" in moved.stdout
    right = start("--viztracer=../rings")
    assert f"rootdir: {sandbox.path}/project\n" in right.stdout and SPACE_FORM not in right.stdout


def test_workers_and_a_directory_after_a_space(sandbox):
    """It exists when they start. They have the same root and the same test ids."""
    library("xdist")
    (sandbox.path / "project").mkdir()
    sandbox.script("[pytest]\n", "project/pytest.ini")
    sandbox.script("def test_it(pytestconfig): print('root:', pytestconfig.rootpath)", "project/test_it.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "1", "-rP", "--viztracer", "../rings"],
        cwd=sandbox.path / "project", env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"root: {sandbox.path}/project\n" in done.stdout


INTERRUPTIONS = {"raise KeyboardInterrupt": 2, "pytest.exit('enough')": 2, "pytest.exit('enough', returncode=7)": 7}


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_a_test_that_is_interrupted(run, sandbox, interruption):
    source = f"import pytest\ndef test_a(): pass\ndef test_b(): {interruption}\ndef test_c(): pass\n"
    done = run(source, "--viztracer=rings")
    assert done.returncode == INTERRUPTIONS[interruption]
    tests = {span.name: span.outcome for span in spans(sandbox.merge("rings")) if span.name.startswith("test_it.py::")}
    assert tests == {"test_it.py::test_a": "passed", "test_it.py::test_b": "interrupted"}
    assert "viztracer-merge rings -o result.html\n" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["--viztracer", "--viztracer_slowest", "--viztracer_max_overhead"])
@pytest.mark.parametrize("where", ["conftest", "before", "after"])
def test_another_owner_of_an_option(run, sandbox, name, where):
    """Whether it is a plugin before or after this one, or a conftest.py: this one makes way."""
    sandbox.script(
        f"def pytest_addoption(parser): parser.addoption('{name}', default='none')\n"
        f"def pytest_report_header(config): return 'theirs: ' + config.getoption('{name}')\n",
        "conftest.py" if where == "conftest" else "other.py",
    )
    plugins = {"conftest": [], "before": ["-p", "other"], "after": ["-p", "viztracer", "-p", "other"]}[where]
    env = {"PYTHONPATH": str(sandbox.path)}
    for options, value in (([], "none"), ([f"{name}=x"], "x")):
        done = run("def test_it(): pass", *plugins, *options, env=env)
        assert done.returncode == 0, done.stderr
        assert f"theirs: {value}\n" in done.stdout
        assert f"viztracer: another plugin has the option {name}, so the one of viztracer-ring is off" in done.stdout
        assert not (sandbox.path / "x").exists() and "viztracer-merge" not in done.stdout
    if name != "--viztracer":
        done = run("def test_it(): pass", *plugins, f"{name}=0", "--viztracer=rings", env=env)
        assert done.returncode == 0 and "viztracer-merge rings -o" in done.stdout, done.stderr


def test_a_late_conftest_with_the_option(run, sandbox):
    """pytest finds it when it collects the tests."""
    (sandbox.path / "deep/er").mkdir(parents=True)
    sandbox.script("def pytest_addoption(parser): parser.addoption('--viztracer')\n", "deep/er/conftest.py")
    sandbox.script("def test_deep(): pass\n", "deep/er/test_deep.py")
    done = run("def test_it(): pass", ".", "--viztracer=rings")
    assert done.returncode == 0, done.stdout
    assert "viztracer-merge rings -o" in done.stdout


def test_a_conftest_with_the_option_and_a_directory_that_was_there(run, sandbox):
    """A conftest.py with the option leaves the files of others in the directory."""
    assert run("def test_it(): pass", "--viztracer=rings").returncode == 0
    before = sorted((sandbox.path / "rings").iterdir())
    sandbox.script("def pytest_addoption(parser): parser.addoption('--viztracer')\n", "conftest.py")
    assert run("def test_it(): pass", "--viztracer=rings").returncode == 0
    assert sorted((sandbox.path / "rings").iterdir()) == before != []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--viztracer="], "--viztracer: the name of the directory is empty"),
        (["--viztracer=rings", "--viztracer_slowest=-1"], "--viztracer_slowest: invalid number: '-1'"),
        (["--viztracer=rings", "--viztracer_slowest=few"], "--viztracer_slowest: invalid number: 'few'"),
    ],
)
def test_values_that_make_no_sense(run, options, message):
    done = run("def test_it(): pass", *options)
    assert done.returncode == 4 and message in done.stderr


def test_refusals_are_in_the_summary_too(run, sandbox):
    (sandbox.path / "file").write_text("")
    done = run("def test_it(): pass", "-q", "--viztracer=file")
    assert done.returncode == 0 and "/file is no directory; the tests run without tracing\n" in done.stdout
    runner = (BIN / "viztracer", "--quiet", "-o", "report.json", "-m", "pytest")
    done = run("def test_it(): pass", "-q", "--viztracer=rings", runner=runner)
    assert done.returncode == 0 and "viztracer: this process is recorded already, into " in done.stdout


def test_a_directory_that_looks_like_an_option(run, sandbox):
    done = run("def test_it(): pass", "--viztracer=-x")
    (command,) = re.findall(r"^viztracer-merge .*$", done.stdout, re.MULTILINE)
    merged = sandbox.run("sh", "-c", f"PATH={BIN}:$PATH {command}")
    assert merged.returncode == 0, merged.stderr


def test_a_worker_keeps_its_name_after_an_interruption(run, sandbox):
    library("xdist")
    source = """
    from viztracer import VizTracer
    def test_traces(tmp_path):
        with VizTracer(output_file=str(tmp_path / "own.json"), verbose=0): pass
    def test_after(): pass
    """
    done = run(source, "--viztracer=rings", "-n", "1")
    assert done.returncode == 0, done.stdout
    processes = sandbox.merge("rings")["viztracer_metadata"]["processes"]
    (controller,) = {process["parent_id"] for process in processes if process["name"] == "pytest gw0"}
    names = [process["name"] for process in processes if process["pid"] != controller]
    assert len(names) > 1 and set(names) == {"pytest gw0"}


def test_last_words_are_of_one_process():
    """Nothing of the process that distributes the tests is among those of a worker."""
    from viztracer.pytest_run import workers

    words = (
        "python -m pytest (pid 1) is still running\n  last record: now\n\n  MainThread (tid 1)\n    0  controller\n\n"
        "pytest gw0 (pid 12) killed by SIGKILL\n  last record: now\n\n  MainThread (tid 12)\n    0  test_it\n\n"
        "  Thread-1 (tid 13)\n    0  _thread_receiver (execnet:1)\n\n"
        "pytest gw1 (pid 121) is still running\n\n  MainThread (tid 121)\n    0  other\n"
    )
    assert workers._brief(words, 12) == [
        "pytest gw0 (pid 12) killed by SIGKILL", "  last record: now", "", "  MainThread (tid 12)", "    0  test_it"
    ]  # fmt: skip
    assert workers._brief("All 2 processes ended in order: they have no last words.\n", 12) == [workers.IN_ORDER]
    assert workers._brief("", 12) == [workers.IN_ORDER]


@pytest.mark.skipif(not LIMITS_OVERHEAD, reason="there is no limit")
def test_the_slowest_tests_say_which_calls_are_left_out(run):
    source = """
    import time
    def often(): pass
    def test_it():
        for _ in range(400_000): often()
    """
    done = run(source, "--viztracer=rings", "--viztracer_slowest=1")
    assert done.returncode == 0
    assert not re.search(r"often \(test_it\.py:3\), \d", done.stdout)
    said = ">=: called too often to record all calls (--viztracer_max_overhead)" in done.stdout
    assert said == (", >=" in done.stdout)
    done = run("import time\ndef test_it(): time.sleep(0.1)\n", "--viztracer=rings", "--viztracer_slowest=1")
    assert "time.sleep, 1 call" in done.stdout and ">=" not in done.stdout
    done = run(source, "--viztracer=rings", "--viztracer_slowest=1", "--viztracer_max_overhead=0")
    assert ">=" not in done.stdout and "often (test_it.py:3), 400000 calls" in done.stdout


@pytest.mark.parametrize("workers", [0, 1])
def test_a_ring_file_that_cannot_grow(run, workers):
    """As on a full disk. What the tests say is not harmed."""
    source = "def leaf(): pass\ndef test_it():\n    for _ in range(400_000): leaf()\n"
    options = ["-n", "1"] if workers and library("xdist") else []
    runner = ("bash", "-c", 'ulimit -f 4096; exec "$@"', "bash", sys.executable, "-m", "pytest")
    done = run(source, "--viztracer=rings", "--viztracer_max_overhead=0", *options, runner=runner)
    assert done.returncode == 0, done.stdout
    line = r"^viztracer: \d ring files? could not grow \(File too large\): older calls and spans of tests were lost$"
    assert re.search(line, done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("tests", ["tests", "tests/test_it.py"])
def test_a_path_of_tests_after_the_option(sandbox, tests):
    """DIR was forgotten. Behind `=` it is meant."""
    (sandbox.path / "tests").mkdir()
    sandbox.script("def test_it(): pass", "tests/test_it.py")

    def start(*options):
        return sandbox.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, env=environment())

    done = start("--viztracer", tests)
    assert done.returncode == 4
    assert f"write --viztracer=DIR {tests}, or --viztracer={tests} to have them there" in done.stderr
    assert not list(sandbox.path.rglob("*.bin"))
    done = start("--viztracer=tests", "tests")
    assert done.returncode == 0 and list((sandbox.path / "tests").glob("*.bin")), done.stdout
    done = start("--viztracer", "rings", tests)
    assert done.returncode == 0 and list((sandbox.path / "rings").glob("*.bin")), done.stdout
