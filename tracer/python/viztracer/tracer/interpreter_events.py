"""What the interpreter does, as events: `print`, the garbage collector, audit events."""

from __future__ import annotations

import builtins
import functools
import gc
import sys

from ..output import terminal
from ..snaptrace import record_audit_event, record_garbage_collection
from .logged_events import LoggedEvents

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..process.ring_directory import RingDirectory
    from .torch_profile import TorchProfile

# The tracer that records audit events, and which. The interpreter never forgets a hook, so all tracers share one.
_audited: list[tuple[InterpreterEvents, list[re.Pattern[str]]]] = []
_is_hooked: list[bool] = []


class InterpreterEvents(LoggedEvents):
    """Records what the interpreter does, as the attributes say, from `begin_interpreter_events` to its end."""

    if TYPE_CHECKING:  # what `Options` has
        log_print: bool
        log_gc: bool
        log_audit: Sequence[str] | None
        log_torch: bool
        keep_snapshot_at: list[str] | None
        keep_snapshots: int
        rings: RingDirectory | None

    system_print: Any = None
    _recording_print: Any = None
    _recording_collections: Any = None
    torch_profile: TorchProfile | None = None
    _disarm_triggers: Sequence[Callable[[], None]] = ()
    torch_traces: list[dict[str, Any]]  # what torch has done since the events were forgotten last

    def begin_interpreter_events(self) -> None:
        """Record from now on what the attributes ask for."""
        if self.log_print:
            self.overload_print()
        if self.log_gc and self._recording_collections is None:
            self._recording_collections = functools.partial(record_garbage_collection, self)
            gc.callbacks.append(self._recording_collections)
        if self.log_audit is not None:
            _audit(self, self.log_audit)
        if self.log_torch:
            from .torch_profile import TorchProfile

            self.torch_profile = TorchProfile()
        if self.keep_snapshot_at and self.rings:
            from ..sessions import triggers

            self._disarm_triggers = triggers.arm(self.keep_snapshot_at, self.rings, self.keep_snapshots)

    def end_interpreter_events(self) -> None:
        """Record none of it any more."""
        self.restore_print()
        for disarm in self._disarm_triggers:
            disarm()
        self._disarm_triggers = ()
        if self._recording_collections is not None:
            gc.callbacks[:] = [other for other in gc.callbacks if other is not self._recording_collections]
            self._recording_collections = None
        _audited.clear()
        if self.torch_profile is not None:
            self.pause()  # what torch calls to write its trace is not the program's
            try:
                self.torch_traces += self.torch_profile.end()
            except Exception as error:  # whatever it is, the program must not suffer from it
                terminal.complain(f"the report lacks what torch did: {type(error).__name__}: {error}")
            finally:
                self.torch_profile = None
                self.resume()

    def overload_print(self) -> None:
        """Record what is printed on stdout as instant events, instead of printing it."""
        if self.system_print is not None:
            return
        self.system_print = system_print = builtins.print

        def record(
            *values: object, sep: str | None = None, end: str | None = None, file: Any = None, flush: bool = False
        ) -> None:
            if file not in (None, sys.stdout) or not self.is_recording:  # it is paused, or the program has kept this
                system_print(*values, sep=sep, end=end, file=file, flush=flush)
                return
            text = (" " if sep is None else sep).join(map(str, values)) + ("\n" if end is None else end)
            self.log_instant(f"print - {text}", scope="g")

        builtins.print = self._recording_print = record

    def restore_print(self) -> None:
        """Have `print` print again; a function that the program has put in its place stays there."""
        if self.system_print is not None and builtins.print is self._recording_print:
            builtins.print = self.system_print
        self.system_print = self._recording_print = None

    def add_garbage_collection(self, phase: str, info: dict[str, Any]) -> None:
        """Record the begin or the end of a garbage collection; `gc.callbacks` says what the arguments are."""
        record_garbage_collection(self, phase, info)


def _audit(tracer: InterpreterEvents, patterns: Sequence[str]) -> None:
    """Record the audit events whose names match one of the patterns completely; all of them if there is no pattern."""
    import re

    _audited[:] = [(tracer, [re.compile(pattern) for pattern in patterns])]
    if not _is_hooked:
        _is_hooked.append(True)
        sys.addaudithook(functools.partial(record_audit_event, _audited))
