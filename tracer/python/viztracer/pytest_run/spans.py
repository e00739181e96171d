"""Each test as an asynchronous span with its phases inside: setup, call and teardown.

A span is two events, and the first one is in the ring file as soon as the test begins. So the file of a process that
dies has the test that killed it. A call could not stand for a test: its hooks begin and end in calls of their own.
"""

from __future__ import annotations

import os
import threading

import pytest

from .losses import OUTPUT as LOSS

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from ..viztracer import VizTracer

CATEGORY = "pytest"
ROOT = "tests"  # the span around all tests of a process, so that they share one track
INTERRUPTED = "interrupted"
OUTCOMES_OF_XFAIL = {"skipped": "xfailed", "passed": "xpassed"}
MOMENTS = "viztracer_moments"  # the attribute of a report that says when its phase was, for `slowest`


class Spans:
    """The hooks of pytest that record the spans, in each process that runs tests.

    Args:
        tracer: what records them.
        notes_moments: whether each report gets `MOMENTS`.
    """

    def __init__(self, tracer: VizTracer, *, notes_moments: bool) -> None:
        self.tracer = tracer
        self.notes_moments = notes_moments
        self._has_root = False
        self._phase: tuple[str, str, float] | None = None  # the open one: its test, its name, its begin
        self._outcomes: list[str] = []  # of the test that runs

    @pytest.hookimpl(tryfirst=True, hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, None]:
        """Record a test."""
        if not self._has_root:
            self._has_root = True
            self._log("b", ROOT, {})
        self._outcomes.clear()
        self._log("b", item.nodeid, {"id": item.nodeid})
        ran = yield
        self._end_phase(INTERRUPTED)
        result = self._result()
        if ran.excinfo is not None:
            result["outcome"] = INTERRUPTED
        self._log("e", item.nodeid, {"id": item.nodeid, **result})

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Record the first phase of a test."""
        self._begin_phase(item, "setup")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Record the test proper."""
        self._begin_phase(item, "call")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Record the last phase of a test."""
        self._begin_phase(item, "teardown")

    @pytest.hookimpl(tryfirst=True, hookwrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, None]:
        """End the span of a phase, whose outcome is known now."""
        end = self.tracer.getts()
        made = yield
        if made.excinfo is not None or self._phase is None:
            return
        report = made.get_result()
        if self.notes_moments:
            setattr(report, MOMENTS, [os.getpid(), threading.get_native_id(), self._phase[2], end])
        self._end_phase(outcome(report), end)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note an outcome. That of a child that ran the test is known here only, and so is a repetition."""
        self._outcomes.append(outcome(report))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End the span around all tests; a worker tells what it has lost."""
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output[LOSS] = self.tracer.ring_failure
        if self._has_root:
            self._has_root = False
            self._log("e", ROOT, {})

    def _begin_phase(self, item: pytest.Item, phase: str) -> None:
        begin = self.tracer.getts()
        self._phase = item.nodeid, phase, begin
        self._log("b", phase, {"id": item.nodeid, "phase": phase}, begin)

    def _end_phase(self, result: str, end: float | None = None) -> None:
        if self._phase is None:
            return
        test, phase, _ = self._phase
        self._phase = None
        self._log("e", phase, {"id": test, "phase": phase, "outcome": result}, end)

    def _result(self) -> dict[str, object]:
        """Return the outcome of a test, and how often it was repeated."""
        outcomes = [one for one in self._outcomes if one != "rerun"]
        worst = next((one for one in outcomes if one != "passed"), "passed" if outcomes else INTERRUPTED)
        reruns = len(self._outcomes) - len(outcomes)
        return {"outcome": worst, "reruns": reruns} if reruns else {"outcome": worst}

    def _log(self, kind: str, name: str, arguments: dict[str, object], time: float | None = None) -> None:
        """Record the begin or the end of a span. All spans of a process have one id, and so one track."""
        event = {"ph": kind, "cat": CATEGORY, "id": str(os.getpid()), "name": name, "args": arguments}
        self.tracer.add_raw(event if time is None else event | {"ts": time})


def outcome(report: pytest.TestReport) -> str:
    """Return what became of a phase, in pytest's words."""
    if hasattr(report, "wasxfail"):
        return OUTCOMES_OF_XFAIL.get(report.outcome, report.outcome)
    if report.outcome == "failed" and report.when in ("setup", "teardown"):
        return "error"
    return report.outcome
