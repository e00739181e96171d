"""What a tracer records, and where: from its start to the report, or to the end of the tracer.

The ring files of a run belong to the command, or to the process, that began it; so does the report. All others are the
tracer's own:

* *unsaved* (`unsaved`): recorded since `start`, and in no report. They outlive the tracer; a line says so at the end.
* *reported* (`is_reported`): a report, or `data`, has all of it. They stay for another `save`, until the next start,
  `clear`, or the end of the tracer.
* neither: `save` has begun to record again by itself. Nobody has asked for a report on that yet.
"""

from __future__ import annotations

import os
import time

from ..output import report, terminal
from ..process import this_process
from ..process.rank import with_rank
from ..process.ring_directory import RingDirectory
from ..snaptrace import free_last_memory, note_exit
from . import unsaved
from .interpreter_events import InterpreterEvents

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
PATIENCE = 1.0  # seconds that another thread gets to end its recording
DEFAULT_OUTPUT = "result.json"


class Recording(InterpreterEvents):
    """The ring files of a tracer, and its turn to record this process.

    Attributes:
        rings: where it records; None if nothing is recorded.
        is_reported: whether a report or `data` has all that these ring files have. Only if they are the tracer's own.
        first_name: what the process is called before `multiprocessing` gives it a name.
        is_interruptible: whether the program's own tracers interrupt it although it records for a run.
    """

    rings: RingDirectory | None = None
    is_reported: bool = False
    first_name: str | None = None
    is_interruptible: bool = False

    _makes_rings: bool = False  # its ring files are its own, not those of a run
    _is_global: bool = False
    _sealed: str | None = None  # this process's file in the ring files of another process
    _unwatch_exit: Callable[[], None] | None = None

    if TYPE_CHECKING:  # what `Options` and a subclass have
        tracer_entries: int
        keep_leftovers: int
        verbose: int
        output_file: Any
        process_name: str | None
        parsed: bool
        log_func_args: bool
        log_func_retval: bool
        log_func_repr: Callable[..., str] | None
        log_func_with_objprint: bool

        def inherited(self) -> Mapping[str, object]: ...
        def register_global(self) -> None: ...
        def inform_plugins(self, when: str) -> None: ...
        def end_with_process(self) -> None: ...

    @property
    def is_inline(self) -> bool:
        """Whether there are ring files that this object has made for itself, in this process."""
        return self._makes_rings and self.rings is not None and self.rings.is_own

    @property
    def gives_way(self) -> bool:
        """Whether another tracer of this process may record instead: usually not if this one records for a run."""
        return self._makes_rings or self.is_interruptible

    @property
    def report_path(self) -> str:
        """The path of the report; the default one if `save` writes to an open file."""
        path = self.output_file
        return os.fspath(path) if isinstance(path, (str, os.PathLike)) else DEFAULT_OUTPUT

    def begin(self, *, wanted: bool) -> None:
        """Begin to record, or go on, instead of the tracer that records this process now. But a run goes on.

        The caller holds `this_process.lock` and has called `pause`.

        Args:
            wanted: whether the end of the process is to mention what was not saved.
        """
        if not this_process.make_way(self) or not self._claim():
            return
        is_new = self.rings is None or self.is_reported
        try:
            if is_new:
                self._make_rings()
            if self.rings and self.join():
                self._record(self.rings)
            elif self.rings:
                terminal.complain(f"the run that uses {self.rings.path} is over; process {os.getpid()} is not traced")
        except BaseException as error:
            self.end()
            if is_new:
                self.seal()
                self.forget_rings()
            if not self._is_refused(error):
                raise
        finally:
            self.release()  # unless it records
        if self.enable and self.is_inline and self.rings:
            self.watch_exit()
            if wanted:
                unsaved.note(self.rings, self.report_path)

    def _make_rings(self) -> None:
        """Make ring files of its own, and forget those that are reported."""
        was_paused = self.rings is not None and self.rings.is_paused
        self.forget_rings()
        self.rings = RingDirectory.scratch(
            self.tracer_entries, beside=self.report_path, keep_leftovers=self.keep_leftovers
        )
        if was_paused:
            self.rings.pause()
        self._makes_rings = True

    def _is_refused(self, error: BaseException) -> bool:
        """Say that another process's run cannot record this one, from whose end the program must not suffer."""
        if self.rings is None or self.rings.is_own or not isinstance(error, (OSError, RuntimeError)):
            return False
        self.rings.refuse()
        terminal.complain(f"{error}; process {os.getpid()} is not traced")
        return True

    def _claim(self) -> bool:
        """Get this process's recording; return False if this tracer has it already.

        Raises:
            RuntimeError: a thread does not end its recording.
        """
        give_up = time.monotonic() + PATIENCE
        while not self.claim():
            if self.is_busy:
                return False
            if time.monotonic() > give_up:
                raise RuntimeError("another thread is about to start or to stop a tracer: call start again later")
            time.sleep(0.001)
        return True

    def name_process(self, name: str) -> None:
        """Name the process in the report, with its rank if it has one; the user's `process_name` stays as it is."""
        super().name_process(with_rank(name))

    def join(self) -> bool:
        """Join the run that `session` names; return False if it is over."""
        return self.rings is None or self.rings.is_own or self.rings.join()

    def _record(self, rings: RingDirectory) -> None:
        this_process.follow(self)
        self.log_calls(func_args=self.log_func_args, func_retval=self.log_func_retval, func_repr=self._shown_by())
        self.record(self.inherited(), rings, PACKAGE)
        if not self.enable:
            return  # the session has stopped
        if self.process_name:
            super().name_process(self.process_name)
        else:
            self.name_process(self.first_name or this_process.process_name())
        if self.parsed:
            self.torch_traces.clear()
        self.parsed = False
        if self._is_global:
            self.register_global()
        self.begin_interpreter_events()

    def _shown_by(self) -> Callable[..., str] | None:
        """Return what shows arguments and results; None for `repr`."""
        if not self.log_func_with_objprint:
            return self.log_func_repr
        try:
            from objprint import objstr
        except ImportError:
            raise RuntimeError("log_func_with_objprint needs the package objprint: pip install objprint") from None
        shown: Callable[..., str] = objstr
        return shown

    def end(self, stop_option: str | None = None) -> bool:
        """End recording, for a time or for good; return whether it went on until now."""
        with this_process.lock:
            was_recording = self.enable
            self.end_interpreter_events()  # also those of a tracer whose session has been stopped
            self.halt(stop_option == "flush_as_finish")
            this_process.leave(self)
        return was_recording

    def go_on(self) -> None:
        """Record again after another tracer has."""
        self.pause()
        try:
            self.begin(wanted=True)
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            terminal.complain(f"{error}; the tracer that was interrupted does not go on")
        finally:
            self.resume()

    def inputs(self) -> list[str]:
        """Return what a report on this tracer's recording is made of: ring files, which are complete then."""
        self._sealed = self.seal() or self._sealed
        if self.rings is None:
            return []
        if self.rings.is_own or self.is_reported:
            return [self.rings.path] if self.rings.files() else []
        return [self._sealed] if self._sealed else []

    def note_report(self) -> None:
        """Note that a report, or `data`, has all that was recorded. Nobody joins this recording any more."""
        if self.is_inline and self.rings:
            self.is_reported = True
            self.rings.close()
            unsaved.forget(self.rings)

    def forget_rings(self) -> None:
        """Forget what was recorded, and remove the ring files."""
        if self.rings:
            unsaved.forget(self.rings)
            self.rings.remove()
        if self.is_reported:
            self.torch_traces.clear()
        self.rings, self.is_reported, self._sealed = None, False, None

    def keep_running(self, output: str) -> None:
        """Leave the ring files to the user if processes still write to some, and say how to merge them."""
        if self.rings and (running := self.rings.running()):
            self.rings.keep = True
            terminal.complain(report.still_running(self.rings.path, running, output))

    def watch_exit(self, *, weakly: bool = True) -> None:
        """Have `end_with_process` called when this process ends; unless `weakly`, the tracer lives until then."""
        if self._unwatch_exit:
            if weakly:
                return
            self._unwatch_exit()
        end = this_process.ending(self) if weakly else self.end_with_process
        self._unwatch_exit = this_process.at_exit(end)

    def close_rings(self) -> None:
        """Close this tracer's own ring files: remove them, unless they are not saved."""
        if not self.is_inline or self.rings is None:
            return
        self.seal()
        if unsaved.is_noted(self.rings):
            unsaved.say(self.rings)
        elif self.rings.keep:
            self.rings.leave()
        else:
            self.keep_running(self.report_path)
            self.forget_rings()

    def leave(self) -> None:
        """The process ends: record what is open as finished, and close the ring file."""
        free_last_memory()
        if not self.end("flush_as_finish"):
            return
        self.inform_plugins("post-stop")
        if self.process_name is None and this_process.process_name() != this_process.MAIN:
            self.name_process(this_process.process_name())
        failure, removed = self.ring_failure, self.ring_removed
        unmatched = self.ring_unmatched
        if self.verbose and self.rings:
            if unmatched or self.switches_greenlets:
                terminal.complain_of_greenlets(unmatched, self.rings.is_first_to_mention)
            terminal.complain_of_interpreters(self.rings.is_first_to_mention)
        note_exit()
        ring = self.seal()
        terminal.complain_of_ring(ring, failure, removed=removed)

    def __del__(self) -> None:
        """Leave no descriptor and no file, except for what was not saved: the end of the process mentions that."""
        if self._unwatch_exit is None or not self.is_inline or self.rings is None:
            return
        self._unwatch_exit()
        self.pause()  # another tracer may record
        if unsaved.is_noted(self.rings):
            self.seal()
            self.rings.close()
            self.rings.let_go()
            this_process.at_exit(_saying(self.rings))
        else:
            self.close_rings()
        self.resume()


def _saying(rings: RingDirectory) -> Callable[[], None]:
    return lambda: unsaved.say(rings)
