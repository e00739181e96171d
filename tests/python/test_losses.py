"""Losses add up in every report: the recorded events are those that are shown, overwritten, forgotten or lost."""

import json
import re
import sys

import pytest
from conftest import ROOT, Sandbox, library, run_node
from served import serving

sys.path.insert(0, str(ROOT / "tests" / "reader"))
import ring_reader  # noqa: E402

pytestmark = pytest.mark.one_version

SHORT_THREADS = """
import threading
def handle(n): return len("abc")
for n in range(40_000):
    thread = threading.Thread(target=handle, args=(n,))
    thread.start()
    thread.join()
"""
SWITCHING = """
import os, sys
from greenlet import greenlet, getcurrent
main = getcurrent()
def plays():
    for round in range(3): main.switch()
players = [greenlet(plays), greenlet(plays)]
for round in range(4):
    for each in players: each.switch()
if "kill" in sys.argv: os.kill(os.getpid(), 9)
if "fork" in sys.argv and os.fork() == 0:
    (lambda: None)()
    sys.exit()
"""
SWITCHED = "greenlets were switched, so durations may be wrong"
# By the names of the files that are read: the ring files, reports of them, reports of those, and what the page saves.
INPUTS = ["rings", "once.json", "once.json.gz", "twice.json", "twice.json.gz", "saved.json"]


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """The ring file of 40,000 short threads in a small ring, and reports of it and of each other."""
    sandbox = Sandbox(tmp_path_factory.mktemp("losses"))
    sandbox.script(SHORT_THREADS)
    options = ("--tracer_entries", "5000", "--pid_suffix", "--output_dir", "rings")
    done = sandbox.viztracer("--quiet", *options, "script.py")
    assert done.returncode == 0, done.stderr
    reports_of(sandbox)
    return sandbox


def reports_of(sandbox):
    for source, *reports in [
        ("rings", "once.json", "once.json.gz"),
        ("once.json", "twice.json", "page.html"),
        ("once.json.gz", "twice.json.gz"),
    ]:
        outputs = [argument for report in reports for argument in ("-o", report)]
        done = sandbox.viztracer_merge("-q", source, *outputs)
        assert done.returncode == 0, done.stderr
    assert run_node("viewer/export.mjs", sandbox.path / "page.html", sandbox.path / "saved.json") == []


@pytest.fixture(scope="module")
def truth(chain):
    """What the second reader counts: events that are shown, and those that are not."""
    (path,) = (chain.path / "rings").iterdir()
    ring = ring_reader.read(path.read_bytes())
    counts = {
        "events": len(ring.calls),
        "overwritten": sum(thread.overwritten for thread in ring.threads.values()) + ring.forgotten_events,
        "lost": sum(thread.lost for thread in ring.threads.values()) + ring.lost,
        "forgotten_threads": ring.forgotten_threads,
    }
    # A thread makes 20 calls or more, and starting it as many again; most of the threads are forgotten.
    assert counts["events"] == 5000 and counts["overwritten"] > 1_000_000
    assert 38_000 < counts["forgotten_threads"] < 40_000
    return counts


def number(text):
    return int(text.replace(",", ""))


def of_metadata(report):
    (process,) = report["viztracer_metadata"]["processes"]
    threads = process["threads"]
    return {
        "events": sum(1 for event in report["traceEvents"] if event["ph"] == "X" and event["cat"] == "FEE"),
        "overwritten": sum(thread["overwritten"] for thread in threads) + process["forgotten_events"],
        "lost": sum(thread["lost"] for thread in threads) + process.get("lost", 0),
        "forgotten_threads": process["forgotten_threads"],
    }


def of_page(html):
    """The counts in a page: those of its tracks are not more than what its line of losses says."""
    header = json.loads(re.search(r'<script type="application/json" id="header">(.*?)</script>', html, re.S)[1])
    (process,) = header["processes"]
    words = dict(reversed(words.split(" ", 1)) for words in process["losses"])
    told = {
        "events": sum(calls for *_, calls in process["calls"]),
        "overwritten": number(words["overwritten"]),
        "lost": number(words.get("lost", "0")),
        "forgotten_threads": number(words["threads of which nothing is left"]),
    }
    of_tracks = sum(thread.get("overwritten", 0) for thread in process["threads"])
    (of_metadata,) = json.loads(header["metadata"])["processes"]
    assert of_tracks + of_metadata["forgotten_events"] == told["overwritten"]
    return told


@pytest.mark.parametrize("name", INPUTS)
def test_reports_add_up(chain, truth, name):
    assert chain.viztracer_merge("-q", name, "-o", "out.json", "-o", "out.html").returncode == 0
    assert of_metadata(chain.report("out.json")) == truth
    assert of_page((chain.path / "out.html").read_text(encoding="utf-8")) == truth


@pytest.mark.parametrize("name", INPUTS)
def test_lines_add_up(chain, truth, name):
    """The summary's table and its last line, `--info` with and without `--json`, `--top`, and `--strict`."""
    done = chain.viztracer_merge("--strict", name, "-o", "out.csv")
    assert done.returncode == 1
    headings, row, last, strict = done.stderr.splitlines()
    tables = [(headings, row), chain.viztracer_merge("--info", name).stdout.splitlines()]
    for table in tables:
        column = dict(zip(*(re.split(r"  +", line.strip()) for line in table), strict=True))
        assert {key: number(column[key]) for key in ("events", "overwritten", "lost")} | {
            "forgotten_threads": truth["forgotten_threads"]
        } == truth
    of_threads = f"{truth['forgotten_threads']:,} threads"
    lost = f" {truth['lost']:,} are lost;" if truth["lost"] else ""
    gone = f"{truth['overwritten']:,} are overwritten;{lost} {of_threads} have only overwritten events"
    assert last.endswith(f": {truth['events']:,} events of 1 file; {gone}")
    assert f": {truth['overwritten']:,} overwritten, {of_threads} of which nothing is left" in strict
    top = chain.viztracer_merge("--top", "3", name).stdout
    assert f"\n{truth['overwritten']:,} events are overwritten by newer ones\n" in top
    assert f"{truth['events']:,} calls of " in top
    (file,) = json.loads(chain.viztracer_merge("--info", "--json", name).stdout)["files"]
    assert {key: file[key] for key in truth} == truth
    assert file["forgotten_events"] == truth["overwritten"] - sum(thread["overwritten"] for thread in file["threads"])


def test_vizviewer_shows_them(chain, truth):
    for name in ("rings", "twice.json.gz"):
        with serving(chain, name) as viewer, viewer.get() as answer:
            assert of_page(answer.read().decode()) == truth


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_switched_greenlets_are_told_by_every_report(sandbox, end):
    """Also where the process could not say it itself, and whichever report is read."""
    library("greenlet")
    sandbox.script(SWITCHING)
    sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", "script.py", end)
    reports_of(sandbox)
    for name in INPUTS:
        done = sandbox.viztracer_merge("--strict", name, "-o", "out.json", "-o", "out.html")
        assert done.returncode == 1
        strict = [line for line in done.stderr.splitlines() if line.startswith("viztracer-merge: strict: ")]
        assert len(strict) == 1 and SWITCHED in strict[0], done.stderr
        assert f"; {SWITCHED} in 1 process\n" in done.stderr
        assert sandbox.report("out.json")["viztracer_metadata"]["processes"][0]["switched"] is True
        assert SWITCHED in (sandbox.path / "out.html").read_text(encoding="utf-8")
        assert f"\n{SWITCHED} in 1 process\n" in sandbox.viztracer_merge("--top", "3", name).stdout
        (file,) = json.loads(sandbox.viztracer_merge("--info", "--json", name).stdout)["files"]
        assert file["switched"] is True


def test_switched_greenlets_are_told_of_the_process_that_has_them(sandbox):
    library("greenlet")
    sandbox.script(SWITCHING)
    done = sandbox.viztracer("-o", "report.json", "script.py", "fork")
    assert SWITCHED in done.stdout
    parent, child = sandbox.report("report.json")["viztracer_metadata"]["processes"]
    assert parent["switched"] is True and "switched" not in child


@pytest.mark.parametrize("options", [(), ("--log_async",)])
def test_forks_and_threads_are_no_switches(sandbox, options):
    """A child sees what it inherited for the first time, and callbacks run without a caller."""
    script = sandbox.script(
        "import atexit, ctypes, os, signal, sys, threading, weakref\n"
        "class Dies:\n"
        "    def __del__(self): len('')\n"
        "def ends(): Dies()\n"
        "def main():\n"
        "    threading.Thread(target=ends).start()\n"
        "    ctypes.CFUNCTYPE(None)(lambda: ends())()\n"
        "    kept = Dies(); reference = weakref.ref(kept, lambda _: ends()); del kept\n"
        "    signal.signal(signal.SIGUSR1, lambda *_: ends())\n"
        "    signal.raise_signal(signal.SIGUSR1)\n"
        "    atexit.register(lambda: ends())\n"
        "    if os.fork() == 0:\n"
        "        ends()\n"
        "        sys.exit()\n"
        "    os.wait()\n"
        "main()\n"
    )
    sandbox.viztracer("--quiet", *options, "--pid_suffix", "--output_dir", "rings", script)
    processes = sandbox.merge("rings")["viztracer_metadata"]["processes"]
    assert len(processes) == 2 and not any("switched" in process for process in processes)


def test_a_tracer_in_the_program_tells_of_switched_greenlets_in_its_report(sandbox):
    """Of each recording on its own: the second one has none."""
    library("greenlet")
    script = sandbox.script(
        "from viztracer import VizTracer\n"
        "from greenlet import greenlet, getcurrent\n"
        "main = getcurrent()\n"
        "def plays(): main.switch()\n"
        "def switches():\n"
        "    player = greenlet(plays)\n"
        "    player.switch()\n"
        "    player.switch()\n"
        "for name, function in [('one.json', switches), ('two.json', lambda: None)]:\n"
        "    with VizTracer(output_file=name, verbose=0):\n"
        "        function()\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    one, two = (sandbox.report(name)["viztracer_metadata"]["processes"][0] for name in ("one.json", "two.json"))
    assert one["switched"] is True and "switched" not in two


SMALL = ["--quiet", "--tracer_entries", "100"]
CALLS = """
import threading
def f(): pass
def many(n):
    for _ in range(n): f()
threads = [threading.Thread(target=many, args=(n,), name=f"of {n}") for n in (1000, 3000)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def lost_by_thread(report):
    """By process and thread: how much was overwritten and lost, and when, in ns of the report."""
    return {
        (process["pid"], thread["name"]): [thread.get(name) for name in OF_LOSSES]
        for process in report["viztracer_metadata"]["processes"]
        for thread in process["threads"]
        if thread["overwritten"] or thread["lost"]
    }


OF_LOSSES = ("overwritten", "lost", "overwritten_since_ns", "overwritten_until_ns")


def absolute(report):
    """The same as a list, with the times of the machine's clock: that of a report begins with its first process."""
    base = report["viztracer_metadata"]["clock"]["monotonic"]
    lost = lost_by_thread(report).values()
    return [[overwritten, lost, base + since, base + until] for overwritten, lost, since, until in lost]


def marks(report):
    """The events that show losses, without what a page would not tell apart."""
    return [event for event in report["traceEvents"] if event.get("cat") == "LOSS"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The ring files of two runs that were too long for their rings, and the report of each of them."""
    sandbox = Sandbox(tmp_path_factory.mktemp("small"))
    sandbox.script(CALLS)
    for name in ("one", "two"):
        done = sandbox.viztracer(*SMALL, "--pid_suffix", "--output_dir", f"rings_{name}", "script.py")
        assert done.returncode == 0, done.stderr
        assert sandbox.viztracer_merge(f"rings_{name}", "-o", f"{name}.json").returncode == 0
    return sandbox


def test_losses_are_events_only_if_asked_for(small):
    """A script that counts events counts those of the program."""
    plain = small.merge("rings_one")
    assert marks(plain) == []
    assert small.viztracer_merge("rings_one", "--show_losses", "-o", "shown.json").returncode == 0
    shown = small.report("shown.json")
    assert shown["viztracer_metadata"] == plain["viztracer_metadata"]
    assert [event for event in shown["traceEvents"] if event not in marks(shown)] == plain["traceEvents"]
    lost = lost_by_thread(plain)
    assert len(lost) == len(marks(shown)) > 0
    for mark in marks(shown):
        told = [mark["args"]["overwritten"], *(round(mark["args"][name] * 1000) for name in ("since", "until"))]
        assert told in [[overwritten, since, until] for overwritten, _, since, until in lost.values()]


@pytest.mark.parametrize("inputs", [["rings_one"], ["rings_one", "rings_two"]], ids=["one", "two"])
def test_losses_come_back_from_the_metadata_of_a_report(small, inputs):
    """A report of reports shows what that of the ring files shows, at the same times on the same tracks."""
    reports = [f"{name.removeprefix('rings_')}.json" for name in inputs]
    for name, sources in (("rings.json", inputs), ("reports.json", reports)):
        done = small.viztracer_merge(*sources, "--show_losses", "-o", name)
        assert done.returncode == 0, done.stderr
    rings, again = small.report("rings.json"), small.report("reports.json")
    assert lost_by_thread(again) == lost_by_thread(rings)
    assert sorted(map(json.dumps, marks(again))) == sorted(map(json.dumps, marks(rings)))
    assert len({pid for pid, _ in lost_by_thread(again)}) == len(inputs)
    # Those that a report has as events are no more than those of its metadata.
    assert small.viztracer_merge("reports.json", "--show_losses", "-o", "thrice.json").returncode == 0
    assert marks(small.report("thrice.json")) == marks(again)


@pytest.mark.parametrize("align", [False, True])
def test_losses_of_all_reports_that_a_program_combines(small, align):
    """They are shifted in time as the events are."""
    script = small.script(
        "import sys\nfrom viztracer.report_builder import ReportBuilder\n"
        f"ReportBuilder(['one.json', 'two.json'], align={align}, verbose=0).save('built.json')\n",
        "build.py",
    )
    done = small.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    built = small.report("built.json")
    for name in ("one.json", "two.json"):
        report = small.report(name)
        (process,) = report["viztracer_metadata"]["processes"]
        (combined,) = (p for p in built["viztracer_metadata"]["processes"] if p["pid"] == process["pid"])
        first, then = (
            min(event["ts"] for event in each["traceEvents"] if event["pid"] == process["pid"] and "ts" in event)
            for each in (report, built)
        )
        shift = combined["opened_ns"] - process["opened_ns"]
        assert shift == round((then - first) * 1000)
        for thread, moved in zip(process["threads"], combined["threads"], strict=True):
            for time in ("overwritten_since_ns", "overwritten_until_ns", "begun_ns"):
                assert (time in thread) == (time in moved) and moved.get(time, 0) - thread.get(time, -shift) == shift
    assert small.viztracer_merge("built.json", "-o", "merged.json").returncode == 0
    merged = small.report("merged.json")
    counts = [sorted(entry[:2] for entry in lost_by_thread(report).values()) for report in (built, merged)]
    assert counts[0] == counts[1]


def test_a_loaded_trace_has_the_losses_and_its_report_too(sandbox):
    script = sandbox.script(
        "from viztracer import VizTracer\n"
        "tracer = VizTracer(tracer_entries=100, verbose=0)\n"
        "def f(): pass\n"
        "tracer.start()\n"
        "for _ in range(1000): f()\n"
        "tracer.stop()\n"
        "assert tracer.parse() == 100, tracer.total_entries\n"
        "(process,) = tracer.data['viztracer_metadata']['processes']\n"
        "tracer.save('x.json')\n"
        "print(process['threads'][0]['overwritten'])\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    saved, merged = (absolute(report) for report in (sandbox.report("x.json"), sandbox.merge("x.json")))
    assert saved == merged
    ((overwritten, _, since, until),) = saved
    assert overwritten == int(done.stdout) and since < until
