"""Reports: their names, how they are made from ring files, and the command that makes one later."""

from __future__ import annotations

import os

from ..snaptrace import is_output_name, merge, ring_process
from . import report_kinds
from .quoting import quote
from .terminal import GREEN, YELLOW, complain, say

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# A JSON of more bytes is more than most readers can hold.
LARGE = 500 << 20


def write(inputs: list[str], output: str, *, source: bool, verbose: int, worker: bool = False) -> int:
    """Merge ring files, or directories of them, into `output`; return how many events it holds.

    `worker`: whether the run of the files began with a process that is not among them.

    Raises:
        RuntimeError: there is no report.
    """
    os.makedirs(os.path.dirname(os.path.abspath(output)), exist_ok=True)
    merged = merge(inputs, output, source=source, worker=worker, progress=verbose > 0)
    for problem in merged.problems:
        complain(problem)
    if verbose > 0:
        for line in merged.last_words:
            say(line, YELLOW)
        for line in merged.losses:
            say(line, YELLOW)
        say(f"Total Entries: {merged.entries}")
        if output.endswith(".json") and os.path.getsize(output) > LARGE:
            size = os.path.getsize(output) >> 20
            say(f"The report takes {size} MB; as .html, .json.gz or .pftrace it takes far less.", YELLOW)
        if merged.overwritten:
            say(f"Circular buffer is full, {merged.overwritten} early events were overwritten.", YELLOW)
            say("Use --tracer_entries to keep more, or --quiet to hide this.", YELLOW)
        say_how_to_open(output)
    return merged.events


def say_how_to_open(output: str) -> None:
    """Print what opens a report, unless that is any program for tables."""
    if report_kinds.can_show(output):
        say("Use the following command to open the report:")
        say(f"vizviewer {quote(os.path.abspath(output))}", GREEN)
    elif output.endswith(report_kinds.FOR_SPEEDSCOPE):
        say("Open the report on this page: https://www.speedscope.app")
    elif output.endswith(report_kinds.STACKS):
        say("Use the following command to draw a flame graph of the report:")
        path = os.path.abspath(output)
        drawn = f"{path.removesuffix(report_kinds.STACKS)}.svg"
        say(f"flamegraph.pl --countname ns {quote(path)} > {quote(drawn)}", GREEN)


def target(output: Any) -> Any:
    """Return where a report goes: a path as a text, or an object with a method `write`.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(output, str) or hasattr(output, "write"):
        return output
    path = os.fspath(output) if hasattr(output, "__fspath__") else None
    if not isinstance(path, str):
        kind = type(output).__name__
        raise ValueError(f"output_file must be a str, a path or a file to write to, not {kind}")  # noqa: TRY004
    return path


def absolute(path: str) -> str:
    """Return the absolute path, or the same one if the current directory is gone."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        return path


def relative(path: str, start: str = os.curdir) -> str:
    """Return the path as it is from a directory, or the absolute one if that is on another drive."""
    try:
        return os.path.relpath(path, start)
    except ValueError:
        return os.path.abspath(path)


def not_written(reason: object, rings: str, output: str) -> str:
    """Return what to say when there is no report of the ring files in a directory."""
    return f"report not written: {reason}. {kept(rings, output)}"


def cannot_be_written(error: Exception, rings: str, output: str) -> str:
    """Return what to say when a report could not be written: a merge into the same file may fail, too."""
    return f"report not written: {error}. Remove the cause, or name another file behind -o. {kept(rings, output)}"


def kept(rings: str, output: str) -> str:
    """Return where the ring files are, and the command that merges them."""
    return f"Ring files kept in {quote(rings)}; merge them with: {merge_command(rings, output)}"


def names(rings: Iterable[str]) -> str:
    """Return what the processes of these ring files are called: ``a.py (pid 1), worker (pid 2)``."""
    return ", ".join(ring_process(ring) or os.path.basename(ring) for ring in rings)


def with_pid(output: str, pid: int | str) -> str:
    """Insert ``_<pid>`` before the extension: ``a.json.gz`` becomes ``a_123.json.gz``."""
    directory, name = os.path.split(output)
    stem, dot, extension = name.partition(".")
    return os.path.join(directory, f"{stem}_{pid}{dot}{extension}")


def merge_command(rings: str, output: str) -> str:
    """Return the command that merges a directory of ring files, for a shell."""
    return f"viztracer-merge {quote(rings)} -o {quote(absolute(_fitting(output)))}"


def _fitting(output: str) -> str:
    """Return this name, or one like it if no report can have it."""
    is_special = os.path.exists(output) and not os.path.isfile(output)  # a device or a pipe gets JSON
    return output if is_special or is_output_name(output) else f"{output}.json"


def still_running(rings: str, running: Iterable[str], output: str) -> str:
    """Return what to say of the processes that still write to some ring files of a directory."""
    return f"still running: {names(running)}; to merge all of it later: {merge_command(rings, output)}"
