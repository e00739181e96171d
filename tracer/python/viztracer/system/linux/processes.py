"""What ``/proc`` shows of processes (proc(5)). Of a process that is gone it shows nothing."""

from __future__ import annotations

import os
import sys

assert sys.platform == "linux"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator

USER_TIME = 11  # index in ``stat`` after the name; the time in the kernel follows
START_TIME = 19  # index in ``stat`` after the name, which may hold spaces and parentheses


def start_ticks(pid: int) -> int | None:
    """Return when a process was started, in clock ticks since boot."""
    try:
        return int(_read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[START_TIME])
    except (IndexError, ValueError):
        return None


def processor_time(pid: int, start: int) -> float | None:
    """Return how many seconds of the processors a process has used that was started at this time, in clock ticks."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    if len(fields) <= START_TIME or int(fields[START_TIME]) != start:
        return None
    return sum(map(int, fields[USER_TIME : USER_TIME + 2])) / os.sysconf("SC_CLK_TCK")


def running_since(pid: int) -> int | None:
    """Return when a process was started, as `start_ticks` does, unless it has ended and waits for its parent."""
    state = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1]
    return start_ticks(pid) if state and state[0] not in (b"Z", b"X", b"x") else None


def own_pid(pid: int) -> int:
    """Return the id that a process has in its own PID namespace, where it is what `os.getpid` returns."""
    found = _read(f"/proc/{pid}/status").partition(b"\nNSpid:")[2].partition(b"\n")[0].split()
    return int(found[-1]) if found else pid


def age(pid: int) -> float | None:
    """Return how many seconds ago a process was started."""
    ticks, uptime = start_ticks(pid), _read("/proc/uptime").split()
    return float(uptime[0]) - ticks / os.sysconf("SC_CLK_TCK") if ticks is not None and uptime else None


def program(pid: int) -> str:
    """Return the path of the program that a process runs."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def arguments(pid: int) -> list[str]:
    """Return the arguments of a process, with a space for each character that cannot be printed."""
    words = _read(f"/proc/{pid}/cmdline").decode("utf-8", "replace").split("\0")[:-1]
    return ["".join(char if char.isprintable() else " " for char in word) for word in words]


def environment(pid: int) -> bytes:
    """Return the environment of a process as it was at its exec, with a NUL after each variable; empty during exec."""
    return _read(f"/proc/{pid}/environ")


def descendants(pid: int) -> Iterator[int]:
    """Return the children of a process, and theirs."""
    return _descendants(pid, set())


def _descendants(pid: int, seen: set[int]) -> Iterator[int]:
    for thread in _entries(f"/proc/{pid}/task"):
        for child in map(int, _read(f"/proc/{pid}/task/{thread}/children").split()):
            if child not in seen:
                seen.add(child)
                yield child
                yield from _descendants(child, seen)


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


def boot_id() -> str:
    """Return the id of this boot of the kernel, as hexadecimal digits; empty if it is unknown."""
    return _read("/proc/sys/kernel/random/boot_id").decode("ascii", "replace").strip().replace("-", "")


def pid_namespace() -> int:
    """Return what distinguishes the PID namespace of this process from others (namespaces(7)); 0 if it is unknown."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0
