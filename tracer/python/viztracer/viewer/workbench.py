"""Merges what the browser cannot show as it is, into files that are removed at the end.

The main thread does that, one trace at a time, since only there can a signal interrupt it; the threads that answer the
browser ask for it and wait.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from concurrent.futures import Future

from .. import report
from ..snaptrace import merge
from .catalog import Entry, Kind

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

    def page(self, entry: Entry) -> str:
        """Return the path of the entry's report. Raise `RuntimeError` if there can be none."""
        return entry.paths[0] if entry.kind is Kind.REPORT else self._wait_for(entry, ".html")

    def trace(self, entry: Entry) -> str:
        """Return the path of what Perfetto's page can read. Raise `RuntimeError` if there can be none."""
        return self._wait_for(entry, ".pftrace") if entry.kind is Kind.RUN else entry.paths[0]

    def merge(self, entry: Entry, extension: str) -> str:
        """Merge an entry, unless that has been done since it changed last; return the path. For the main thread."""
        key = entry.number, extension
        stamp = _stamp(entry)
        if key in self._merged and self._merged[key][0] == stamp:
            return self._merged[key][1]
        directory = os.path.join(self.directory, str(entry.number))
        os.makedirs(directory, exist_ok=True)
        output = os.path.join(directory, entry.stem + extension)
        merged = merge(list(entry.paths), output, progress=True)
        for problem in merged.problems:
            report.complain(problem)
        self._merged[key] = stamp, output
        return output

    def work(self, timeout: float | None) -> bool:
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

    def _wait_for(self, entry: Entry, extension: str) -> str:
        """Have the main thread merge an entry."""
        merged: Future[str] = Future()

        def task() -> None:
            try:
                merged.set_result(self.merge(entry, extension))
            except Exception as error:
                report.complain(str(error))
                merged.set_exception(error)

        self._tasks.put(task)
        return merged.result()


def _stamp(entry: Entry) -> Stamp:
    """What changes if a file does."""
    states = [os.stat(path) for path in entry.paths]
    return tuple((state.st_mtime_ns, state.st_size) for state in states)
