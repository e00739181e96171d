"""The option ``--viztracer DIR`` with a space, which pytest misunderstands.

It looks for its root directory before it knows the options of plugins. So it takes a DIR that exists for a path of
tests, and another root means another configuration file and other test ids. Or the user has meant a path of tests, and
has forgotten DIR.
"""

from __future__ import annotations

import os
import re
import shlex

import pytest

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable

OPTION = "--viztracer"
TESTS = re.compile(r"conftest\.py|test_.*\.py|.*_test\.py")


def join_values(config: pytest.Config) -> None:
    """Give pytest-xdist's workers ``--viztracer=DIR``: when they start, DIR exists."""
    given = config.invocation_params
    if OPTION in given.args:
        args = tuple(_joined(map(os.fspath, given.args)))
        config.invocation_params = type(given)(args=args, plugins=given.plugins, dir=given.dir)


def is_of_tests(config: pytest.Config, directory: str) -> bool:
    """Return whether DIR follows a space and is a directory of tests, or a file of them, so that DIR was forgotten."""
    if OPTION not in map(os.fspath, config.invocation_params.args):
        return False
    if os.path.isfile(directory):
        return TESTS.fullmatch(os.path.basename(directory)) is not None
    try:
        return any(map(TESTS.fullmatch, os.listdir(directory)))
    except OSError:
        return False


def root_moved_by(config: pytest.Config, directory: str) -> str:
    """Return the root that pytest would have without DIR; empty if DIR has not moved it, as far as that can be known.

    pytest has no public way to ask, so this does without an answer from versions that differ.
    """
    args = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *map(os.fspath, config.invocation_params.args)]
    if OPTION not in args or not os.path.exists(directory):
        return ""
    try:
        from _pytest.config import findpaths

        known = config._parser.parse_known_args(list(_joined(args)))
        options = {"inifile": known.inifilename, "args": known.file_or_dir, "rootdir_cmd_arg": known.rootdir or None}
        if "override_ini" in findpaths.determine_setup.__annotations__:
            options["override_ini"] = known.override_ini
        root = findpaths.determine_setup(**options, invocation_dir=config.invocation_params.dir)[0]
    except Exception:  # whatever another version makes of this, the tests must run
        return ""
    return "" if root == config.rootpath else str(root)


def _joined(args: Iterable[str]) -> Iterable[str]:
    """Write each option with ``=``."""
    rest = iter(args)
    for one in rest:
        if one == "--":
            yield from (one, *rest)
        elif one == OPTION and (value := next(rest, None)) is not None:
            yield f"{OPTION}={value}"
        else:
            yield one
