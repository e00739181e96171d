"""What this process has recorded and not saved: a line says how to make the report, however the process ends."""

from __future__ import annotations

from ..output import report, terminal
from ..snaptrace import arm_exit_line, disarm_exit_line

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from ..process.ring_directory import RingDirectory

# The directories and the reports that they were meant for. A forked child has those of its parent, too.
_unsaved: dict[RingDirectory, str] = {}


def note(rings: RingDirectory, output: str) -> None:
    """Have these ring files reported as not saved when the process ends without Python, by a signal or `os._exit`."""
    if rings not in _unsaved:
        _unsaved[rings] = output
        _arm()


def is_noted(rings: RingDirectory) -> bool:
    """Whether these ring files are waiting for a report."""
    return rings in _unsaved


def forget(rings: RingDirectory) -> None:
    """Report nothing about these ring files: a report holds them, or nobody wants one."""
    if _unsaved.pop(rings, None) is not None:
        _arm()


def say(rings: RingDirectory) -> None:
    """Print the command that makes the report of these ring files, which stay for that."""
    output = _unsaved.get(rings)
    if output is None:
        return
    forget(rings)
    rings.keep = True
    rings.leave()
    terminal.complain(report.not_written("save() was not called or failed", rings.path, output))


def _arm() -> None:
    """Prepare the line about the newest ring files that are not saved."""
    disarm_exit_line()
    own = [(rings, output) for rings, output in _unsaved.items() if rings.is_own]
    if own:
        rings, output = own[-1]
        arm_exit_line(f"viztracer: {report.not_written('the process ended before it', rings.path, output)}\n")
