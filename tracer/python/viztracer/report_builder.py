"""`ReportBuilder`: reports in JSON or HTML out of dicts and files in VizTracer's format.

It is for programs that change traces in Python. Files that need no change are merged by ``viztracer-merge``, which does
not hold them in memory.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import tokenize

from .output import report_text
from .output.quoting import quote
from .output.report import target
from .output.report_times import aligned_at, shifted_events, shifted_process
from .snaptrace import merge
from .util import bcolors
from .version import __version__

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TextIO

    Report = dict[str, Any]
    Event = dict[str, Any]
    # A report, the path of one, or the path of another profiler's and what is known of it.
    Source = str | Report | tuple[str, dict[str, Any]]

FUNCTION = re.compile(r".*\((.*):([0-9]+)\)", re.DOTALL)
FROZEN = re.compile(r"<frozen (.*)>")
SOURCE_EXTENSIONS = (".py", ".pyw")
SUFFIXES = (".json", ".json.gz")


class InvalidReportError(ValueError):
    """A file holds no report."""


def get_json(data: Source) -> Report:
    """Return a report.

    Args:
        data: the report itself, or the path of one; or the path of another profiler's trace, with
            ``{"type": "torch", "base_offset": ns}``: the real time of the report's time 0.

    Raises:
        TypeError: it is something else.
        ValueError: there is no such file, or it is no report.
    """
    if isinstance(data, dict):
        return data
    if isinstance(data, tuple):
        path, details = data
        return _shifted_trace(_read(path), details)
    return _read(data)


class ReportBuilder:
    """Combines reports and writes the result.

    The arguments are not changed, so a builder can write more than once.

    Args:
        data: a report as a dict, or a sequence of reports: dicts, or what else `get_json` takes.
        verbose: 0 prints nothing.
        align: whether all reports begin at time 0, or have their sync markers there.
        minimize_memory: takes no effect, as the text of a report is never in memory as a whole.
        base_time: the real time of the report's time 0, in ns.

    Raises:
        TypeError: `data` is something else.
        ValueError: there are no reports.
    """

    def __init__(
        self,
        data: Report | Sequence[Source],
        verbose: int = 1,
        align: bool = False,
        minimize_memory: bool = False,
        base_time: int | None = None,
    ) -> None:
        if not isinstance(data, (dict, list, tuple)):
            raise TypeError("Invalid data type for ReportBuilder")
        if not isinstance(verbose, int):
            raise TypeError(f"verbose must be int, not {type(verbose).__name__}")
        self.data: list[Source] = [data] if isinstance(data, dict) else list(data)
        for source in self.data:
            _check(source)
        self.verbose = verbose
        self.align = align
        self.minimize_memory = minimize_memory
        self.base_time = base_time
        self.jsons: list[Report] = []
        self.invalid_json_paths: list[str] = []
        self.combined_json: Report = {}
        self.final_messages: list[tuple[str, str]] = []
        self._is_loaded = False

    def load_jsons(self) -> None:
        """Read the reports into `jsons`; files that are no reports are listed in `invalid_json_paths`."""
        if self._is_loaded:
            return
        for source in self.data:
            try:
                self.jsons.append(get_json(source))
            except InvalidReportError:
                self.invalid_json_paths.append(str(source[0] if isinstance(source, tuple) else source))
        self._is_loaded = True

    def combine_json(self) -> None:
        """Combine the reports into `combined_json`: the first one, with the events and sources of the others.

        Raises:
            ValueError: there is no report.
        """
        self.load_jsons()
        if not self.data:
            raise ValueError("Can't get report of nothing")
        if not self.jsons:
            raise ValueError("No valid json files found")
        first = self.jsons[0]
        combined = {key: value for key, value in first.items() if key != "file_info"}
        combined["traceEvents"] = [event for report in self.jsons for event in self._events(report, first)]
        combined["viztracer_metadata"] = self._metadata()
        self.combined_json = combined

    def align_events(self, original_events: list[Event], sync_marker: float | None = None) -> list[Event]:
        """Return events that are shifted in time: so that the first one, or the marker, is at 0.

        Args:
            original_events: the events.
            sync_marker: a time, in microseconds; None for that of the first event.
        """
        return shifted_events(original_events, -aligned_at(original_events, sync_marker))

    def prepare_json(self, file_info: bool = True, display_time_unit: str | None = None) -> None:
        """Make `combined_json` what is written.

        Args:
            file_info: whether it has the source of the functions.
            display_time_unit: ``"ns"`` or ``"ms"``, for VizTracer's page.
        """
        self.combine_json()
        if file_info:
            self.combined_json["file_info"] = self._file_info()
        if display_time_unit is not None:
            self.combined_json["displayTimeUnit"] = display_time_unit
        self.final_messages = self._messages()

    def generate_report(self, output_file: TextIO, output_format: str, file_info: bool = True) -> None:
        """Write the report to a file that is open.

        Args:
            output_file: the file.
            output_format: ``"json"`` or ``"html"``.
            file_info: whether the report has the source of the functions.

        Raises:
            ValueError: the format is neither.
        """
        if output_format not in ("json", "html"):
            raise ValueError(f"Only html and json are supported, not {output_format}")
        if not hasattr(output_file, "write"):
            raise AttributeError(f"output_file must be an open file, but {type(output_file).__name__} has no write")
        self.prepare_json(file_info)
        if output_format == "json":
            self._write_json(output_file)
            return
        import tempfile

        with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
            page = os.path.join(directory, "report.html")
            self._write_page(page, file_info=file_info)
            with open(page, encoding="utf-8") as file:
                output_file.write(file.read())

    def save(self, output_file: str | TextIO = "result.html", file_info: bool = True) -> None:
        """Write the report to a file, and print how to open it.

        Args:
            output_file: a path that ends with ``.html``, ``.json`` or ``.gz``; or a file that is open, for JSON.
            file_info: whether the report has the source of the functions.

        Raises:
            ValueError: the path ends differently.
            OSError: the file cannot be written.
        """
        output_file = target(output_file)
        if not isinstance(output_file, str):
            self.generate_report(output_file, "json", file_info)
        elif output_file.endswith(".html"):
            self.prepare_json(file_info)
            self._write_page(output_file, file_info=file_info)
        elif output_file.endswith(".json"):
            self.prepare_json(file_info)
            with open(output_file, "w", encoding="utf-8") as file:
                self._write_json(file)
        elif output_file.endswith(".gz"):
            self.prepare_json(file_info)
            with gzip.open(output_file, "wt", encoding="utf-8") as file:
                self._write_json(file)
        else:
            raise ValueError("Only html, json and gz are supported")
        if isinstance(output_file, str):
            self.final_messages.append(("", "Use the following command to open the report:"))
            self.final_messages.append((bcolors.OKGREEN, f"vizviewer {quote(os.path.abspath(output_file))}"))
        self.print_messages()

    def print_messages(self) -> None:
        """Print what there is to say about the report that was written last."""
        if self.verbose <= 0:
            return
        for color, text in self.final_messages:
            print(f"{color}{text}{bcolors.ENDC}" if color and sys.stdout.isatty() else text, flush=True)

    @classmethod
    def get_source_from_filename(cls, filename: str) -> str | None:
        """Return the text of a file of Python source, also of a module that is frozen into the interpreter.

        Return None if there is none that can be read.
        """
        if frozen := FROZEN.fullmatch(filename):
            module = sys.modules.get(frozen[1])
            filename = getattr(module, "__file__", None) or ""
        if not filename.endswith(SOURCE_EXTENSIONS) or not os.path.isfile(filename):
            return None
        try:
            with tokenize.open(filename) as file:
                return file.read()
        except (OSError, SyntaxError, UnicodeError, ValueError):
            return None

    def _events(self, report: Report, first: Report) -> list[Event]:
        events: list[Event] = report["traceEvents"]
        return shifted_events(events, self._shift(report, first))

    def _shift(self, report: Report, first: Report) -> float:
        """Return how many microseconds later the events of a report are when it is combined with the first one."""
        if self.align:
            return -aligned_at(report["traceEvents"], report.get("viztracer_metadata", {}).get("sync_marker"))
        return (_origin(report) - _origin(first)) / 1000

    def _metadata(self) -> Report:
        """Return the metadata of all reports together."""
        all_metadata = [report.get("viztracer_metadata", {}) for report in self.jsons]
        metadata = {**all_metadata[0], "version": __version__}
        metadata["overflow"] = any(each.get("overflow") for each in all_metadata)
        bases = [each["baseTimeNanoseconds"] for each in all_metadata if "baseTimeNanoseconds" in each]
        if self.base_time is not None:
            metadata["baseTimeNanoseconds"] = self.base_time
        elif bases and "clock" not in metadata:
            metadata["baseTimeNanoseconds"] = bases[-1]
        processes = [process for report in self.jsons for process in self._processes(report)]
        if processes:
            metadata["processes"] = processes
        return metadata

    def _processes(self, report: Report) -> list[Report]:
        """Return what a report says of its processes, with losses, on the time line of the first report."""
        processes = report.get("viztracer_metadata", {}).get("processes")
        shift = round(self._shift(report, self.jsons[0]) * 1000)
        return [shifted_process(process, shift) for process in processes] if isinstance(processes, list) else []

    def _file_info(self) -> Report:
        """Return the sources that the reports have, and those of functions of reports that the program has made itself.

        What a file says is no reason to read another file.
        """
        files: dict[str, Any] = {}
        functions: dict[str, Any] = {}
        for report in self.jsons:
            info = report.get("file_info")
            for kind, known in (("files", files), ("functions", functions)):
                given = info.get(kind) if isinstance(info, dict) else None
                known.update(given if isinstance(given, dict) else {})
        own = [source for source in self.data if isinstance(source, dict)]
        calls = [event for report in own for event in report["traceEvents"] if event.get("ph") == "X"]
        names = {str(event.get("name")) for event in calls}
        for name in sorted(names - functions.keys()):
            if not (found := FUNCTION.fullmatch(name)):
                continue
            path = found[1]
            if path not in files and (text := self.get_source_from_filename(path)) is not None:
                files[path] = [text, text.count("\n")]
            if path in files:
                functions[name] = [path, int(found[2])]
        return {"files": files, "functions": functions}

    def _write_json(self, file: Any) -> None:
        """Write the combined report to an open file, which needs to have no other method than `write`."""
        for part in report_text.parts_of(self.combined_json):
            file.write(part)

    def _write_page(self, path: str, *, file_info: bool) -> None:
        """Write the HTML page. `merge` makes it, of a report in JSON."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
            report = os.path.join(directory, "report.json")
            with open(report, "w", encoding="utf-8") as file:
                file.writelines(report_text.parts_of(self.combined_json))
            merge([report], path, source=file_info)

    def _messages(self) -> list[tuple[str, str]]:
        """Return what there is to say about the combined report: lines, each after its color."""
        messages = []
        if self.invalid_json_paths:
            warning = "Found and ignored invalid json file, you may lost some process data."
            lines = [warning, "Invalid json file:", *(f"    {path}" for path in self.invalid_json_paths)]
            messages += [(bcolors.WARNING, line) for line in lines]
        messages.append(("", f"Total Entries: {len(self.combined_json['traceEvents'])}"))
        if self.combined_json["viztracer_metadata"]["overflow"]:
            messages.append((bcolors.WARNING, "Circular buffer is full, you lost some early data."))
            messages.append((bcolors.WARNING, "Use --tracer_entries to keep more, or --quiet to hide this."))
        return messages


def _check(source: object) -> None:
    """Raise an error if this is neither a report nor the path of one."""
    if isinstance(source, dict):
        if not isinstance(source.get("traceEvents"), list):
            raise ValueError("a report has to have a list traceEvents")
        if not all(isinstance(event, dict) for event in source["traceEvents"]):
            raise TypeError("traceEvents has something that is no event: each has to be a dict")
        if not isinstance(source.get("viztracer_metadata", {}), dict):
            raise TypeError("viztracer_metadata has to be a dict")
        return
    path = source
    if isinstance(source, tuple):
        if len(source) != 2:
            raise ValueError("a trace of another profiler is given by two values: a path and a dict")
        path, details = source
        if not isinstance(details, dict) or details.get("type") != "torch" or "base_offset" not in details:
            raise ValueError('a trace of another profiler needs {"type": "torch", "base_offset": ...}')
    if not isinstance(path, str):
        raise TypeError("Path should be a string")
    if not os.path.exists(path):
        raise ValueError(f"{path} does not exist")
    if not path.endswith(SUFFIXES):
        raise ValueError(f"{path} is not a json file")


def _read(path: str) -> Report:
    """Return the report that a file holds; a bare list of events is one, too."""
    _check(path)
    try:
        opened = gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(path, encoding="utf-8")
        with opened as file:
            report = json.load(file)
    except (ValueError, EOFError, OSError, RecursionError) as error:
        raise InvalidReportError(f"{path} is not a json file: {error}") from None
    if isinstance(report, list):
        report = {"traceEvents": report}
    if not isinstance(report, dict) or not isinstance(report.get("traceEvents"), list):
        raise InvalidReportError(f"{path} has no list traceEvents")
    if not all(isinstance(event, dict) for event in report["traceEvents"]):
        raise InvalidReportError(f"{path} has events that are no objects")
    return report


def _shifted_trace(trace: Report, details: dict[str, Any]) -> Report:
    """Return another profiler's events at the times that they have in a report with this `base_offset`."""
    shift = (trace.get("baseTimeNanoseconds", 0) - details["base_offset"]) / 1000
    events = [event for event in trace["traceEvents"] if event.get("ph") != "M"]
    named = [event for event in trace["traceEvents"] if event.get("ph") == "M"]
    names = [{key: value for key, value in event.items() if key != "ts"} for event in named]
    return {"traceEvents": names + shifted_events(events, shift), "viztracer_metadata": {}}


def _origin(report: Report) -> int:
    """Return the time 0 of a report in nanoseconds; 0 for those of VizTracer, whose clock is that of the machine."""
    metadata = report.get("viztracer_metadata", {})
    return int(metadata.get("baseTimeNanoseconds", 0)) if "clock" in metadata else 0
