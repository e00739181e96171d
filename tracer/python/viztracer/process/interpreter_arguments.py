"""What the arguments of a Python interpreter, as in `sys.orig_argv`, show about the process."""

from __future__ import annotations

import os

# Words in the arguments of interpreters that serve other processes and outlive them.
RESOURCE_TRACKER = ".resource_tracker import"  # of multiprocessing, and of loky
FORKSERVER = "from multiprocessing.forkserver import"
# Words in the arguments of interpreters that run one process for `multiprocessing`, or for loky.
SPAWNED = ("from multiprocessing.spawn import", "loky.backend.popen_loky_posix")
OUR_COMMANDS = ("viztracer", "vizviewer")

# The interpreter's options that take an argument (`python --help`).
OPTIONS_WITH_ARGUMENT = "cmWX"
LONG_OPTION_WITH_ARGUMENT = "--check-hash-based-pycs"

CODE_MAX = 40  # characters of the code of ``python -c`` in a process's name


def is_forkserver(arguments: list[str]) -> bool:
    """Whether this is the server that forks processes for `multiprocessing`."""
    return any(FORKSERVER in argument for argument in arguments)


def is_spawned(arguments: list[str]) -> bool:
    """Whether this interpreter was started for one process of `multiprocessing`, or of loky."""
    return any(beginning in argument for argument in arguments for beginning in SPAWNED)


def serves_others(command: list[str]) -> bool:
    """Whether an interpreter with this command line runs a command of ours, or serves others until all have ended."""
    words = [os.path.basename(word).removesuffix(".exe") for word in command[1:3]]
    return any(RESOURCE_TRACKER in word for word in command) or any(word in OUR_COMMANDS for word in words)


def process_name(command: list[str]) -> str:
    """Return what the process is called in the report until `multiprocessing` knows better."""
    mode, what = _program(command[1:])
    if not mode:
        return os.path.basename(what) or "python"
    what = " ".join(what.split())
    return f"python {mode} {what if len(what) <= CODE_MAX else what[: CODE_MAX - 3] + '...'}"


def _program(words: list[str]) -> tuple[str, str]:
    """Return what an interpreter runs: ``-c`` and code, ``-m`` and a module, or an empty string and a path.

    The options are read as CPython's Python/getopt.c does: letters may stand together, and the argument of the last one
    follows at once or as the next word.
    """
    rest = iter(words)
    for word in rest:
        if word in ("-", "--"):
            return "", next(rest, "") if word == "--" else ""
        if word.startswith("--"):
            if word == LONG_OPTION_WITH_ARGUMENT:
                next(rest, "")
        elif not word.startswith("-"):
            return "", word
        else:
            letter = next((letter for letter in word[1:] if letter in OPTIONS_WITH_ARGUMENT), "")
            argument = word.partition(letter)[2] or next(rest, "") if letter else ""
            if letter in ("c", "m"):
                return f"-{letter}", argument
    return "", ""
