"""The file that is written is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise."""

import gzip
import json
import re
import subprocess
import sys
from collections import Counter

import conformance
import pytest
from conformance import BIN, DIFFERENT, ROWS, SAME, VIZTRACER_PYTHON, case

PROGRAM = """
import lib
class C:
    def method(self): return sorted([lib.f(n) for n in range(3)])
def outer(): return C().method()
outer()
outer()
"""
OWN = re.compile(r"/(prog|lib)\.py:")
FILES = {"prog.py": PROGRAM, "lib.py": "def f(n):\n    return str(n)\n"}
CALLS = "`viztracer-merge calls`"
COMPARE = "`viztracer-merge compare`"
FEATURES = {
    CALLS,
    COMPARE,
    "time 0 of a report",
    "order of events",
    "`file_info`",
    "metadata of the command's report",
    "a compressed report",
    "the page of an `.html` report",
    "names of processes and threads",
    "times in a report",
    "category of a call",
    "`Total Entries`",
    "events of a full ring",
    "messages of a run",
}
# Threads, tasks, and each kind of event.
ALL_KINDS = """
import asyncio, threading
from viztracer import get_tracer
tracer = get_tracer()
def work(): return len("x")
threads = [threading.Thread(target=work, name=f"worker {n}") for n in range(3)]
for thread in threads: thread.start(); thread.join()
tracer.log_instant("instant", {"a": 1})
tracer.add_counter("counter", {"b": 2})
tracer.add_object("N", "1", "object")
tracer.add_object("O", "1", "object", {"snapshot": {"x": 1}})
tracer.add_object("D", "1", "object")
async def each(): await asyncio.sleep(0)
async def all(): await asyncio.gather(each(), each())
asyncio.run(all())
"""
MANY_CALLS = "def f(): pass\nfor _ in range(1000): f()\n"
TOTAL = re.compile(r"^Total Entries: (\d+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What each of the two writes about one program."""
    (made,) = case("order of events", "--quiet", "-o", "x.json", "prog.py", files=FILES).values
    directory = tmp_path_factory.mktemp("reports")
    theirs, ours = conformance.both(directory, made)
    return [
        json.loads(json.dumps(outcome.report).replace(f"{directory / name}/", ""))
        for name, outcome in (("theirs", theirs), ("ours", ours))
    ]


def names(report):
    """The names of the program's events, in the order of the file."""
    return [event["name"] for event in report["traceEvents"] if "frozen" not in event["name"]]


def test_order_of_events(reports):
    assert ROWS["order of events"] == SAME
    of_program = [[name for name in names(report) if "prog.py" in name or "lib.py" in name] for report in reports]
    assert of_program[0] == of_program[1]
    assert len(of_program[0]) > 10
    assert names(reports[0])[:2] == names(reports[1])[:2] == ["process_name", "thread_name"]


def test_times(reports):
    assert ROWS["time 0 of a report"] == "different on purpose"
    first = [min(event["ts"] for event in report["traceEvents"] if "ts" in event) for report in reports]
    # Both files are of the same minute: VizTracer's times are those of the machine's clock, ours tell them.
    clock = reports[1]["viztracer_metadata"]["clock"]["monotonic"] / 1000
    assert abs(first[0] - (clock + first[1])) < 60e6 and first[1] < 60e6


def test_file_info(reports):
    assert ROWS["`file_info`"] == SAME
    method = "C.method (prog.py:4)" if sys.version_info >= (3, 11) else "method (prog.py:4)"
    for part, wanted in (("files", {"prog.py", "lib.py"}), ("functions", {"f (lib.py:1)", method})):
        theirs, ours = (report["file_info"][part] for report in reports)
        assert theirs.keys() >= wanted <= ours.keys()
        assert [theirs[name] for name in sorted(wanted)] == [ours[name] for name in sorted(wanted)]


def test_metadata(reports):
    assert ROWS["metadata of the command's report"] == "better"
    theirs, ours = reports
    assert theirs.keys() == {"traceEvents", "viztracer_metadata", "file_info"}
    assert theirs.keys() == ours.keys()
    assert theirs["viztracer_metadata"].keys() <= ours["viztracer_metadata"].keys()
    assert theirs["viztracer_metadata"]["overflow"] is ours["viztracer_metadata"]["overflow"] is False
    assert "baseTimeNanoseconds" in ours["viztracer_metadata"]
    assert "baseTimeNanoseconds" not in theirs["viztracer_metadata"]


def test_compressed_report(tmp_path):
    assert ROWS["a compressed report"] == SAME
    (made,) = case("a compressed report", "--quiet", "-o", "x.gz", "prog.py", files=FILES).values
    conformance.both(tmp_path, made)
    read = [json.loads(gzip.decompress((tmp_path / name / "x.gz").read_bytes())) for name in ("theirs", "ours")]
    theirs, ours = (sorted(name.rpartition("/")[2] for name in names(report) if OWN.search(name)) for report in read)
    assert theirs == ours != []


def runs(directory, source, *options):
    """What each of the two prints (without what a terminal replaces) on stdout and stderr, and the report."""
    made = []
    for name, commands in (("theirs", VIZTRACER_PYTHON.parent), ("ours", BIN)):
        (directory / name).mkdir(parents=True)
        (directory / name / "prog.py").write_text(source, "utf-8")
        command = [commands / "viztracer", *options, "-o", "x.json", "prog.py"]
        done = subprocess.run(command, cwd=directory / name, capture_output=True, check=True, timeout=120)
        stdout = conformance.REPLACED.sub("", conformance.COLOR.sub("", done.stdout.decode()))
        text = (directory / name / "x.json").read_text("utf-8")
        made.append((stdout.replace(str(directory / name), "DIR"), done.stderr.decode(), text))
    return made


@pytest.mark.parametrize(
    ("source", "options"),
    [(ALL_KINDS, ()), (ALL_KINDS, ("--log_async",)), (MANY_CALLS, ("--tracer_entries", "100"))],
    ids=["threads", "tasks", "full"],
)
def test_total_entries(tmp_path, source, options):
    """The number is the length of `traceEvents`, so scripts can rely on it."""
    assert ROWS["`Total Entries`"] == SAME
    for stdout, _, text in runs(tmp_path, source, *options):
        assert int(TOTAL.search(stdout)[1]) == len(json.loads(text)["traceEvents"])


def test_events_of_a_full_ring(tmp_path):
    """Nothing but the newest events counts as one, and the metadata says that there were more."""
    assert ROWS["events of a full ring"] == SAME
    made = [json.loads(text) for _, _, text in runs(tmp_path, MANY_CALLS, "--tracer_entries", "100")]
    kinds = [Counter(event["ph"] for event in report["traceEvents"]) for report in made]
    assert kinds[0] == kinds[1] == {"M": 2, "X": 100}
    assert [report["viztracer_metadata"]["overflow"] for report in made] == [True, True]
    (thread,) = made[1]["viztracer_metadata"]["processes"][0]["threads"]
    assert thread["overwritten"] > 900
    first = min(event["ts"] + event["dur"] for event in made[1]["traceEvents"] if event["ph"] == "X")
    assert 0 <= thread["overwritten_since_ns"] < thread["overwritten_until_ns"] <= round(first * 1000)


def test_names_of_processes_and_threads(tmp_path):
    assert ROWS["names of processes and threads"] == SAME
    made = [json.loads(text)["traceEvents"] for _, _, text in runs(tmp_path, ALL_KINDS)]
    shown = []
    for events in made:
        named = [event for event in events if event["ph"] == "M"]
        assert named == events[: len(named)]
        assert all(event.keys() == {"ph", "pid", "tid", "name", "args"} for event in named)
        assert (named[0]["name"], named[0]["tid"]) == ("process_name", named[0]["pid"])
        shown.append(Counter((event["name"], len(event["args"])) for event in named))
        assert {event["pid"] for event in events} == {named[0]["pid"]}
    assert shown[0] == shown[1] == {("process_name", 1): 1, ("thread_name", 1): 4}


def test_times_in_a_report(tmp_path):
    """Microseconds with up to three decimals."""
    assert ROWS["times in a report"] == SAME
    for _, _, text in runs(tmp_path, ALL_KINDS):
        times = re.findall(r'"(?:ts|dur)":\s*([^,}]+)', text)
        assert len(times) > 20
        assert all(re.fullmatch(r"\d+(\.\d{1,3})?", time) for time in times)
        timed = [event for event in json.loads(text)["traceEvents"] if event["ph"] != "M"]
        assert all("ts" in event and ("dur" in event) == (event["ph"] == "X") for event in timed)


def test_category_of_a_call(tmp_path):
    assert ROWS["category of a call"] == DIFFERENT
    made = [json.loads(text)["traceEvents"] for _, _, text in runs(tmp_path, ALL_KINDS)]
    assert [{event["cat"] for event in events if event["ph"] == "X"} for events in made] == [{"fee"}, {"FEE"}]
    assert [{event["cat"] for event in events if event["ph"] == "i"} for events in made] == [{"instant"}, {"INSTANT"}]


@pytest.mark.parametrize("options", [(), ("--quiet",)])
def test_messages_of_a_run(tmp_path, options):
    assert ROWS["messages of a run"] == SAME
    (theirs, their_errors, _), (ours, our_errors, _) = runs(tmp_path, "print('ran')\n", *options)
    assert TOTAL.sub("", theirs) == TOTAL.sub("", ours)
    assert their_errors == our_errors == ""
    assert ("Total Entries" in ours) == ("vizviewer DIR/x.json" in ours) == (not options)


def test_page_of_a_report(tmp_path):
    """merge/viewer/tests and test_viewer.py prove what the page shows."""
    assert ROWS["the page of an `.html` report"] == "better"
    pages = []
    for name, commands in (("theirs", VIZTRACER_PYTHON.parent), ("ours", BIN)):
        page = tmp_path / f"{name}.html"
        command = [commands / "viztracer", "--quiet", "-o", page, "-c", "abs(-1)"]
        subprocess.run(command, capture_output=True, check=True, timeout=120)
        pages.append(page.read_text("utf-8"))
    assert [bool(re.search(r"""(src|href)=["']?https?:""", page)) for page in pages] == [True, False]
    assert len(pages[1]) * 5 < len(pages[0])


def test_the_slowest_calls_are_printed(sandbox, small_trace):
    """test_slowest_calls.py proves it in detail."""
    assert ROWS[CALLS] == "better"
    assert not (VIZTRACER_PYTHON.parent / "viztracer-merge").exists()
    done = sandbox.viztracer_merge("calls", "--func", "^f ", "--slowest", "3", small_trace)
    assert done.returncode == 0 and len(done.stdout.splitlines()) >= 5, done.stderr


def test_runs_are_compared(sandbox, small_trace):
    """test_compare.py proves it in detail."""
    assert ROWS[COMPARE] == "better"
    assert not (VIZTRACER_PYTHON.parent / "viztracer-merge").exists()
    done = sandbox.viztracer_merge("compare", small_trace, small_trace, "--fail_on", "calls>+0%")
    assert done.returncode == 0 and done.stdout, done.stderr
