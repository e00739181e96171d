"""A word about VizTracer and viztracer-ring in one directory of packages: each has replaced files of the other.

The one that was installed last is the one that `import viztracer` gets. If that is this package, its ``__init__`` finds
what only VizTracer has. If it is VizTracer, `viztracer_ring.pth` runs this file, which waits for the import.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence

MESSAGE = (
    "viztracer: VizTracer and viztracer-ring are both installed in {directory} and have replaced files of each other; "
    "to mend it: pip uninstall -y viztracer, then install the wheel of viztracer-ring again: "
    "pip install --force-reinstall --no-deps FILE"
)


def complain(package: str) -> None:
    """Say that both are installed, in one line on stderr.

    Args:
        package: the directory that both of them use.
    """
    if sys.stderr is not None:
        try:
            print(MESSAGE.format(directory=os.path.dirname(package)), file=sys.stderr)
        except (OSError, ValueError):
            pass  # a closed stderr is the program's affair


class Watcher:
    """A finder of modules that finds none, and complains when VizTracer is imported."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: object = None) -> None:
        """Complain if this is the import."""
        if name == "viztracer":
            sys.meta_path.remove(self)
            complain(self.package)


def watch(package: str) -> None:
    """Complain once VizTracer is imported from this directory; not if it is this package, which does that itself."""
    with open(os.path.join(package, "__init__.py"), "rb") as file:
        if b"both_installed" in file.read():
            return
    sys.meta_path.insert(0, Watcher(package))


if __name__ == "viztracer_ring.pth":
    watch(os.path.dirname(__file__))
