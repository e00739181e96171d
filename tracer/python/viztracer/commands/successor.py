"""Whether the program that a process becomes by exec is a Python that goes on with its run."""

from __future__ import annotations

import os
import sys

from . import replacement

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

ENV = "env"  # as in `#!/usr/bin/env python3`
CONFIGURATION = "pyvenv.cfg"  # in the directory of a virtual environment (PEP 405)


def is_our_python(file: str, arguments: Any, variables: Any) -> bool:
    """Whether this runs our interpreter with our packages, itself or as the interpreter of a script.

    Args:
        file: the program.
        arguments: what it gets, beginning with its name.
        variables: its environment.
    """
    if not sys.executable:
        return False
    interpreter, name = _interpreter(file, os.fsdecode(arguments[0]))
    path = _found(name, variables)
    if os.path.basename(interpreter) == ENV:
        interpreter = path
    is_ours = os.path.exists(interpreter) and os.path.samefile(interpreter, sys.executable)
    return is_ours and _environment(path) == _environment(sys.executable)


def _interpreter(file: str, name: str) -> tuple[str, str]:
    """Return what the system starts to run a file, and the name from which Python finds its packages."""
    words = replacement.words_of_script(file)
    if words is None:
        return file, name
    if os.path.basename(words[0]) != ENV:
        return words[0], words[0]
    return words[0], next((word for word in words[1:] if not word.startswith("-")), "")


def _found(name: str, variables: Any) -> str:
    """Return the path that a name means, as a shell finds it, and Python itself (Modules/getpath.py)."""
    if os.sep in name:
        return name
    paths = (os.path.join(directory, name) for directory in os.get_exec_path(variables))
    return next((path for path in paths if os.access(path, os.X_OK)), "")


def _environment(python: str) -> str | None:
    """Return the virtual environment of an interpreter's path, which may be a link to another one's."""
    if not python:
        return None
    directory = os.path.dirname(os.path.abspath(python))
    places = (directory, os.path.dirname(directory))
    return next((os.path.realpath(place) for place in places if os.path.exists(f"{place}/{CONFIGURATION}")), None)
