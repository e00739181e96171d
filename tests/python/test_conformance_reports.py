"""The file that is written is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise."""

import gzip
import json
import re
import sys

import conformance
import pytest
from conformance import ROWS, SAME, case

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
FEATURES = {
    "times in a file",
    "order of events",
    "`file_info`",
    "metadata of the command's report",
    "a compressed report",
}


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
    assert ROWS["times in a file"] == "different on purpose"
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
    assert theirs.keys() <= ours.keys()
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
