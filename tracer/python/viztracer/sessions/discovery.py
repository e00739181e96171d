"""Finds the sessions of this user, by the names in shared memory; ``format/CONTROL.md`` says what each is known by.

The control block of a session says what it is, and where its ring files are. Ring files that lost their block, or never
had one, are found if their directory is in shared memory. A living session is known by the lock on its block; the
headers of ring files are read only if nobody holds that.
"""

from __future__ import annotations

import os
import re
import stat
import time

from ..output.quoting import printable, quote
from ..snaptrace import read_control_block, ring_facts
from ..system import SCRATCH, directories, processes
from . import files

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from ..snaptrace import SessionDescription
    from ..system.directories import Directory

BLOCK_SIZE = 4096
NAME = re.compile(r"viztracer_(control_)?([1-9][0-9]{0,9})_([0-9a-f]{12})", re.ASCII)
RING, UNFINISHED_RING = ".bin", ".new"
COMMAND_MAX = 60  # characters of a command line in a message


class Session:
    """A run, and what there is of it.

    Args:
        name: ``<pid>_<id>``, as in the names of its block and its directory.

    Attributes:
        id: what a user names it by.
        block: the name of its control block in shared memory; empty if it has none.
        description: what that says; None if there is none, or it is damaged.
        directory: where its ring files are; empty if they are gone.
        is_living: whether any of its processes runs.
        created: when it began, in seconds since 1970.
        modified: when a file of it was last made or resized, in seconds since 1970.
        size: bytes that it holds.
        rings: the paths of its ring files.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid, self.id = int(name.partition("_")[0]), name.partition("_")[2]
        self.block = ""
        self.description: SessionDescription | None = None
        self.directory = ""
        self.is_living = False
        self.created = self.modified = 0.0
        self.size = 0
        self.rings: list[str] = []

    def has_id(self, begin: str) -> bool:
        """Return whether its id, or the whole id of which that is the beginning, begins so."""
        whole = self.description.session_id if self.description else self.id
        return whole.startswith(begin) or self.id.startswith(begin)

    @property
    def age(self) -> float:
        """Return how many seconds ago it began."""
        return max(time.time() - self.created, 0.0)

    @property
    def state(self) -> str:
        """Return the word for whether it lives."""
        return "living" if self.is_living else "dead"

    @property
    def wanted(self) -> str:
        """Return what its processes should do: "recording", "paused" or "stopped"."""
        return self.description.wanted if self.description else "recording"

    @property
    def shown_state(self) -> str:
        """Return the word for a table: for a living one that is switched off, how it is."""
        return self.wanted if self.is_living and self.wanted != "recording" else self.state

    @property
    def command(self) -> list[str]:
        """Return the command line of the first process, or of another one; an empty one if it is unknown."""
        if self.description:
            return self.description.command
        facts = next(filter(None, map(ring_facts, self.rings)), None)
        return facts.command if facts else []

    @property
    def shown_command(self) -> str:
        """Return what tells it from others: its command without the directories of the interpreter and of ours."""
        first, words = self.command[:2], self.command[2:]
        command = printable(" ".join(map(quote, [*map(os.path.basename, first), *words])))
        return (command[: COMMAND_MAX - 3] + "..." if len(command) > COMMAND_MAX else command) or "-"

    def shown_to(self, begin: str | None) -> str:
        """Return its id, for a user who has named it so; with its command for one who has left that to us."""
        return f"{self.id} ({self.shown_command})" if begin is None else self.id


class NoSharedMemoryError(Exception):
    """There is no shared memory, or it cannot be searched; the message says why."""


def find() -> list[Session]:
    """Return the sessions of this user, the oldest first.

    Raises:
        NoSharedMemoryError: they cannot be searched.
    """
    try:
        shared = directories.open_listed(os.path.realpath(SCRATCH))  # it may be a link itself
    except OSError as error:
        raise NoSharedMemoryError(f"{SCRATCH}: {error.strerror}: no session can be found without it") from None
    try:
        by_name: dict[str, Session] = {}
        for entry in directories.names(shared):
            if found := NAME.fullmatch(entry):
                session = by_name.setdefault(f"{found[2]}_{found[3]}", Session(f"{found[2]}_{found[3]}"))
                if found[1]:
                    session.block = entry
                else:
                    session.directory = os.path.join(SCRATCH, entry)
        sessions = [session for session in by_name.values() if _examine(session, shared)]
    finally:
        directories.leave(shared)
    return sorted(sessions, key=lambda session: (session.created, session.name))


def _examine(session: Session, shared: Directory) -> bool:
    """Fill in what there is of a session; return False if nothing of it is this user's."""
    is_held = session.block != "" and _read_block(session, shared)
    is_unlocked = _read_directory(session, looks_at_locks=not is_held)
    if not session.block and not session.directory:
        return False
    session.created = session.created or session.modified
    session.is_living = is_held or not is_unlocked or _first_process_runs(session) or _has_writer(session)
    return True


def _read_block(session: Session, shared: Directory) -> bool:
    """Read the control block; return whether a process holds it."""
    descriptor = files.open_private(session.block, shared)
    if descriptor is None:
        session.block = ""  # it is gone by now, or another user's
        return False
    try:
        found = os.fstat(descriptor)
        session.size, session.created = directories.held(found), found.st_mtime
        session.modified = found.st_mtime
        description = read_control_block(os.read(descriptor, BLOCK_SIZE))
        if description and description.session_id.startswith(session.id) and description.pid == session.pid:
            session.description = description
            session.created = description.created / 1e9
            directory = str(description.directory)
            if os.path.isabs(directory) and os.path.basename(directory) == f"viztracer_{session.name}":
                session.directory = directory
        return directories.is_locked(descriptor)
    finally:
        os.close(descriptor)


def _read_directory(session: Session, *, looks_at_locks: bool) -> bool:
    """List the ring files and their sizes; return whether no ring file in the making is locked."""
    directory = files.open_directory(session.directory) if session.directory else None
    if directory is None:
        session.directory = ""
        return True
    is_unlocked = True
    try:
        session.modified = max(session.modified, directories.state(directory).st_mtime)
        for name in sorted(directories.names(directory)):
            try:
                found = directories.state_of(name, directory)
            except OSError:
                continue  # its process has removed it
            session.size += directories.held(found)
            session.modified = max(session.modified, found.st_mtime)
            if name.endswith(RING) and stat.S_ISREG(found.st_mode):
                session.rings.append(os.path.join(session.directory, name))
            elif name.endswith(UNFINISHED_RING) and looks_at_locks:
                is_unlocked = is_unlocked and not _is_locked(name, directory)
    finally:
        directories.leave(directory)
    return is_unlocked


def _is_locked(name: str, directory: Directory) -> bool:
    descriptor = files.open_private(name, directory)
    if descriptor is None:
        return False
    try:
        return directories.is_locked(descriptor)
    finally:
        os.close(descriptor)


def _first_process_runs(session: Session) -> bool:
    """Whether the process that began the session runs, also if it has closed its descriptors and lost its lock.

    In another PID namespace its pid means another process. Without a description, any process with the pid counts.
    """
    first = session.description
    if first is None:
        return session.block != "" and processes.running_since(session.pid) is not None
    return (
        first.process_start == processes.running_since(first.pid)
        and first.pid_namespace == processes.pid_namespace()
        and first.boot_id == processes.boot_id()
    )


def _has_writer(session: Session) -> bool:
    """Whether a process writes any of the ring files."""
    return any(facts.state == "living" for facts in map(ring_facts, session.rings) if facts)
