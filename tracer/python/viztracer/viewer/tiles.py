"""Large runs of ring files, which no page holds: a page with little detail, and what the page asks for.

The files stay open. What the page shows is as of the moment in which they were opened.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping

from ..snaptrace import Tiles, open_tiles

# Of a page that holds them all. With 10 million it opens in 2 s and needs 550 MB (benches/README.md). A page to which
# the server adds needs less, but cannot count stacks of the whole trace. So it begins where the other one ends.
EVENTS_MAX = 20_000_000
PAGE_CALLS = 1_000_000  # of a page to which the server adds
FOR_TESTS = "VIZTRACER_TILES"  # a variable with both numbers, separated by a comma
AT_ONCE = 2  # requests: each one uses all processors
PATIENCE = 30  # seconds that a request waits for others
NUMBER = re.compile(r"[0-9]{1,18}")
TIME_MAX = 2**64 - 1
THREAD = re.compile(r"([0-9]{1,6})(?:_([0-9]{1,6}))?")
THREADS_MAX = 1000


class RequestError(Exception):
    """What the page asks for cannot be."""


class BusyError(Exception):
    """Too many requests are being answered."""


class GoneError(Exception):
    """The page is of an earlier opening of the files."""


class LargeTrace:
    """A large run, opened.

    Args:
        tiles: the trace.
        id: by which the page calls it.
        files: what has to stay open.
    """

    def __init__(self, tiles: Tiles, id: str, files: contextlib.ExitStack) -> None:
        self.tiles = tiles
        self.id = id
        self._files = files
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    @classmethod
    def open(cls, links: list[str], files: contextlib.ExitStack) -> LargeTrace | None:
        """Open ring files if they hold too much for a page; only then `files` stay open after their `with`.

        Raises:
            RuntimeError: no file can be read.
        """
        least, calls = _limits()
        id = secrets.token_hex(8)
        tiles = open_tiles(links, least=least, calls=calls, id=id, progress=True)
        return cls(tiles, id, files.pop_all()) if tiles else None

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def answer(self, what: str, asked: Mapping[str, list[str]], stopped: Callable[[], bool]) -> bytes:
        """Return a tile, or the functions of a time.

        Args:
            what: "tile" or "functions".
            asked: the parameters of the request.
            stopped: whether nobody waits for the answer any more.

        Raises:
            RequestError: the parameters are wrong.
            GoneError: the page is of an earlier opening.
            BusyError: too many requests are being answered.
            RuntimeError: there is none.
        """
        if asked.get("trace") != [self.id]:
            raise GoneError
        begin, end = _number(asked, "from"), _number(asked, "to", TIME_MAX)
        if begin >= end:
            raise RequestError("the time ends before it begins")
        if what == "tile":
            shortest = _number(asked, "shortest")
            with self._turn():
                return self.tiles.tile(begin, end, shortest, stopped)
        threads, busy = _threads(asked), asked.get("busy") == ["1"]
        with self._turn():
            return self.tiles.functions((begin, end), threads, busy, stopped)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=PATIENCE):
            raise BusyError
        try:
            yield
        finally:
            self._turns.release()


def _limits() -> tuple[int, int]:
    """Return how many events a page holds, and about how many calls one has to which the server adds."""
    least, _, calls = os.environ.get(FOR_TESTS, "").partition(",")
    return int(least or EVENTS_MAX), int(calls or PAGE_CALLS)


def _number(asked: Mapping[str, list[str]], name: str, missing: int | None = None) -> int:
    values = asked.get(name, [])
    if not values and missing is not None:
        return missing
    if len(values) != 1 or not NUMBER.fullmatch(values[0]):
        raise RequestError(f"{name} is no number of nanoseconds")
    return int(values[0])


def _threads(asked: Mapping[str, list[str]]) -> list[tuple[int, int | None]] | None:
    """Return what ``where`` names: ``3`` is a process, ``3_1`` is a thread of it."""
    if "where" not in asked:
        return None
    found = [THREAD.fullmatch(one) for one in ".".join(asked["where"]).split(".")]
    if len(found) > THREADS_MAX or not all(found):
        raise RequestError("where names no threads")
    return [(int(one[1]), int(one[2]) if one[2] else None) for one in found if one]
