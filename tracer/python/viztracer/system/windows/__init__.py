"""Windows.

There is no fork, and no process becomes another program. Ring files are on a disk.
"""

from __future__ import annotations

import errno
import os
import sys
import time

assert sys.platform == "win32"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import _thread
    from collections.abc import Callable, Mapping
    from typing import NoReturn

PROGRAM_MAGIC = (b"MZ\x90\x00",)
PLAIN = "/._-+@%\\:~*"
EXPANDS_PATTERNS = False
HAS_COLORS = False  # not all of them
EXEC_KEEPS_PROCESS = False
TEXT_MAX = 32767  # characters of a command line
UNFOLLOWED = os.O_RDONLY | os.O_BINARY

# How a directory is opened for a lock: by FILE_ADD_FILE and FILE_FLAG_BACKUP_SEMANTICS. What others may open it for
# meanwhile: FILE_SHARE_READ, FILE_SHARE_WRITE and FILE_SHARE_DELETE, or not the second one. ERROR_SHARING_VIOLATION.
ADD_FILE, OPEN_DIRECTORY = 0x2, 0x2000000
WITH_WRITERS, WITHOUT_WRITERS = 0x7, 0x5
SHARING_VIOLATION = 32


def _scratch() -> str:
    """Return the directory for temporary files, as `GetTempPath2` finds it and so does the extension."""
    for variable in ("TMP", "TEMP", "USERPROFILE"):
        if directory := os.environ.get(variable):
            return os.path.abspath(directory)
    return os.path.abspath(os.environ.get("SYSTEMROOT", os.sep))


SCRATCH = _scratch()


class AttachingError(Exception):
    """No process that runs already can be traced; the message says why."""


def check_attaching() -> NoReturn:
    """Raise `AttachingError`."""
    raise AttachingError("a process that runs already cannot be traced on Windows: start the program with viztracer")


def clock_ns() -> int:
    """Return the time of the clock of ring files, in ns, which `time.monotonic` has from CPython 3.13 on."""
    return time.perf_counter_ns()


def can_run(begin: bytes) -> bool:
    """Whether the system can run a file that begins so, and is no script."""
    return begin.startswith(PROGRAM_MAGIC)


def has_room_for(file: int, texts: list[int]) -> bool:
    """Whether a program may get arguments and variables of so many bytes, beside so many of its path."""
    return max(file, *texts) <= TEXT_MAX


def register_at_fork(
    *,
    before: Callable[[], object] | None = None,
    after_in_parent: Callable[[], object] | None = None,
    after_in_child: Callable[[], object] | None = None,
) -> None:
    """Do nothing."""


def renew_in_forked_children(lock: _thread.RLock) -> None:
    """Do nothing."""


def scratch_space() -> tuple[int, int]:
    """Return how many bytes of the disk are free, twice: what others have stored there is not ours to bound."""
    import nt

    try:
        free: int = nt._getdiskusage(SCRATCH)[1]  # type: ignore[attr-defined]
    except OSError:
        return 0, 0
    return (free, free) if os.access(SCRATCH, os.W_OK) else (0, 0)


def lock_directory(path: str, *, alone: bool) -> int:
    """Return a descriptor that locks a directory, alone or together with others, for as long as any copy is open.

    Directories have no locks. But who opens one may forbid others to have it open for writing, as all do who lock it
    here. That ends with the last handle, however a process ends. Meanwhile, others may list the directory, and make,
    rename and remove what is in it; but nothing gets a new name there while somebody has it alone.

    Raises:
        BlockingIOError: somebody else has a lock that excludes this one.
        OSError: there is no such directory.
    """
    import _winapi
    import msvcrt

    sharing = WITHOUT_WRITERS if alone else WITH_WRITERS
    try:
        handle = _winapi.CreateFile(path, ADD_FILE, sharing, 0, _winapi.OPEN_EXISTING, OPEN_DIRECTORY, 0)
    except OSError as error:
        if error.winerror == SHARING_VIOLATION:
            raise BlockingIOError(errno.EWOULDBLOCK, "somebody else has a lock on it", path) from None
        raise
    try:
        return msvcrt.open_osfhandle(handle, os.O_RDONLY)
    except OSError:  # there are too many descriptors
        _winapi.CloseHandle(handle)
        raise


def identity() -> str:
    """Return what nobody will ever return again, since no process becomes another program."""
    return os.urandom(16).hex()


def host_name() -> str:
    """Return the name of this machine."""
    return os.environ.get("COMPUTERNAME", "")


def is_own(path: str) -> bool:
    """Whether a file or directory is this user's: its access list decides. Raise `OSError` if there is none."""
    os.stat(path)
    return True


def pid_exists(pid: int) -> bool:
    """Whether there is a process with this id, which is above 0."""
    from .processes import running_since

    return running_since(pid) is not None


def hold_signals() -> set[int]:
    """Do nothing: signals cannot wait."""
    return set()


def release_signals(former: set[int]) -> None:
    """Do nothing."""


def blocked_outputs() -> set[int]:
    """Return which of the descriptors 1 and 2 are not there. Whether anybody reads them is not known."""
    missing = set()
    for descriptor in (1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            missing.add(descriptor)
    return missing


def start_program(command: list[str], environment: Mapping[str, str]) -> int:
    """Start a program; return what `os.waitpid` takes."""
    import subprocess

    words = [subprocess.list2cmdline([word]) for word in command]
    return os.spawnve(os.P_NOWAIT, command[0], words, environment)


def in_quotes(text: str) -> str:
    """Return a text as one word for a shell."""
    return '"' + text.replace('"', '\\"') + '"'


def names_of_program(name: str) -> list[str]:
    """Return the names of files by which the user may mean a program."""
    return [name, f"{name}.exe"]


def path_of_script(name: str, _current_directory: str) -> str:
    """Return the absolute path that the interpreter gives to a script: all separators in it are backslashes."""
    return os.path.abspath(name)


def directory_of_script(path: str) -> str:
    """Return what the interpreter puts in front of `sys.path` for a script: where it is, also if it is a link."""
    return os.path.dirname(os.path.abspath(path))


def be_expendable() -> None:
    """Do nothing: no process ends since memory runs out in another one."""
