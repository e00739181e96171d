"""`VCompressor`: VizTracer's compressed reports (``.cvf``), for ``viztracer --compress`` and ``--decompress``.

A file is the version, a number of 64 bits, and records until its end. All numbers are little-endian. A record begins
with a byte that says its kind:

- 1: calls of one function on one thread: pid, tid, name, how many, the offset of their arguments in the file (0: they
  have none), the time of the first in 10 ns, then each call's duration and the time to the next one's begin, as short
  numbers. At that offset: a list of the arguments, packed.
- 2, 3: a process's or a thread's name: pid, tid, name.
- 4: a counter: pid, tid, name, how many keys, the keys, how many events, then for each its time in ns and for each key
  a byte (`ABSENT`, `SAME`, `INTEGER`, `FLOAT`) and the value if it is new.
- 5: a list of all other events, packed.
- 17: the sources, packed.

Texts end with a zero byte. A packed value is JSON: its length, its compressed length, and what zlib makes of it. A
short number has in its two lowest bits how many bytes it takes: 1, 2, 4 or 8.

The format rounds times of calls to 10 ns and knows one category. What it cannot hold otherwise is among the other
events, also the report's metadata, as an event of phase ``"M"``.
"""

from __future__ import annotations

import json
import math
import struct
import zlib

from . import plain_json

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Event = dict[str, Any]
    Number = int | float

VERSION = 1
CALLS, PROCESS_NAME, THREAD_NAME, COUNTER, OTHERS, SOURCES = 1, 2, 3, 4, 5, 0x11
ABSENT, SAME, INTEGER, FLOAT = 0x21, 0x22, 0x23, 0x24
NAMES = {"process_name": PROCESS_NAME, "thread_name": THREAD_NAME}
# The event that holds the report's metadata.
METADATA = "viztracer_metadata"

# VizTracer reads no longer names, with the zero byte.
NAME_MAX = 511
INTEGER_MIN, INTEGER_MAX = -(1 << 63), (1 << 63) - 1
SHORT_BITS = (6, 14, 30, 62)
# zlib cannot compress by more than this.
RATIO_MAX = 1100

CALL_KEYS = {"ph", "name", "ts", "dur", "pid", "tid", "cat", "args"}
NAME_KEYS = {"ph", "name", "pid", "tid", "args"}
COUNTER_KEYS = {"ph", "name", "pid", "tid", "ts", "args"}


class VCompressor:
    """Reads and writes VizTracer's compressed reports."""

    def compress(self, data: dict[str, Any], filename: str) -> None:
        """Write a report into a compressed file.

        Raises:
            ValueError: `data` is no report, or the file cannot be written.
        """
        if not isinstance(data, dict):
            raise ValueError("You need to pass in a dict")
        if not isinstance(data.get("traceEvents"), list):
            raise ValueError("Unable to find traceEvents")
        content = _Writer().file(data)
        try:
            with open(filename, "wb") as file:
                file.write(content)
        except OSError as error:
            raise ValueError(f"Can't open file {filename} to write: {error.strerror}") from None

    def decompress(self, filename: str) -> dict[str, Any]:
        """Return the report that a compressed file holds.

        Raises:
            ValueError: the file cannot be read, is of another version, or is damaged.
        """
        try:
            with open(filename, "rb") as file:
                content = file.read()
        except OSError as error:
            raise ValueError(f"Can't open file {filename} to read: {error.strerror}") from None
        return _Reader(content).report()


class _Writer:
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
        text = plain_json.dumps(value).encode("utf-8", plain_json.ERRORS)
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


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def report(self) -> dict[str, Any]:
        """Return the report in the file."""
        try:
            return self._report()
        except (struct.error, zlib.error, UnicodeDecodeError, RecursionError, IndexError) as error:
            raise ValueError(f"file is corrupted: {error}") from None

    def _report(self) -> dict[str, Any]:
        if len(self._content) < 8:
            raise ValueError("file is corrupted: it has no version")
        if (version := self._number()) != VERSION:
            raise ValueError(f"VCompressor does not support this version of file: {version}")
        events: list[Event] = []
        report: dict[str, Any] = {"traceEvents": events}
        while self._at < len(self._content):
            kind = self._unpack("<B")
            if kind == CALLS:
                events.extend(self._calls())
            elif kind in NAMES.values():
                events.append(self._name(kind))
            elif kind == COUNTER:
                events.extend(self._counter())
            elif kind == OTHERS:
                events.extend(self._list())
            elif kind == SOURCES:
                report["file_info"] = self._packed()
            else:
                raise ValueError(f"file is corrupted: there is no kind {kind} of records")
        for index in reversed(range(len(events))):
            if isinstance(event := events[index], dict) and event.get("name") == METADATA and event.get("ph") == "M":
                kept = events.pop(index).get("args")
                report.update(kept if isinstance(kept, dict) else {})
                break
        report["traceEvents"] = events
        return report

    def _name(self, kind: int) -> Event:
        pid, tid, text = self._number(), self._number(), self._text()
        name = next(name for name in NAMES if NAMES[name] == kind)
        return {"ph": "M", "name": name, "pid": pid, "tid": tid, "args": {"name": text}}

    def _calls(self) -> list[Event]:
        pid, tid, name, count = self._number(), self._number(), self._text(), self._count(1)
        arguments_at = self._number()
        time = self._unpack("<q")
        events = []
        for index in range(count):
            if index:
                time += self._short()
            duration = self._short()
            event = {"ph": "X", "name": name, "cat": "FEE", "pid": pid, "tid": tid}
            events.append({**event, "ts": time / 100, "dur": duration / 100})
        if arguments_at:
            if arguments_at != self._at:
                raise ValueError("file is corrupted: arguments are not where they are said to be")
            arguments = self._list()
            if len(arguments) != count:
                raise ValueError("file is corrupted: there are more arguments than calls, or fewer")
            for event, given in zip(events, arguments):
                event["args"] = given
        return events

    def _counter(self) -> Iterator[Event]:
        pid, tid, name = self._number(), self._number(), self._text()
        keys = [self._text() for _ in range(self._count(1))]
        values: dict[str, Number] = {}
        for _ in range(self._count(8)):
            time = self._unpack("<q") / 1000
            for key in keys:
                self._value(values, key)
            shown = {key: values[key] for key in keys if key in values}
            yield {"name": name, "pid": pid, "tid": tid, "ph": "C", "args": shown, "ts": time}

    def _value(self, values: dict[str, Number], key: str) -> None:
        kind = self._unpack("<B")
        if kind == INTEGER:
            values[key] = self._unpack("<q")
        elif kind == FLOAT:
            values[key] = self._unpack("<d")
        elif kind == ABSENT:
            values.pop(key, None)
        elif kind != SAME:
            raise ValueError(f"file is corrupted: there is no kind {kind} of values")

    def _unpack(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self._content, self._at)
        self._at += struct.calcsize(form)
        return value

    def _number(self) -> int:
        number: int = self._unpack("<Q")
        return number

    def _count(self, size: int) -> int:
        """Return a number of things that take at least so many bytes each."""
        count = self._number()
        self._check_left(count * size)
        return count

    def _short(self) -> int:
        size = 1 << (self._content[self._at] & 3)
        self._check_left(size)
        number = int.from_bytes(self._content[self._at : self._at + size], "little") >> 2
        self._at += size
        return number

    def _check_left(self, size: int) -> None:
        if size > len(self._content) - self._at:
            raise ValueError("file is corrupted: it ends too early")

    def _text(self) -> str:
        end = self._content.find(b"\0", self._at)
        if end < 0:
            raise ValueError("file is corrupted: a text has no end")
        text = self._content[self._at : end].decode()
        self._at = end + 1
        return text

    def _list(self) -> list[Any]:
        value = self._packed()
        if not isinstance(value, list):
            raise ValueError("file is corrupted: there is no list where one is expected")
        return value

    def _packed(self) -> Any:
        length, packed = self._number(), self._number()
        self._check_left(packed)
        if length > packed * RATIO_MAX:
            raise ValueError("file is corrupted: nothing can be compressed so well")
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(self._content[self._at : self._at + packed], length)
        if len(text) != length or not unpacker.eof and unpacker.decompress(unpacker.unconsumed_tail, 1):
            raise ValueError("file is corrupted: a packed value has another length than it says")
        self._at += packed
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"file is corrupted: {error}") from None


def compress(report: str, output: str) -> None:
    """Compress a report in JSON, as ``viztracer --compress`` does.

    Raises:
        ValueError: there is no such report, or the result cannot be written.
    """
    from .report_builder import get_json

    _check_input(report, ".json", "Only support compressing json report")
    VCompressor().compress(get_json(report), output)


def decompress(compressed: str, output: str) -> None:
    """Write the report of a compressed file in JSON, as ``viztracer --decompress`` does.

    Raises:
        ValueError: there is no such file, it is damaged, or the result cannot be written.
    """
    _check_input(compressed, "", "")
    report = VCompressor().decompress(compressed)
    try:
        with open(output, "w", encoding="utf-8", errors=plain_json.ERRORS) as file:
            file.writelines(plain_json.parts_of_report(report))
    except OSError as error:
        raise ValueError(f"Can't open file {output} to write: {error.strerror}") from None


def _check_input(path: str, extension: str, refusal: str) -> None:
    import os

    if not os.path.exists(path):
        raise ValueError(f"Unable to find file {path}")
    if not path.endswith(extension):
        raise ValueError(refusal)
