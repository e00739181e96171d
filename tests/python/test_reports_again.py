"""A JSON report as input shows the same as its ring files."""

import csv
import gzip
import io
import json
import re
from collections import Counter

import pytest
from conftest import run_node

pytestmark = pytest.mark.one_version

INHERITED = ", from before the fork"
CRASH = """
import asyncio, multiprocessing as mp, os, signal, subprocess, sys, threading, time

def numbers():
    yield 1
    yield 2

def fails():
    raise ValueError

def parse():
    try:
        fails()
    except ValueError:
        list(numbers())
    os.write(pipe, b"x")
    time.sleep(60)

def worker():
    parse()

async def step(n):
    await asyncio.sleep(0.001)
    return n

async def steps():
    await asyncio.gather(*(step(n) for n in range(4)))

if __name__ == "__main__":
    asyncio.run(steps())
    thread = threading.Thread(target=len, args=("a",), name="a \\"thread\\"")
    thread.start()
    thread.join()
    reader, pipe = os.pipe()
    process = mp.get_context("fork").Process(target=worker)
    process.start()
    os.read(reader, 1)
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "sorted([3, 1])"])
    os.wait()
    subprocess.run([sys.executable, "-c", "sum([1, 2])"])
"""


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """The ring files of a program whose processes end in different ways, and a report of them."""
    from conftest import Sandbox

    sandbox = Sandbox(tmp_path_factory.mktemp("again"))
    sandbox.script(CRASH)
    options = ("--log_async", "--tracer_entries", "20000", "--pid_suffix", "--output_dir", "rings")
    done = sandbox.viztracer("--quiet", *options, "script.py")
    assert done.returncode == 0, done.stderr
    for name in ("once.json", "once.json.gz", "once.html"):
        done = sandbox.viztracer_merge("rings", "-o", name)
        assert done.returncode == 0, done.stderr
    assert run_node("viewer/export.mjs", sandbox.path / "once.html", sandbox.path / "page.json") == []
    return sandbox


def merged(sandbox, source, output):
    done = sandbox.viztracer_merge(source, "-o", output)
    assert done.returncode == 0, done.stderr
    path = sandbox.path / output
    return gzip.decompress(path.read_bytes()) if output.endswith(".gz") else path.read_bytes()


def events(report):
    """Counted. The page gives the arrows between tasks ids and a category of its own."""
    arrows = [event for event in report["traceEvents"] if event["ph"] in "sf" and event["name"] == "await"]
    for arrow in arrows:
        del arrow["id"], arrow["cat"]
    return Counter(json.dumps(event, sort_keys=True) for event in report["traceEvents"])


def last_words(sandbox, source):
    done = sandbox.viztracer_merge("--last_words", source)
    assert done.returncode == 0, done.stderr
    # Where it is read from, and when, is not the same.
    text = re.sub(r"^  file: .*\n", "", done.stdout, flags=re.MULTILINE)
    return re.sub(r", [\w ]+ ago;", ";", text)


def told(sandbox, source):
    done = sandbox.viztracer_merge("--info", "--json", source)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    return [{key: value for key, value in file.items() if key not in ("file", "size")} for file in files]


def page(sandbox, source):
    """What the page says of processes, among others whose child each is, from which its arrows come."""
    merged(sandbox, source, "page.html")
    text = (sandbox.path / "page.html").read_text()
    header = re.search(r'<script type="application/json" id="header">(.*?)</script>', text, re.DOTALL)[1]
    return json.loads(header)["processes"]


@pytest.mark.parametrize("source", ["once.json", "once.json.gz", "page.json"])
def test_a_report_as_input_shows_what_its_ring_files_showed(family, source):
    ours = json.loads(merged(family, source, "again.json"))
    theirs = json.loads(merged(family, "rings", "rings.json"))
    assert events(ours) == events(theirs)
    assert ours["viztracer_metadata"] == theirs["viztracer_metadata"]
    states = Counter(process["state"] for process in ours["viztracer_metadata"]["processes"])
    assert states["crashed"] == 2 and states["sealed"] == 3
    words = last_words(family, source)
    assert words == last_words(family, "rings")
    assert "killed by SIGKILL" in words and INHERITED in words and "returned" in words
    assert told(family, source) == told(family, "rings")
    processes = page(family, source)
    assert processes == page(family, "rings")
    assert sum(process["parent"] is not None for process in processes) == 4
    assert any(process["tasks"] for process in processes)
    for output in ("table.csv", "stacks.folded"):
        ours, theirs = (sorted(merged(family, of, output).splitlines()) for of in (source, "rings"))
        assert ours == theirs


@pytest.mark.parametrize("source", ["once.json", "once.json.gz", "page.json"])
def test_from_the_second_merge_on_not_a_byte_changes(family, source):
    merged(family, source, "second.json")
    assert merged(family, "second.json", "third.json") == (family.path / "second.json").read_bytes()


SLICES = (
    "select s.ts, s.dur, s.depth, s.name, coalesce(t.tid, 0) as tid, coalesce(t.name, k.name) as track from slice s"
    " join track k on s.track_id = k.id left join thread_track tt on tt.id = k.id left join thread t using (utid)"
    " order by s.ts, s.depth, s.name, tid, track, s.dur",
    "select s.name, substr(a.key, 7) as key, a.display_value from slice s join args a using (arg_set_id)"
    " where a.key like 'debug.%' order by 1, 2, 3",
    "select distinct name from process order by 1",
)


def test_perfetto_sees_the_same(family, perfetto):
    seen = []
    for source in ("rings", "once.json"):
        merged(family, source, "seen.pftrace")
        found = perfetto(family.path / "seen.pftrace", *SLICES)
        assert found["errors"] == []
        seen.append(found["rows"])
    assert len(seen[0][0]) > 100
    assert seen[1] == seen[0]


def test_losses_stay_losses(sandbox):
    sandbox.script("def f(n):\n    return n\n\nfor n in range(500):\n    f(n)\n")
    done = sandbox.viztracer("--quiet", "--tracer_entries", "100", "--pid_suffix", "--output_dir", "rings", "script.py")
    assert done.returncode == 0, done.stderr
    merged(sandbox, "rings", "once.json")
    strict = [sandbox.viztracer_merge(source, "-o", "x.json", "--strict") for source in ("rings", "once.json")]
    assert [done.returncode for done in strict] == [1, 1]
    losses = [re.search(r": ([\d,]+) overwritten", done.stderr)[1] for done in strict]
    assert losses[0] == losses[1]
    assert told(sandbox, "once.json") == told(sandbox, "rings")


def test_nothing_is_said_of_an_end_that_nobody_told(sandbox):
    event = {"ph": "X", "pid": 1, "tid": 1, "ts": 1, "dur": 1, "name": "f", "cat": "FEE"}
    document = {"traceEvents": [event], "viztracer_metadata": {"version": "1.1.1"}}
    (sandbox.path / "a.json").write_text(json.dumps(document))
    done = sandbox.viztracer_merge("--last_words", "a.json")
    assert done.stdout == "The end of 1 process is not known: its report does not show it.\n"
    assert told(sandbox, "a.json")[0]["state"] == "unknown"
    once = merged(sandbox, "a.json", "once.json")
    assert merged(sandbox, "once.json", "twice.json") == once
    rows = list(csv.DictReader(io.StringIO(merged(sandbox, "a.json", "a.csv").decode())))
    assert {row["unfinished"] for row in rows} == {"0"}
