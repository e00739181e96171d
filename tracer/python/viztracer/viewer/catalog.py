"""What there is to show: reports, traces, runs of ring files, and directories of these."""

from __future__ import annotations

import enum
import itertools
import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from ..ring_directory import session_of


class Kind(enum.Enum):
    """How an entry is shown."""

    REPORT = "report"  # as it is
    TRACE = "trace"  # merged into a report
    RUN = "run"  # so, too: the ring files of one run
    PERFETTO = "Perfetto trace"  # by Perfetto's page
    DIRECTORY = "directory"  # as a list


KINDS = {
    ".html": Kind.REPORT,
    ".json": Kind.TRACE,
    ".json.gz": Kind.TRACE,
    ".bin": Kind.RUN,
    ".pftrace": Kind.PERFETTO,
    ".pftrace.gz": Kind.PERFETTO,
}
NAMED_KINDS = KINDS | {".gz": Kind.TRACE}  # the peer calls any such file a trace
OTHER_VIEWERS = (".speedscope.json", ".speedscope.json.gz")


@dataclass(frozen=True)
class Entry:
    """Something to show.

    Args:
        number: unlike that of any other entry.
        kind: how it is shown.
        paths: the files, or the directory.
        size: bytes of the files.
        modified: when they were changed last, in seconds since 1970.
    """

    number: int
    kind: Kind
    paths: tuple[str, ...]
    size: int
    modified: float

    @property
    def name(self) -> str:
        """What it is called."""
        name = os.path.basename(self.paths[0]) or self.paths[0]
        return name if len(self.paths) == 1 else f"{name} and {len(self.paths) - 1} more"

    @property
    def stem(self) -> str:
        """The name without extension, of characters that need no quoting anywhere."""
        name = os.path.basename(self.paths[0])
        extension = extension_of(name, NAMED_KINDS) or ""
        return re.sub(r"[^A-Za-z0-9_.-]+", "_", name.removesuffix(extension)) or "trace"

    @property
    def is_fit_for_perfetto(self) -> bool:
        """Whether Perfetto's page can show it, perhaps after a merge."""
        return self.kind in (Kind.TRACE, Kind.RUN, Kind.PERFETTO)


class Catalog:
    """All entries that the browser may ask for; what is not here cannot be served."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._known: dict[tuple[str, ...], int] = {}
        self._entries: dict[int, Entry] = {}
        self._lock = threading.Lock()

    def __getitem__(self, number: int) -> Entry:
        """Return the entry of this number. Raise `KeyError` if there is none."""
        return self._entries[number]

    def named(self, paths: Iterable[str]) -> list[Entry]:
        """Return entries for what the user named, the newest first; ring files of one run are one of them."""
        return self._enter((path, kind) for path in paths if (kind := kind_of(path)))

    def inside(self, directory: str) -> list[Entry]:
        """Return entries for what is in a directory, the newest first. Raise `OSError` if it cannot be read."""
        with os.scandir(directory) as found:
            return self._enter((item.path, kind) for item in found if (kind := _kind_inside(item)))

    def _enter(self, found: Iterable[tuple[str, Kind]]) -> list[Entry]:
        """Make entries of files, those that vanish meanwhile left out."""
        runs: dict[bytes, list[str]] = {}
        others: dict[str, Kind] = {}
        for path, kind in found:
            session = session_of(path) if kind is Kind.RUN else None
            if session:
                runs.setdefault(session, []).append(path)
            else:
                others[path] = kind
        entries = [self._entry(Kind.RUN, tuple(sorted(set(paths)))) for paths in runs.values()]
        entries += [self._entry(kind, (path,)) for path, kind in others.items()]
        return sorted(filter(None, entries), key=lambda entry: (-entry.modified, entry.paths))

    def _entry(self, kind: Kind, paths: tuple[str, ...]) -> Entry | None:
        try:
            states = [os.stat(path) for path in paths]
        except OSError:
            return None
        size = 0 if kind is Kind.DIRECTORY else sum(state.st_size for state in states)
        modified = max(state.st_mtime for state in states)
        with self._lock:
            number = self._known.get(paths)
            if number is None:
                number = self._known[paths] = next(self._numbers)
            entry = self._entries[number] = Entry(number, kind, paths, size, modified)
        return entry


def kind_of(path: str) -> Kind | None:
    """Return what a path is that the user named; None if it cannot be shown."""
    if os.path.isdir(path):
        return Kind.DIRECTORY
    if path.endswith(OTHER_VIEWERS):
        return None
    extension = extension_of(path, NAMED_KINDS)
    return NAMED_KINDS[extension] if extension else None


def extension_of(path: str, kinds: Iterable[str]) -> str | None:
    """Return the longest of these extensions that the path has."""
    return max(filter(path.endswith, kinds), key=len, default=None)


def _kind_inside(item: os.DirEntry[str]) -> Kind | None:
    """Return what a directory's entry is; None for what nobody meant to show, and for links that may lead outside."""
    if item.name.startswith("."):
        return None
    if item.is_dir(follow_symlinks=False):
        return Kind.DIRECTORY
    extension = extension_of(item.name, KINDS)
    if not extension or not item.is_file(follow_symlinks=False) or item.name.endswith(OTHER_VIEWERS):
        return None
    if KINDS[extension] is Kind.RUN and session_of(item.path) is None:
        return None  # others call their files so, too
    return KINDS[extension]
