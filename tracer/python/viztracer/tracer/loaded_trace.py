"""What was recorded, as Python objects in the shape of a report (`VizTracer.parse`, `load`, `data`).

The ring files are merged into a temporary report, which is read back. All events are in memory then, so this is for
traces of some million events.
"""

from __future__ import annotations

import os

from ..snaptrace import merge
from .interpreter_events import InterpreterEvents

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from typing import Any

    from ..process.ring_directory import RingDirectory


class LoadedTrace(InterpreterEvents):
    """The methods of `VizTracer` that need the events as Python objects.

    Attributes:
        data: what `parse` has read: the report as a dict.
        parsed: whether `data` holds all that was recorded.
        total_entries: how many events that is.
    """

    verbose: int
    output_file: str
    data: dict[str, Any] | None = None
    parsed: bool = False
    total_entries: int = 0

    rings: RingDirectory | None = None

    _sources: dict[str, Any] | None = None

    if TYPE_CHECKING:  # what a subclass has

        def start(self) -> None: ...
        def stop(self, stop_option: str | None = None) -> None: ...
        def save(
            self, output_file: str | None = None, file_info: bool | None = None, verbose: int | None = None
        ) -> None: ...
        def forget_rings(self) -> None: ...
        @property
        def is_inline(self) -> bool: ...

    def parse(self) -> int:
        """End recording and read what `save` would report into `data`.

        The next `start` forgets them, apart from `data`.

        Returns:
            How many events there are. A second call changes nothing, unless recording has begun again.
        """
        self.stop()
        if not self.parsed:
            self._keep_report(self._read())
        return self.total_entries

    def _keep_report(self, report: dict[str, Any]) -> None:
        """Have a report as `data`."""
        self.data = report
        self._sources = self.data.pop("file_info", None)
        self.total_entries = sum(event["ph"] != "M" for event in self.data["traceEvents"])
        self.parsed = True

    def load(self) -> list[dict[str, Any]]:
        """Return the events that `save` would report, and forget them."""
        events: list[dict[str, Any]] = self._read()["traceEvents"]
        self.clear()
        return events

    def clear(self) -> None:
        """Forget all that was recorded; go on recording if it was.

        What belongs to a run of the command, or of another process, is kept for its report.
        """
        recording = self.enable
        self.stop()
        if self.is_inline:
            self.seal()
            self.forget_rings()
        self.data, self.parsed, self.total_entries = None, False, 0
        self.torch_traces.clear()
        if recording:
            self.start()

    def forget_parsed(self) -> None:
        """Forget what `parse` has read, as recording begins again; `data` stays."""
        if self.parsed and self.is_inline:
            self.seal()
            self.forget_rings()
        if self.parsed:
            self.torch_traces.clear()
        self.parsed = False

    def dump(self, filename: str, sanitize_function_name: bool = False) -> None:
        """Write what `save` would report in JSON, whatever the file's name is, and forget it.

        Args:
            filename: the report.
            sanitize_function_name: takes no effect, as every name can be written.
        """
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
            report = os.path.join(directory, "dump.json")
            self._merge_into(report, source=False)
            shutil.copyfile(report, filename)
        self.clear()

    def fork_save(self, output_file: str | None = None) -> BaseProcess:
        """Save what was recorded so far and keep it, so that a later `save` reports it, too.

        VizTracer writes the report in a forked process, since that takes it long. Here it is complete when this method
        returns; the process that it returns has nothing to do but end.

        Raises:
            RuntimeError: `multiprocessing` does not fork, or the report could not be written.
        """
        import multiprocessing

        if multiprocessing.get_start_method() != "fork":
            raise RuntimeError("fork_save is only supported in fork start method")
        self._merge_into(self.output_file if output_file is None else output_file, source=True)
        process = multiprocessing.Process(target=int, name="fork_save")
        process.start()
        return process

    def _read(self) -> dict[str, Any]:
        """Return what `save` would report."""
        if self.rings is None or self.ring_file is None:
            return {"traceEvents": [], "viztracer_metadata": {"overflow": False}}
        return read([self.rings.path if self.rings.is_own else self.ring_file])

    def _merge_into(self, report: str, *, source: bool) -> None:
        if self.rings is None or self.ring_file is None:
            raise RuntimeError("nothing was recorded")
        merge([self.rings.path if self.rings.is_own else self.ring_file], report, source=source)


def read(inputs: list[str]) -> dict[str, Any]:
    """Return the report on these ring files, or directories of them, with the times that `getts` returns."""
    import json
    import tempfile

    with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
        path = os.path.join(directory, "trace.json")
        merge(inputs, path, source=True, monotonic=True)
        with open(path, encoding="utf-8") as file:
            report: dict[str, Any] = json.load(file)
    return report
