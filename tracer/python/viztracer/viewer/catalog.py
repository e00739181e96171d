"""What there is to show: reports, traces, runs of ring files, and directories of these."""

from __future__ import annotations

import enum
import itertools
import os
import re
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..output.report_kinds import FOR_PERFETTO, FOR_SPEEDSCOPE, FOR_VIZVIEWER
from ..snaptrace import ring_session
from ..system import directories
from .beneath import Found, Roots


class Kind(enum.Enum):
    """How an entry is shown."""

    REPORT = "report"  # as it is
    TRACE = "trace"  # merged into a report
    RUN = "run"  # so, too: the ring files of one run
    PERFETTO = "Perfetto trace"  # by Perfetto's page
    DIRECTORY = "directory"  # as a list


KINDS = dict.fromkeys(FOR_VIZVIEWER, Kind.TRACE) | dict.fromkeys(FOR_PERFETTO, Kind.PERFETTO)
KINDS |= {".html": Kind.REPORT, ".bin": Kind.RUN}
NAMED_KINDS = KINDS | {".gz": Kind.TRACE}  # VizTracer calls any such file a trace
LISTED_MAX = 1000  # of one directory
TOKEN_BYTES = 16  # 128 bits, which nobody guesses


def new_token() -> str:
    """Return what one must know to be let in."""
    return secrets.token_urlsafe(TOKEN_BYTES)


@dataclass(frozen=True)
class Entry:
    """Something to show.

    Args:
        number: unlike that of any other entry.
        kind: how it is shown.
        files: what it consists of: files, or one directory.
        token: opens this entry and no other, since a page that somebody else has written knows its own address.
    """

    number: int
    kind: Kind
    files: tuple[Found, ...]
    token: str = field(default_factory=new_token, repr=False)

    @property
    def paths(self) -> tuple[str, ...]:
        """What the files are called."""
        return tuple(file.path for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return 0 if self.kind is Kind.DIRECTORY else sum(file.size for file in self.files)

    @property
    def modified(self) -> float:
        """When they were changed last, in seconds since 1970."""
        return max(file.modified for file in self.files)

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
        self._roots = Roots()
        self._numbers = itertools.count()
        self._known: dict[tuple[object, ...], int] = {}
        self._entries: dict[int, Entry] = {}
        self._lock = threading.Lock()

    def get(self, number: int) -> Entry | None:
        """Return the entry of this number, if there is one."""
        return self._entries.get(number)

    def named(self, paths: Iterable[str]) -> list[Entry]:
        """Return entries for what the user named, the newest first; ring files of one run are one of them.

        Raises:
            OSError: something cannot be opened.
        """
        found = _by_run((self._roots.find(path), kind) for path in paths if (kind := kind_of(path)))
        return [self._entry(kind, files) for kind, files in found]

    def inside(self, directory: Entry) -> tuple[list[Entry], int]:
        """Return entries for what is in a directory, the newest first, and how many older ones are left out.

        Raises:
            OSError: it cannot be read.
        """
        items = directory.files[0].inside(_is_shown)
        found = _by_run((item, kind) for item in items if (kind := _kind_inside(item)))
        return [self._entry(kind, files) for kind, files in found[:LISTED_MAX]], max(0, len(found) - LISTED_MAX)

    def _entry(self, kind: Kind, files: tuple[Found, ...]) -> Entry:
        """Return the entry of these files, a new one if any of them is not what it was: its token does not open it."""
        identities = tuple((file.path, file.identity) for file in files)
        with self._lock:
            number = self._known.get(identities)
            if number is None:
                number = self._known[identities] = next(self._numbers)
                entry = Entry(number, kind, files)
            else:
                entry = replace(self._entries[number], files=files)
            self._entries[number] = entry
        return entry


def kind_of(path: str) -> Kind | None:
    """Return what a path is that the user named; None if it cannot be shown."""
    if os.path.isdir(path):
        return Kind.DIRECTORY
    if path.endswith(FOR_SPEEDSCOPE):
        return None
    extension = extension_of(path, NAMED_KINDS)
    return NAMED_KINDS[extension] if extension else None


def extension_of(path: str, kinds: Iterable[str]) -> str | None:
    """Return the longest of these extensions that the path has."""
    return max(filter(path.endswith, kinds), key=len, default=None)


def _by_run(found: Iterable[tuple[Found, Kind]]) -> list[tuple[Kind, tuple[Found, ...]]]:
    """Put the ring files of each run together; return these and the other files, the newest first."""
    runs: dict[bytes, dict[str, Found]] = {}
    others: dict[str, tuple[Kind, Found]] = {}
    for file, kind in found:
        session = _session(file) if kind is Kind.RUN else None
        if session:
            runs.setdefault(session, {})[file.path] = file
        else:
            others[file.path] = kind, file
    together = [(Kind.RUN, tuple(files[path] for path in sorted(files))) for files in runs.values()]
    together += [(kind, (file,)) for kind, file in others.values()]
    return sorted(together, key=lambda item: (-max(file.modified for file in item[1]), item[1][0].path))


def _is_shown(item: os.DirEntry[str]) -> bool:
    """Whether something in a directory may be shown: nothing hidden, no link, nothing that is no file."""
    if item.name.startswith("."):
        return False
    if item.is_dir(follow_symlinks=False):
        return True
    is_of_kind = item.name.endswith(tuple(KINDS)) and not item.name.endswith(FOR_SPEEDSCOPE)
    return is_of_kind and item.is_file(follow_symlinks=False)


def _kind_inside(file: Found) -> Kind | None:
    """Return what a file in a directory is; None for ring files that are none, since others call theirs so, too."""
    if file.is_directory:
        return Kind.DIRECTORY
    extension = extension_of(file.path, KINDS)
    kind = KINDS[extension] if extension else None
    return None if kind is Kind.RUN and _session(file) is None else kind


def _session(file: Found) -> bytes | None:
    """Return which run a ring file belongs to; None if it is none, or has just been replaced."""
    try:
        with open(file.open(), "rb") as opened:
            return ring_session(directories.path_again(opened.fileno(), file.path))
    except OSError:
        return None
