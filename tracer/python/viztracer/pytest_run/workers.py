"""The last words of pytest-xdist's workers: of those that died, and of those that hang when the user interrupts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time

import pytest

from ..output.quoting import printable
from . import merge_program
from .spans import CATEGORY, INTERRUPTED

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    from .recording import RunRecording

LINES_MAX = 60  # of the last words of a worker
WORKERS_MAX = 8  # whose last words are shown after an interruption
PATIENCE = 30.0  # seconds that these words may take, all together
IN_ORDER = "none: it has ended in order, or its ring file does not say how it ended"
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
        deadline = time.monotonic() + PATIENCE
        for node in list(self._living.values())[:WORKERS_MAX]:
            self._note(node, deadline)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the last words that belong to no report of a test."""
        for title, lines in self._words.items():
            terminalreporter.write_sep("-", title)
            for line in lines:
                terminalreporter.write_line(line)

    def _note(self, node: Any, deadline: float | None = None) -> None:
        """Note the last words of a worker; if that must be done in time, also the test that runs, if it still does."""
        tracer = self.recording.tracer
        tracer.pause()
        try:
            words = self._last_words(_pid(node), deadline)
        except merge_program.NoAnswerError as error:
            words = [f"none: {error}"]
        finally:
            tracer.resume()
        self._words[_title(node)] = words

    def _last_words(self, pid: int, deadline: float | None) -> list[str]:
        files = self.recording.files_of(pid)
        if not files:
            return ["it has no ring file"]
        others = self.recording.files_of(os.getpid())  # where this process has noted how the worker ended
        words = merge_program.run(["--quiet", "--last_words", "--pid", str(pid), *files, *others], deadline)
        lines = _brief(words, pid)
        if deadline is not None and lines != [IN_ORDER]:  # the report on a crash has the name of the test
            lines[1:1] = _test(files, deadline)
        return lines


def _brief(words: str, pid: int) -> list[str]:
    """Leave out other processes, the thread of a worker that gets messages, and the calls of pytest around a test."""
    kept: list[str] = []
    is_wanted = False
    for paragraph in words.rstrip("\n").split("\n\n"):
        if not paragraph.startswith(" "):
            is_wanted = f"(pid {pid}) " in paragraph.partition("\n")[0]
            kept += [paragraph] if is_wanted else []
        elif is_wanted and RECEIVER not in paragraph:
            kept.append(_of_thread(paragraph.splitlines()))
    lines = "\n\n".join(kept or [IN_ORDER]).splitlines()
    more = len(lines) - LINES_MAX
    return lines if more <= 0 else [*lines[:LINES_MAX], f"... and {more} more lines"]


def _test(files: list[str], deadline: float) -> list[str]:
    """Return a line about the test that runs, or was the last one: Ctrl+C also ends the tests of workers."""
    spans_only = ["--min_duration", "100000s", "--no_source"]
    try:
        text = merge_program.run(["--quiet", *spans_only, "--format", "json", "-o", "-", *files], deadline)
        events = json.loads(text)["traceEvents"]
    except (merge_program.NoAnswerError, ValueError):
        return []
    ends = [event for event in events if event.get("cat") == CATEGORY and "id" in (event["args"] or {})]
    if not ends:
        return []
    last = max(ends, key=lambda event: float(event["ts"]))
    arguments = last["args"]
    is_over = last["ph"] == "e" and "phase" not in arguments and arguments.get("outcome") != INTERRUPTED
    phases = [one["args"].get("phase") for one in ends if one["args"]["id"] == arguments["id"]]
    phase = next((f" ({phase})" for phase in reversed(phases) if phase and not is_over), "")
    return [f"  {'last test:' if is_over else 'test:':<11}  {printable(arguments['id'])}{phase}"]


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
