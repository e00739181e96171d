"""A function call that another process is asked to make, as a file of source text that it is to run.

The process may run the file late, or never: what it waits for may last. So a request can be withdrawn, and one whose
process is gone counts as withdrawn. A file stands for the request: the first one to remove it decides.

The process may be another user's, who may be hostile. Only the directory in which the process answers is its own. The
file with the source text is in a directory into which nobody else can write. Both directories are opened once, without
following a link: by its name, that user could lead us to a directory of somebody else.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import sys
import time

from ..system import processes

assert sys.platform == "linux"  # for a checker of types

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from types import TracebackType

# What the process runs: it finds the package itself, or here. It prints nothing, whatever happens. A child that the
# process forks meanwhile may run it, too.
SCRIPT = """\
try:
    import fcntl, os, sys
    if os.getpid() != {own_pid}:
        raise OSError
    wanted = os.open({wanted}, os.O_RDONLY)
    try:
        fcntl.flock(wanted, fcntl.LOCK_SH | fcntl.LOCK_NB)
        is_wanted = False  # the process that asked is gone, and could not remove its files
        for path in ({wanted}, {script}):
            os.remove(path)
        os.rmdir(os.path.dirname({script}))
        os.rmdir(os.path.dirname({wanted}))
    except BlockingIOError:
        os.remove({wanted})
        is_wanted = True
    finally:
        os.close(wanted)
except Exception:
    is_wanted = False  # withdrawn, or done already
if is_wanted:
    reason = ""
    try:
        try:
            from viztracer import attach
        except ImportError:
            sys.path.append({packages})
            try:
                from viztracer import attach
            finally:
                sys.path.remove({packages})
        attach.{call}
    except Exception as error:
        reason = ascii(error)
    try:
        if not os.path.lexists({answer}):  # the function may have answered itself
            with open({answer} + ".new", "w") as file:
                file.write(reason)
            os.rename({answer} + ".new", {answer})
    except OSError:
        pass  # nobody waits any more
"""
SCRIPT_NAME = "script.py"
PULSE = 0.02  # seconds between two looks
ANSWER_MAX = 4096  # bytes


class InjectionError(Exception):
    """The process cannot be had to run anything; the message says why, and what to do."""


class Request:
    """A request to a process; a context in which its files exist.

    Args:
        pid: the process.
        call: a function of `viztracer.attach` with its arguments, all ASCII.
        directory: an existing one in which the process can write.
        answer: the name of the file there by which the process answers.
        packages: the directory of this package, for a process that does not find one.
    """

    def __init__(self, pid: int, call: str, directory: str, answer: str, packages: str) -> None:
        self.pid = pid
        number = os.urandom(6).hex()
        self._directory, self._answer, self._wanted = directory, answer, f"wanted_{number}"
        self._private = os.path.join(os.path.dirname(directory), f"viztracer_request_{os.getpid()}_{number}")
        self.script = os.path.join(self._private, SCRIPT_NAME)
        paths = {"wanted": os.path.join(directory, self._wanted), "answer": os.path.join(directory, answer)}
        paths |= {"script": self.script, "packages": packages}
        quoted = {name: ascii(path) for name, path in paths.items()}
        self._text = SCRIPT.format(call=call, own_pid=processes.own_pid(pid), **quoted)
        self._answers = self._lock = -1  # descriptors

    def __enter__(self) -> Request:
        os.mkdir(self._private, 0o700)
        try:
            owner, us = os.stat(f"/proc/{self.pid}"), os.geteuid()
            self._answers = _open_directory(self._directory, us or owner.st_uid)
            self._lock = _create(self._wanted, self._answers, owner)
            private = _open_directory(self._private, us)
            try:
                with open(_create(SCRIPT_NAME, private, owner), "w", encoding="ascii") as file:
                    file.write(self._text)
                if owner.st_uid != us:
                    os.fchmod(private, 0o711)
            finally:
                os.close(private)
        except OSError as error:
            self.__exit__(None, None, None)
            raise InjectionError(f"process {self.pid} cannot be asked: {error}") from None
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.withdraw()
        self._remove(self._answer)
        for descriptor in (self._lock, self._answers):
            if descriptor >= 0:
                os.close(descriptor)
        self._answers = self._lock = -1
        shutil.rmtree(self._private, ignore_errors=True)

    def withdraw(self) -> bool:
        """Take the request back; return whether the process has not begun and now never will."""
        return self._remove(self._wanted)

    def _remove(self, name: str) -> bool:
        if self._answers < 0:
            return False
        try:
            os.remove(name, dir_fd=self._answers)
        except OSError:
            return False
        return True

    def is_answered(self, seconds: float) -> bool:
        """Wait so many seconds at most for the answer, or for the end of the process."""
        give_up = time.monotonic() + seconds
        while not self._has_answer() and processes.running_since(self.pid) is not None:
            if time.monotonic() > give_up:
                return False
            time.sleep(PULSE)
        return True

    def _has_answer(self) -> bool:
        try:
            os.stat(self._answer, dir_fd=self._answers, follow_symlinks=False)
        except OSError:
            return False
        return True

    def read_answer(self) -> str:
        """Return the answer: nothing if all is well, else a reason.

        Raises:
            InjectionError: there is none, or it is no usual file.
        """
        try:
            file = os.open(self._answer, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._answers)
        except OSError as error:
            ended = error.errno == errno.ENOENT and processes.running_since(self.pid) is None
            what = "has ended before it answered" if ended else f"has not answered: {error}"
            raise InjectionError(f"process {self.pid} {what}") from None
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise InjectionError(f"process {self.pid} has not answered: {self._answer} is no file")
            return os.read(file, ANSWER_MAX).decode("utf-8", "replace")
        finally:
            os.close(file)


def _open_directory(path: str, owner: int) -> int:
    """Open a directory of this user; return its descriptor.

    Raises:
        OSError: there is none, or it is a link, or of another user.
    """
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if os.fstat(directory).st_uid != owner:
        os.close(directory)
        raise OSError(errno.EPERM, "it was replaced by a directory of another user", path)
    return directory


def _create(name: str, directory: int, owner: os.stat_result) -> int:
    """Create a file that only this owner can read, and lock it; return its descriptor."""
    file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # before anybody else can
    try:
        if owner.st_uid != os.geteuid():
            os.fchown(file, owner.st_uid, owner.st_gid)
    except OSError:
        pass  # then the process cannot be attached to, either
    return file
