"""JSON of any value that a program has made: what JSON cannot hold becomes a text that says what it was."""

from __future__ import annotations

import json
import math

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SEPARATORS = (",", ":")
NESTED_MAX = 100
# For the text files that JSON is written to: a lone surrogate becomes an escape of JSON.
ERRORS = "backslashreplace"


def dumps(value: object) -> str:
    """Return a value as JSON. Names that are not ASCII stay readable."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=SEPARATORS, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(_plain(value, ()), ensure_ascii=False, separators=SEPARATORS)


def parts_of_report(report: dict[str, Any]) -> Iterator[str]:
    """Return a report as JSON, in parts of one event each, so that the text is never in memory as a whole."""
    before = "{"
    for key, value in report.items():
        yield f"{before}{dumps(str(key))}:"
        before = ",\n"
        if isinstance(value, list):
            yield "["
            for index, element in enumerate(value):
                yield (",\n" if index else "\n") + dumps(element)
            yield "\n]"
        else:
            yield dumps(value)
    yield "{}" if before == "{" else "}"


def _plain(value: Any, around: tuple[int, ...]) -> Any:
    """Return a value that JSON can hold.

    Args:
        value: any value.
        around: the identities of the containers that it is in.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (dict, list, tuple)):
        if id(value) in around:
            return "<contains itself>"
        if len(around) >= NESTED_MAX:
            return "<nested too deeply>"
        inside = (*around, id(value))
        if isinstance(value, dict):
            return {_key(key): _plain(element, inside) for key, element in dict.items(value)}
        return [_plain(element, inside) for element in value]
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def _key(key: object) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    return repr(key) if type(key) in (int, float, bool, tuple, bytes) or key is None else f"<{type(key).__qualname__}>"
