"""VizTracer's compressed reports: what either of the two has written, the other one reads."""

import json
import random
import subprocess
import zlib

import pytest
from conftest import VIZTRACER_PYTHON
from viztracer.vcompressor import VCompressor, compress, decompress

pytestmark = pytest.mark.one_version

REPORT = {
    "traceEvents": [
        {"ph": "M", "pid": 7, "tid": 7, "name": "process_name", "args": {"name": "MainProcess"}},
        {"ph": "M", "pid": 7, "tid": 8, "name": "thread_name", "args": {"name": "Tĥread"}},
        *(
            {"ph": "X", "pid": 7, "tid": 8, "ts": ts, "dur": duration, "name": "f (/x/y.py:3)", "cat": "FEE"}
            for ts, duration in [
                (-5.0, 0.0),
                (10.0, 0.63),
                (10.5, 0.64),
                (11.0, 163.84),
                (1e6, 10737418.24),
                (1e11, 1e12),
            ]
        ),
        {"ph": "X", "pid": 7, "tid": 7, "ts": 1.25, "dur": 1.0, "name": "g", "cat": "FEE", "args": {"a": [1]}},
        {"ph": "X", "pid": 7, "tid": 7, "ts": 3.25, "dur": 1.0, "name": "g", "cat": "FEE", "args": {}},
        *(
            {"ph": "C", "pid": 7, "tid": 7, "ts": ts, "name": "c", "args": arguments}
            for ts, arguments in [(1.5, {"a": 1, "b": 2.5}), (2.5, {"a": 1}), (3.5, {"b": -7, "c": 0}), (4.5, {})]
        ),
        {"ph": "i", "pid": 7, "tid": 7, "ts": 5, "name": "i", "args": {"x": "é"}, "s": "t"},
        {"ph": "N", "pid": 7, "tid": 7, "ts": 5, "name": "o", "id": "1"},
    ],
    "file_info": {"files": {"/x/y.py": ["text", 1]}, "functions": {"f (/x/y.py:3)": ["/x/y.py", 3]}},
}


def canonical(report):
    """The report with its events in an order that does not depend on how they are grouped."""
    return {**report, "traceEvents": sorted(report["traceEvents"], key=lambda event: json.dumps(event, sort_keys=True))}


def by_viztracer(act, *arguments):
    """Have VizTracer compress or decompress; return the report."""
    code = (
        "import json, sys\nfrom viztracer.vcompressor import VCompressor\n"
        "if sys.argv[1] == 'compress': VCompressor().compress(json.load(open(sys.argv[2])), sys.argv[3])\n"
        "else: print(json.dumps(VCompressor().decompress(sys.argv[2])))\n"
    )
    command = [VIZTRACER_PYTHON, "-c", code, act, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return json.loads(done.stdout) if done.stdout else None


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "report.cvf")


def test_report_is_the_same_afterwards(path):
    VCompressor().compress(REPORT, path)
    assert canonical(VCompressor().decompress(path)) == canonical(REPORT)


def test_viztracer_reads_what_we_write(path):
    VCompressor().compress(REPORT, path)
    assert canonical(by_viztracer("decompress", path)) == canonical(REPORT)


def test_we_read_what_viztracer_writes(path, tmp_path):
    report = tmp_path / "report.json"
    report.write_text(json.dumps(REPORT))
    by_viztracer("compress", str(report), path)
    assert canonical(VCompressor().decompress(path)) == canonical(by_viztracer("decompress", path))


def event(**changes):
    return {"ph": "X", "pid": 1, "tid": 1, "ts": 1.0, "dur": 1.0, "name": "f", "cat": "FEE"} | changes


ODD = [
    event(name="x" * 600),
    event(name="a\0b"),
    event(name="\ud800"),
    event(dur=-1.0),
    event(ts=1e300),
    event(pid="text"),
    event(pid=-1),
    event(tid=1 << 80),
    event(cat="other"),
    event(more=1),
    event(ts=None),
    {"ph": "X", "name": "without anything"},
    {"ph": "M", "pid": 1, "tid": 1, "name": "process_sort_index", "args": {"sort_index": 1}},
    {"ph": "M", "pid": 1, "tid": 1, "name": "process_name", "args": {"name": "x", "more": 1}},
    {"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": None},
    {"ph": "C", "pid": 1, "tid": 1, "ts": 1.0, "name": "c", "args": {"a": "text"}},
    {"ph": "C", "pid": 1, "tid": 1, "ts": 1.0, "name": "c", "args": {"a": True}},
    {"ph": "C", "pid": 1, "tid": 1, "ts": 1.0, "name": "c", "args": {"a": 1 << 70}},
    {"ph": "C", "pid": 1, "tid": 1, "ts": 1.0, "name": "c", "args": None},
]


def test_events_that_viztracer_refuses_or_corrupts_are_kept(path):
    twice = {"ph": "C", "pid": 1, "tid": 1, "ts": 2.0, "name": "twice", "args": {"a": 1}}
    report = {"traceEvents": [*ODD, twice, twice]}
    VCompressor().compress(report, path)
    assert canonical(VCompressor().decompress(path)) == canonical(report)
    assert len(by_viztracer("decompress", path)["traceEvents"]) == len(report["traceEvents"])


def test_metadata_is_kept(path):
    report = {"traceEvents": [event()], "viztracer_metadata": {"overflow": True}, "displayTimeUnit": "ns"}
    VCompressor().compress(report, path)
    assert VCompressor().decompress(path) == report


def test_times_are_rounded_to_ten_nanoseconds(path):
    VCompressor().compress({"traceEvents": [event(ts=12.006, dur=0.005)]}, path)
    (shown,) = VCompressor().decompress(path)["traceEvents"]
    assert (shown["ts"], shown["dur"]) == (12.01, 0.0)


def test_what_is_no_report_is_refused(path, tmp_path):
    for data, message in {5: "You need to pass in a dict", (): "You need to pass in a dict"}.items():
        with pytest.raises(ValueError, match=message):
            VCompressor().compress(data, path)
    for data in ({}, {"traceEvents": 5}):
        with pytest.raises(ValueError, match="Unable to find traceEvents"):
            VCompressor().compress(data, path)
    with pytest.raises(ValueError, match="Can't open file"):
        VCompressor().compress(REPORT, str(tmp_path / "none" / "x.cvf"))
    with pytest.raises(ValueError, match="Can't open file"):
        VCompressor().decompress(str(tmp_path / "none.cvf"))


def damaged(content):
    yield from (content[:length] for length in range(len(content)))
    yield content + b"\0"
    yield content + b"\x01"
    chance = random.Random(5)
    for _ in range(2000):
        changed = bytearray(content)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 1, 2, 3, 0x7F, 0xFF, chance.randrange(256)))
        yield bytes(changed)


def test_damaged_files_are_refused_or_read(tmp_path):
    """Nothing but a `ValueError` comes of them, and no memory is taken for lengths that they say."""
    path = tmp_path / "damaged.cvf"
    VCompressor().compress(REPORT, str(path))
    refused = 0
    for content in damaged(path.read_bytes()):
        path.write_bytes(content)
        try:
            assert isinstance(VCompressor().decompress(str(path)), dict)
        except ValueError:
            refused += 1
    assert refused > 300


def test_file_that_unpacks_to_much_more_than_it_says_is_refused(tmp_path):
    path = tmp_path / "bomb.cvf"
    packed = zlib.compress(b"[" + b" " * 50_000_000 + b"]")
    for length in (2, 1 << 60):
        head = (1).to_bytes(8, "little") + b"\x05" + length.to_bytes(8, "little") + len(packed).to_bytes(8, "little")
        path.write_bytes(head + packed)
        with pytest.raises(ValueError, match="file is corrupted"):
            VCompressor().decompress(str(path))


def test_files_of_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps(REPORT))
    compress("a.json", "a.cvf")
    decompress("a.cvf", "b.json")
    assert canonical(json.loads((tmp_path / "b.json").read_text())) == canonical(REPORT)
    assert (tmp_path / "a.cvf").stat().st_size < (tmp_path / "a.json").stat().st_size / 2
    (tmp_path / "bad.json").write_text("{")
    for act, path, message in [
        (compress, "none.json", "Unable to find file none.json"),
        (compress, "a.cvf", "Only support compressing json report"),
        (compress, "bad.json", "bad.json is not a json file"),
        (decompress, "none.cvf", "Unable to find file none.cvf"),
        (decompress, "a.json", "does not support this version"),
    ]:
        with pytest.raises(ValueError, match=message):
            act(path, "out")
