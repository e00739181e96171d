"""What an interpreter of ours needs so that a traced program does not get in its way: another path and environment."""

from __future__ import annotations

import os

from . import session_variable

# The directory that holds this package.
PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def environment() -> list[tuple[str, str]]:
    """Return the environment without variables that make an interpreter trace itself or behave in a special way."""

    def is_kept(name: str) -> bool:
        return name == "PYTHONHOME" or not name.startswith(("PYTHON", session_variable.VARIABLE))

    return [(name, value) for name, value in os.environ.items() if is_kept(name)]
