"""The options that change the program's source before it is compiled: ``--log_var`` and its like.

They belong to the command and to the processes of its run. `VizTracer` has a method `log_var` of its own.
"""

from __future__ import annotations

from ..output import terminal
from ..process import session_variable

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

    from ..instrument.compiler import Compiler

METAVAR = "RE"  # what the help calls a value of the first ones
# By their names, what the help says. Their values are regular expressions, which match whole names.
PATTERNS = {
    "log_var": "record each value of variables whose names match",
    "log_number": "the same, as a counter for each variable",
    "log_attr": "record each value of attributes whose names match",
    "log_func_exec": "record each assignment in functions whose names match, as a part of the call",
    "log_func_entry": "record an instant event when a function whose name matches begins",
}
SWITCHES = {
    "log_exception": "record each `raise` statement that runs",
    "magic_comment": "follow instructions in comments of the source that begin with !viztracer:",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Let a parser know these options."""
    for name, help in PATTERNS.items():
        parser.add_argument(f"--{name}", metavar=METAVAR, nargs="+", help=help)
    for name, help in SWITCHES.items():
        parser.add_argument(f"--{name}", action="store_true", help=help)


def given(options: argparse.Namespace) -> dict[str, Any]:
    """Return those that a command line gives, with their values."""
    return {name: value for name in (*PATTERNS, *SWITCHES) if (value := getattr(options, name))}


def check(options: argparse.Namespace) -> None:
    """Raise `ValueError` if a pattern is no regular expression."""
    if values := given(options):
        from ..instrument.options import InstrumentOptions  # most programs run as they are

        InstrumentOptions(**values)


def inherited(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return those that a run gives, from the environment of one of its processes."""
    patterns = {name: session_variable.unpack(fields[name], []) for name in PATTERNS if name in fields}
    return patterns | {name: True for name in SWITCHES if name in fields}


def instrument(values: Mapping[str, Any]) -> Compiler | None:
    """Have the source of what is imported from now on changed; return what compiles the main program.

    Raises:
        ValueError: a pattern is no regular expression.
    """
    if not values:
        return None
    from ..instrument import imports  # most programs run as they are
    from ..instrument.compiler import Compiler
    from ..instrument.options import InstrumentOptions

    compiler = Compiler(InstrumentOptions(**values), terminal.complain)
    imports.install(compiler)
    return compiler
