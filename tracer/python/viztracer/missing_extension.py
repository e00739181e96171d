"""Why the extension is not there. Interpreters that viztracer-ring does not support import this module, too."""

from __future__ import annotations

import sys
import sysconfig

# Of `sys.implementation.name`, as people write them.
NAMES = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}
OLDEST = (3, 10)
NEWEST = (3, 15)
OLDEST_FREE_THREADED = (3, 14)


def explanation() -> str:
    """Return a sentence that says what this interpreter is and what to do."""
    version = sys.version_info[:2]
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    name = NAMES.get(sys.implementation.name, sys.implementation.name)
    name = f"{'free-threaded ' if free_threaded else ''}{name} {version[0]}.{version[1]}"
    oldest = OLDEST_FREE_THREADED if free_threaded else OLDEST
    if hasattr(sys, "gettotalrefcount"):  # pip installs the usual extension, whose name such a build does not look for
        name = f"a debug build of {name}"
    elif sys.implementation.name == "cpython" and oldest <= version <= NEWEST:
        return (
            f"the extension of viztracer-ring for {name} is missing: "
            f"install viztracer-ring again, with {sys.executable} -m pip"
        )
    needed = "viztracer-ring needs CPython 3.10 to 3.15, free-threaded from 3.14 on"
    return f"{needed}, and {sys.executable} is {name}: use another Python"
