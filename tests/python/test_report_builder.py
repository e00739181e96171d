"""`ReportBuilder` combines reports in Python."""

import copy
import gzip
import io
import json

import pytest
from viztracer.report_builder import ReportBuilder, get_json


def event(name, ts, **more):
    return {"ph": "X", "pid": 1, "tid": 1, "ts": ts, "dur": 1, "name": name, **more}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A directory with two reports, of which the first names a function of `src.py`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src.py").write_text("def f():\n    pass\n")
    (tmp_path / "one.json").write_text(json.dumps(first(tmp_path)))
    (tmp_path / "two.json").write_text(json.dumps(SECOND))
    (tmp_path / "bad.json").write_text("{")
    return tmp_path


def first(directory):
    name = {"ph": "M", "pid": 1, "tid": 1, "name": "process_name", "args": {"name": "P"}}
    calls = [event(f"f ({directory}/src.py:1)", 10), event("g (no file:3)", 11)]
    return {"traceEvents": [name, *calls], "viztracer_metadata": {"overflow": False, "x": 1}, "extra": 5}


SECOND = {
    "traceEvents": [event("b", 100), event("c", 110)],
    "viztracer_metadata": {"overflow": True, "sync_marker": 105.0, "baseTimeNanoseconds": 7},
    "other": 5,
    "file_info": {"files": {"zz": ["src", 1]}, "functions": {"b": ["zz", 1]}},
}


def saved(data, output="out.json", file_info=True, **settings):
    ReportBuilder(data, verbose=0, **settings).save(output, file_info)
    opened = gzip.open(output, "rt") if output.endswith("gz") else open(output)
    with opened as file:
        return json.load(file)


def test_events_stand_one_after_the_other_and_the_first_report_is_the_base(files):
    for data in (["one.json", "two.json"], (first(files), SECOND)):
        report = saved(data)
        assert [shown["name"] for shown in report["traceEvents"]][-2:] == ["b", "c"]
        assert [shown.get("ts") for shown in report["traceEvents"]] == [None, 10, 11, 100, 110]
        assert report["extra"] == 5 and "other" not in report
        metadata = report["viztracer_metadata"]
        assert metadata.pop("version") and metadata == {"overflow": True, "x": 1, "baseTimeNanoseconds": 7}
        assert report["file_info"]["functions"]["b"] == ["zz", 1]


def test_sources_are_read_for_what_the_program_has_made_and_not_for_what_a_file_says(files):
    path = f"{files}/src.py"
    info = {"files": {path: ["def f():\n    pass\n", 2]}, "functions": {f"f ({path}:1)": [path, 1]}}
    assert saved(first(files))["file_info"] == info
    assert saved(["one.json"])["file_info"] == {"files": {}, "functions": {}}
    assert "file_info" not in saved(first(files), file_info=False)
    assert saved({"traceEvents": [event("secret (/etc/passwd:1)", 1)]})["file_info"]["files"] == {}


def test_source_of_a_file():
    assert ReportBuilder.get_source_from_filename(__file__) == open(__file__, encoding="utf-8").read()
    for none in ("nope.py", "<string>", "<frozen nope>", "/etc/passwd", "a\0b.py"):
        assert ReportBuilder.get_source_from_filename(none) is None
    assert "def join" in ReportBuilder.get_source_from_filename("<frozen posixpath>")


def test_reports_are_aligned_by_their_begins_or_markers(files):
    report = saved(["one.json", "two.json"], align=True)
    assert [shown.get("ts") for shown in report["traceEvents"]] == [None, 0, 1, -5, 5]
    assert ReportBuilder(first(files)).align_events([]) == []


def test_reports_of_ours_are_put_on_one_time_line():
    """Their times begin at a base of each one's own."""
    bases = (10**18, 10**18 + 5000)
    data = [
        {"traceEvents": [event("a", 1.5)], "viztracer_metadata": {"baseTimeNanoseconds": base, "clock": {}}}
        for base in bases
    ]
    builder = ReportBuilder(data)
    builder.prepare_json()
    assert [shown["ts"] for shown in builder.combined_json["traceEvents"]] == [1.5, 6.5]
    assert builder.combined_json["viztracer_metadata"]["baseTimeNanoseconds"] == bases[0]


def test_trace_of_torch_is_shifted(files):
    kineto = {
        "traceEvents": [event("op", 5), {"ph": "M", "name": "n", "ts": 3, "pid": 1, "tid": 1}],
        "baseTimeNanoseconds": 3000,
        "traceName": "x",
    }
    (files / "kineto.json").write_text(json.dumps(kineto))
    report = saved([("kineto.json", {"type": "torch", "base_offset": 1000}), first(files)])
    assert [shown.get("ts") for shown in report["traceEvents"]] == [None, 7, None, 10, 11]
    assert "traceName" not in report and "baseTimeNanoseconds" not in report


def test_functions_of_which_not_all_calls_are_recorded_are_shifted(files):
    """With the events of their report, to those of the first one."""
    function = {"name": "f", "file": "a.py", "line": 1, "only_c_calls": False}
    process = {"pid": 1, "name": "P", "opened_ns": 0, "elided": [{**function, "ts": 1.5}, None, {"ts": "x"}]}
    metadata = {"clock": {}, "processes": [process]}
    data = [
        {"traceEvents": [event("a", 1.5)], "viztracer_metadata": {**metadata, "baseTimeNanoseconds": base}}
        for base in (1000, 6250)
    ]
    first_one, second = saved(data)["viztracer_metadata"]["processes"]
    assert first_one == process
    assert second["elided"] == [{**function, "ts": 6.75}, None, {"ts": "x"}] and second["opened_ns"] == 5250


def test_saving_twice_gives_the_same_and_changes_nothing(files):
    data = [first(files), copy.deepcopy(SECOND)]
    before = copy.deepcopy(data)
    builder = ReportBuilder(data, verbose=0, align=True)
    builder.save("a.json")
    builder.save("b.json")
    assert (files / "a.json").read_bytes() == (files / "b.json").read_bytes()
    assert data == before


def test_kinds_of_files(files, capsys):
    assert saved(SECOND, "out.json.gz") == saved(SECOND, "out.gz") == saved(SECOND)
    ReportBuilder(SECOND, verbose=0).save("out.html")
    page = (files / "out.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    text = io.StringIO()
    ReportBuilder(SECOND, verbose=0).save(text)
    assert json.loads(text.getvalue()) == saved(SECOND)
    text = io.StringIO()
    ReportBuilder(SECOND).generate_report(text, "html")
    assert text.getvalue().startswith("<!DOCTYPE html>")
    for act in (
        lambda: ReportBuilder(SECOND).save("out.xyz"),
        lambda: ReportBuilder(SECOND).generate_report(text, "x"),
    ):
        with pytest.raises(ValueError, match="Only html"):
            act()
    assert capsys.readouterr().out == ""
    assert get_json("two.json") == SECOND == get_json(SECOND)


def test_what_is_no_report_is_refused(files):
    (files / "x.txt").write_text("{}")
    for data in (None, 5, "one.json", {1}):
        with pytest.raises(TypeError, match="Invalid data type for ReportBuilder"):
            ReportBuilder(data)
    for data in ([5], [None], [first(files), 5]):
        with pytest.raises(TypeError, match="Path should be a string"):
            ReportBuilder(data)
    for data, message in {
        "nope.json": "nope.json does not exist",
        "x.txt": "x.txt is not a json file",
        ("one.json",): "two values",
        ("one.json", "x"): "base_offset",
    }.items():
        with pytest.raises(ValueError, match=message):
            ReportBuilder([data])
    with pytest.raises(ValueError, match="traceEvents"):
        ReportBuilder({})
    with pytest.raises(ValueError, match="Can't get report of nothing"):
        ReportBuilder([]).save("out.json")
    with pytest.raises(ValueError, match="No valid json files found"):
        ReportBuilder(["bad.json"]).save("out.json")


@pytest.mark.parametrize(
    "text", ["", "[", "5", '"x"', "{}", '{"traceEvents": 5}', '{"traceEvents": [5]}', "[" * 100_000, "\xff"]
)
def test_files_that_hold_no_report_are_passed_over_and_named(files, capsys, text):
    (files / "odd.json").write_bytes(text.encode("latin-1"))
    ReportBuilder(["odd.json", "one.json"]).save("out.json")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Found and ignored invalid json file, you may lost some process data.",
        "Invalid json file:",
        "    odd.json",
        "Total Entries: 3",
        "Use the following command to open the report:",
        f"vizviewer {files}/out.json",
    ]


def test_bare_list_of_events_is_a_report(files):
    (files / "list.json").write_text(json.dumps(SECOND["traceEvents"]))
    assert saved(["list.json"])["traceEvents"] == SECOND["traceEvents"]


def test_overflow_is_said(files, capsys):
    ReportBuilder(["two.json"]).save("a b.json")
    out = capsys.readouterr().out
    assert "Circular buffer is full" in out and f"vizviewer '{files}/a b.json'" in out


def test_values_that_json_cannot_hold_cost_only_themselves(files):
    odd = [event("a", 1, args={"x": object(), "y": float("inf"), "z": "\ud800"}), event("b", 2)]
    report = saved({"traceEvents": odd})
    assert report["traceEvents"][0]["args"] == {"x": "<object object>", "y": "inf", "z": "\ud800"}
    assert report["traceEvents"][1] == odd[1]


def test_report_of_the_tracer_can_be_read(sandbox):
    path = sandbox.script("def f(): pass\nf()\n")
    report = sandbox.trace(path)
    again = saved([str(sandbox.path / "traced.json")], str(sandbox.path / "again.json"))
    assert again["traceEvents"] == report["traceEvents"] and again["file_info"] == report["file_info"]


@pytest.mark.parametrize("info", [[], 5, {"files": [], "functions": 5}, {"files": None}])
def test_sources_that_are_none_are_passed_over(files, info):
    events = [{"ph": "X"}, event("f", 1)]
    report = {"traceEvents": events, "viztracer_metadata": {}, "file_info": info}
    ReportBuilder(report, 0).save("out.json")
    saved = json.loads((files / "out.json").read_text())
    assert saved["file_info"] == {"files": {}, "functions": {}} and len(saved["traceEvents"]) == 2
