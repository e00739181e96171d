"""What has a traced program take snapshots by itself.

An exception that nothing handles is seen here. The extension sees slow calls, killed children and signals, and starts
the command that `_prepare` hands over; no Python runs in the program for that.
"""

from __future__ import annotations

import os
import sys

from ..output import terminal
from ..process import isolation
from ..snaptrace import arm_snapshots, disarm_snapshots, watch_deadly_signals
from . import request
from . import snapshot as snapshots

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any

    from ..process.ring_directory import RingDirectory

EXCEPTION = "exception"


def arm(triggers: Sequence[str], rings: RingDirectory, limit: int) -> list[Callable[[], None]]:
    """Have these take snapshots of a run from now on, up to a limit; return what takes that back."""
    undo = _arm_exceptions() if EXCEPTION in triggers else []
    if set(triggers) == {EXCEPTION}:
        return undo
    if not sys.executable:
        terminal.complain("no snapshots at slow calls, killed children or signals: the interpreter's path is unknown")
        return undo
    _prepare(triggers, rings, limit)
    return [*undo, lambda: _end(rings.path, limit)]


def _prepare(triggers: Sequence[str], rings: RingDirectory, limit: int) -> None:
    entry = isolation.code("from viztracer.sessions import triggered; triggered.main()")
    command = [sys.executable, "-sS", "-c", entry, rings.path, str(limit)]
    environment = list(map("=".join, isolation.environment()))
    arm_snapshots(triggers, command, environment, rings, limit, snapshots.claim_path(rings.path, limit))
    watch_deadly_signals()  # the handler of signals that ask for a snapshot, too


def _end(directory: str, limit: int) -> None:
    """Say what was missed only now: in between, a line may come in the way of the program."""
    failure = snapshots.take_failure(directory) if snapshots.is_shared(directory) else None
    if failure is not None:
        terminal.complain(f"a snapshot that was due is not written: {failure}")
    missed, error = disarm_snapshots()
    if missed:
        reason = error or f"--keep_snapshots {limit}"
        terminal.complain(f"process {os.getpid()}: {missed} snapshots that were due are not taken ({reason})")


def _arm_exceptions() -> list[Callable[[], None]]:
    """Take a snapshot before the hooks of the program are called, of the main thread and of the others."""
    import threading

    before, before_of_threads = sys.excepthook, threading.excepthook

    def hook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        _take(kind)
        before(kind, value, trace)

    def hook_of_threads(arguments: Any) -> None:
        _take(arguments.exc_type)
        before_of_threads(arguments)

    sys.excepthook, threading.excepthook = hook, hook_of_threads

    def undo() -> None:
        if sys.excepthook is hook:
            sys.excepthook = before
        if threading.excepthook is hook_of_threads:
            threading.excepthook = before_of_threads

    return [undo]


def _take(kind: type[BaseException]) -> None:
    if issubclass(kind, Exception):  # and not Ctrl+C, nor what ends a program in order
        request.snapshot(kind.__name__)
