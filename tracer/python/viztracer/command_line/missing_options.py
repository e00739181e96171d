"""Options of VizTracer that are read as it reads them, and then refused, or need nothing to be done.
"""

from __future__ import annotations

import argparse

from .arguments import UsageError

# By what they are for.
NEVER = {
    "patch_only": "for processes that VizTracer starts; here child processes join by themselves",
    "subprocess_child": "for processes that VizTracer starts; here child processes join by themselves",
}
# By why nothing has to be done.
NOT_NEEDED = {
    "dump_raw": "every record is written as it is",
    "file_info": "the source is in the report in any case",
    "log_exit": "what runs at exit is recorded in any case",
    "log_multiprocess": "child processes are recorded in any case",
    "log_subprocess": "child processes are recorded in any case",
    "minimize_memory": "no event is kept in memory",
    "sanitize_function_name": "every name can be written",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Let a parser know these options. The help does not show them."""
    for name in (*NEVER, *NOT_NEEDED):
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)


def is_supported(action: argparse.Action) -> bool:
    """Whether an option is none of those that are refused."""
    return action.dest not in NEVER


def refuse(options: argparse.Namespace) -> None:
    """Raise `UsageError` if a command line has an option that nothing ever does."""
    for name, purpose in NEVER.items():
        if getattr(options, name):
            raise UsageError(f"--{name} is not supported: it is {purpose}")
