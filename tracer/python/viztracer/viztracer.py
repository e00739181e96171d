"""`VizTracer`: record the calls of this process, then write a report."""

from __future__ import annotations

import builtins
import os
import warnings

from . import child, report
from .loaded_trace import LoadedTrace
from .ring_directory import DEFAULT_ENTRIES, RingDirectory
from .snaptrace import arm_line, disarm_line, note_exit

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any

    from .vizplugin import VizPluginBase

# Whose the ring files of a tracer are: not known before the first start, another process's or a run's, or its own. Of
# its own it is also kept whether any were saved.
NEW, JOINED, OWN, SAVED = range(4)

PACKAGE = os.path.dirname(__file__) + os.sep


class VizTracer(LoadedTrace):
    """Records all calls between `start` and `stop`; `save` writes the report.

    While it records, every event is already in a memory-mapped file, so nothing is lost when the process dies. The
    arguments can also be changed as attributes before `start`.

    Args:
        tracer_entries: how many of the newest events to keep in each process; older ones are lost.
        verbose: 0 prints nothing.
        max_stack_depth: the deepest nesting that is recorded; negative for no limit.
        include_files: record only functions of files whose paths begin with one of these.
        exclude_files: do not record functions of files whose paths begin with one of these.
        ignore_c_function: do not record functions written in C.
        ignore_frozen: do not record what is frozen into the interpreter, such as the import system.
        log_async: give every asyncio (or trio) task a track of its own.
        min_duration: do not record calls shorter than this, in us.
        pid_suffix: insert ``_<pid>`` into the report's name.
        file_info: put the source of the traced functions into the report.
        register_global: let `get_tracer` find this tracer.
        trace_self: record viztracer's own functions, too.
        process_name: the process's name in the report.
        output_file: where `save` writes; the name's end tells what: ``.json``, ``.json.gz``, ``.pftrace``,
            ``.speedscope.json``, ``.html``, ``.csv``, ``.folded``.
        session: the run of another process to which this one's calls belong, from that one's `init_kwargs`.
        log_print: record what is printed as instant events, instead of printing it.
        log_gc: record garbage collections as a counter.
        log_audit: record the audit events whose names match one of these patterns; all of them if there is none.
        plugins: plugins, or texts of which the first word names a module that has one.
    """

    def __init__(
        self,
        tracer_entries: int = DEFAULT_ENTRIES,
        verbose: int = 1,
        max_stack_depth: int = -1,
        include_files: list[str] | None = None,
        exclude_files: list[str] | None = None,
        ignore_c_function: bool = False,
        ignore_frozen: bool = False,
        *,
        log_async: bool = False,
        min_duration: float = 0,
        pid_suffix: bool = False,
        file_info: bool = True,
        register_global: bool = True,
        trace_self: bool = False,
        process_name: str | None = None,
        output_file: str = "result.json",
        session: str | None = None,
        log_print: bool = False,
        log_gc: bool = False,
        log_audit: Sequence[str] | None = None,
        plugins: Sequence[VizPluginBase | str] | None = None,
    ) -> None:
        super().__init__()
        _check("tracer_entries", tracer_entries, int)
        _check("verbose", verbose, int)
        _check("max_stack_depth", max_stack_depth, int)
        _check("include_files", include_files, list, type(None))
        _check("exclude_files", exclude_files, list, type(None))
        _check("ignore_c_function", ignore_c_function, bool)
        _check("ignore_frozen", ignore_frozen, bool)
        _check("log_async", log_async, bool)
        _check("min_duration", min_duration, int, float)
        _check("trace_self", trace_self, bool)
        _check("process_name", process_name, str, type(None))
        _check("session", session, str, type(None))
        _check("log_print", log_print, bool)
        _check("log_gc", log_gc, bool)
        if not isinstance(pid_suffix, bool):
            raise ValueError("pid_suffix must be a bool")
        self.tracer_entries = tracer_entries
        self.verbose = verbose
        self.max_stack_depth = max_stack_depth
        self.include_files = include_files
        self.exclude_files = exclude_files
        self.ignore_c_function = ignore_c_function
        self.ignore_frozen = ignore_frozen
        self.log_async = log_async
        self.min_duration = min_duration
        self.pid_suffix = pid_suffix
        self.file_info = file_info
        self.trace_self = trace_self
        self.process_name = process_name
        self.output_file = output_file
        self.total_entries = 0
        self.rings: RingDirectory | None = RingDirectory.at(session) if session else None
        self.first_name: str | None = None
        self._files = NEW
        self._saves_at_exit = False
        self._unwatch_exit: Callable[[], None] | None = None
        if register_global and not (session and child.recording()):  # it has joined the run by itself
            self.register_global()
        self.log_print = log_print
        self.log_gc = log_gc
        self.log_audit = log_audit
        self.load_plugins(plugins)

    def register_global(self) -> None:
        """Let `get_tracer` find this tracer."""
        builtins.__dict__["__viz_tracer__"] = self

    def start(self) -> None:
        """Begin to record, or go on after a `stop`. Does nothing if this tracer records already, or a run does.

        Raises:
            RuntimeError: another tracer of this process records.
        """
        if self.include_files and self.exclude_files:
            raise ValueError("include_files and exclude_files can't be both specified!")
        if not self.enable:
            self.inform_plugins("pre-start")
        with child.lock:
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
                report.complain(f"the run that uses {self.rings.path} is over; process {os.getpid()} is not traced")
        except BaseException as error:
            self.release()
            if rings is None:
                self.forget_rings()
            elif not rings.is_own and isinstance(error, (OSError, RuntimeError)):
                rings.refuse()
                report.complain(f"{error}; process {os.getpid()} is not traced")  # it must not suffer from another's end
                return
            raise
        self.release()  # unless it records
        if rings is None and self.rings:
            self._files = max(self._files, OWN)
            self._watch_exit()
            arm_line(f"viztracer: {reason}\n")

    def _give_way(self) -> None:
        """Another tracer has this process's recording: raise an error, unless these calls are recorded all the same."""
        other = child.recording()
        if self.is_busy or (other and not other.is_inline):
            return
        which = f" (it writes {other.output_file})" if other else ""
        raise RuntimeError(
            f"another tracer{which} records this process, and there can be one at a time: stop that one before this one "
            "starts, or trace the whole program with the viztracer command"
        )

    def forget_rings(self) -> None:
        if self.rings:
            self.rings.remove()
            self.rings = None

    @property
    def is_inline(self) -> bool:
        """Whether the ring files are nobody's concern but this object's."""
        return self._files in (OWN, SAVED) and (self.rings is None or self.rings.is_own)

    def join(self) -> bool:
        """Join the run of which `session` told, which is done once; return False if it is over."""
        if self._files == NEW and self.rings and not self.rings.is_own and self.rings.join():
            self._files = JOINED
        return self._files != NEW or self.rings is None or self.rings.is_own

    def _record(self, rings: RingDirectory) -> None:
        child.follow(self)
        self.record(
            directory=rings.path,
            prefix=rings.prefix,
            entries=self.tracer_entries,
            min_duration=round(self.min_duration * 1000),
            max_stack_depth=self.max_stack_depth,
            c_functions=not self.ignore_c_function,
            tasks=self.log_async,
            ignore_frozen=self.ignore_frozen,
            include_files=_with_absolute(self.include_files),
            exclude_files=_with_absolute(self.exclude_files),
            package="" if self.trace_self else PACKAGE,
            session_id=rings.session_id,
        )
        self.name_process(self.process_name or self.first_name or child.process_name())
        self.parsed = False
        self.begin_interpreter_events()

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
        with child.lock:
            self._save(output_file, file_info, verbose)

    def _save(self, output_file: str | None, file_info: bool | None, verbose: int | None) -> None:
        output = self.output_file if output_file is None else output_file
        if not isinstance(output, str):
            raise ValueError("output_file must be a str")  # noqa: TRY004: as the peer does
        recording = self.enable
        self.stop()
        if self.saves_data:
            self.parse()
        ring, rings = self.seal(), self.rings
        if rings is None or ring is None:
            if self.parsed:  # and saved already
                self._write([], output, file_info, verbose)
                return
            reason = "another tracer records this process" if child.recording() else "nothing was recorded"
            warnings.warn(f"No report is saved to {output}: {reason}", RuntimeWarning, stacklevel=3)
            return
        if rings.is_own or output_file is not None or self.pid_suffix:
            output = report.with_pid(output, os.getpid()) if self.pid_suffix else output
            self._write([rings.path if rings.is_own else ring], output, file_info, verbose)
        if self.is_inline:
            self._files = SAVED
            self._clear(rings, output)
            self.rings = None
        if recording:
            self.start()
        elif self._unwatch_exit and self.rings is None and not self._saves_at_exit:
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
        disarm_line()
        if running := rings.running():
            merge = f"viztracer-merge {report.quote(rings.path)} -o {report.quote(os.path.abspath(output))}"
            report.complain(f"still running: {report.names(running)}; to merge all of it later: {merge}")
            rings.close()
        else:
            rings.remove()

    def enable_thread_tracing(self) -> None:
        """Do nothing: every thread is recorded. For programs that call this for the peer."""

    @property
    def init_kwargs(self) -> dict[str, Any]:
        """The arguments that make a tracer like this one, all of them plain values; for other processes."""
        return {
            "tracer_entries": self.tracer_entries,
            "verbose": self.verbose,
            "max_stack_depth": self.max_stack_depth,
            "include_files": _with_absolute(self.include_files),
            "exclude_files": _with_absolute(self.exclude_files),
            "ignore_c_function": self.ignore_c_function,
            "ignore_frozen": self.ignore_frozen,
            "log_async": self.log_async,
            "min_duration": float(self.min_duration),
            "trace_self": self.trace_self,
            "session": self.rings.address if self.rings else None,
        }

    def register_exit(self) -> None:
        """When this process ends, close its ring file; or save, if its calls belong to no other process's report.

        For workers that make their own tracer of another process's `init_kwargs`.
        """
        self._saves_at_exit = True
        self._watch_exit()

    def _watch_exit(self) -> None:
        if self._unwatch_exit is None:
            self._unwatch_exit = child.at_exit(self._exit)

    def _exit(self) -> None:
        """The process ends, and nobody has saved since the last `start`."""
        if self.rings is None or not self.is_inline:
            self.leave()
        elif self._saves_at_exit:
            self.stop("flush_as_finish")
            self.save()
        elif self._files == SAVED:  # and has gone on without being asked to report that, too
            self.stop()
            note_exit()
            self.seal()
            self._clear(self.rings, self.output_file)
        elif ring := self.seal():
            merge = f"viztracer-merge {report.quote(self.rings.path)} -o {report.quote(self.output_file)}"
            disarm_line()
            report.complain(f"no report was saved; {ring} holds what was recorded, to merge it: {merge}")
            self.rings.close()

    def leave(self) -> None:
        """The process ends: record what is open as finished, and close the ring file."""
        if not self.enable:
            return
        self.stop("flush_as_finish")
        if self.process_name is None and child.process_name() != child.MAIN:
            self.name_process(child.process_name())
        failure, removed = self.ring_failure, self.ring_removed
        unmatched = self.ring_unmatched
        if self.verbose and (unmatched or self.switches_greenlets):
            report.complain_of_greenlets(unmatched)
        note_exit()
        ring = self.seal()
        report.complain_of_ring(ring, failure, removed=removed)

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


def _check(name: str, value: object, *types: type) -> None:
    if not isinstance(value, types):
        expected = " or ".join("None" if kind is type(None) else kind.__name__ for kind in types)
        raise TypeError(f"{name} must be {expected}, not {type(value).__name__}")


def _with_absolute(paths: list[str] | None) -> list[str]:
    """Beginnings of paths may be meant relative to the current directory: take both."""
    paths = paths or []
    return paths + [os.path.abspath(path) for path in paths if not os.path.isabs(path)]
