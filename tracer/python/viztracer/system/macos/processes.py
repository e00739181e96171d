"""What macOS shows of processes. Of a process that is gone, or another user's, it shows little or nothing."""

from __future__ import annotations

import sys
import time

assert sys.platform == "darwin"  # for a checker of types

from ...snaptrace import boot_id as boot_id
from ...snaptrace import process_children, process_program, process_start, process_texts, process_time
from . import texts

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS = 1_000_000  # per second, in which starts are counted


def start_ticks(pid: int) -> int | None:
    """Return when a process was started, in microseconds since 1970."""
    found = process_start(pid)
    return found[0] if found else None


def running_since(pid: int) -> int | None:
    """Return when a process was started, as `start_ticks` does, unless it has ended and waits for its parent."""
    found = process_start(pid)
    return found[0] if found and not found[1] else None


def processor_time(pid: int, start: int) -> float | None:
    """Return how many seconds of the processors a process has used that was started at this time."""
    return process_time(pid) if start_ticks(pid) == start else None


def own_pid(pid: int) -> int:
    """Return the id of a process, which has no other one."""
    return pid


def age(pid: int) -> float | None:
    """Return how many seconds ago a process was started."""
    start = start_ticks(pid)
    return time.time() - start / STEPS if start is not None else None


def program(pid: int) -> str:
    """Return the path of the program that a process runs."""
    return process_program(pid)


def arguments(pid: int) -> list[str]:
    """Return the arguments of a process, with a space for each character that cannot be printed."""
    words = (word.decode("utf-8", "replace") for word in texts.split(process_texts(pid))[0])
    return ["".join(char if char.isprintable() else " " for char in word) for word in words]


def environment(pid: int) -> bytes:
    """Return the environment of a process as it was at its exec, with a NUL after each variable.

    The system hides that of its own programs.
    """
    return texts.split(process_texts(pid))[1]


def descendants(pid: int) -> Iterator[int]:
    """Return the children of a process, and theirs."""
    pending, seen = [pid], {pid}
    while pending:
        for child in process_children(pending.pop()):
            if child not in seen:
                seen.add(child)
                pending.append(child)
                yield child


def pid_namespace() -> int:
    """Return that there is one namespace of process ids."""
    return 0
