"""`VizTracer`: record the calls of this process, then write a report."""

from __future__ import annotations

import builtins
import os
import warnings

from .output import report, terminal
from .process import this_process
from .process.ring_directory import RingDirectory
from .snaptrace import Tracer, arm_exit_line, disarm_exit_line, note_exit
from .tracer import torch_profile
from .tracer.options import Options
from .tracer.plugged_trace import PluggedTrace

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Any

# What a tracer does with the ring files when the process ends:
CLOSE = "close"  # they belong to another process, or to the command, which see to the report
OFFER = "offer"  # they are its own, and no report was saved: it prints the command that makes one
REMOVE = "remove"  # a report was saved; what came after that was not asked for
SAVE = "save"  # `register_exit` asks for a report

# What a process has among its open files that heeds the signals of `VizTracer.install`.
INSTALLED = "viztracer_installed"

PACKAGE = os.path.dirname(__file__) + os.sep


class VizTracer(Options, PluggedTrace):
    """Records all calls between `start` and `stop`; `save` writes the report.

    While it records, every event is already in a memory-mapped file, so nothing is lost when the process dies. The
    arguments are the fields of `Options`. They can also be changed as attributes before `start`.
    """

    def __post_init__(self, register_global: bool, session: str | None) -> None:
        """Begin without ring files of its own; with `session`, with those of that run."""
        self.rings: RingDirectory | None = RingDirectory.at(session) if session else None
        self.first_name: str | None = None
        self._installed: int | None = None
        self._at_exit = CLOSE
        self._unwatch_exit: Callable[[], None] | None = None
        if register_global and not (session and this_process.recording()):  # it has joined the run by itself
            self.register_global()
        if self.log_audit == []:
            self.log_audit = [".*"]  # of all names; to children, an empty list stands for none
        if self.log_func_repr and self.log_func_with_objprint:
            raise ValueError("log_func_repr and log_func_with_objprint can't be both specified!")
        self.torch_traces = []
        if self.log_torch and not torch_profile.is_installed():
            raise ModuleNotFoundError("log_torch needs the package torch", name="torch")
        self.load_plugins(self.plugins)

    def register_global(self) -> None:
        """Let `get_tracer` find this tracer."""
        builtins.__dict__["__viz_tracer__"] = self

    def start(self) -> None:
        """Begin to record, or go on after a `stop`. Does nothing if this tracer records already, or a run does.

        Raises:
            RuntimeError: another tracer of this process records.
            ValueError, TypeError: the options make no sense.
        """
        self.check()
        if not self.enable:
            self.forget_parsed()
            self.inform_plugins("pre-start")
        with this_process.lock:
            self.pause()  # what this calls is not the program's
            try:
                self._start()
            finally:
                self.resume()

    def _start(self) -> None:
        if not self.claim():
            self._give_way()
            return
        rings, reason = self.rings, ""
        try:
            if self.rings is None:
                self.rings = RingDirectory.scratch(self.tracer_entries, beside=self.output_file)
                # Written now, while the functions that it takes are not recorded.
                reason = report.not_written("the process ended before it", self.rings.path, self.output_file)
            if self.join():
                self._record(self.rings)
            else:
                terminal.complain(f"the run that uses {self.rings.path} is over; process {os.getpid()} is not traced")
        except BaseException as error:
            self.release()
            if rings is None:
                self.forget_rings()
            elif not rings.is_own and isinstance(error, (OSError, RuntimeError)):
                rings.refuse()
                terminal.complain(f"{error}; process {os.getpid()} is not traced")
                return  # the program must not suffer from the end of another process
            raise
        self.release()  # unless it records
        if rings is None and self.rings:
            if self._at_exit == CLOSE:
                self._at_exit = OFFER
            self._watch_exit()
            arm_exit_line(f"viztracer: {reason}\n")

    def _give_way(self) -> None:
        """Another tracer has this process's recording: raise an error, unless these calls are recorded all the same."""
        other = this_process.recording()
        if self.is_busy or (other and not other.is_inline):
            return
        which = f" (it writes {other.output_file})" if other else ""
        raise RuntimeError(
            f"another tracer{which} records this process, and there can be one at a time: stop that one before this "
            "one starts, or trace the whole program with the viztracer command"
        )

    def forget_rings(self) -> None:
        if self.rings:
            self.rings.remove()
            self.rings = None

    @property
    def is_inline(self) -> bool:
        """Whether there are ring files that this object has made for itself."""
        return self._at_exit != CLOSE and self.rings is not None and self.rings.is_own

    def join(self) -> bool:
        """Join the run that `session` names; return False if it is over."""
        return self.rings is None or self.rings.is_own or self.rings.join()

    def _record(self, rings: RingDirectory) -> None:
        this_process.follow(self)
        self.log_calls(func_args=self.log_func_args, func_retval=self.log_func_retval, func_repr=self._shown_by())
        self.record(self.inherited(), rings, PACKAGE)
        self.name_process(self.process_name or self.first_name or this_process.process_name())
        self.parsed = False
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

    def stop(self, stop_option: str | None = None) -> None:
        """End recording. Calls that are still open are shown as unfinished, or, with "flush_as_finish", as finished."""
        was_recording = self.enable
        if was_recording:
            self.end_interpreter_events()
        self.halt(stop_option == "flush_as_finish")
        if was_recording:
            self.inform_plugins("post-stop")

    def save(self, output_file: str | None = None, file_info: bool | None = None, verbose: int | None = None) -> None:
        """Write the report of all that was recorded since the last `save`; go on recording if it was.

        It includes the processes that recorded with this one's `init_kwargs`, and what this one has forked. In such a
        process, the calls stay with those of the first one, whose `save` reports them, unless a file is given.

        Raises:
            RuntimeError: the report could not be written.
        """
        with this_process.lock:
            self._save(output_file, file_info, verbose)

    def _save(self, output_file: str | None, file_info: bool | None, verbose: int | None) -> None:
        output = self.output_file if output_file is None else output_file
        if not isinstance(output, str):
            raise ValueError("output_file must be a str")  # noqa: TRY004: as VizTracer does
        recording = self.enable
        self.stop()
        if self.saves_data:
            self.parse()
        ring, rings = self.seal(), self.rings
        if rings is None or ring is None:
            if self.parsed:  # and saved already
                self._write([], output, file_info, verbose)
                return
            reason = "another tracer records this process" if this_process.recording() else "nothing was recorded"
            warnings.warn(f"No report is saved to {output}: {reason}", RuntimeWarning, stacklevel=3)
            return
        if rings.is_own or output_file is not None or self.pid_suffix:
            output = report.with_pid(output, os.getpid()) if self.pid_suffix else output
            self._write([rings.path if rings.is_own else ring], output, file_info, verbose)
        if self.is_inline:
            if self._at_exit == OFFER:
                self._at_exit = REMOVE
            self._clear(rings, output)
            self.rings = None
        if recording:
            self.start()
        elif self._unwatch_exit and self.rings is None and self._at_exit != SAVE:
            self._unwatch_exit()
            self._unwatch_exit = None

    def _write(self, inputs: list[str], output: str, file_info: bool | None, verbose: int | None) -> None:
        source = self.file_info if file_info is None else file_info
        verbose = self.verbose if verbose is None else verbose
        if self.saves_data:
            self.save_data(output, file_info=source, verbose=verbose)
        else:
            self.total_entries = report.write(inputs, output, source=source, verbose=verbose)

    def _clear(self, rings: RingDirectory, output: str) -> None:
        """Remove the ring files that are in the report, unless other processes still write to some."""
        disarm_exit_line()
        if running := rings.running():
            terminal.complain(report.still_running(rings.path, running, output))
            rings.close()
        else:
            rings.remove()

    def enable_thread_tracing(self) -> None:
        """Do nothing: every thread is recorded. VizTracer has this method."""

    @property
    def init_kwargs(self) -> dict[str, Any]:
        """The arguments that make a tracer like this one, all of them plain values; for other processes."""
        return self.inherited() | {"session": self.rings.address if self.rings else None}

    def install(self) -> None:
        """Begin to record on SIGUSR1; stop and save on SIGUSR2, which ``viztracer --attach_installed`` sends."""
        import signal

        signal.signal(signal.SIGUSR1, self._start_by_signal)
        signal.signal(signal.SIGUSR2, self._save_by_signal)
        if self._installed is None:
            # Shows others that there are handlers, as long as there are: a fork inherits both, and an exec ends both.
            self._installed = os.memfd_create(INSTALLED, os.MFD_CLOEXEC)

    def uninstall(self) -> None:
        """Give the signals of `install` their default actions, and forget what was recorded but not saved."""
        if self._installed is None:
            return
        import signal

        self.stop()
        self.clear()
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
        os.close(self._installed)
        self._installed = None

    def _start_by_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.start()

    def _save_by_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()
        self.save()

    def exit_routine(self) -> None:
        """Stop, save and have the plugins end, as at the end of a process; a second call finds nothing to save."""
        self.stop("flush_as_finish")
        if self.rings:
            self.save()
            self.terminate()

    def register_exit(self) -> None:
        """When this process ends, close its ring file; or save, if its calls belong to no other process's report.

        For workers that make their own tracer of another process's `init_kwargs`.
        """
        if self.rings is None or self.is_inline:
            self._at_exit = SAVE
        self._watch_exit()

    def _watch_exit(self) -> None:
        if self._unwatch_exit is None:
            self._unwatch_exit = this_process.at_exit(self._exit)

    def _exit(self) -> None:
        """The process ends, and nobody has saved since the last `start`."""
        if self.rings is None or not self.is_inline:
            self.leave()
        elif self._at_exit == SAVE:
            self.stop("flush_as_finish")
            self.save()
        elif self._at_exit == REMOVE or self.parsed:
            self.stop()
            note_exit()
            self.seal()
            self._clear(self.rings, self.output_file)
        elif self.seal():
            disarm_exit_line()
            terminal.complain(report.not_written("save() was not called", self.rings.path, self.output_file))
            self.rings.close()

    def leave(self) -> None:
        """The process ends: record what is open as finished, and close the ring file."""
        if not self.enable:
            return
        self.stop("flush_as_finish")
        if self.process_name is None and this_process.process_name() != this_process.MAIN:
            self.name_process(this_process.process_name())
        failure, removed = self.ring_failure, self.ring_removed
        unmatched = self.ring_unmatched
        if self.verbose and (unmatched or self.switches_greenlets):
            terminal.complain_of_greenlets(unmatched)
        note_exit()
        ring = self.seal()
        terminal.complain_of_ring(ring, failure, removed=removed)

    def run(self, command: str, output_file: str | None = None) -> None:
        """Record the execution of this source text, then save."""
        self.start()
        exec(command)
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
        self.save()
        self.terminate()
        if builtins.__dict__.get("__viz_tracer__") is self:
            del builtins.__dict__["__viz_tracer__"]


def get_tracer() -> VizTracer | None:
    """Return the tracer that was last made with ``register_global``, if there is one."""
    tracer: VizTracer | None = builtins.__dict__.get("__viz_tracer__")
    return tracer
