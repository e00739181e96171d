"""Losses add up in every report: the recorded events are those that are shown, overwritten, forgotten or lost."""

import json
import re
import sys

import pytest
from conftest import ROOT, Sandbox, library, run_node
from served import serving

sys.path.insert(0, str(ROOT / "tests" / "reader"))
import ring_reader  # noqa: E402

pytestmark = pytest.mark.merge_only

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
    columns = [dict(zip(headings.split(), row.split(), strict=True))]
    headings, row = chain.viztracer_merge("--info", name).stdout.replace("started (UTC)", "day time").splitlines()
    columns.append(dict(zip(headings.split(), row.replace(" s ", "s ").split(), strict=True)))
    for column in columns:
        assert {key: number(column[key]) for key in ("events", "overwritten", "lost")} | {
            "forgotten_threads": truth["forgotten_threads"]
        } == truth
    gone = truth["overwritten"] + truth["lost"]
    of_threads = f"{truth['forgotten_threads']:,} threads"
    assert f": {truth['events']:,} events of 1 file; {gone:,} are lost; {of_threads} have lost all" in last
    assert f": {truth['overwritten']:,} overwritten, {of_threads} of which nothing is left" in strict
    top = chain.viztracer_merge("--top", "3", name).stdout
    assert f"\n{truth['overwritten']:,} events are lost: newer ones have overwritten them\n" in top
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
