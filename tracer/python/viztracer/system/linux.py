"""Linux."""

from __future__ import annotations

import os
import sys

assert sys.platform != "win32"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import _thread
    from collections.abc import Mapping

__all__ = [
    "AttachingError",
    "EXEC_KEEPS_PROCESS",
    "EXPANDS_PATTERNS",
    "HAS_COLORS",
    "PLAIN",
    "PROGRAM_MAGIC",
    "SCRATCH",
    "TEXT_MAX",
    "UNFOLLOWED",
    "blocked_outputs",
    "check_attaching",
    "directory_of_script",
    "hold_signals",
    "host_name",
    "identity",
    "in_quotes",
    "is_own",
    "lock_directory",
    "names_of_program",
    "path_of_script",
    "pid_exists",
    "register_at_fork",
    "release_signals",
    "renew_in_forked_children",
    "scratch_space",
    "start_program",
    "texts_max",
]

# The directory of the ring files of runs that merge them themselves, and of the control blocks of all runs.
SCRATCH = "/dev/shm"
# The first bytes of a program of the machine's own.
PROGRAM_MAGIC = b"\x7fELF"
# What a shell takes as it is, beside letters and digits.
PLAIN = "/._-+@%"
# Whether a shell replaces `*.bin` by the names of files.
EXPANDS_PATTERNS = True
# Whether terminals show the escape sequences of colors.
HAS_COLORS = True
# Whether a process that becomes another program (execve(2)) stays the same process.
EXEC_KEEPS_PROCESS = True
# The bytes of one argument of a program, and of all of them beside what the limit on the stack allows (execve(2)).
TEXT_MAX, TEXTS_MIN, TEXTS_MAX = 32 * 4096, 32 * 4096, 6 << 20

# To read a file without following a link, or waiting for anybody if it is a FIFO.
UNFOLLOWED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY

register_at_fork = os.register_at_fork


def renew_in_forked_children(lock: _thread.RLock) -> None:
    """Have nobody hold a lock in a forked child, which does not have the thread that held it at the fork."""
    os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]


class AttachingError(Exception):
    """No process that runs already can be traced; the message says why."""


def check_attaching() -> None:
    """Raise `AttachingError` if no process that runs already can be traced."""


def texts_max() -> int:
    """Return how many bytes the arguments and variables of a program may take."""
    import resource

    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    return TEXTS_MAX if stack == resource.RLIM_INFINITY else max(min(TEXTS_MAX, stack // 4), TEXTS_MIN)


def scratch_space() -> tuple[int, int]:
    """Return how many bytes of shared memory are free, and how many there are; none if it is not writable."""
    try:
        system = os.statvfs(SCRATCH)
    except OSError:
        return 0, 0
    if not os.access(SCRATCH, os.W_OK):
        return 0, 0
    return system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize


def lock_directory(path: str, *, alone: bool) -> int:
    """Return a descriptor that locks a directory, alone or together with others, for as long as any copy is open.

    Raises:
        BlockingIOError: somebody else has a lock that excludes this one.
        OSError: there is no such directory, or its file system has no locks.
    """
    import fcntl

    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def identity() -> str:
    """Return what no other process has, and what stays if this one becomes another program: pid and start time."""
    from .procfs import start_ticks

    return f"{os.getpid()} {start_ticks(os.getpid())}"


def host_name() -> str:
    """Return the name of this machine."""
    return os.uname().nodename


def is_own(path: str) -> bool:
    """Whether a file or directory is this user's. Raise `OSError` if there is none."""
    return os.stat(path).st_uid == os.getuid()


def pid_exists(pid: int) -> bool:
    """Whether there is a process with this id, which is above 0."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it belongs to another user
    return True


def hold_signals() -> set[int]:
    """Have signals wait; return what `release_signals` needs to end that."""
    import signal

    return set(signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))


def release_signals(former: set[int]) -> None:
    """Have signals come again."""
    import signal

    signal.pthread_sigmask(signal.SIG_SETMASK, former)


def blocked_outputs() -> set[int]:
    """Return which of the descriptors 1 and 2 are not there, or are full since nobody reads them."""
    import select

    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, select.POLLOUT)
    return {1, 2} - {descriptor for descriptor, events in poll.poll(0) if not events & select.POLLNVAL}


def start_program(command: list[str], environment: Mapping[str, str]) -> int:
    """Start a program that heeds Ctrl+C; return what `os.waitpid` takes.

    At the end of the interpreter it neither starts threads nor forks any more. This still works.
    """
    import signal

    return os.posix_spawn(command[0], command, environment, setsigdef=[signal.SIGINT])


def in_quotes(text: str) -> str:
    """Return a text as one word for a shell."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def names_of_program(name: str) -> list[str]:
    """Return the names of files by which the user may mean a program."""
    return [name]


def path_of_script(name: str, current_directory: str) -> str:
    """Return the absolute path that the interpreter gives to a script."""
    return os.path.join(current_directory, name)


def directory_of_script(path: str) -> str:
    """Return what the interpreter puts in front of `sys.path` for a script: where links end."""
    return os.path.dirname(os.path.realpath(path))
