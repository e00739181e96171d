"""Where ring files live while a program runs, and what becomes of them.

This and what else `import viztracer` brings in does without `tempfile`, `shutil`, `shlex` and `typing`: they would be
three quarters of the time that every traced process takes to start (``benches/run startup``).
"""

from __future__ import annotations

import fcntl
import os

RECORD_SIZE = 16
SHARED_MEMORY = "/dev/shm"


class RingDirectory:
    """A directory of ring files of one run.

    Args:
        path: the directory.
        prefix: the files' names are ``<prefix>_<pid>.bin``.
        keep: whether the files are the user's, or ours to remove once they are merged.
    """

    def __init__(self, path: str, prefix: str = "result", *, keep: bool = True) -> None:
        self.path = os.path.abspath(path)
        self.prefix = prefix
        self.keep = keep
        self.session_id = os.urandom(16)
        self.owner = os.getpid()

    @classmethod
    def at(cls, address: str) -> RingDirectory:
        """Return another process's directory, of which this is the `address`."""
        session_id, _, stem = address.partition(":")
        rings = cls(*os.path.split(stem))
        rings.session_id = bytes.fromhex(session_id)
        rings.owner = 0
        return rings

    @classmethod
    def scratch(cls, entries: int, *, beside: str) -> RingDirectory:
        """Return a new directory for files that are merged when the run ends.

        It is in shared memory if that has room for a few full rings, since a disk that writes back can stall a store
        into a mapped page; otherwise next to the report.
        """
        roomy = _free(SHARED_MEMORY) > 4 * entries * RECORD_SIZE + (64 << 20)
        parent = SHARED_MEMORY if roomy else os.path.dirname(os.path.abspath(beside))
        path = os.path.join(parent, f"viztracer_{os.getpid()}_{os.urandom(6).hex()}")
        os.mkdir(path, 0o700)
        return cls(path, keep=False)

    @property
    def address(self) -> str:
        """What other processes need to know to record here, too."""
        return f"{self.session_id.hex()}:{os.path.join(self.path, self.prefix)}"

    @property
    def is_own(self) -> bool:
        """Whether this process has made the directory, and not one that it descends from."""
        return self.owner == os.getpid()

    def running(self) -> list[str]:
        """Return the names of the files of processes that have not ended."""
        names = sorted(name for name in os.listdir(self.path) if name.endswith(".bin"))
        return [name for name in names if _is_open(os.path.join(self.path, name))]

    def remove(self) -> None:
        """Remove the directory and its files, unless they are the user's or another process's."""
        if self.keep or not self.is_own:
            return
        try:
            for name in os.listdir(self.path):
                os.unlink(os.path.join(self.path, name))
            os.rmdir(self.path)
        except OSError:
            pass  # somebody was faster, or has put something of his own there


def _is_open(ring: str) -> bool:
    """Whether the process that writes this file is alive: it holds a lock on it."""
    try:
        with open(ring, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _free(directory: str) -> int:
    try:
        stat = os.statvfs(directory)
    except OSError:
        return 0
    return stat.f_bavail * stat.f_frsize if os.access(directory, os.W_OK) else 0
