"""The helper functions that programs import from `viztracer.util`, and plain JSON of any value."""

import json
import os
import re
import sys

import pytest
from viztracer import util
from viztracer.output import report_text
from viztracer.snaptrace import json_of


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("3us", 3),
        ("0.3ms", 300),
        ("2s", 2e6),
        ("5ns", 0.005),
        ("5xyz", 5),
        ("5 ms", 5),
    ],
)
def test_times(text, microseconds):
    assert util.time_str_to_us(text) == microseconds


@pytest.mark.parametrize("text", ["", "abc", "-3", ".", "1..2", "ms"])
def test_texts_that_are_no_times(text):
    with pytest.raises(ValueError, match=re.escape(f"Can't convert {text} to time")):
        util.time_str_to_us(text)


def test_versions():
    assert [util.compare_version(*pair) for pair in [("1.2", "1.10"), ("2", "1.9.9"), ("1.0", "1.0")]] == [-1, 1, 0]
    assert util.compare_version("1.0", "1.0.0") == -1
    with pytest.raises(ValueError, match="invalid literal"):
        util.compare_version("1.a", "1")


def test_sizes():
    sizes = {0: "0.0B", 1023: "1023.0B", 1536: "1.5KiB", 1 << 20: "1.0MiB", 1 << 50: "1024.0TiB", -5: "-5.0B"}
    assert {size: util.size_fmt(size) for size in sizes} == sizes
    assert util.size_fmt(5, "X") == "5.0X"


def test_processes():
    assert util.pid_exists(os.getpid()) and util.pid_exists(1)
    assert not any(map(util.pid_exists, (-1, 99_999_999, 1 << 80)))
    with pytest.raises(ValueError, match="invalid PID 0"):
        util.pid_exists(0)


def test_names_and_printed_lines(capsys):
    assert re.fullmatch(rf"y_\d{{8}}_\d{{6}}_{os.getpid()}\.json", util.unique_file_name("/x/y.z.py"))
    util.color_print("OKGREEN", "hi", end="|")
    util.same_line_print("abc", width=3)
    assert capsys.readouterr().out == "\033[92mhi\033[0m|\r   \rabc"


def test_functions_on_the_stack():
    def inner():
        return [util.frame_stack_has_func(sys._getframe(), functions) for functions in ([inner], [test_sizes], [])]

    assert inner() == [True, False, False]


class Text(str):
    def __str__(self):
        raise AssertionError("runs the program's code")


def test_json_of_anything():
    cycle = {}
    cycle["self"] = cycle
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert json.loads(json_of({"é": [1, 2.5, None, True]})) == {"é": [1, 2.5, None, True]}
    assert json_of("é") == '"é"'
    odd = {1: float("nan"), None: {1, 2}, ("a",): object(), "n": 10**400, Text("t"): Text("x"), "c": cycle}
    assert json.loads(json_of(odd)) == {
        "1": "nan",
        "null": "<set object>",
        "<tuple object>": "<object object>",
        "n": str(10**400),
        "t": "x",
        "c": {"self": "<dict inside of itself>"},
    }
    assert "<list in more than 100 others>" in json_of(deep)
    assert json_of("\udc80\n\\") == '"\\udc80\\n\\\\"'
    assert json.loads(json_of(10**10_000)).startswith("0x"), "more digits than Python turns into text"
    assert json.loads(json_of("x" * 10_000_000)) == "x" * 10_000_000
    assert json.loads(json_of([[n] for n in range(100_000)]))[-1] == [99_999]


def test_json_of_reports_in_parts():
    report = {"traceEvents": [{"a": 1}, {"b": 2}], "empty": [], "other": {"c": 3}}
    for case in (report, {}, {"traceEvents": []}):
        assert json.loads("".join(report_text.parts_of(case))) == case
