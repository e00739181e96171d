"""What ``pytest --viztracer=DIR`` does: record the run, and say in the summary where the ring files are."""

from __future__ import annotations

import argparse
import os
import sys

import pytest

from ..command_line import arguments
from ..output import report
from ..output.quoting import printable, quote
from ..output.sizes import size
from . import invocation
from .losses import Losses
from .recording import MAX_OVERHEAD, RunRecording
from .slowest import Slowest
from .spans import Spans
from .workers import Workers

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

WORKER = "PYTEST_XDIST_WORKER"  # the variable of pytest-xdist's workers, and of what they start


def begin(config: pytest.Config, directory: str, max_overhead: str | None) -> Plugin:
    """Record this process, which is about to run tests, or has others run them.

    Raises:
        pytest.UsageError: the options make no sense.
    """
    plugin = Plugin(config, directory, max_overhead)
    config.pluginmanager.register(plugin, "viztracer-run")
    return plugin


class Plugin:
    """The hooks of the run itself.

    Args:
        config: that of pytest, which may not know yet whether this process is a worker.
        directory: that of the ring files.
        max_overhead: what the option of this name says.

    Raises:
        pytest.UsageError: the options make no sense.
    """

    def __init__(self, config: pytest.Config, directory: str, max_overhead: str | None) -> None:
        if not directory:
            raise pytest.UsageError("--viztracer: the name of the directory is empty")
        self.config = config
        self.directory = os.path.abspath(directory)
        self.max_overhead = _max_overhead(max_overhead)
        self.slowest = 0
        self.refusal = ""
        self._is_off = self._is_over = self._owes_summary = False
        self.root = invocation.root_moved_by(config, self.directory)
        self._is_of_tests = WORKER not in os.environ and invocation.is_of_tests(config, self.directory)
        invocation.join_values(config)
        self.losses = Losses()
        self.recording = RunRecording.existing()
        if WORKER not in os.environ and not self._is_of_tests:
            self._begin()

    def _begin(self) -> None:
        """Begin a recording, unless there is one; if that cannot be, the tests run without."""
        if self.recording is not None:
            return
        try:
            self.recording = RunRecording.begin(self.directory, self.max_overhead)
        except FileExistsError:
            self.refusal = f"{quote(self.directory)} is no directory; the tests run without tracing"
        except (OSError, RuntimeError) as error:
            self.refusal = f"{printable(str(error))}; the tests run without tracing"
        except ValueError as error:
            raise pytest.UsageError(f"--viztracer: {error}") from None
        else:
            self.config.add_cleanup(self._leave)

    def abandon(self) -> None:
        """Leave no recording, and no hooks: the option turns out to be that of a ``conftest.py``."""
        self._is_off = True
        self.config.pluginmanager.unregister(self)
        if self.recording is not None:
            self.recording.abandon()

    def show_slowest(self, count: str | None) -> None:
        """Have the slowest phases shown.

        Raises:
            pytest.UsageError: that many cannot be.
        """
        if count is None:
            return
        if not (count.isascii() and count.isdigit()):
            raise pytest.UsageError(f"--viztracer_slowest: invalid number: {count!r}")
        self.slowest = int(count)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Bring in what this process needs.

        Raises:
            pytest.UsageError: the name of the directory was forgotten.
        """
        if self._is_off:
            return
        if self._is_of_tests:
            tests = quote(report.relative(self.directory))
            raise pytest.UsageError(
                f"--viztracer takes {tests}, where tests are, for the directory of the ring files: write "
                f"--viztracer=DIR {tests}, or --viztracer={tests} to have them there"
            )
        worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        if worker is None:
            self._begin()
        if self.recording is None:
            return
        register = config.pluginmanager.register
        register(self.losses, "viztracer-losses")
        register(Spans(self.recording.tracer, notes_moments=self.slowest > 0), "viztracer-spans")
        if worker is not None:
            self.recording.name_process(f"pytest {worker['workerid']}")
            return
        register(Workers(self.recording), "viztracer-workers")
        if self.slowest > 0:
            register(Slowest(self.recording, self.slowest), "viztracer-slowest")

    def pytest_report_header(self) -> list[str]:
        """Say what is recorded."""
        if self.recording is None or not self.recording.is_own:
            return self._remarks()
        limit = f", at most {self.max_overhead * 100:.4g} % of the processor time" if self.max_overhead else ""
        return [f"viztracer: recording into {self.recording.directory}{limit}", *self._remarks()]

    def _remarks(self) -> list[str]:
        """Return what is not as the user may expect."""
        remarks = []
        if self.recording is None:
            remarks.append(self.refusal)
        elif not self.recording.is_own:
            where = self.recording.directory
            remarks.append(f"this process is recorded already, into {where}; --viztracer adds the spans of tests only")
        if self.root:
            remarks.append(
                "pytest has taken DIR for a path of tests, since it follows a space: its root directory would be "
                f"{printable(self.root)} with --viztracer=DIR"
            )
        return [f"viztracer: {remark}" for remark in remarks]

    def pytest_sessionstart(self) -> None:
        """Note that there should be a summary."""
        has_reporter = self.config.pluginmanager.has_plugin("terminalreporter")
        self._owes_summary = has_reporter and not getattr(self.config.option, "no_summary", False)

    @pytest.hookimpl(trylast=True, hookwrapper=True)
    def pytest_sessionfinish(self) -> Generator[None, Any, None]:
        """End the recording after the other plugins, but before the summary."""
        yield
        self._end()

    def _end(self) -> None:
        if self.recording is not None and self.recording.is_own and not self._is_over:
            self._is_over = True
            self.losses.note(self.recording.tracer.ring_failure)
            self.recording.end()

    def _leave(self) -> None:
        """End the recording at the latest when pytest ends; without a summary, say on stderr where the files are."""
        self._end()
        if self._owes_summary and self.recording is not None and self.recording.rings.is_own:
            files, command = self._files()
            sys.stderr.write("\n".join([*self.losses.lines(), f"viztracer: {files}", command, ""]))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the ring files are, how to merge them, and what is not as it should be."""
        self._owes_summary = False
        is_own = self.recording is not None and self.recording.is_own
        lines = [*self._remarks(), *self.losses.lines(), *(self._files() if is_own else [])]
        terminalreporter.write_sep("=", "viztracer")
        for line in lines:
            terminalreporter.write_line(line)

    def _files(self) -> list[str]:
        assert self.recording is not None
        files, others = self.recording.files(), self.recording.files_of_others()
        count = len(set(map(self.recording.pid_of, files)))
        total = size(sum(map(os.path.getsize, files)))
        beside = f", beside {others} ring file{'s' * (others != 1)} of other runs" if others else ""
        processes = f"{count} process{'es' * (count != 1)}, {total}{beside}"
        return [f"{processes}; to merge the ring files into a report:", self.recording.merge_command()]


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
