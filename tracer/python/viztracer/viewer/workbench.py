"""Merges what the browser cannot show as it is, into files that are removed at the end.

The main thread does that, one trace at a time, since only there can a signal interrupt it; the threads that answer the
browser ask for it and wait.
"""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Callable
from concurrent.futures import Future
from typing import BinaryIO

from ..output import terminal
from ..snaptrace import merge
from ..system import directories
from ..system.viewing import all_descriptors
from .catalog import Entry, Kind
from .tiles import LargeTrace

Stamp = tuple[tuple[int, int], ...]


class Workbench:
    """The merges, and the main thread's list of what to do.

    Args:
        directory: for the merged files.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._merged: dict[tuple[int, str], tuple[Stamp, str]] = {}
        self._large: dict[int, LargeTrace] = {}

    def page(self, entry: Entry) -> BinaryIO:
        """Return the entry's report, to be read and closed. Raise `RuntimeError` or `OSError` if there can be none."""
        return _first(entry) if entry.kind is Kind.REPORT else self._wait_for(entry, ".html")

    def trace(self, entry: Entry) -> BinaryIO:
        """Return what Perfetto's page can read, to be read and closed. Raise as `page` does."""
        return self._wait_for(entry, ".pftrace") if entry.kind is Kind.RUN else _first(entry)

    def large(self, entry: Entry) -> LargeTrace | None:
        """Return the entry as it was opened for its page, if it is too large for a page."""
        return self._large.get(entry.number)

    def merge(self, entry: Entry, extension: str) -> str:
        """Merge an entry, unless that has been done since it changed last; return the path. For the main thread.

        Raises:
            RuntimeError: there is no report.
            OSError: the files cannot be opened, or are not what they were when they were found.
        """
        key = entry.number, extension
        directory = os.path.join(self.directory, str(entry.number))
        os.makedirs(directory, exist_ok=True)
        output = os.path.join(directory, entry.stem + extension)
        with all_descriptors(lambda: bool(self._large)), contextlib.ExitStack() as opened:
            files: list[BinaryIO] = [opened.enter_context(open(file.open(), "rb")) for file in entry.files]
            stamp = _stamp(files)
            if key in self._merged and self._merged[key][0] == stamp:
                return self._merged[key][1]
            links = self._links(entry, files)
            try:
                problems = self._write(entry, links, output, opened)
            except RuntimeError as error:
                raise RuntimeError(self._by_true_name(entry, str(error))) from None
        for problem in problems:
            terminal.complain(self._by_true_name(entry, problem))
        self._merged[key] = stamp, output
        return output

    def _write(self, entry: Entry, links: list[str], output: str, opened: contextlib.ExitStack) -> list[str]:
        """Write the report, or the page of a run that is too large for one; return what could not be read."""
        if entry.kind is Kind.RUN and output.endswith(".html"):
            before = self._large.pop(entry.number, None)
            large = LargeTrace.open(links, opened)
            if before:
                before.close()
            if large:
                self._large[entry.number] = large
                return large.tiles.write_page(output, progress=True)
        return merge(links, output, progress=True).problems

    def _links(self, entry: Entry, files: list[BinaryIO]) -> list[str]:
        """Give open files the names they have, by which the merge finds these and no others; return where."""
        links, places = [], self._directories(entry)
        for path, file in zip(entry.paths, files):
            parent, name = os.path.split(path)
            os.makedirs(places[parent], exist_ok=True)
            link = os.path.join(places[parent], name)
            links.append(directories.give_name(directories.path_again(file.fileno(), path), link))
        return links

    def _directories(self, entry: Entry) -> dict[str, str]:
        """Return a directory here for each that the entry's files are in, since those may have the same names."""
        parents = sorted({os.path.dirname(path) for path in entry.paths})
        own = os.path.join(self.directory, str(entry.number))
        return {parent: os.path.join(own, f"from_{number}") for number, parent in enumerate(parents)}

    def _by_true_name(self, entry: Entry, text: str) -> str:
        """Return what the merge says, of the files as the user knows them."""
        for parent, directory in self._directories(entry).items():
            text = text.replace(os.path.join(directory, ""), os.path.join(parent, ""))
        return text

    def work(self, timeout: float) -> bool:
        """Do what is asked next, or only look whether `wake` was called; return False if nothing was for so long."""
        try:
            task = self._tasks.get(timeout=timeout)
        except queue.Empty:
            return False
        if task:
            task()
        return True

    def wake(self) -> None:
        """Have `work` return."""
        self._tasks.put(None)

    def _wait_for(self, entry: Entry, extension: str) -> BinaryIO:
        """Have the main thread merge an entry."""
        merged: Future[str] = Future()

        def task() -> None:
            try:
                merged.set_result(self.merge(entry, extension))
            except Exception as error:
                terminal.complain(str(error))
                merged.set_exception(error)

        self._tasks.put(task)
        return open(merged.result(), "rb")


def _first(entry: Entry) -> BinaryIO:
    return open(entry.files[0].open(), "rb")


def _stamp(files: list[BinaryIO]) -> Stamp:
    """What changes if a file does."""
    states = [os.fstat(file.fileno()) for file in files]
    return tuple((state.st_mtime_ns, state.st_size) for state in states)
