"""A report as JSON text."""

from __future__ import annotations

from ..snaptrace import json_of

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def parts_of(report: dict[str, Any]) -> Iterator[str]:
    """Return a report as JSON, in parts of one event each, so that the text is never in memory as a whole."""
    before = "{"
    for key, value in report.items():
        yield f"{before}{json_of(str(key))}:"
        before = ",\n"
        if isinstance(value, list):
            yield "["
            for index, element in enumerate(value):
                yield (",\n" if index else "\n") + json_of(element)
            yield "\n]"
        else:
            yield json_of(value)
    yield "{}" if before == "{" else "}"
