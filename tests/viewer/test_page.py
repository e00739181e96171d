"""The trace in a page, read in a browser, has every call of the JSON report of the same ring files."""

import json
import re
from collections import defaultdict

import pytest
from conftest import sandboxes

CALLS = """() => {
    const { trace } = window.viztracer;
    return trace.tracks.map((track) => ({
        pid: track.process.pid, process: track.process.name, tid: track.tid, name: track.name, kind: track.kind,
        calls: Array.from({ length: track.count }, (_, i) => [
            trace.functions.label(track.function[i]), track.start[i], track.duration[i], track.flags[i],
            track.depth[i], track.parent[i],
        ]),
        instants: track.instants, args: [...track.args], overwritten: track.overwritten, gap: track.gap,
        unfinished: track.unfinished,
    }));
}"""
# From where on the ids of tracks are those of tasks.
TASKS = 1 << 24
FLAGS = {"unfinished": 1, "raised": 2, "abandoned": 4, "clipped": 8, "inherited": 16}
YIELDED = 32


def nanoseconds(microseconds):
    return round(microseconds * 1000)


def expected(report):
    """By track, the calls of a JSON report, outermost first."""
    calls = defaultdict(list)
    for event in report["traceEvents"]:
        if event["ph"] in "XB":
            flags = sum(FLAGS[name] for name in event.get("args", {}) if name in FLAGS)
            flags += YIELDED if event.get("yield") else 0
            duration = nanoseconds(event["dur"]) if "dur" in event else None
            calls[event["pid"], event["tid"]].append((event["name"], nanoseconds(event["ts"]), duration, flags))
    return {track: sorted(of, key=lambda call: (call[1], call[0])) for track, of in calls.items()}


def compare(sandbox, page, *options):
    """The tracks of a page, which must be those of the JSON report."""
    for output in ("report.html", "report.json"):
        done = sandbox.viztracer_merge("rings", "-q", "-o", output, *options)
        assert done.returncode == 0, done.stderr
    report = sandbox.report("report.json")
    tracks = page.open(sandbox.path / "report.html").evaluate(CALLS)
    found = {}
    for track in tracks:
        assert track["kind"] == ("task" if track["tid"] >= TASKS else "thread")
        check_tree(track["calls"])
        calls = [tuple(call[:4]) for call in track["calls"]]
        if calls:
            found[track["pid"], track["tid"]] = sorted(calls, key=lambda call: (call[1], call[0]))
    wanted = expected(report)
    assert found.keys() == wanted.keys()
    for track, calls in wanted.items():
        assert len(found[track]) == len(calls)
        for ours, theirs in zip(found[track], calls, strict=True):
            assert ours[:2] == theirs[:2] and ours[3] == theirs[3] and theirs[2] in (ours[2], None)
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in report["traceEvents"] if e["name"] == "thread_name"}
    shown = {(track["pid"], track["tid"]): track["name"] for track in tracks}
    # A report names tasks that did nothing in the time that was asked for, too.
    assert shown == {(pid, tid): name for (pid, tid), name in names.items() if (pid, tid) in shown or tid < TASKS}
    metadata = page.evaluate("window.viztracer.trace.metadata")
    # More digits than a number of JavaScript has.
    metadata["baseTimeNanoseconds"] = int(page.evaluate("String(window.viztracer.trace.baseRealtime)"))
    assert metadata == report["viztracer_metadata"]
    assert (page.errors, page.alerts()) == ([], [])
    return tracks


def check_tree(calls):
    """Callers come before callees, and last longer."""
    before = 0
    for _, start, duration, _, depth, parent in calls:
        assert start >= before
        before = start
        assert depth == (0 if parent < 0 else calls[parent][4] + 1)
        assert parent < 0 or calls[parent][1] <= start and start + duration <= calls[parent][1] + calls[parent][2]


@pytest.mark.parametrize("name", ["threads", "primes_processes", "tasks", "frames_open_at_stop", "exceptions"])
def test_every_call_is_in_the_page(sandbox, page, name):
    arguments = ["gather"] if name == "tasks" else []
    command = ("--log_async", "--pid_suffix", "--output_dir", "rings", sandboxes.program(f"{name}.py"))
    done = sandbox.viztracer(*command, *arguments)
    assert done.returncode == 0, done.stderr
    tracks = compare(sandbox, page)
    if name == "primes_processes":
        flows = page.evaluate(
            "window.viztracer.trace.flows.map((of) => [of.fromTrack.process.pid, of.toTrack.process.pid])"
        )
        pids = {track["pid"] for track in tracks}
        (parent,) = {parent for parent, _ in flows}
        assert sorted([parent] + [child for _, child in flows]) == sorted(pids)
    if name == "tasks":
        assert "task" in {track["kind"] for track in tracks}
    half = page.evaluate("Math.floor(window.viztracer.trace.duration / 2)")
    compare(sandbox, page, "--max_depth", "6", "--since", f"{half}ns")


def test_a_killed_process_and_a_ring_that_went_round(sandbox, page):
    script = sandbox.script(
        "import os, signal\n"
        "def leaf(): pass\n"
        "def root():\n"
        "    for n in range(30000): leaf()\n"
        "def main():\n"
        "    for n in range(3): root()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "main()\n"
    )
    sandbox.viztracer("--tracer_entries", "40000", "--pid_suffix", "--output_dir", "rings", script)
    (track,) = compare(sandbox, page)
    gap = track["gap"]
    assert track["overwritten"] == gap["events"] > 30_000 and gap["end"] > gap["start"] >= 0
    ((state, ((name, frames),)),) = page.evaluate(
        "window.viztracer.trace.lastWords.map(({ process, threads }) => [process.state, threads.map("
        "({ name, frames }) => [name, frames.map((of) => window.viztracer.trace.functions.name(of.function))])])"
    )
    assert (state, name, frames[-3:]) == ("crashed", "MainThread", ["<module>", "main", "posix.kill"])
    assert any("ended without a word" in sentence for sentence in page.evaluate("window.viztracer.trace.warnings"))


HOSTILE = [
    *("</script><script>window.harm = 1</script>", "<!--<script>", "\"'\\`&lt;"),
    *("\u202eegap\u2028", "😀 é\0\x1b[2J"),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(sandbox, page, name):
    events = [
        {"ph": "M", "pid": 1, "tid": 1, "name": "process_name", "args": {"name": name}},
        {"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": {"name": name}},
        {"ph": "X", "pid": 1, "tid": 1, "ts": 1, "dur": 9, "name": f"{name} (/{name}.py:7)", "args": {name: [name]}},
        {"ph": "i", "pid": 1, "tid": 1, "ts": 2, "name": name, "args": {"x": name}},
        {"ph": "N", "pid": 1, "tid": 1, "ts": 3, "name": name, "id": 1, "args": {}},
        {"ph": "C", "pid": 1, "tid": 1, "ts": 4, "name": name, "args": {name: 3, "other": 4.5}},
        {"ph": "s", "pid": 1, "tid": 1, "ts": 5, "name": name, "cat": "c", "id": name},
        {"ph": "f", "pid": 1, "tid": 2, "ts": 6, "name": name, "cat": "c", "id": name},
    ]
    path = f"/{name}.py"
    document = {"traceEvents": events, "file_info": {"files": {path: [f"def {name}\n", 1]}, "functions": {}}}
    sandbox.script(json.dumps(document), "trace.json")
    done = sandbox.viztracer_merge("trace.json", "-q", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    first, second = page.open(sandbox.path / "report.html").evaluate(CALLS)
    assert (first["process"], first["name"]) == (name, name)
    assert [call[:3] for call in first["calls"]] == [[f"{name} (/{name}.py:7)", 1000, 9000]]
    assert [[call, json.loads(args)] for call, args in first["args"]] == [[0, {name: [name]}]]
    instants = [(of["time"], of["kind"], of["name"], of["args"] and json.loads(of["args"])) for of in first["instants"]]
    assert instants == [(2000, "instant", name, {"x": name}), (3000, "object", name, None)]
    counters = page.evaluate("window.viztracer.trace.counters.map((of) => [of.name, [...of.times], [...of.values]])")
    assert counters == [[name, [4000], [3]], [f"{name} other", [4000], [4.5]]]
    flows = page.evaluate(
        "window.viztracer.trace.flows.map((of) => [of.fromTrack.tid, of.fromTime, of.toTrack.tid, of.toTime])"
    )
    assert flows == [[1, 5000, 2, 6000]]
    assert page.evaluate("[...window.viztracer.trace.sources]") == [[path, f"def {name}\n"]]
    assert page.evaluate("window.harm") is None
    assert (page.errors, page.alerts()) == ([], [])


def test_no_source_unless_it_is_wanted(sandbox, page):
    script = sandbox.script("def f(): pass  # </script>\nf()\n")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    sources = []
    for options in ([], ["--strip_prefix", str(sandbox.path)], ["--no_source"]):
        assert sandbox.viztracer_merge("rings", "-q", "-o", "report.html", *options).returncode == 0
        sources.append(dict(page.open(sandbox.path / "report.html").evaluate("[...window.viztracer.trace.sources]")))
    assert sources[0][script] == sources[1]["script.py"] == "def f(): pass  # </script>\nf()\n"
    assert sources[2] == {}


def test_what_is_damaged_is_told_and_the_rest_is_shown(sandbox, page):
    script = sandbox.script("def f(): pass\nfor n in range(60000): f()\n")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    assert sandbox.viztracer_merge("rings", "-q", "-o", "report.html").returncode == 0
    whole = (sandbox.path / "report.html").read_text(encoding="utf-8")
    blocks = re.findall(r'class="block" data-process="0">([^<]*)<', whole)
    assert len(blocks) > 3
    damaged = blocks[1][:40] + blocks[1][44:]
    path = sandbox.script(whole.replace(blocks[1], damaged), "damaged.html")
    ((calls,),) = page.open(path).evaluate("[window.viztracer.trace.tracks.map((track) => track.count)]")
    assert 30_000 < calls < 60_000
    (alert,) = page.alerts()
    assert "cannot be read and is missing" in alert
    cut_off = whole[: whole.index(blocks[2]) + 100]
    path = sandbox.script(cut_off, "cut_off.html")
    page.open(path, "document.querySelector('[role=alert]') !== null")
    (alert,) = page.alerts()
    assert "cut off" in alert
    assert page.errors == []
