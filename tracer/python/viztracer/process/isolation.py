"""What an interpreter of ours needs so that a traced program does not get in its way: another path and environment."""

from __future__ import annotations

import os

from . import session_variable

# The directory that holds this package.
PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def code(statements: str) -> str:
    """Return what an interpreter of ours runs with ``-sS -c``, so that nothing of the program is imported.

    Neither the directory of the program nor its PYTHONPATH is searched, and this package is found last.
    """
    return f"import sys; sys.path[:] = [*filter(None, sys.path), {PACKAGES!r}]; {statements}"


def environment() -> list[tuple[str, str]]:
    """Return the environment without variables that make an interpreter trace itself or behave in a special way.

    From 3.11 on, the current directory is not searched. If it is gone, CPython 3.13.0 cannot import extensions otherwise:
    asking a module for an attribute that it does not have fails there without an exception.
    """

    def is_kept(name: str) -> bool:
        return name == "PYTHONHOME" or not name.startswith(("PYTHON", session_variable.VARIABLE))

    kept = [(name, value) for name, value in os.environ.items() if is_kept(name)]
    return [*kept, ("PYTHONSAFEPATH", "1")]
