"""What the interpreter does, as events: `print`, the garbage collector, audit events."""

from __future__ import annotations

import builtins
import gc
import sys

from ..output import terminal
from ..snaptrace import text_of
from .logged_events import LoggedEvents

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import re
    from collections.abc import Sequence
    from typing import Any

    from .torch_profile import TorchProfile

GC_EVENT = "garbage collection"

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

    system_print: Any = None
    torch_profile: TorchProfile | None = None
    torch_traces: list[dict[str, Any]]  # what torch has done since the events were forgotten last

    def begin_interpreter_events(self) -> None:
        """Record from now on what the attributes ask for."""
        if self.log_print:
            self.overload_print()
        if self.log_gc and self.add_garbage_collection not in gc.callbacks:
            gc.callbacks.append(self.add_garbage_collection)
        if self.log_audit is not None:
            _audit(self, self.log_audit)
        if self.log_torch:
            from .torch_profile import TorchProfile

            self.torch_profile = TorchProfile()

    def end_interpreter_events(self) -> None:
        """Record none of it any more."""
        self.restore_print()
        if self.add_garbage_collection in gc.callbacks:
            gc.callbacks.remove(self.add_garbage_collection)
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
            if file not in (None, sys.stdout):
                system_print(*values, sep=sep, end=end, file=file, flush=flush)
                return
            text = (" " if sep is None else sep).join(map(str, values)) + ("\n" if end is None else end)
            self.log_instant(f"print - {text}", scope="g")

        builtins.print = record

    def restore_print(self) -> None:
        """Have `print` print again."""
        if self.system_print is not None:
            builtins.print = self.system_print
            self.system_print = None

    def add_garbage_collection(self, phase: str, info: dict[str, Any]) -> None:
        """Record the begin or the end of a garbage collection; `gc.callbacks` says what the arguments are."""
        ended = phase != "start"
        counts = {name: info.get(name, 0) if ended else 0 for name in ("collected", "uncollectable")}
        self.add_counter(GC_EVENT, {"collecting": int(not ended), **counts})


def _audit(tracer: InterpreterEvents, patterns: Sequence[str]) -> None:
    """Record the audit events whose names match one of the patterns completely; all of them if there is no pattern."""
    import re

    _audited[:] = [(tracer, [re.compile(pattern) for pattern in patterns])]
    if not _is_hooked:
        _is_hooked.append(True)
        sys.addaudithook(_record_audit_event)


def _record_audit_event(name: str, arguments: tuple[object, ...]) -> None:
    for tracer, patterns in tuple(_audited):
        if not tracer.enable:
            continue
        if not patterns or any(pattern.fullmatch(name) for pattern in patterns):
            shown = [text_of(argument, str) for argument in arguments]
            tracer.log_instant(name, {"args": shown}, scope="t")
