"""Calls as data, for DuckDB, Polars, pandas and PyArrow: `viztracer.calls`."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .snaptrace import Tracer, open_calls

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    from .snaptrace import Calls

__all__ = ["calls"]


def calls(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    since: str | float | None = None,
    until: str | float | None = None,
    last: str | float | None = None,
    as_of: str | int | None = None,
    pid: int | Iterable[int] = (),
    process_name: str | Iterable[str] = (),
    tid: int | Iterable[int] = (),
    func: str | None = None,
    min_duration: str | float | None = None,
    max_depth: int | None = None,
    drop_c_functions: bool = False,
) -> Calls:
    """Return the recorded calls as a table that engines for data read as it is, one row for each call.

    The object has `__arrow_c_stream__`. The inputs are read while the engine reads the table, some MB at a time, as
    they were when this function was called; the table can be read more than once. The cuts are those of the command
    `viztracer-merge`. Its times, such as ``"300ms"``, can also be numbers of seconds. docs/calls-as-data.md describes
    the columns.

    Args:
        paths: ring files, traces in JSON, directories that hold some, or patterns; one or several.
        since: only from this time on: after the begin of the trace, or a date in UTC (``"2026-11-22T11:23:20"``).
        until: only before this time, given in the same way.
        last: only the last part of the trace, of this length.
        as_of: processes that still run as of one instant: ``"now"``, or ns of `time.monotonic_ns`.
        pid: only processes with these ids.
        process_name: only processes with these names.
        tid: only threads with these ids of the operating system.
        func: only calls of functions whose names match this regular expression, and all calls inside these calls.
        min_duration: only calls that took at least this long.
        max_depth: only calls that are nested in fewer other calls.
        drop_c_functions: leave out calls of C functions.

    Warns:
        RuntimeWarning: an input cannot be read, or not all of it; the table has the rest. `losses` of the returned
            object has a line for each input of which something is missing.

    Raises:
        RuntimeError: no input can be read.
        ValueError: a cut is no time, no pattern, or leaves no time.
    """
    tracer = Tracer()
    tracer.pause()  # what this calls is not the program's
    try:
        return open_calls(
            [os.fspath(path) for path in _each(paths, (str, os.PathLike))],
            since=_time(since),
            until=_time(until),
            last=_time(last),
            as_of=None if as_of is None else str(as_of),
            pids=_each(pid, int),
            process_names=_each(process_name, str),
            tids=_each(tid, int),
            func=func,
            min_duration=_time(min_duration),
            max_depth=max_depth,
            drop_c_functions=drop_c_functions,
        )
    finally:
        tracer.resume()


def _each(one_or_more: Any, kind: type | tuple[type, ...]) -> list[Any]:
    """Return a list, also of one thing."""
    return [one_or_more] if isinstance(one_or_more, kind) else list(one_or_more)


def _time(time: str | float | None) -> str | None:
    """Return a time as the command takes it."""
    return time if time is None or isinstance(time, str) else f"{time:.9f}s"
