"""A function call that another process is asked to make, as a file of source text that it is to run.

The process may run the file late, or never: what it waits for may last. So a request can be withdrawn, and one whose
process is gone counts as withdrawn. A file that stands for the request decides: whoever removes it first has its way.

The process may be another user's, who may be hostile. Only the directory in which the process answers is its own. The
file with the source text is in a directory into which nobody else can write.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from types import TracebackType

# What the process runs: it finds the package itself, or here. It prints nothing, whatever happens.
SCRIPT = """\
import fcntl, os, sys
try:
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
except OSError:
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
        self.answer = os.path.join(directory, answer)
        number = os.urandom(6).hex()
        self._wanted = os.path.join(directory, f"wanted_{number}")
        self._private = os.path.join(os.path.dirname(directory), f"viztracer_{os.getpid()}_{number}")
        self.script = os.path.join(self._private, "script.py")
        paths = {"wanted": self._wanted, "script": self.script, "answer": self.answer, "packages": packages}
        self._text = SCRIPT.format(call=call, **{name: ascii(path) for name, path in paths.items()})
        self._lock = -1

    def __enter__(self) -> Request:
        os.mkdir(self._private, 0o700)
        try:
            owner = os.stat(f"/proc/{self.pid}")
            self._lock = _create(self._wanted, owner)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            with open(_create(self.script, owner), "w", encoding="ascii") as file:
                file.write(self._text)
            if owner.st_uid != os.geteuid():
                os.chmod(self._private, 0o711)
        except OSError as error:
            self.__exit__(None, None, None)
            raise InjectionError(f"process {self.pid} cannot be asked: {error}") from None
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.withdraw()
        if self._lock >= 0:
            os.close(self._lock)
        shutil.rmtree(self._private, ignore_errors=True)

    def withdraw(self) -> bool:
        """Take the request back; return whether the process has not begun and now never will."""
        try:
            os.remove(self._wanted)
        except OSError:
            return False
        return True

    def is_answered(self, seconds: float) -> bool:
        """Wait so many seconds at most for the answer, or for the end of the process."""
        give_up = time.monotonic() + seconds
        while not os.path.lexists(self.answer) and os.path.exists(f"/proc/{self.pid}"):
            if time.monotonic() > give_up:
                return False
            time.sleep(PULSE)
        return True

    def read_answer(self) -> str:
        """Return the answer: nothing if all is well, else a reason.

        Raises:
            InjectionError: there is none, or it is no usual file.
        """
        try:
            file = os.open(self.answer, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            ended = error.errno == errno.ENOENT and not os.path.exists(f"/proc/{self.pid}")
            what = "has ended before it answered" if ended else f"has not answered: {error}"
            raise InjectionError(f"process {self.pid} {what}") from None
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise InjectionError(f"process {self.pid} has not answered: {self.answer} is no file")
            return os.read(file, ANSWER_MAX).decode("utf-8", "replace")
        finally:
            os.close(file)


def _create(path: str, owner: os.stat_result) -> int:
    """Create a file that only this owner can read; return its descriptor."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        if owner.st_uid != os.geteuid():
            os.fchown(file, owner.st_uid, owner.st_gid)
    except OSError:
        pass  # then the process cannot be attached to, either
    return file
