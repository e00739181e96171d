"""What Linux and macOS do in the same way."""

from __future__ import annotations

import os
import sys

assert sys.platform != "win32"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import _thread
    from collections.abc import Mapping

# What a shell takes as it is, beside letters and digits.
PLAIN = "/._-+@%"
# Whether a shell replaces `*.bin` by the names of files.
EXPANDS_PATTERNS = True
# Whether terminals show the escape sequences of colors.
HAS_COLORS = True
# Whether a process that becomes another program (execve(2)) stays the same process.
EXEC_KEEPS_PROCESS = True
# To read a file without following a link, or waiting for anybody if it is a FIFO.
UNFOLLOWED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY

register_at_fork = os.register_at_fork


def renew_in_forked_children(lock: _thread.RLock) -> None:
    """Have nobody hold a lock in a forked child, which does not have the thread that held it at the fork."""
    os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]


class AttachingError(Exception):
    """No process that runs already can be traced; the message says why."""


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
    from ..processes import start_ticks

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

    blocked = {1, 2}
    for descriptor in (1, 2):
        try:
            blocked -= set(select.select([], [descriptor], [], 0)[1])  # poll(2) of macOS knows no terminals
        except OSError:
            pass  # it is not there
    return blocked


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
