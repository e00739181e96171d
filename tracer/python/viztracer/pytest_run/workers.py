"""The last words of pytest-xdist's workers: of those that died, and of those that hang when the user interrupts."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from . import merge_program

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    from .recording import RunRecording

LINES_MAX = 60  # of the last words of a worker
WORKERS_MAX = 8  # whose last words are shown after an interruption
OPEN_CALL = re.compile(r"    +\d+  \S")
HOOK = re.compile(r"    +\d+  (\w+\.)?pytest_\w+ \(")  # a function that pytest calls for a hook
RECEIVER = "_thread_receiver ("  # the function of execnet that receives messages
DEATH = 5.0  # seconds that a worker gets which has closed its connection


class Workers:
    """The hooks of the process that distributes the tests.

    Args:
        recording: where the workers record.
    """

    def __init__(self, recording: RunRecording) -> None:
        self.recording = recording
        self._living: dict[str, Any] = {}
        self._words: dict[str, list[str]] = {}  # of workers, by their titles; those that no report has yet

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Note a worker that has begun."""
        self._living[node.gateway.id] = node

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Note the last words of a worker that has died."""
        self._living.pop(node.gateway.id, None)
        if error:
            _await_death(node)
            self._note(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report: Any) -> None:
        """Add the last words of a worker to the report on the test that it has died in."""
        title = _title(report.node)
        if title in self._words:
            report.sections.append((title, "\n".join(self._words.pop(title))))

    def pytest_keyboard_interrupt(self) -> None:
        """Note what the workers are doing, before they are ended."""
        for node in list(self._living.values())[:WORKERS_MAX]:
            self._note(node)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the last words that belong to no report of a test."""
        for title, lines in self._words.items():
            terminalreporter.section(title, "-")
            for line in lines:
                terminalreporter.write_line(line)

    def _note(self, node: Any) -> None:
        self._words[_title(node)] = self._last_words(_pid(node))

    def _last_words(self, pid: int) -> list[str]:
        files = self.recording.files_of(pid)
        if not files:
            return ["it has no ring file"]
        files += self.recording.files_of(os.getpid())  # where this process has noted how the worker ended
        tracer = self.recording.tracer
        tracer.pause()
        try:
            words = merge_program.run(["--quiet", "--last_words", "--pid", str(pid), *files])
        except merge_program.NoAnswerError as error:
            return [f"none: {error}"]
        finally:
            tracer.resume()
        return _brief(words.splitlines())


def _brief(lines: list[str]) -> list[str]:
    """Leave out what every worker has: a thread that receives messages, and the calls of pytest around a test."""
    process, *threads = "\n".join(lines).split("\n\n")
    threads = [thread for thread in threads if thread.startswith("  ") and RECEIVER not in thread]
    kept = "\n\n".join([process, *(_of_thread(thread.splitlines()) for thread in threads)]).splitlines()
    more = len(kept) - LINES_MAX
    return kept if more <= 0 else [*kept[:LINES_MAX], f"... and {more} more lines"]


def _of_thread(lines: list[str]) -> str:
    innermost = max((index for index, line in enumerate(lines) if HOOK.match(line)), default=0)
    outer = [index for index in range(innermost) if OPEN_CALL.match(lines[index])]
    if outer:
        lines[outer[0] : innermost] = [f"    ... {len(outer)} calls of pytest"]
    return "\n".join(lines)


def _pid(node: Any) -> int:
    """Return the process id of a worker, which pytest-xdist has asked for when it started the worker; 0 if unknown."""
    try:
        return int(node.gateway._rinfo().pid)
    except Exception:  # whatever execnet raises, the run of the tests must not suffer from it
        return 0


def _title(node: Any) -> str:
    return f"last words of {node.gateway.id} (pid {_pid(node)})"


def _await_death(node: Any) -> None:
    """Wait for a worker that is about to die, so that its parent's ring file says how it did."""
    popen = getattr(getattr(node.gateway, "_io", None), "popen", None)
    if isinstance(popen, subprocess.Popen):
        try:
            popen.wait(DEATH)
        except subprocess.TimeoutExpired:
            pass
