"""Processes of a run that have been started and do not record yet.

They hold no ring file that could be waited for. What is known of them is that they descend from this process, run a
Python, and have the run in their environment.
"""

from __future__ import annotations

import os
import time

from ..process import interpreter_arguments
from ..process.ring_directory import RingDirectory
from ..system import processes

# Seconds after which a Python that does not record yet is not going to.
AGE = 5.0
# Seconds that an exec gets to set the environment, which is the last thing it does. A parent that called vfork(2) goes
# on before that.
EXEC = 0.2
SHOWN_MAX = 60


def names(rings: RingDirectory) -> list[str]:
    """Return what to call the processes that are about to record here: ``python3 -c ... (pid 42)``."""
    run = rings.session_id.hex().encode()
    recorded = {rings.pid_of(file) for file in rings.files()}
    return [
        f"{' '.join(processes.arguments(pid))[:SHOWN_MAX]} (pid {pid})"
        for pid in processes.descendants(os.getpid())
        if str(pid) not in recorded and _is_starting(pid, run)
    ]


def _is_starting(pid: int, run: bytes) -> bool:
    program = os.path.basename(processes.program(pid)).lower()  # "Python" in a framework of macOS
    if not program.startswith("python") or run not in _environment_after_exec(pid):
        return False
    arguments = processes.arguments(pid)
    if interpreter_arguments.serves_others(arguments) or interpreter_arguments.is_forkserver(arguments):
        return False
    age = processes.age(pid)
    return age is not None and age < AGE


def _environment_after_exec(pid: int) -> bytes:
    give_up = time.monotonic() + EXEC
    while not (environment := processes.environment(pid)) and time.monotonic() < give_up:
        time.sleep(0.001)
    return environment
