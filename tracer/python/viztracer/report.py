"""Writing a report from ring files, and what is said about it."""

from __future__ import annotations

import os
import sys

from .snaptrace import merge, ring_cut, ring_process

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

# A JSON of more bytes is more than most readers can hold.
LARGE = 500 << 20

# The one that the command found, if it was that which began the run.
_stdout: list[TextIO] = []

YELLOW, GREEN, RESET = "\033[33m", "\033[32m", "\033[0m"


def write(inputs: list[str], output: str, *, source: bool, verbose: int) -> int:
    """Merge ring files, or directories of them, into `output`; return how many events it holds.

    Raises:
        RuntimeError: there is no report.
    """
    os.makedirs(os.path.dirname(os.path.abspath(output)), exist_ok=True)
    merged = merge(inputs, output, source=source, progress=verbose > 0)
    for problem in merged.problems:
        complain(problem)
    if verbose > 0:
        for line in merged.last_words:
            say(line, YELLOW)
        for line in merged.losses:
            say(line, YELLOW)
        say(f"Total Entries: {merged.events}")
        if output.endswith(".json") and os.path.getsize(output) > LARGE:
            say(f"It takes {os.path.getsize(output) >> 20} MB; as .html, .json.gz or .pftrace it would be far less.", YELLOW)
        if merged.overwritten:
            say(f"Circular buffer is full, {merged.overwritten} early events were overwritten.", YELLOW)
            say("Use --tracer_entries to keep more, or --quiet to hide this.", YELLOW)
        say("Use the following command to open the report:")
        say(f"vizviewer {quote(os.path.abspath(output))}", GREEN)
    return merged.events


def absolute(path: str) -> str:
    """Return the absolute path, or the same one if the current directory is gone."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        return path


def not_written(reason: object, rings: str, output: str) -> str:
    """Return what to say when there is no report of the ring files in a directory."""
    merge = f"viztracer-merge {quote(rings)} -o {quote(absolute(output))}"
    return f"report not written: {reason}. Ring files kept in {quote(rings)}; merge them with: {merge}"


def names(rings: Iterable[str]) -> str:
    """Return what the processes of these ring files are called: ``a.py (pid 1), worker (pid 2)``."""
    return ", ".join(ring_process(ring) or os.path.basename(ring) for ring in rings)


def with_pid(output: str, pid: int | str) -> str:
    """Insert ``_<pid>`` before the extension: ``a.json.gz`` becomes ``a_123.json.gz``."""
    directory, name = os.path.split(output)
    stem, dot, extension = name.partition(".")
    return os.path.join(directory, f"{stem}_{pid}{dot}{extension}")


def quote(path: str) -> str:
    """Quote a path for a shell, if need be; what cannot be printed as bash, zsh and ksh know it."""
    if not path.isprintable():
        escaped = path.replace("\\", "\\\\").replace("'", "\\'")
        return f"$'{printable(escaped)}'"
    plain = all(char.isalnum() or char in "/._-+@%" for char in path)
    return path if plain else "'" + path.replace("'", "'\"'\"'") + "'"


def printable(text: str) -> str:
    """Escape what acts on a terminal, or ends a line, or is no text, as Python's own strings have it."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    if "\udc80" <= char <= "\udcff":  # a byte of a path that is no UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def keep_stdout() -> None:
    """From now on say everything on the stdout that there is now, wherever the program's own lines go."""
    _stdout[:] = [sys.stdout]


def say(text: str, color: str = "") -> None:
    """Print a line where VizTracer does, on stdout; in color if that is a terminal."""
    try:
        (stdout,) = _stdout or [sys.stdout]
        colored = color and stdout.isatty()
        text = printable(text)
        print(f"{color}{text}{RESET}" if colored else text, file=stdout, flush=True)
    except (OSError, ValueError, AttributeError):
        pass  # a closed stdout is the program's affair


def complain(text: str) -> None:
    """Print a line on stderr, if there is one."""
    if sys.stderr is None:
        return  # `print` would take stdout instead
    try:
        print(f"viztracer: {printable(text)}", file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        pass


def complain_of_ring(ring: str | None, failure: int | None, *, removed: bool) -> None:
    """Say what befell a ring file, if anything did: it could not grow, or somebody has removed it."""
    if ring_cut():
        complain(f"{ring} was cut while the program ran: what was recorded is lost")
    elif removed:
        complain(f"{ring} is gone, and with it what was recorded: it was removed while the program ran")
    elif failure:
        complain(f"{ring} could not grow ({os.strerror(failure)}): older calls were lost")


def complain_of_greenlets(unmatched: int) -> None:
    """Say what became of the calls of greenlets, if there are any: they do not end in the order of their begins."""
    if "greenlet" in sys.modules:
        complain(
            f"this program switches greenlets inside of its threads, which are one track here: {unmatched} ends of calls "
            'fitted no begin, and calls that were open across a switch may be "abandoned", or have the time of others'
        )
