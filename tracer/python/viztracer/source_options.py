"""The options of the command that have the program's source instrumented: ``--log_var`` and its like."""

from __future__ import annotations

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import argparse

# By their names, what the help says. Their values are regular expressions, which match whole names.
PATTERNS = {
    "log_var": "record each value of variables whose names match",
    "log_number": "the same, as counters",
    "log_attr": "record each value of attributes whose names match",
    "log_func_exec": "show each assignment in functions whose names match with the call",
    "log_func_entry": "record when functions whose names match begin",
}
SWITCHES = {
    "log_exception": "record where exceptions are raised",
    "magic_comment": "obey comments in the source that begin with !viztracer:",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Let a parser know these options."""
    for name, help in PATTERNS.items():
        parser.add_argument(f"--{name}", metavar="RE", nargs="*", help=help)
    for name, help in SWITCHES.items():
        parser.add_argument(f"--{name}", action="store_true", help=help)


def texts(options: argparse.Namespace) -> list[str] | None:
    """Return them as the argument `instrument` of `VizTracer` has them; None if a command line gives none.

    Raises:
        ValueError: a pattern is no regular expression.
    """
    if not any(getattr(options, name) for name in (*PATTERNS, *SWITCHES)):
        return None  # as usual
    from .instrument.options import texts_of

    return texts_of(options)
