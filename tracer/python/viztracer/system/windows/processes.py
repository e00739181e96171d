"""What Windows shows of processes. Of a process that is gone, or another user's, it shows nothing."""

from __future__ import annotations

import sys
import time

assert sys.platform == "win32"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

STEPS = 10_000_000  # per second, in which times are counted
TO_1970 = 11_644_473_600  # seconds since 1601, from which they are
# PROCESS_QUERY_LIMITED_INFORMATION; PROCESS_QUERY_INFORMATION | PROCESS_VM_READ; both with SYNCHRONIZE
QUERY, READ = 0x101000, 0x100410
PATH_MAX = 32768


class _Times:
    """When a process began, and how much of the processors it has used, in steps."""

    def __init__(self, handle: int) -> None:
        import ctypes

        times = [ctypes.c_uint64() for _ in range(4)]
        if not _kernel().GetProcessTimes(ctypes.c_void_p(handle), *map(ctypes.byref, times)):
            raise ctypes.WinError()
        began, _, kernel, user = (each.value for each in times)
        self.began, self.used = began, kernel + user


class _Process:
    """An open process, as a context. Raises `OSError` if there is none."""

    def __init__(self, pid: int, access: int = QUERY) -> None:
        import _winapi

        self.close = _winapi.CloseHandle
        self.handle = _winapi.OpenProcess(access, False, pid)
        # The exit code would not say that: any process may end with that of one that runs, 259.
        self.has_ended = _winapi.WaitForSingleObject(self.handle, 0) == _winapi.WAIT_OBJECT_0

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(self.handle)


def _kernel() -> Any:
    import ctypes

    return ctypes.WinDLL("kernel32", use_last_error=True)


def _times(pid: int) -> _Times | None:
    try:
        with _Process(pid) as process:
            return None if process.has_ended else _Times(process.handle)
    except OSError:
        return None


def start_ticks(pid: int) -> int | None:
    """Return when a process was started, in steps of 100 ns since 1601."""
    times = _times(pid)
    return times.began if times else None


def running_since(pid: int) -> int | None:
    """Return the same: no process that has ended is still listed, as a zombie is on Linux."""
    return start_ticks(pid)


def processor_time(pid: int, start: int) -> float | None:
    """Return how many seconds of the processors a process has used that was started at this time."""
    times = _times(pid)
    return times.used / STEPS if times and times.began == start else None


def own_pid(pid: int) -> int:
    """Return the id of a process, which has no other one."""
    return pid


def age(pid: int) -> float | None:
    """Return how many seconds ago a process was started."""
    start = start_ticks(pid)
    return time.time() + TO_1970 - start / STEPS if start is not None else None


def program(pid: int) -> str:
    """Return the path of the program that a process runs."""
    import ctypes

    path, length = ctypes.create_unicode_buffer(PATH_MAX), ctypes.c_uint32(PATH_MAX)
    try:
        with _Process(pid) as process:
            handle = ctypes.c_void_p(process.handle)
            found = not process.has_ended and _kernel().QueryFullProcessImageNameW(handle, 0, path, ctypes.byref(length))
    except OSError:
        return ""
    return path.value if found else ""


def arguments(pid: int) -> list[str]:
    """Return the command line of a process as one word, with a space for each character that cannot be printed."""
    text = _texts(pid, _command_line)
    return ["".join(char if char.isprintable() else " " for char in text)]


def environment(pid: int) -> bytes:
    """Return the environment of a process as it was at its start, with a NUL after each variable."""
    return _texts(pid, _environment).encode("utf-8", "replace")


def _texts(pid: int, read: Callable[[_Memory], bytes]) -> str:
    """Return what a process was started with, which is in its own memory."""
    try:
        with _Process(pid, READ) as process:
            return read(_Memory(process.handle)).decode("utf-16-le", "replace")
    except OSError:
        return ""


class _Memory:
    """The memory of an open process. Where its parameters are, `winternl.h` and debuggers know (PEB, 64 bits)."""

    PARAMETERS = 0x20  # in the block of the process (PEB)
    COMMAND_LINE, ENVIRONMENT, ENVIRONMENT_SIZE = 0x70, 0x80, 0x3F0  # in the parameters

    def __init__(self, handle: int) -> None:
        import ctypes

        self._handle = ctypes.c_void_p(handle)
        facts = (ctypes.c_uint64 * 6)()  # PROCESS_BASIC_INFORMATION
        size = ctypes.sizeof(facts)
        if ctypes.WinDLL("ntdll").NtQueryInformationProcess(self._handle, 0, facts, size, None):
            raise OSError("the system does not say where its parameters are")
        self.parameters = self.number(facts[1] + self.PARAMETERS)

    def number(self, address: int) -> int:
        """Return a number of 64 bits."""
        return int.from_bytes(self.read(address, 8), "little")

    def read(self, address: int, size: int) -> bytes:
        """Return bytes. Raise `OSError` if there are none."""
        import ctypes

        to, place = ctypes.create_string_buffer(size), ctypes.c_void_p(address)
        if not _kernel().ReadProcessMemory(self._handle, place, to, ctypes.c_size_t(size), None):
            raise ctypes.WinError(ctypes.get_last_error())
        return to.raw


def _command_line(memory: _Memory) -> bytes:
    place = memory.parameters + memory.COMMAND_LINE
    return memory.read(memory.number(place + 8), memory.number(place) & 0xFFFF)


def _environment(memory: _Memory) -> bytes:
    size = memory.number(memory.parameters + memory.ENVIRONMENT_SIZE)
    return memory.read(memory.number(memory.parameters + memory.ENVIRONMENT), size)


def descendants(pid: int) -> Iterator[int]:
    """Return the children of a process, and theirs. A parent may be gone, and its id that of another process."""
    children: dict[int, list[int]] = {}
    for child, parent in _pairs():
        children.setdefault(parent, []).append(child)
    pending = [pid]
    while pending:
        parent = pending.pop()
        since = start_ticks(parent)
        for child in children.pop(parent, []):
            start = start_ticks(child)
            if since is not None and start is not None and start >= since:
                pending.append(child)
                yield child


def _pairs() -> Iterator[tuple[int, int]]:
    """Return the id of each process, and that of its parent."""
    import ctypes

    class Entry(ctypes.Structure):
        """PROCESSENTRY32W."""

        _fields_ = (
            ("size", ctypes.c_uint32),
            ("usage", ctypes.c_uint32),
            ("pid", ctypes.c_uint32),
            ("heap", ctypes.c_size_t),
            ("module", ctypes.c_uint32),
            ("threads", ctypes.c_uint32),
            ("parent", ctypes.c_uint32),
            ("priority", ctypes.c_long),
            ("flags", ctypes.c_uint32),
            ("file", ctypes.c_wchar * 260),
        )

    kernel = _kernel()
    kernel.CreateToolhelp32Snapshot.restype = ctypes.c_void_p
    all_of_them = ctypes.c_void_p(kernel.CreateToolhelp32Snapshot(2, 0))  # TH32CS_SNAPPROCESS
    entry = Entry(ctypes.sizeof(Entry))
    found = kernel.Process32FirstW(all_of_them, ctypes.byref(entry))
    while found:
        yield entry.pid, entry.parent
        found = kernel.Process32NextW(all_of_them, ctypes.byref(entry))
    kernel.CloseHandle(all_of_them)


def boot_id() -> str:
    """Return that the id of this boot is unknown."""
    return ""


def pid_namespace() -> int:
    """Return that there is one namespace of process ids."""
    return 0
