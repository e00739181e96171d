"""JSON traces as inputs: VizTracer's reports and our own. They are merged as VizTracer does, without its mistakes."""

import gzip
import json
import re
import subprocess
from collections import Counter

import pytest
import tree
from conftest import VIZTRACER_PYTHON

pytestmark = pytest.mark.one_version

PROGRAM = """
import gc, threading

class A:
    def method(self, x):
        return [x] * 3

def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

thread = threading.Thread(target=fib, args=(5,))
thread.start()
thread.join()
A().method("\\u00e9 \\"quoted\\" \\\\ \\n")
gc.collect()
fib(7)
"""

INLINE = """
import json, sys
from viztracer import VizTracer
tracer = VizTracer(verbose=0, log_func_args=True, log_gc=True)
tracer.start()
tracer.add_instant("a mark", {"n": 1})
tracer.add_counter("level", {"value": 2.5})
tracer.add_object("N", "0x1", "thing")
tracer.add_object("O", "0x1", "thing", {"snapshot": {"x": [1]}})
tracer.add_object("D", "0x1", "thing")
exec(compile(open("program.py").read(), "program.py", "exec"))
tracer.stop()
tracer.save(sys.argv[1])
"""


def run_viztracer(sandbox, *arguments):
    """Run VizTracer's interpreter."""
    command = [VIZTRACER_PYTHON, *arguments]
    subprocess.run(command, cwd=sandbox.path, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports of VizTracer: of its command (two), and of its Python interface, whose dialect differs."""
    directory = tmp_path_factory.mktemp("viztracer")
    (directory / "program.py").write_text(PROGRAM)
    (directory / "inline.py").write_text(INLINE)

    class Here:
        path = directory

    for name in ("a.json", "b.json"):
        run_viztracer(Here, "-m", "viztracer", "--quiet", "-o", name, "program.py")
    run_viztracer(Here, "inline.py", "inline.json")
    return directory


def combined(reports, sandbox, *names, option="--combine"):
    """Combine reports with VizTracer, and with ours."""
    inputs = [reports / name for name in names]
    run_viztracer(sandbox, "-m", "viztracer", option, *inputs, "-o", "theirs.json")
    done = sandbox.viztracer(option, *inputs, "-o", "ours.json")
    shown = f"Use the following command to open the report:\nvizviewer {sandbox.path / 'ours.json'}\n"
    assert (done.returncode, done.stdout) == (0, shown)
    return sandbox.report("theirs.json"), sandbox.report("ours.json")


def events(report):
    """Count the events; times in whole nanoseconds, as they are drawn."""
    counts = Counter()
    for event in report["traceEvents"]:
        event = dict(event)
        if "ts" in event:
            event["ts"] = round(event["ts"] * 1000)
        if "dur" in event:
            event["dur"] = int(round(event["dur"] * 1000, 6))
        counts[json.dumps(event, sort_keys=True)] += 1
    return counts


@pytest.mark.parametrize(
    "names", [("a.json",), ("a.json", "b.json"), ("inline.json", "a.json"), ("a.json", "inline.json")]
)
def test_combine_equals_viztracer(reports, sandbox, names):
    theirs, ours = combined(reports, sandbox, *names)
    assert events(ours) == events(theirs)
    assert ours.keys() == theirs.keys()
    # To find the text of a frozen module VizTracer imports it.
    for table, found in theirs["file_info"].items():
        assert ours["file_info"][table].items() <= found.items()
        assert all("<frozen" in name for name in found.keys() - ours["file_info"][table].keys())
    for key in theirs["viztracer_metadata"].keys() - {"version"}:
        assert ours["viztracer_metadata"][key] == theirs["viztracer_metadata"][key]


def test_align_combine_equals_viztracer(reports, sandbox):
    theirs, ours = combined(reports, sandbox, "a.json", "b.json", "inline.json", option="--align_combine")
    assert events(ours) == events(theirs)


def test_align_by_the_sync_marker(sandbox):
    for name, marker, first in (("a.json", 1000.5, 1000), ("b.json", 7000, 6000)):
        event = {"ph": "X", "pid": len(name) + int(marker), "tid": 1, "ts": first, "dur": 1, "name": "f", "cat": "FEE"}
        metadata = {"overflow": False, "version": "1.1.1", "sync_marker": marker}
        document = {"traceEvents": [event, {**event, "ts": 9000}], "viztracer_metadata": metadata}
        (sandbox.path / name).write_text(json.dumps(document))
    done = sandbox.viztracer_merge("a.json", "b.json", "-o", "out.json", "--align", "start")
    assert done.returncode == 0, done.stderr
    # As VizTracer's, but moved so that nothing lies before 0, where viewers show nothing.
    assert [span["ts"] for span in tree.spans(sandbox.report("out.json"))] == [999.5, 8999.5, 0, 3000]


MARKED = """
import sys, warnings
from viztracer import VizTracer
warnings.simplefilter("error")
tracer = VizTracer(verbose=0, output_file=sys.argv[1])
assert tracer.get_sync_marker() is None
tracer.start()
def before(): pass
def marked(): pass
before()
tracer.set_sync_marker()
marked()
assert tracer.get_sync_marker() > 0
try:
    tracer.set_sync_marker()
except RuntimeWarning as warning:
    assert str(warning) == "Synchronization marker already set"
else:
    raise AssertionError("no warning")
tracer.stop()
tracer.save()
"""


def test_the_sync_marker_of_a_ring_file(sandbox):
    sandbox.script(MARKED)
    for name in ("a.json", "b.json"):
        done = sandbox.python("script.py", name)
        assert (done.returncode, done.stderr) == (0, "")


def test_offsets(sandbox, reports):
    def first(*arguments):
        done = sandbox.viztracer_merge(reports / "a.json", reports / "b.json", "-o", "out.json", *arguments)
        assert done.returncode == 0, done.stderr
        starts = {}
        for span in tree.spans(sandbox.report("out.json")):
            starts[span["pid"]] = min(starts.get(span["pid"], span["ts"]), span["ts"])
        return [round(start * 1000) for start in starts.values()]

    a, b = first()
    assert first("--offset", f"{reports / 'b.json'}=+1500") == [a, b + 1500]
    assert first("--offset", f"{reports}=2ms", "--offset", f"{reports / 'a.json'}=-5") == [a + 1_999_995, b + 2_000_000]
    done = sandbox.viztracer_merge(reports / "a.json", "-o", "none.json", "--offset", "b.json=5")
    assert (done.returncode, "b.json: --offset fits no input" in done.stderr) == (2, True)
    assert not (sandbox.path / "none.json").exists()


def test_dialects_forms_and_compression(reports, sandbox):
    document = json.loads((reports / "a.json").read_text())
    expected = events(document)
    forms = {
        "compact.json": json.dumps(document, separators=(",", ":")),
        "spaces.json": json.dumps(document),
        "lines.json": json.dumps(document, indent=1),
        "escaped.json": json.dumps(document, ensure_ascii=True),
        "raw.json": json.dumps(document, ensure_ascii=False),
        "array.json": json.dumps(document["traceEvents"]),
        "unended.json": json.dumps(document["traceEvents"])[:-1] + ",\n",
        "backwards.json": json.dumps(dict(reversed(document.items()))),
    }
    for name, text in forms.items():
        (sandbox.path / name).write_text(text)
        (sandbox.path / f"{name}.gz").write_bytes(
            gzip.compress(text[: len(text) // 2].encode()) + gzip.compress(text[len(text) // 2 :].encode())
        )
        for path in (name, f"{name}.gz"):
            assert events(sandbox.merge(path)) == expected, path


def test_a_second_merge_changes_nothing(reports, sandbox):
    """Merged from ring files, and merged again from that: the same events, the same clock, the same losses."""
    (sandbox.path / "program.py").write_text(PROGRAM)
    arguments = ("--quiet", "--pid_suffix", "--output_dir", "rings", "--log_async", "program.py")
    assert sandbox.viztracer(*arguments).returncode == 0
    done = sandbox.viztracer("--quiet", "--tracer_entries", "100", *arguments)
    assert done.returncode == 0
    rings = sorted((sandbox.path / "rings").glob("*.bin"))
    once = sandbox.merge(*rings)
    (sandbox.path / "once.json").write_text(json.dumps(once))
    twice = sandbox.merge("once.json")
    assert events(twice) == events(once)
    # Functions of which everything was overwritten are in no event.
    for table, found in once["file_info"].items():
        assert twice["file_info"][table].items() <= found.items()
    for key in ("baseTimeNanoseconds", "clock", "overflow"):
        assert twice["viztracer_metadata"][key] == once["viztracer_metadata"][key]
    losses = [
        sum(t["overwritten"] for p in r["viztracer_metadata"]["processes"] for t in p["threads"]) for r in (once, twice)
    ]
    assert losses[0] == losses[1]
    # A ring file beside it is of the same boot, and its events stand where they stood.
    both = sandbox.merge("once.json", rings[0])
    ours = [tree.spans(report)[0]["ts"] for report in (once, both)]
    assert ours[0] == ours[1]
    assert "warnings" not in both["viztracer_metadata"]


def test_one_pid_of_two_files_is_two_processes(reports, sandbox):
    (sandbox.path / "again.json").write_bytes((reports / "a.json").read_bytes())
    once = sandbox.merge(reports / "a.json")
    both = sandbox.merge(reports / "a.json", "again.json")
    pid = once["traceEvents"][0]["pid"]
    assert {event["pid"] for event in both["traceEvents"]} == {pid, pid + (1 << 22)}
    assert len(tree.spans(both)) == 2 * len(tree.spans(once))


def test_clocks_of_different_boots(sandbox):
    def report(name, pid, base, start):
        event = {"ph": "X", "pid": pid, "tid": pid, "ts": start, "dur": 1, "name": "f", "cat": "FEE"}
        metadata = {"version": "1.1.1", "overflow": False, **({"baseTimeNanoseconds": base} if base else {})}
        (sandbox.path / name).write_text(json.dumps({"traceEvents": [event], "viztracer_metadata": metadata}))

    def starts(*names):
        done = sandbox.viztracer_merge(*names, "-o", "out.json")
        assert done.returncode == 0, done.stderr
        merged = sandbox.report("out.json")
        return [span["ts"] for span in tree.spans(merged)], merged["viztracer_metadata"], done.stderr

    day = 86_400_000_000_000
    report("a.json", 1, 20_000 * day, 5_000_000)
    report("same.json", 2, 20_000 * day + 300, 6_000_000)
    report("other.json", 3, 20_000 * day - 100 * 10**9, 106_000_000)
    report("untold.json", 4, None, 7_000_000)
    times, metadata, stderr = starts("a.json", "same.json")
    assert (times, "warnings" in metadata, "warning" in stderr) == ([5e6, 6e6], False, False)
    times, metadata, stderr = starts("a.json", "other.json")
    assert times == [5e6, 6e6]
    assert "another boot" in metadata["warnings"][0]
    assert "warning: 1 of 2 files are of another boot" in stderr
    times, metadata, _ = starts("a.json", "untold.json")
    assert times == [5e6, 7e6]
    assert "do not say when their clocks began" in metadata["warnings"][0]
    assert "warnings" not in starts("untold.json")[1]


def test_begins_and_ends(sandbox):
    def event(ph, ts, name, **members):
        return {"ph": ph, "pid": 1, "tid": 1, "ts": ts, "name": name, **members}

    document = [
        event("B", 1, "outer", args={"a": 1}),
        event("B", 2, "inner"),
        event("E", 3, "inner"),
        event("E", 4, "outer"),
        event("E", 5, "never begun"),
        event("B", 6, "never ended", cat="x"),
        event("X", 7, "last", dur=2),
    ]
    (sandbox.path / "a.json").write_text(json.dumps(document))
    done = sandbox.viztracer_merge("a.json", "-o", "out.json")
    assert done.returncode == 1
    assert "the end of a call that did not begin" in done.stderr
    spans = [
        (s["ph"], s["name"], s["ts"], s.get("dur"), s.get("args")) for s in sandbox.report("out.json")["traceEvents"]
    ]
    assert spans == [
        ("X", "inner", 2, 1, None),
        ("X", "outer", 1, 3, {"a": 1}),
        ("X", "last", 7, 2, None),
        ("B", "never ended", 6, None, None),
    ]


def x(**members):
    """An event of a call, with other members than usual."""
    event = {"ph": "X", "pid": 1, "tid": 2, "ts": 1, "dur": 5, "name": "f"} | members
    return {key: value for key, value in event.items() if value is not ...}


# Values of pid and tid in a document, and the names of the process and the thread for them.
SPELLINGS = [
    ({"pid": 27939, "tid": 140525633128128}, ("pid 27939", "140525633128128")),
    ({"pid": "Spans", "tid": "PyTorch Profiler"}, ("Spans", "PyTorch Profiler")),
    ({"pid": "", "tid": ""}, ("(empty)", "(empty)")),
    ({"pid": "7", "tid": "8"}, ("pid 7", "Thread-8")),
    ({"pid": 7.0, "tid": 8.5}, ("pid 7", "8.5")),
    ({"pid": -1, "tid": -2}, ("-1", "-2")),
    ({"pid": 10**25, "tid": 2**32}, (str(10**25), str(2**32))),
    ({"pid": "a\nb;c", "tid": 1}, ("a\nb;c", "Thread-1")),
    ({"pid": 5, "tid": ...}, ("pid 5", "Thread-5")),
    ({"pid": "x", "tid": None}, ("x", "x")),
    ({"pid": ..., "tid": 6}, ("pid 0", "Thread-6")),
    ({"pid": ..., "tid": ...}, ("pid 0", "Thread-0")),
]
THREADS = (
    "select p.name as process, coalesce(t.name, '') as thread, count(*) as n from slice s"
    " join thread_track k on s.track_id = k.id join thread t using (utid) join process p using (upid) group by 1, 2"
)


@pytest.mark.parametrize(("members", "names"), SPELLINGS, ids=[repr(members) for members, _ in SPELLINGS])
def test_pids_and_tids_of_any_kind_name_their_tracks(sandbox, perfetto, members, names):
    document = [x(**members), x(pid=4194304, tid=4194304, name="g"), x(ts=10, **members)]
    (sandbox.path / "a.json").write_text(json.dumps(document))
    outputs = [part for kind in ("json", "pftrace", "html", "csv", "folded") for part in ("-o", f"out.{kind}")]
    done = sandbox.viztracer_merge("a.json", *outputs)
    assert done.returncode == 0, done.stderr
    report = sandbox.report("out.json")
    process = report["viztracer_metadata"]["processes"][0]
    thread = process["threads"][0]
    assert (process["name"], thread["name"], thread["events"]) == (*names, 2)
    pids = {(event["pid"], event["tid"]) for event in report["traceEvents"] if event.get("name") == "f"}
    assert pids == {(process["pid"], thread["tid"])} and (4194304, 4194304) not in pids
    assert all(0 <= number < 2**31 for number in (process["pid"], thread["tid"]))
    seen = perfetto(sandbox.path / "out.pftrace", THREADS)
    assert seen["errors"] == []
    # Thread 0 has a name of Perfetto's own.
    assert {"process": names[0], "thread": names[1].replace("Thread-0", "swapper"), "n": 2} in seen["rows"][0]
    (frame,) = [line for line in (sandbox.path / "out.folded").read_text().splitlines() if line.endswith(";f 10000")]
    assert frame.startswith(names[0].replace("\n", "\\n").replace(";", "_") + " (")
    assert (sandbox.path / "out.csv").read_text().count(",f,,0,2,10000,") == 2
    header = re.search(r'id="header">(.*?)</script>', (sandbox.path / "out.html").read_text(), re.DOTALL)[1]
    assert json.loads(header)["processes"][0]["name"] == names[0]
    # Merged again they are the same.
    again = sandbox.merge("out.json")
    assert events(again) == events(report)
    assert again["viztracer_metadata"] == report["viztracer_metadata"]


def test_names_of_tracks_that_are_texts(sandbox):
    """A name that is given to such a track holds; numbers and texts that look like them are one."""
    def name(kind, of, **members):
        return {"ph": "M", "name": kind, "args": {"name": of}, **members}

    (sandbox.path / "a.json").write_text(json.dumps([
        x(pid="p", tid="t"),
        name("process_name", "a process", pid="p", tid="t"),
        name("thread_name", "a thread", pid="p", tid="t"),
        x(pid=3, tid=4, ts=1), x(pid="3", tid="4", ts=20),
    ]))
    processes = sandbox.merge("a.json")["viztracer_metadata"]["processes"]
    told = [(p["name"], [(thread["name"], thread["events"]) for thread in p["threads"]]) for p in processes]
    assert told == [("a process", [("a thread", 1)]), ("pid 3", [("Thread-4", 2)])]


def test_times_of_any_kind(sandbox):
    spans = [x(ts="12.5", dur="3"), x(ts=20, dur=...), x(ts=30, dur=None), x(ts=40.0005, dur=1e1), x(ts=-5, dur=1)]
    (sandbox.path / "a.json").write_text(json.dumps(spans))
    found = [(span["ts"], span["dur"]) for span in tree.spans(sandbox.merge("a.json"))]
    # Before 0 viewers show nothing.
    assert found == [(0, 1), (17.5, 3), (25, 0), (35, 0), (45, 10)]


def test_numbers_that_json_does_not_have(sandbox, perfetto):
    """Python writes them. What they stand for is unknown then, and that is counted."""
    nan = float("nan")
    document = [
        x(args={"a": nan, "b": [-float("inf"), "NaN"]}),
        {"ph": "C", "pid": 1, "tid": 2, "ts": 3, "name": "level", "args": {"value": nan}},
        x(ts=nan), x(dur=nan), x(tid=nan), x(ts=10**30),
        x(name="last", ts=9, args={"deep": json.loads("[" * 300 + "]" * 300)}),
        x(name="large", ts=19, args={"n": 10**400}),
    ]
    text = json.dumps(document).replace(json.dumps(10**400), "1e999")
    (sandbox.path / "a.json").write_text(text)
    done = sandbox.viztracer_merge("a.json", "-o", "out.json", "-o", "out.pftrace", "-o", "out.html", "-o", "out.csv")
    assert done.returncode == 1
    assert "numbers that JSON does not have" in done.stderr
    report = (sandbox.path / "out.json").read_text()
    kept = [event for event in json.loads(report)["traceEvents"] if event["ph"] != "M"]
    assert sorted(event["name"] for event in kept) == ["f", "large", "last", "level"]
    assert {event["name"]: event for event in kept}["f"]["args"] == {"a": None, "b": [None, "NaN"]}
    assert json.loads(report)["viztracer_metadata"]["processes"][0]["damaged"] == 6
    arguments = "select s.name, a.display_value as v from slice s join args a using (arg_set_id) where a.key like '%n'"
    seen = perfetto(sandbox.path / "out.pftrace", arguments)
    assert {"name": "large", "v": "1e999"} in seen["rows"][0]


def test_text_that_is_no_utf_8(sandbox):
    good = json.dumps([x(name="a-name", args={"p": "a-path"}), x(ts=9, name="good")])
    (sandbox.path / "a.json").write_bytes(good.encode().replace(b"a-name", b"n\xff").replace(b"a-path", b"\xc3/p"))
    outputs = [part for kind in ("json", "pftrace", "html", "csv", "folded") for part in ("-o", f"out.{kind}")]
    done = sandbox.viztracer_merge("a.json", *outputs)
    assert done.returncode == 1
    assert "text that is no UTF-8" in done.stderr
    spans = tree.spans(sandbox.report("out.json"))
    assert [(span["name"], span.get("args")) for span in spans] == [("n\ufffd", {"p": "\ufffd/p"}), ("good", None)]


def test_begins_and_ends_in_any_order(sandbox):
    """Events of one time are as they stand in the file; others may stand anywhere."""
    def event(ph, ts, name, **members):
        return {"ph": ph, "pid": 1, "tid": "t", "ts": ts, "name": name, **members}

    document = [
        event("E", 9, "outer", args={"b": 2}),
        event("B", 1, "outer", args={"a": 1, "b": 1}),
        event("B", 5, "second", cat="c"),
        event("E", 5, "first"),
        event("B", 5, "first", args={"x": 1}),
        event("B", 2, "first"),
        event("E", 5, "first"),
        event("E", 6, "second", args={"y": [1]}),
    ]
    # By time, and at 5 as they stand: second begins; first, which began last, ends; first begins; first ends.
    (sandbox.path / "a.json").write_text(json.dumps(document))
    spans = {(s["name"], s["ts"], s["dur"]): (s.get("args"), s.get("cat")) for s in tree.spans(sandbox.merge("a.json"))}
    assert spans == {
        ("second", 5, 0): (None, "c"),
        ("first", 5, 0): ({"x": 1}, None),
        ("first", 2, 4): ({"y": [1]}, None),
        ("outer", 1, 8): ({"a": 1, "b": 2}, None),
    }


BAD = {
    "no_json.json": "{nonsense",
    "cut.json": '{"traceEvents":[{"ph":"X","pid":1,"tid":1,"ts":1,"dur":1,"name":"f"},{"ph":"X","pi',
    "number.json": (
        '[{"ph":"X","pid":1,"tid":1,"ts":1,"dur":1,"name":"f"},{"ph":"X","pid":[1],"tid":1,"ts":1,'
        '"name":"f"}]'
    ),
    "time.json": '[{"ph":"X","pid":1,"tid":1,"ts":1,"dur":1,"name":"f"},{"ph":"X","pid":1,"tid":1,"name":"f"}]',
    "negative.json": (
        '[{"ph":"X","pid":1,"tid":1,"ts":1,"dur":1,"name":"f"},{"ph":"X","pid":1,"tid":1,"ts":1,"dur":-1,'
        '"name":"f"}]'
    ),
    "value.json": (
        '[{"ph":"X","pid":1,"tid":1,"ts":1,"dur":1,"name":"f"},{"ph":"X","pid":1,"tid":1,"ts":1,"name":"f",'
        '"args":{"a":01}}]'
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_documents_are_named_and_what_is_good_is_kept(reports, sandbox, name):
    (sandbox.path / name).write_text(BAD[name])
    done = sandbox.viztracer_merge(reports / "a.json", name, "-o", "out.json")
    assert done.returncode == 1
    assert f"{name}: " in done.stderr
    spans = tree.spans(sandbox.report("out.json"))
    good = len(tree.spans(json.loads((reports / "a.json").read_text())))
    assert len(spans) == good + BAD[name].count('"dur":1,')


def test_a_cut_gzip_gives_what_it_holds(reports, sandbox):
    packed = gzip.compress((reports / "a.json").read_bytes())
    (sandbox.path / "cut.json.gz").write_bytes(packed[: len(packed) * 2 // 3])
    done = sandbox.viztracer_merge("cut.json.gz", "-o", "out.json")
    assert done.returncode == 1
    assert "cut.json.gz: " in done.stderr
    assert len(tree.spans(sandbox.report("out.json"))) > 10


def test_cuts_keep_arguments(reports, sandbox):
    done = sandbox.viztracer_merge(reports / "inline.json", "-o", "out.json", "--func", r"\bmethod ")
    assert done.returncode == 0, done.stderr
    (span,) = (span for span in tree.spans(sandbox.report("out.json")) if "method (" in span["name"])
    assert span["args"]["func_args"]["x"].startswith("'\u00e9")


def test_what_a_directory_means(reports, sandbox):
    """In a directory ring files are meant, and reports only if there are none: they may hold the same events."""
    directory = sandbox.path / "d"
    directory.mkdir()
    (directory / "a.json").write_bytes((reports / "a.json").read_bytes())
    (directory / "settings.json").write_text('{"a": 1}')
    once = len(tree.spans(sandbox.merge("d")))
    assert once == len(tree.spans(sandbox.merge(reports / "a.json")))
    sandbox.script("pass\n")
    assert sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "d", "script.py").returncode == 0
    assert len(tree.spans(sandbox.merge("d"))) != once


FLOWS = [
    {"ph": "M", "pid": 1, "tid": 1, "name": "process_name", "args": {"name": "one"}},
    {"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": {"name": "first"}},
    {"ph": "M", "pid": 1, "tid": 2, "name": "thread_name", "args": {"name": "second"}},
    {"ph": "M", "pid": 1, "tid": 1, "name": "process_sort_index", "args": {"sort_index": 3}},
    {
        "ph": "X",
        "pid": 1,
        "tid": 1,
        "ts": 10,
        "dur": 20,
        "name": "submit",
        "cat": "x",
        "args": {"n": 1, "deep": {"a": [1, "b"]}},
    },
    {"ph": "s", "pid": 1, "tid": 1, "ts": 15, "name": "task", "cat": "x", "id": 7},
    {"ph": "X", "pid": 1, "tid": 2, "ts": 40, "dur": 10, "name": "run", "cat": "x"},
    {"ph": "f", "pid": 1, "tid": 2, "ts": 45, "name": "task", "cat": "x", "id": 7, "bp": "e"},
    {"ph": "i", "pid": 1, "tid": 2, "ts": 46, "name": "mark", "cat": "x", "s": "t", "args": {"why": "because"}},
    {"ph": "C", "pid": 1, "tid": 1, "ts": 12, "name": "level", "args": {"value": 2.5}},
    {"ph": "C", "pid": 1, "tid": 1, "ts": 13, "name": "level", "args": {"value": 4}},
]
QUERIES = (
    "select s.ts, s.dur, s.depth, s.name, t.name as thread from slice s join thread_track k on s.track_id = k.id"
    " join thread t using (utid) order by s.ts",
    "select s.name, substr(a.key, instr(a.key, '.') + 1) as key, a.display_value from slice s join args a using "
    "(arg_set_id) where a.key not like 'legacy%'"
    " and a.key not like 'source%' order by 1, 2",
    "select o.name as out, i.name as 'in' from flow f join slice o on f.slice_out = o.id join slice i on "
    "f.slice_in = i.id",
    "select c.ts, c.value from counter c join process_counter_track t on c.track_id = t.id order by c.ts",
)


def test_flows_arguments_and_counters_in_perfetto(sandbox, perfetto):
    """The document itself, and what becomes of it in both formats: Perfetto sees the same in all three."""
    (sandbox.path / "a.json").write_text(json.dumps({"traceEvents": FLOWS}))
    done = sandbox.viztracer_merge("a.json", "-o", "out.json", "-o", "out.pftrace")
    assert done.returncode == 0, done.stderr
    seen = [perfetto(sandbox.path / name, *QUERIES) for name in ("a.json", "out.json", "out.pftrace")]
    assert [one["errors"] for one in seen] == [[], [], []]
    slices, arguments, flows, counters = seen[0]["rows"]
    assert len(slices) == 3 and len(flows) == 1 and len(counters) == 2 and len(arguments) >= 4
    assert seen[1]["rows"] == seen[0]["rows"]
    assert seen[2]["rows"] == seen[0]["rows"]


def test_looking_inside(reports, sandbox):
    path = reports / "inline.json"

    def info(path):
        done = sandbox.viztracer_merge("--info", "--json", path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["files"][0]

    untold, told = info(reports / "a.json"), info(path)
    assert [untold[key] for key in ("started_ns", "python", "session")] == [None, None, None]
    assert told["started_ns"] > 1_700_000_000 * 10**9
    assert 0 < untold["duration_ns"] < 120 * 10**9
    document = json.loads(path.read_text())
    assert told["events"] == sum(event["ph"] != "M" for event in document["traceEvents"])
    done = sandbox.viztracer_merge("--dump", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{path}: a trace in JSON, which has no records" in done.stderr
