"""Lines for the user: on stdout where VizTracer prints them, and on stderr what went wrong."""

from __future__ import annotations

import os
import sys

from ..snaptrace import ring_cut
from ..system import HAS_COLORS
from .quoting import printable

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

# The stdout that the command found, if it was the command that began the run.
_stdout: list[TextIO] = []

YELLOW, GREEN, RESET = "\033[33m", "\033[32m", "\033[0m"


def keep_stdout() -> None:
    """From now on say everything on the stdout that there is now, wherever the program's own lines go."""
    _stdout[:] = [sys.stdout]


def say(text: str, color: str = "") -> None:
    """Print a line where VizTracer does, on stdout; in color if that is a terminal."""
    try:
        (stdout,) = _stdout or [sys.stdout]
        colored = color and HAS_COLORS and stdout.isatty()
        text = printable(text)
        line = f"{color}{text}{RESET}" if colored else text
        try:
            print(line, file=stdout, flush=True)
        except UnicodeEncodeError:  # stdout has an encoding without some of the letters
            print(line.encode("ascii", "backslashreplace").decode("ascii"), file=stdout, flush=True)
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


def complain_of_greenlets(unmatched: int, is_first: Callable[[str], bool]) -> None:
    """Say what became of the calls of greenlets, if there are any: they do not end in the order of their begins.

    Args:
        unmatched: how many ends of calls matched no call.
        is_first: returns whether no other process of the run has said it; asked only if there is something to say.
    """
    if "greenlet" in sys.modules and is_first("greenlets"):
        lost = f"{unmatched} ends of calls matched no call, and " if unmatched else ""
        complain(
            f"this program switches greenlets, and those of a thread share one track here: {lost}"
            'calls that were open across a switch may have an unknown end ("abandoned"), or the time of others'
        )


def complain_of_interpreters(is_first: Callable[[str], bool]) -> None:
    """Say whose calls are missing, if the program may have several interpreters: hooks belong to one of them.

    Args:
        is_first: returns whether no other process of the run has said it; asked only if there is something to say.
    """
    if sys.version_info >= (3, 14):
        module = "concurrent.interpreters"  # and not _interpreters, which `concurrent.futures` imports in any case
    else:
        module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    if module in sys.modules and is_first("interpreters"):
        complain(f"this program imports {module}: only calls in the main interpreter are recorded")
