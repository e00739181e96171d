"""Reads VizTracer's compressed reports; `format` describes them."""

from __future__ import annotations

import json
import struct
import zlib

from .format import ABSENT, CALLS, COUNTER, FLOAT, INTEGER, METADATA, NAMES, OTHERS, SAME, SOURCES, VERSION

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Event = dict[str, Any]
    Number = int | float

# zlib cannot compress by more than this.
RATIO_MAX = 1100


class Reader:
    """Reads a compressed file.

    Args:
        content: all bytes of the file, which may be damaged.
    """

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
