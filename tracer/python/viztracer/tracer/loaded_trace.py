"""What was recorded, as Python objects in the shape of a report (`VizTracer.parse`, `load`, `data`).

The ring files are merged into a temporary report, which is read back. All events are in memory then, so this is for
traces of some million events.
"""

from __future__ import annotations

import os

from ..output import report
from ..process import this_process
from ..snaptrace import merge
from . import unsaved
from .recording import Recording

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from typing import Any, TextIO

CHUNK = 1 << 20  # characters of a report that are in memory at a time


class LoadedTrace(Recording):
    """The methods of `VizTracer` that need the events as Python objects.

    Attributes:
        data: what `parse` has read: the report as a dict.
        parsed: whether `data` holds all that was recorded.
        total_entries: how many events that is.
    """

    data: dict[str, Any] | None = None
    parsed: bool = False
    total_entries: int = 0

    _sources: dict[str, Any] | None = None

    if TYPE_CHECKING:  # what a subclass has

        def stop(self, stop_option: str | None = None) -> None: ...

    def parse(self) -> int:
        """End recording and read what `save` would report into `data`.

        The next `start` forgets them, apart from `data`.

        Returns:
            How many events there are. A second call changes nothing, unless recording has begun again.
        """
        self.stop()
        with _Interrupted(self):
            self.read_data()
        return self.total_entries

    def read_data(self) -> None:
        """Have what was recorded as `data`, unless it is there already."""
        if not self.parsed:
            self._keep_report(self._read())
            self.note_report()

    def _keep_report(self, read: dict[str, Any]) -> None:
        """Have a report as `data`."""
        self.data = read
        self._sources = self.data.pop("file_info", None)
        self.total_entries = sum(event["ph"] != "M" for event in self.data["traceEvents"])
        self.parsed = True

    def load(self) -> list[dict[str, Any]]:
        """Return the events that `save` would report, and forget them; go on recording if it was."""
        with _Interrupted(self):
            events: list[dict[str, Any]] = self._read()["traceEvents"]
            self._forget()
        return events

    def clear(self) -> None:
        """Forget all that was recorded; go on recording if it was.

        What belongs to a run of the command, or of another process, is kept for its report.
        """
        with _Interrupted(self):
            self._forget()

    def _forget(self) -> None:
        if self.is_inline or self.is_reported:
            self.seal()
            self.forget_rings()
        self.data, self.parsed, self.total_entries = None, False, 0
        self.torch_traces.clear()

    def dump(self, filename: str, sanitize_function_name: bool = False) -> None:
        """Write what `save` would report in JSON, whatever the file's name is, and forget it; go on recording.

        Args:
            filename: the report.
            sanitize_function_name: takes no effect, as every name can be written.

        Raises:
            RuntimeError: nothing was recorded.
            OSError: the file cannot be written.
            TypeError: `filename` is no path.
        """
        if not isinstance(filename, (str, os.PathLike)):
            raise TypeError(f"filename must be a str or a path, not {type(filename).__name__}")
        with _Interrupted(self):
            inputs = self.inputs()
            if not inputs:
                raise RuntimeError("nothing was recorded")
            with open(filename, "w", encoding="utf-8") as file:
                copy_report(inputs, file, source=False)
            self._forget()

    def fork_save(self, output_file: str | None = None) -> BaseProcess:
        """Save what was recorded so far and keep it, so that a later `save` reports it, too.

        VizTracer writes the report in a forked process, since that takes it long. Here it is complete when this method
        returns; the process that it returns has nothing to do but end.

        Raises:
            RuntimeError: `multiprocessing` does not fork, or the report could not be written.
            ValueError: `output_file` is no path.
        """
        import multiprocessing

        if multiprocessing.get_start_method() != "fork":
            raise RuntimeError("fork_save is only supported in fork start method")
        path = report.target(self.report_path if output_file is None else output_file)
        if not isinstance(path, str):
            raise ValueError("fork_save does not write to an open file")  # noqa: TRY004
        self.pause()
        try:
            self._merge_into(path)
        finally:
            self.resume()
        if not self.enable:
            self.note_report()
        process = multiprocessing.Process(target=int, name="fork_save")
        process.start()
        return process

    def _read(self) -> dict[str, Any]:
        """Return what `save` would report."""
        if inputs := self.inputs():
            return read(inputs)
        return {"traceEvents": [], "viztracer_metadata": {"overflow": False}}

    def _merge_into(self, output: str) -> None:
        """Write a report on what was recorded so far, which goes on."""
        ring = self.ring_file
        if self.rings and (self.rings.is_own or self.is_reported) and self.rings.files():
            ring = self.rings.path
        if self.rings is None or ring is None:
            raise RuntimeError("nothing was recorded")
        merge([ring], output, source=True)


class _Interrupted:
    """A context manager in which a tracer does not record; nor does it show what is done there.

    Args:
        tracer: the tracer. It goes on afterwards if it has recorded before.
    """

    def __init__(self, tracer: LoadedTrace) -> None:
        self.tracer = tracer
        self.was_recording = False
        self.is_wanted = False

    def __enter__(self) -> None:
        tracer = self.tracer
        this_process.lock.acquire()
        tracer.pause()
        self.is_wanted = bool(tracer.rings and unsaved.is_noted(tracer.rings))
        self.was_recording = tracer.end()

    def __exit__(self, *_error: object) -> None:
        tracer = self.tracer
        try:
            if self.was_recording:
                tracer.begin(wanted=self.is_wanted)
        finally:
            tracer.resume()
            this_process.lock.release()


def copy_report(inputs: list[str], file: TextIO, *, source: bool) -> int:
    """Write a report in JSON into an open file; return how many events it holds.

    Args:
        inputs: ring files, or directories of them.
        file: has a method `write` for text.
        source: whether the report has the source of the functions.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
        path = os.path.join(directory, "trace.json")
        merged = merge(inputs, path, source=source)
        with open(path, encoding="utf-8") as written:
            while part := written.read(CHUNK):
                file.write(part)
    return merged.events


def read(inputs: list[str]) -> dict[str, Any]:
    """Return the report on these ring files, or directories of them, with the times that `getts` returns."""
    import json
    import tempfile

    with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
        path = os.path.join(directory, "trace.json")
        merge(inputs, path, source=True, monotonic=True)
        with open(path, encoding="utf-8") as file:
            read: dict[str, Any] = json.load(file)
    return read
