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
    return f"import sys; sys.path[:] = [*sys.path[1:], {PACKAGES!r}]; {statements}"


def environment() -> list[tuple[str, str]]:
    """Return the environment without variables that make an interpreter trace itself or behave in a special way."""

    def is_kept(name: str) -> bool:
        return name == "PYTHONHOME" or not name.startswith(("PYTHON", session_variable.VARIABLE))

    return [(name, value) for name, value in os.environ.items() if is_kept(name)]
