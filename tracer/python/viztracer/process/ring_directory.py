"""The directory of a run's ring files: how it is made, shared with other processes and removed.

This and what else `import viztracer` brings in does without `tempfile`, `shutil`, `shlex` and `typing`: they would be
three quarters of the time that every traced process takes to start (``benches/run startup``).
"""

from __future__ import annotations

import os

from ..snaptrace import RECORD_SIZE, ControlBlock, is_ring_open, ring_session
from ..system import SCRATCH, scratch_space

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable

SNAPSHOT_PATIENCE = 60.0  # seconds that a snapshot gets before its ring files are removed
SILENT_WAIT = 1.0  # seconds of them before a line says so
LEFTOVERS_MAX = 1 << 30  # bytes that dead runs may hold, if nothing else is said
ID_LENGTH = 12  # digits of a run's id in the names of its directory and its control block


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
        self.control: ControlBlock | None = None
        self._has_joined = self._is_over = False

    @classmethod
    def at(cls, address: str) -> RingDirectory:
        """Return another process's directory, of which this is the `address`."""
        session_id, control, stem = address.split(":", 2)
        rings = cls(*os.path.split(stem))
        rings.session_id = bytes.fromhex(session_id)
        rings.owner = 0
        rings.control = ControlBlock(control) if control else None
        return rings

    @classmethod
    def scratch(cls, entries: int, *, beside: str, keep_leftovers: int) -> RingDirectory:
        """Return a new directory for files that are merged when the run ends.

        Its name has the beginning of the run's id, as has the name of the run's control block.

        It is in shared memory, since a disk that writes back can stall a store into a mapped page. But if two full
        rings would leave less than a quarter of shared memory to others, it is next to the report.
        """
        free, size = scratch_space()
        if size - free > (limit := leftovers_max(keep_leftovers, size)):
            from ..sessions import leftovers  # memory is rarely so full

            leftovers.bound(limit)
            free, size = scratch_space()
        is_enough = free > 2 * entries * RECORD_SIZE + size // 4
        parent = SCRATCH if is_enough else os.path.dirname(os.path.abspath(beside))
        session_id = os.urandom(16)
        path = os.path.join(parent, f"viztracer_{os.getpid()}_{session_id.hex()[:ID_LENGTH]}")
        os.mkdir(path, 0o700)
        rings = cls(path, keep=False)
        rings.session_id = session_id
        try:
            rings.control = ControlBlock.create(session_id, path)
        except OSError:
            pass  # without shared memory nobody is counted
        return rings

    def is_first_to_mention(self, what: str) -> bool:
        """Return whether no other process of the run has said something, as far as that can be known.

        Args:
            what: ``"interpreters"`` or ``"greenlets"``.
        """
        try:
            return not self.control or self.control.is_first_to_mention(what)
        except OSError:
            return True

    @property
    def address(self) -> str:
        """Return what other processes need to know to record here, too."""
        control = self.control.name if self.control and not self._is_over else ""
        return f"{self.session_id.hex()}:{control}:{os.path.join(self.path, self.prefix)}"

    @property
    def is_own(self) -> bool:
        """Whether this process has made the directory, and not one that it descends from."""
        return self.owner == os.getpid()

    def next_file(self) -> str:
        """Return the path that this process's next ring file is going to have."""
        stem = os.path.join(self.path, f"{self.prefix}_{os.getpid()}")
        number, path = 0, f"{stem}.bin"
        while os.path.lexists(path):
            number, path = number + 1, f"{stem}_{number + 1}.bin"
        return path

    def pid_of(self, path: str) -> str:
        """Return the process id in the name of a ring file of this directory."""
        return os.path.basename(path).removeprefix(f"{self.prefix}_").partition(".")[0].partition("_")[0]

    @property
    def block(self) -> str | None:
        """Return the name of the control block by which the session is switched; None without one."""
        return self.control.name if self.control else None

    @property
    def is_paused(self) -> bool:
        """Whether the session is paused."""
        try:
            return self.control is not None and self.control.wanted(self.session_id) == "paused"
        except OSError:
            return False

    def pause(self) -> None:
        """Pause the session, which has just begun."""
        if self.control:
            try:
                self.control.switch("paused")
            except OSError:
                pass

    def hold(self) -> None:
        """Lock the control block again, after this process has become another program."""
        if self.control:
            try:
                self.control.hold()
            except OSError:
                pass

    def join(self) -> bool:
        """Count this process, once, as one that records here; return False if the run is over.

        A forked child counts together with its parent.
        """
        if not self._has_joined:
            try:
                self._has_joined = self.control.join() if self.control else os.path.isdir(self.path)
            except FileNotFoundError:
                pass
        return self._has_joined

    def refuse(self) -> None:
        """Count this process, which has joined, as one that cannot record."""
        if self.control:
            try:
                self.control.refuse()
            except OSError:
                pass

    def close(self) -> str | None:
        """End the run, so that nobody joins it any more; return a line about processes that could not record.

        The control block stays until `leave`: this process may still need the ring files.
        """
        if self._is_over or not (self.control and self.is_own):
            return None
        self._is_over = True
        try:
            joined, refused = self.control.end()
        except OSError:
            return None
        return f"{refused} of {joined + refused} descendants could not be traced" if refused else None

    def let_go(self) -> None:
        """Hold no descriptor any more. Others still see that the run lives: its block says who this process is."""
        if self.control and self.is_own:
            self.control.let_go()

    def files(self) -> list[str]:
        """Return the paths of the ring files, sorted."""
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []
        return [os.path.join(self.path, name) for name in names if name.endswith(".bin")]

    def files_of_run(self) -> list[str]:
        """Return the paths of the ring files of this run, without those that others have left beside them."""
        return [path for path in self.files() if ring_session(path) == self.session_id]

    def running(self) -> list[str]:
        """Return the paths of the files of processes that have not ended."""
        return list(filter(is_ring_open, self.files()))

    def remove(self, say: Callable[[str], object] | None = None) -> None:
        """Remove the directory and its files, unless they are the user's or another process's.

        Snapshots that are being written get a minute before that; an exception that arrives meanwhile ends the wait.

        Args:
            say: is called with a line about a longer wait.
        """
        if not self.is_own:
            return
        lock = None
        try:
            if not self.keep:
                self.close()
                lock = self._await_snapshots(say)
        finally:
            if not self.keep:
                self._remove_files()
            if lock is not None:
                os.close(lock)
            self.leave()

    def _remove_files(self) -> None:
        try:
            for name in os.listdir(self.path):
                os.unlink(os.path.join(self.path, name))
            os.rmdir(self.path)
        except OSError:
            pass  # it is gone already, or holds files of others

    def _await_snapshots(self, say: Callable[[str], object] | None) -> int | None:
        """Wait until no snapshot reads the ring files; return a lock by which none begins, if there is one."""
        from . import directory_lock  # only the first process of a run needs it

        try:
            lock = directory_lock.take(self.path, SILENT_WAIT)
            if lock is None and say:
                say("a snapshot is still being written; its ring files stay for up to a minute")
            return directory_lock.take(self.path, SNAPSHOT_PATIENCE) if lock is None else lock
        except OSError:
            return None  # the directory is gone, or has no locks

    def leave(self) -> None:
        """Remove the control block, since this process needs the ring files no more, whether or not they are there."""
        if self.control and self.is_own:
            self.close()
            self.control.remove()
            self.control = None


def leftovers_max(keep_leftovers: int, size: int) -> int:
    """Return how many bytes dead runs may hold, of an option's value and the size of what the directory is on.

    A negative value stands for the default, 1 GiB or a tenth of that size, whichever is less.
    """
    return keep_leftovers if keep_leftovers >= 0 else min(LEFTOVERS_MAX, size // 10)
