"""`VizTracer`: record the calls of this process, then write a report."""

from __future__ import annotations

import builtins
import os
import warnings

from .output import report
from .process import this_process
from .process.ring_directory import RingDirectory
from .snaptrace import free_last_memory, note_exit
from .tracer.installed import InstalledTracer
from .tracer.loaded_trace import copy_report
from .tracer.options import Options

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, TextIO


class VizTracer(Options, InstalledTracer):
    """Records all calls between `start` and `stop`; `save` writes the report.

    While it records, every event is already in a memory-mapped file, so nothing is lost when the process dies. What was
    recorded is there for any number of reports, until the next `start` after one. The arguments are the fields of
    `Options`. They can also be changed as attributes before `start`.
    """

    _was_controlled: bool = False  # `start` or `stop` was called
    _saves_at_exit: bool = False

    def __post_init__(self, register_global: bool, session: str | None) -> None:
        """Begin without ring files of its own; with `session`, with those of that run."""
        self.rings = RingDirectory.at(session) if session else None
        if self.log_audit is not None and not self.log_audit:
            self.log_audit = [".*"]  # of all names; to children, an empty list stands for none
        if self.log_func_repr and self.log_func_with_objprint:
            raise ValueError("log_func_repr and log_func_with_objprint can't be both specified!")
        self.torch_traces = []
        if self.log_torch:
            from .tracer import torch_profile  # most processes do without it

            if not torch_profile.is_installed():
                raise ModuleNotFoundError("log_torch needs the package torch", name="torch")
        self._is_global = register_global
        if register_global and not (session and this_process.recording()):  # it has joined the run by itself
            self.register_global()
        self.load_plugins(self.plugins)

    def register_global(self) -> None:
        """Let `get_tracer` find this tracer, until another one is made or begins to record."""
        builtins.__dict__["__viz_tracer__"] = self

    def start(self) -> None:
        """Begin to record, or go on after a `stop`. Does nothing if this tracer records already, or a run does.

        Another tracer of this process that records is interrupted, and goes on after the `stop` of this one.

        Raises:
            ValueError, TypeError: the options make no sense.
            OSError: there can be no ring file.
        """
        self.check()
        self._was_controlled = True
        if self.enable:
            return
        self.inform_plugins("pre-start")
        with this_process.lock:
            self.pause()  # what this calls is not the program's
            try:
                self.begin(wanted=True)
            finally:
                self.resume()
                if not self.enable:
                    this_process.end_turn(self)

    def begin_by_itself(self) -> None:
        """Begin to record if this tracer records only what is decorated: for VizTracer, that needs no `start`."""
        if self.log_sparse and not self._was_controlled:
            self.start()

    def stop(self, stop_option: str | None = None) -> None:
        """End recording. Calls that are still open are shown as unfinished, or, with "flush_as_finish", as finished."""
        self._was_controlled = True
        with this_process.lock:
            was_recording = self.end(stop_option)
            was_interrupted = this_process.end_turn(self)
        if was_recording or was_interrupted:
            self.inform_plugins("post-stop")

    def save(
        self,
        output_file: str | os.PathLike[str] | TextIO | None = None,
        file_info: bool | None = None,
        verbose: int | None = None,
    ) -> None:
        """Write the report of what was recorded; go on recording if it was.

        It includes the processes that recorded with this one's `init_kwargs`, and what this one has forked. In such a
        process, the calls stay with those of the first one, whose `save` reports them, unless a file is given.

        Args:
            output_file: a path, or an object with a method `write`, which gets JSON; None for the attribute.
            file_info: whether the report has the source of the functions; None for the attribute.
            verbose: 0 prints nothing; None for the attribute.

        Raises:
            RuntimeError: the report could not be written.
            ValueError: `output_file` is nothing of that kind.
        """
        output = report.target(self.output_file if output_file is None else output_file)
        if not isinstance(verbose, (int, type(None))):
            raise TypeError(f"verbose must be int or None, not {type(verbose).__name__}")
        with this_process.lock:
            was_recording = self.end()
            if was_recording:
                self.inform_plugins("post-stop")
            self.pause()  # another tracer may record
            try:
                self._save(output, is_named=output_file is not None, file_info=file_info, verbose=verbose)
            finally:
                if was_recording:
                    self.inform_plugins("pre-start")
                    self.begin(wanted=not self.is_reported)
                self.resume()

    def _save(self, output: Any, *, is_named: bool, file_info: bool | None, verbose: int | None) -> None:
        if self.saves_data:
            self.read_data()
        inputs = self.inputs()
        if not inputs and not self.parsed:
            reason = "another tracer records this process" if this_process.recording() else "nothing was recorded"
            warnings.warn(f"No report is saved to {output}: {reason}", RuntimeWarning, stacklevel=3)
            return
        if not (self.parsed or is_named or self.pid_suffix or self.is_reported or (self.rings and self.rings.is_own)):
            return  # the process that has begun the recording saves it
        if self.pid_suffix and isinstance(output, str):
            output = report.with_pid(output, os.getpid())
        source = bool(self.file_info if file_info is None else file_info)
        verbose = self.verbose if verbose is None else verbose
        if self.saves_data:
            self.save_data(output, file_info=source, verbose=verbose)
        elif isinstance(output, str):
            self.total_entries = report.write(inputs, output, source=source, verbose=verbose)
        else:
            self.total_entries = copy_report(inputs, output, source=source)
        if self.is_inline:
            self.keep_running(output if isinstance(output, str) else self.report_path)
        self.note_report()

    def enable_thread_tracing(self) -> None:
        """Do nothing: every thread is recorded. VizTracer has this method."""

    @property
    def init_kwargs(self) -> dict[str, Any]:
        """The arguments that make a tracer like this one, all of them plain values; for other processes."""
        return self.inherited() | {"session": self.rings.address if self.rings and not self.is_reported else None}

    def exit_routine(self) -> None:
        """Stop, save and have the plugins end, as at the end of a process; a second call finds nothing to save."""
        self.stop("flush_as_finish")
        if self.rings and not self.is_reported:
            self.save()
            self.terminate()

    def register_exit(self) -> None:
        """When this process ends, close its ring file; or save, if its calls belong to no other process's report.

        For workers that make their own tracer of another process's `init_kwargs`.
        """
        self._saves_at_exit = True
        self.watch_exit(weakly=False)

    def end_with_process(self) -> None:
        """The process ends: close the ring file, and see to what was not saved."""
        free_last_memory()
        self._unwatch_exit = None
        if not self.is_inline:
            self.leave()
            return
        was_recording = self.end("flush_as_finish" if self._saves_at_exit else None)
        if was_recording:
            self.inform_plugins("post-stop")
        if self._saves_at_exit and not self.is_reported:
            self.save()
        note_exit()
        self.close_rings()

    def run(self, command: str, output_file: str | None = None) -> None:
        """Record the execution of this source text, then save, also if it raises."""
        self.start()
        try:
            exec(command)
        finally:
            self.stop()
            self.save(output_file)

    def __enter__(self) -> VizTracer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        try:
            self.save()
        finally:
            unregister_global(self)
            self.terminate()


def get_tracer() -> VizTracer | None:
    """Return the tracer that has begun to record last, or was made last, with ``register_global``; None without one."""
    tracer: VizTracer | None = builtins.__dict__.get("__viz_tracer__")
    return tracer


def unregister_global(tracer: VizTracer) -> None:
    """Let `get_tracer` find no tracer, if it finds this one."""
    if get_tracer() is tracer:
        del builtins.__dict__["__viz_tracer__"]
