"""Writes VizTracer's compressed reports; `format` describes them."""

from __future__ import annotations

import math
import struct
import zlib

from ..snaptrace import json_of
from .format import ABSENT, CALLS, COUNTER, FLOAT, INTEGER, METADATA, NAMES, OTHERS, SAME, SOURCES, VERSION

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]
    Number = int | float

# VizTracer reads no longer names, with the zero byte.
NAME_MAX = 511
INTEGER_MIN, INTEGER_MAX = -(1 << 63), (1 << 63) - 1
SHORT_BITS = (6, 14, 30, 62)

# The members of events that a record can hold.
CALL_KEYS = {"ph", "name", "ts", "dur", "pid", "tid", "cat", "args"}
NAME_KEYS = {"ph", "name", "pid", "tid", "args"}
COUNTER_KEYS = {"ph", "name", "pid", "tid", "ts", "args"}


class Writer:
    """Makes the content of a compressed file."""

    def __init__(self) -> None:
        self._out = bytearray(struct.pack("<Q", VERSION))

    def file(self, report: dict[str, Any]) -> bytes:
        """Return the content of a file with this report."""
        calls: dict[tuple[int, int, str, bool], list[Event]] = {}
        counters: dict[tuple[int, int, str], list[Event]] = {}
        others: list[Any] = []
        for event in report["traceEvents"]:
            if _is_call(event):
                key = (event["pid"], event["tid"], event["name"], "args" in event)
                calls.setdefault(key, []).append(event)
            elif _is_counter(event):
                counters.setdefault((event["pid"], event["tid"], event["name"]), []).append(event)
            elif _is_name(event):
                self._name(event)
            else:
                others.append(event)
        for (pid, tid, name, has_arguments), group in calls.items():
            self._calls(pid, tid, name, group, has_arguments=has_arguments)
        for (pid, tid, name), group in counters.items():
            self._counter(pid, tid, name, group)
        kept = {key: value for key, value in report.items() if key not in ("traceEvents", "file_info")}
        if kept:
            others.append({"ph": "M", "name": METADATA, "pid": 0, "tid": 0, "args": kept})
        self._out.append(OTHERS)
        self._packed(others)
        if "file_info" in report:
            self._out.append(SOURCES)
            self._packed(report["file_info"])
        return bytes(self._out)

    def _name(self, event: Event) -> None:
        self._begin(NAMES[event["name"]], event["pid"], event["tid"], event["args"]["name"])

    def _calls(self, pid: int, tid: int, name: str, events: list[Event], *, has_arguments: bool) -> None:
        events.sort(key=lambda event: event["ts"])
        self._begin(CALLS, pid, tid, name)
        self._number(len(events))
        offset_at = len(self._out)
        self._number(0)
        times = [round(event["ts"] * 100) for event in events]
        self._out += struct.pack("<q", times[0])
        for index, event in enumerate(events):
            if index:
                self._short(times[index] - times[index - 1])
            self._short(round(event["dur"] * 100))
        if has_arguments:
            struct.pack_into("<Q", self._out, offset_at, len(self._out))
            self._packed([event["args"] for event in events])

    def _counter(self, pid: int, tid: int, name: str, events: list[Event]) -> None:
        keys = list(dict.fromkeys(key for event in events for key in event["args"]))
        self._begin(COUNTER, pid, tid, name)
        self._number(len(keys))
        for key in keys:
            self._text(key)
        self._number(len(events))
        last: Event = {}
        for event in sorted(events, key=lambda event: event["ts"]):
            values = event["args"]
            self._out += struct.pack("<q", round(event["ts"] * 1000))
            for key in keys:
                self._value(values.get(key), last.get(key))
            last = values

    def _value(self, value: Number | None, last: Number | None) -> None:
        if value is last or (value == last and type(value) is type(last)):
            self._out.append(SAME)
        elif value is None:
            self._out.append(ABSENT)
        elif isinstance(value, int):
            self._out += struct.pack("<Bq", INTEGER, value)
        else:
            self._out += struct.pack("<Bd", FLOAT, value)

    def _begin(self, kind: int, pid: int, tid: int, name: str) -> None:
        self._out += struct.pack("<BQQ", kind, pid, tid)
        self._text(name)

    def _text(self, text: str) -> None:
        self._out += text.encode() + b"\0"

    def _number(self, number: int) -> None:
        self._out += struct.pack("<Q", number)

    def _short(self, number: int) -> None:
        size = next(size for size, bits in enumerate(SHORT_BITS) if number < 1 << bits)
        self._out += (number << 2 | size).to_bytes(1 << size, "little")

    def _packed(self, value: object) -> None:
        text = json_of(value).encode()
        packed = zlib.compress(text)
        self._out += struct.pack("<QQ", len(text), len(packed)) + packed


def _is_call(event: Any) -> bool:
    """Return whether an event can be in a record of calls."""
    return (
        _has_track(event, "X", CALL_KEYS)
        and event.get("cat", "FEE") in ("FEE", "fee")
        and _is_text(event["name"])
        and _is_time(event.get("ts"), 100)
        and _is_time(event.get("dur"), 100)
        and event["dur"] >= 0
    )


def _is_name(event: Any) -> bool:
    """Return whether an event can be a record of a name."""
    return (
        _has_track(event, "M", NAME_KEYS)
        and event["name"] in NAMES
        and isinstance(event.get("args"), dict)
        and list(event["args"]) == ["name"]
        and _is_text(event["args"]["name"])
    )


def _is_counter(event: Any) -> bool:
    """Return whether an event can be in a record of a counter."""
    arguments = event.get("args") if isinstance(event, dict) else None
    return (
        _has_track(event, "C", COUNTER_KEYS)
        and _is_text(event["name"])
        and _is_time(event.get("ts"), 1000)
        and isinstance(arguments, dict)
        and all(_is_text(key) and _is_number(value) for key, value in arguments.items())
    )


def _has_track(event: Any, phase: str, keys: set[str]) -> bool:
    return (
        isinstance(event, dict)
        and event.get("ph") == phase
        and event.keys() <= keys
        and all(type(event.get(key)) is int and 0 <= event[key] <= INTEGER_MAX for key in ("pid", "tid"))
        and isinstance(event.get("name"), str)
    )


def _is_text(text: object) -> bool:
    if not isinstance(text, str) or "\0" in text:
        return False
    try:
        return len(text.encode()) < NAME_MAX
    except UnicodeEncodeError:
        return False


def _is_time(time: object, units: int) -> bool:
    """Return whether a time in microseconds, in units of which so many are one, fits into a number."""
    return type(time) in (int, float) and abs(time) * units < 1 << 61  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    if type(value) is int:
        return INTEGER_MIN <= value <= INTEGER_MAX
    return type(value) is float and math.isfinite(value)
