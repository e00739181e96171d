"""Processes of a run that have been started and do not record yet.

They hold no ring file that could be waited for. What is known of them is that they descend from this process, run a
Python, and have the run in their environment.
"""

from __future__ import annotations

import os
import time

from .. import session
from ..ring_directory import RingDirectory

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds after which a Python that does not record yet is not going to.
AGE = 5.0
# Seconds that an exec gets to put the environment in its place, the last thing it does; the parent goes on before that
# (vfork(2)).
EXEC = 0.2
SHOWN_MAX = 60


def names(rings: RingDirectory) -> list[str]:
    """Return what to call the processes that are about to record here: ``python3 -c ... (pid 42)``."""
    run = rings.session_id.hex().encode()
    recorded = {_pid(os.path.basename(file), rings.prefix) for file in rings.files()}
    return [
        f"{' '.join(_command(pid))[:SHOWN_MAX]} (pid {pid})"
        for pid in _descendants(os.getpid(), set())
        if str(pid) not in recorded and _is_starting(pid, run)
    ]


def _pid(name: str, prefix: str) -> str:
    """Return the process id in the name of a ring file."""
    return name.removeprefix(f"{prefix}_").partition(".")[0].partition("_")[0]


def _descendants(pid: int, seen: set[int]) -> Iterator[int]:
    for thread in _entries(f"/proc/{pid}/task"):
        for child in map(int, _read(f"/proc/{pid}/task/{thread}/children").split()):
            if child not in seen:
                seen.add(child)
                yield child
                yield from _descendants(child, seen)


def _is_starting(pid: int, run: bytes) -> bool:
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return False
    if not program.startswith("python"):
        return False
    if run not in _environment_after_exec(pid):
        return False
    command = _command(pid)
    serves = session.serves_others(command) or any(session.FORKSERVER in word for word in command)
    return not serves and _age(pid) < AGE


def _age(pid: int) -> float:
    """Return how many seconds ago the process was started."""
    try:
        started = int(_read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return float(_read("/proc/uptime").split()[0]) - started
    except (IndexError, ValueError):
        return AGE  # it is gone


def _environment_after_exec(pid: int) -> bytes:
    give_up = time.monotonic() + EXEC
    while not (environment := _read(f"/proc/{pid}/environ")) and time.monotonic() < give_up:
        time.sleep(0.001)
    return environment


def _command(pid: int) -> list[str]:
    command = _read(f"/proc/{pid}/cmdline").decode("utf-8", "replace").split("\0")[:-1]
    return ["".join(char if char.isprintable() else " " for char in word) for word in command]


def _entries(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
