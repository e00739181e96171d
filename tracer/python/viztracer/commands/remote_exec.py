"""Ask a process by `sys.remote_exec` (PEP 768, CPython 3.14) to run a file of source text.

The function stores the file's path in the process, whose main thread runs the file between two of its instructions. A
path that is stored later replaces it. A process that finds no file there prints that on its stderr, so a file must not
go as long as the process may still look for it.
"""

from __future__ import annotations

import os
import re
import sys
import time

# How long a main thread that has read a path may take to open the file, in seconds.
OPENING = 0.1
# What `sys.remote_exec` says, and what there is to say about it.
REASONS = {
    r"Remote debugging is not enabled": "refuses it: it was started with PYTHON_DISABLE_REMOTE_DEBUG or with "
    "-X disable-remote-debug, or its Python is built without remote debugging",
    r"Can't send commands from a Python \S+ process to a Python (\S+) process": "runs Python {}, and this command "
    "Python {own}: use the viztracer of the same version of Python",
    r"PyRuntime address lookup failed": "does not run CPython {own}: use the viztracer of the version of Python that "
    "it runs",
}


def is_available() -> bool:
    """Whether this interpreter has the function."""
    return hasattr(sys, "remote_exec")


def ask(pid: int, script: str) -> None:
    """Ask a process to run a script soon.

    Raises:
        PermissionError, OSError, RuntimeError, ValueError: it cannot be asked.
    """
    sys.remote_exec(pid, script)  # type: ignore[attr-defined, unused-ignore]


def withdraw(pid: int) -> None:
    """Let a process that was asked and has not begun have nothing to run."""
    try:
        ask(pid, os.devnull)
        time.sleep(OPENING)
    except (OSError, RuntimeError, ValueError):
        pass  # it has ended


def reason(error: Exception) -> str:
    """Return why a process cannot be asked, as the end of a sentence about it."""
    own = "%d.%d" % sys.version_info[:2]
    for pattern, text in REASONS.items():
        if found := re.search(pattern, str(error)):
            return text.format(*found.groups(), own=own)
    return f"cannot be reached: {error}"
