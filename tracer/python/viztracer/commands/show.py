"""Show what was recorded in the browser: ``--open``."""

from __future__ import annotations

import os
import sys

from ..output import report_kinds, terminal
from ..process.isolation import code, environment
from ..system import start_program

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence



def show(files: Sequence[str]) -> None:
    """Run ``vizviewer --once`` with these files, and wait until the browser has got what it needs."""
    if not (files and sys.executable):
        return
    # Only what Perfetto's page reads has to be at a certain port, which another viewer may have.
    port = [] if any(file.endswith(report_kinds.FOR_PERFETTO) for file in files) else ["--port=0"]
    entry = code("from viztracer.viewer import viewer_main; sys.exit(viewer_main())")
    command = [sys.executable, "-sS", "-c", entry, "--once", *port, "--", *files]
    try:
        pid = start_program(command, dict(environment()))
    except OSError as error:
        terminal.complain(f"cannot start vizviewer: {error.strerror}")
        return
    while not _has_ended(pid):
        pass


def _has_ended(pid: int) -> bool:
    """Wait for a process; False if Ctrl+C came, by which it will end, too."""
    try:
        os.waitpid(pid, 0)
    except KeyboardInterrupt:
        return False
    except ChildProcessError:
        pass  # the program wants no word of its children
    return True
