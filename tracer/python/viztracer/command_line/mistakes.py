"""What a mistaken command line probably meant. Imported only after a mistake."""

from __future__ import annotations

import os
import re

from ..output import report_kinds
from ..output.quoting import quote
from ..snaptrace import RING_MAGIC

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = re.compile(r"(python|pypy)[\d.]*t?")


def of_option(word: str, known: Sequence[str]) -> str:
    """Return what to say of a word like an option that is none; `known` are those there are."""
    option = word.partition("=")[0]
    import difflib

    similar = difflib.get_close_matches(option, known, n=1, cutoff=0.7)
    if not option.startswith("--") or not similar:
        return f"there is no option {option}: see viztracer --help"
    return f"there is no option {option}, did you mean {similar[0]}?"


def of_program(path: str, words: Sequence[str]) -> str:
    """Return what to say of a program that is none.

    Args:
        path: the file.
        words: what was written, beginning with its name.
    """
    name = os.path.basename(path)
    if report_kinds.can_show(name):
        return f"{words[0]} is a report, not a program; to open it: vizviewer {quote(words[0])}"
    if name.endswith(report_kinds.ALL):
        return f"{words[0]} is a report, not a program"
    if is_python(name):
        return of_python(words)
    with open(path, "rb") as file:
        if file.read(len(RING_MAGIC)) == RING_MAGIC:
            return f"{words[0]} is a ring file, not a program; to merge it: viztracer-merge {quote(words[0])}"
    return f"{words[0]} is no Python program, and only these can be traced"


def is_python(path: str) -> bool:
    """Whether this is an interpreter, going by its name."""
    return PYTHON.fullmatch(os.path.basename(path)) is not None


def of_python(words: Sequence[str]) -> str:
    """Return what to say of an interpreter and its arguments in the place of a program."""
    rest = " ".join(map(quote, words[1:])) or "prog.py"
    return f"viztracer runs programs itself, without {words[0]}: viztracer {rest}"


def of_swallowed_program(option: str, metavar: str, words: Sequence[str]) -> str:
    """Return what to say if an option with any number of values has taken the program for one of them.

    Args:
        option: the option.
        metavar: what the help calls a value.
        words: its values.
    """
    values = " ".join(map(quote, words[:-1])) or metavar
    return f"{option} takes all words up to the next option; write: viztracer {option} {values} -- {quote(words[-1])}"
