"""What ``pytest --viztracer DIR`` does: record the run, and say in the summary where the ring files are."""

from __future__ import annotations

import argparse
import os

import pytest

from ..command_line import arguments
from ..output.quoting import printable
from ..output.sizes import size
from .recording import MAX_OVERHEAD, RunRecording
from .slowest import Slowest
from .spans import Spans
from .workers import Workers

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

WORKER = "PYTEST_XDIST_WORKER"  # the variable of pytest-xdist's workers, and of what they start


def begin(config: pytest.Config, options: argparse.Namespace) -> None:
    """Record this process, which is about to run tests, or has others run them.

    Raises:
        pytest.UsageError: the options make no sense.
    """
    config.pluginmanager.register(Plugin(config, options), "viztracer-run")


class Plugin:
    """The hooks of the run itself.

    Args:
        config: that of pytest, which may not know yet whether this process is a worker.
        options: what the command line says.

    Raises:
        pytest.UsageError: the options make no sense.
    """

    def __init__(self, config: pytest.Config, options: argparse.Namespace) -> None:
        self.config = config
        self.directory = os.path.abspath(options.viztracer_directory)
        self.max_overhead = _max_overhead(options.viztracer_max_overhead)
        self.slowest: int = options.viztracer_slowest
        self.refusal = ""
        self.recording = RunRecording.existing()
        if WORKER not in os.environ:
            self._begin()

    def _begin(self) -> None:
        """Begin a recording, unless there is one; if that cannot be, the tests run without."""
        if self.recording is not None:
            return
        try:
            self.recording = RunRecording.begin(self.directory, self.max_overhead)
        except (OSError, RuntimeError) as error:
            self.refusal = f"{error}; the tests run without tracing"
        except ValueError as error:
            raise pytest.UsageError(f"--viztracer: {error}") from None
        else:
            self.config.add_cleanup(self.recording.end)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Bring in what this process needs."""
        worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        if worker is None:
            self._begin()
        if self.recording is None:
            return
        register = config.pluginmanager.register
        register(Spans(self.recording.tracer, notes_moments=self.slowest > 0), "viztracer-spans")
        if worker is not None:
            self.recording.tracer.name_process(f"pytest {worker['workerid']}")
            return
        register(Workers(self.recording), "viztracer-workers")
        if self.slowest > 0:
            register(Slowest(self.recording, self.slowest), "viztracer-slowest")

    def pytest_report_header(self) -> str:
        """Say what is recorded."""
        if self.recording is None:
            return f"viztracer: {printable(self.refusal)}"
        where = self.recording.directory
        if not self.recording.is_own:
            return f"viztracer: this process is recorded already, into {where}; --viztracer adds the spans of tests only"
        limit = f", at most {self.max_overhead:.4g} of the processor time" if self.max_overhead else ""
        return f"viztracer: recording into {where}{limit}"

    @pytest.hookimpl(trylast=True, hookwrapper=True)
    def pytest_sessionfinish(self) -> Generator[None, Any, None]:
        """End the recording after the other plugins, but before the summary."""
        yield
        if self.recording is not None:
            self.recording.end()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the ring files are, and how to merge them."""
        if self.recording is None or not self.recording.is_own:
            return
        files, others = self.recording.files(), self.recording.files_of_others()
        count = len(set(map(self.recording.pid_of, files)))
        total = size(sum(map(os.path.getsize, files)))
        beside = f", beside {others} ring file{'s' * (others != 1)} of other runs" if others else ""
        processes = f"{count} process{'es' * (count != 1)}, {total}{beside}"
        terminalreporter.section("viztracer")
        terminalreporter.write_line(f"{processes}; to merge the ring files into a report:")
        terminalreporter.write_line(self.recording.merge_command())


def _max_overhead(text: str | None) -> float:
    """Return the limit that an option sets.

    Raises:
        pytest.UsageError: it sets none.
    """
    if text is None:
        return MAX_OVERHEAD
    try:
        return arguments.part(text)
    except argparse.ArgumentTypeError as error:
        raise pytest.UsageError(f"--viztracer_max_overhead: {error}") from None
