"""The extension module: `tracer/src` in the source tree."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from re import Pattern
from types import CodeType
from typing import Any, Final, Self, TypeVar, final

from typing_extensions import CapsuleType, disjoint_base

from .process.ring_directory import RingDirectory
from .viztracer import VizTracer

__all__ = [
    "Calls",
    "ControlBlock",
    "Merged",
    "RECORD_SIZE",
    "RING_MAGIC",
    "RingFacts",
    "RingStatus",
    "SessionDescription",
    "SourceLog",
    "Tiles",
    "Tracer",
    "arm_exit_line",
    "arm_exit_report",
    "arm_snapshots",
    "ask_before_exec",
    "await_ring",
    "check_snapshot_trigger",
    "combine",
    "disarm_exit_line",
    "disarm_exit_report",
    "disarm_snapshots",
    "end_watcher",
    "free_last_memory",
    "hold_watcher",
    "is_for_program",
    "is_output_name",
    "is_ring_open",
    "json_of",
    "merge",
    "note_exit",
    "note_unsaved",
    "open_calls",
    "open_tiles",
    "output_kinds",
    "read_control_block",
    "record_audit_event",
    "record_garbage_collection",
    "release_watcher",
    "ring_cut",
    "ring_facts",
    "ring_process",
    "ring_session",
    "ring_status",
    "run_byte_code",
    "run_code",
    "run_command",
    "run_file",
    "run_module",
    "run_stdin",
    "scratch_directory",
    "snapshot",
    "source_log",
    "start_unseen",
    "text_of",
    "watch_deadly_signals",
]
if sys.platform == "darwin":
    __all__ += [
        "boot_id",
        "process_children",
        "process_program",
        "process_start",
        "process_texts",
        "process_time",
    ]

_Value = TypeVar("_Value")

RECORD_SIZE: Final[int]  # bytes
RING_MAGIC: Final[bytes]  # the first bytes of every ring file

@disjoint_base
class Tracer:
    """Records the calls of this process into a ring file. One recording per process, whichever object began it."""

    def __new__(cls, *_arguments: Any, **_keywords: Any) -> Tracer: ...
    def claim(self) -> bool:
        """Make this the tracer that records the process; False if another one does, or this one already.

        A `record` or a `release` must follow.
        """
    def release(self) -> None:
        """Take a `claim` back that no `record` has followed."""
    @property
    def enable(self) -> bool:
        """Whether this tracer records, or would if the session were not paused."""
    @property
    def is_recording(self) -> bool:
        """Whether this tracer takes what is logged."""
    @property
    def is_busy(self) -> bool:
        """Whether the process's recording is this tracer's: it records, is about to, or has stopped and not saved."""
    def record(self, options: Mapping[str, object], rings: RingDirectory, package: str) -> None:
        """Begin to record into ``<rings.path>/<rings.prefix>_<pid>.bin``, or go on in the file there is.

        `options`: those of `Options.inherited`. `package`: the directory of this package, which is left out unless the
        option `trace_self` says otherwise; it ends with a separator. Raises `OSError` if there can be no ring file,
        `RuntimeError` if the interpreter has no free slot for a tracer, `ValueError` or `TypeError` for wrong options.
        """
    def halt(self, flush_as_finish: bool = False) -> None:
        """End recording, if this tracer records.

        Open calls are recorded as open, or with `flush_as_finish` as if they returned now.
        """
    def seal(self) -> str | None:
        """End recording, close this tracer's ring file and return its path; None if it has none."""
    def mend(self) -> None:
        """Install the hook again if the program has removed it and installed no other one, and count the gap."""
    @property
    def ring_file(self) -> str | None:
        """The path of the ring file while there is one."""
    @property
    def ring_failure(self) -> int | None:
        """Why the ring file could not grow to its full size, as an error number."""
    @property
    def ring_removed(self) -> bool:
        """Whether somebody has removed the ring file."""
    def name_process(self, name: str) -> None:
        """Name the process in the report."""
    def set_sync_marker(self) -> None:
        """Mark the current time: ``--align_combine`` and ``viztracer-merge --align start`` align files by their marks.

        A second call moves the mark and warns with `RuntimeWarning`, as does one while nothing is recorded.
        """
    def get_sync_marker(self) -> float | None:
        """Return the marked time in microseconds of the monotonic clock; None if there is none."""
    def count_depth_from_here(self, inner: int) -> None:
        """Let `max_stack_depth` not count the calls of this thread that are open now, except the `inner` innermost."""
    def begin_calls(self, depth: int) -> None:
        """In a recording with `log_sparse`, record the calls of this thread from now on, nested up to `depth`.

        Those of other threads are not recorded, unless they call this, too.
        """
    def end_calls(self, others: bool) -> None:
        """Record no calls of this thread any more; `others` says whether other threads still record theirs."""
    @property
    def ring_unmatched(self) -> int:
        """How many calls were left out because their ends fitted no call that was open."""
    @property
    def switches_greenlets(self) -> bool:
        """Whether the program was seen to switch greenlets."""
    def log_calls(
        self,
        *,
        func_args: bool = False,
        func_retval: bool = False,
        func_repr: Callable[[Any], str] | None = None,
    ) -> None:
        """Set what the next `record` logs of Python functions: arguments and return values, as `func_repr` shows them.

        None stands for `repr`. What raises, or returns no string, is shown as ``Not Displayable``.
        """
    def add_instant(self, name: str, args: Any = None, scope: str | None = None) -> None:
        """Log an instant; `scope` is ``g`` (the default), ``p`` or ``t``.

        These methods do nothing while this tracer does not record. They run none of the program's code: values of the
        built-in types become JSON, any other value the name of its type.
        """
    def add_counter(self, name: str, args: Any) -> None:
        """Log the values of a counter, by name."""
    def add_number(self, name: str, key: str, value: object) -> bool:
        """Log a counter with one value; return False if that is no number, and True while nothing is recorded."""
    def add_assignment(self, name: str, value: object) -> None:
        """Log an instant that is named after a variable and its value: ``x = 1``."""
    def add_object(self, ph: str, obj_id: str, name: str, args: Any = None) -> None:
        """Log the creation (``N``), the members (``O``) or the deletion (``D``) of an object."""
    def add_raw(self, raw: dict[str, Any]) -> None:
        """Log an event of the Chrome trace format; `ts` is in microseconds of `getts`, now if it is missing."""
    def begin_block(self) -> float | None:
        """Return the time at which a block of code begins that is to be logged; None while nothing is recorded."""
    def add_block(self, event_name: object, file_name: object, lineno: object, start: float) -> None:
        """Log a block of code that has begun at this time of `begin_block` and ends now."""
    def add_func_args(self, key: str, value: Any) -> None:
        """Add an argument to the innermost open call of this thread, which it keeps until it ends."""
    def add_func_exec(self, name: str, val: Any, lineno: int) -> None:
        """Add an assignment to the steps that are shown with the innermost open call of this thread.

        Args:
            name: what was assigned to.
            val: the value.
            lineno: the line.
        """
    def func_args_json(self) -> bytes | None:
        """Return what was added to the innermost open call of this thread, as JSON; None if nothing was."""
    def getts(self) -> float:
        """Return the time in microseconds of the monotonic clock."""
    def get_base_time(self) -> int:
        """Return the nanoseconds from the zero of the monotonic clock to that of the wall clock."""
    def pause(self) -> None:
        """Do not record the calling thread until `resume` is called as often."""
    def resume(self) -> None:
        """End a `pause`."""

@final
class SourceLog:
    """Logs what instrumented code does, by the tracer that is the global one at that time, if it records."""

    @property
    def tracer(self) -> VizTracer | None:
        """The global tracer, if it records."""

    def variable(self, name: str, value: object) -> None:
        """Log a value as an instant event."""
    def assigned(self, name: str, value: _Value) -> _Value:
        """Log a value as an instant event, and return it."""
    def attribute(self, name: str, owner: object, attribute: str) -> None:
        """Log the value of an attribute as an instant event, unless reading it fails."""
    def number(self, name: str, value: object) -> None:
        """Log a number as a counter; any other value as an instant event."""
    def step(self, name: str, value: object, line: int) -> None:
        """Show an assignment with the call that is open."""
    def comment(self, method: str, *arguments: object, **keywords: object) -> None:
        """Call the method of the tracer that a comment names, if the tracer records."""
    def current_exception(self, name: str) -> None:
        """Log the exception that is being handled as an instant event."""
    def __buffer__(self, flags: int, /) -> memoryview:
        """Return what `marshal` writes for it."""
    def __reduce__(self) -> tuple[object, tuple[str]]: ...

source_log: SourceLog
"""The only one, which instrumented code has among its constants."""

@final
class ControlBlock:
    """The page of shared memory in which the processes of a run count themselves.

    Every method raises `OSError`, but `let_go` and `remove`.

    Args:
        name: that of the block, which another process has made.
    """

    def __new__(cls, name: str) -> ControlBlock: ...
    @property
    def name(self) -> str:
        """The name by which other processes find the block."""
    @staticmethod
    def create(session_id: bytes, directory: str) -> ControlBlock:
        """Make the block of the run with this id, whose first process this is and whose ring files are there."""
    def hold(self) -> None:
        """Lock the block again, for a first process that has become another program."""
    def join(self) -> bool:
        """Count this process as one that records; False if the run is over."""
    def refuse(self) -> None:
        """Count this process, which has joined, as one that cannot record."""
    def is_first_to_mention(self, what: str) -> bool:
        """Return whether no other process of the run has said this; then this one must say it.

        Args:
            what: "interpreters", that only the main one is recorded; or "greenlets", that those of a thread share its
                track.

        Raises:
            ValueError: it is something else.
        """
    def end(self) -> tuple[int, int]:
        """End the run, so that nobody joins it any more; return how many processes recorded, and how many could not."""
    def switch(self, to: str) -> bool:
        """Have the processes of the run do this from now on: "recording", "paused" or "stopped".

        Return whether that changes anything: a run that has stopped stays so.
        """
    def mark(self, name: str) -> None:
        """Have the processes of the run record a mark, whose name is 1 to 64 bytes long, at the current time."""
    def wanted(self, session_id: bytes) -> str:
        """Return what the processes of the run with this id should do: "recording", "paused" or "stopped"."""
    def let_go(self) -> None:
        """Unlock the block, which stays."""
    def remove(self) -> None:
        """Remove the block."""

@final
class SessionDescription:
    """What a control block says of its session."""

    session_id: str  # hexadecimal digits, as is the next one
    boot_id: str
    pid: int  # in its PID namespace
    process_start: int  # clock ticks since boot; 0 if unknown
    pid_namespace: int  # an inode number; 0 if unknown
    created: int  # ns since 1970
    directory: Path  # empty if the block has no room for it
    command: list[str]
    wanted: str  # what its processes should do: "recording", "paused" or "stopped"

def read_control_block(block: bytes) -> SessionDescription | None:
    """Return what the bytes of a control block say; None if they are none, or damaged, or of another version."""

@final
class RingFacts:
    """What the header of a ring file says, and whether its process lives."""

    state: str  # "sealed", "crashed" or "living"
    pid: int
    session_id: str
    command: list[str]
    opened: int  # ns since 1970

def ring_facts(path: str) -> RingFacts | None:
    """Return what the header of a ring file says; None if it is none. A symbolic link is not followed."""

@final
class RingStatus:
    """What a ring file holds now."""

    state: str  # "sealed", "crashed" or "living"
    pid: int
    process_start: int  # of the process, in clock ticks since boot; 0 if unknown
    name: str | None
    command: list[str]
    threads: int  # that have recorded and live
    events: int  # that were ever recorded
    overwritten: int
    lost: int
    complete_since: int  # since when nothing is overwritten, ns since 1970
    written: int  # ns since 1970
    is_paused: bool  # whether its process has followed a pause of the session

def ring_status(path: str) -> RingStatus | None:
    """Return what a ring file holds now; None if it is none. A symbolic link is not followed, and nobody is disturbed."""

def arm_exit_report(command: Sequence[str], environment: Sequence[str], line: str) -> None:
    """Have this command run first if this process ends without Python: by a signal or `os._exit`.

    `command`: its first argument is the program's path; empty for none. `environment`: ``NAME=value`` each. `line`: is
    written to stderr if the command fails or is interrupted; it ends with a line feed.
    """

def hold_watcher() -> None:
    """Have no thread of ours wait for the end of a pause: the process is about to fork."""

def release_watcher(in_child: bool) -> None:
    """Take a `hold_watcher` back after the fork; in a child, all of them, but without a new thread."""

def end_watcher() -> None:
    """Have no such thread any more: the interpreter is about to end."""

def disarm_exit_report() -> None:
    """Take back what `arm_exit_report` did."""

def arm_exit_line(line: str) -> None:
    """Have a line alone written, unless `arm_exit_report` was called for the whole program."""

def disarm_exit_line() -> None:
    """Take back what `arm_exit_line` did."""

def ask_before_exec(before: Callable[[object, object, object], bool]) -> None:
    """Have this called with path, arguments and environment (or None: its own) before the first process becomes another
    program; it returns whether it has printed something about that.
    """

def ring_cut() -> bool:
    """Whether somebody has cut the ring file while it was written, and with it what was recorded."""

def free_last_memory() -> None:
    """Give back the memory that is kept for the end of a process that has used up its own."""

def note_exit() -> None:
    """Note in the ring file that the interpreter ends in order."""

@final
class Merged:
    """What a merge did."""

    @property
    def entries(self) -> int:
        """How many entries the report has in JSON: events, and names of processes, threads and tasks."""
    @property
    def events(self) -> int:
        """How many events the report holds."""
    @property
    def overwritten(self) -> int:
        """How many older ones it does not, because a ring went over them."""
    @property
    def problems(self) -> list[str]:
        """A line for every input that could not be read."""
    @property
    def losses(self) -> list[str]:
        """A line for every process of which something was lost."""
    @property
    def short(self) -> list[str]:
        """In a snapshot, a line for every process whose ring does not reach back over all of its time."""
    @property
    def last_words(self) -> list[str]:
        """A line for every thread of a process that did not end in order: what it was doing."""

@final
class Calls:
    """Recorded calls as a table that engines for data read as it is."""

    @property
    def losses(self) -> list[str]:
        """A line for each input of which something is missing; damage inside of one is known when it was read."""
    def __arrow_c_stream__(self, requested_schema: object = None) -> CapsuleType:
        """Begin to read: a stream of record batches. What is requested is not looked at, as the interface allows."""
    def __arrow_c_schema__(self) -> CapsuleType:
        """Return the columns."""

def open_calls(
    inputs: Sequence[str | os.PathLike[str]],
    *,
    since: str | None,
    until: str | None,
    last: str | None,
    as_of: str | None,
    pids: Sequence[int],
    process_names: Sequence[str],
    tids: Sequence[int],
    func: str | None,
    min_duration: str | None,
    max_depth: int | None,
    drop_c_functions: bool,
) -> Calls:
    """Open inputs as a table of calls; `viztracer.calls` describes the cuts, which are words of the command here.

    Raises:
        RuntimeError: no input can be read.
        ValueError: a cut cannot be read, or leaves no time.
    """

@final
class Tiles:
    """A large trace as it was when it was opened: a page of all of it, and tiles with more detail."""

    def write_page(self, output: str | os.PathLike[str], *, progress: bool = False) -> list[str]:
        """Write the page; return a line for every input that could not be read.

        Raises:
            RuntimeError: it cannot be written.
        """
    def tile(self, begin: int, end: int, shortest: int, stopped: Callable[[], bool]) -> bytes:
        """Return a tile of a time, in which calls shorter than `shortest` may be merged, all in nanoseconds.

        Args:
            stopped: asked several times a second whether nobody waits for it any more.

        Raises:
            RuntimeError: there is none; why stands in it.
        """
    def functions(
        self,
        time: tuple[int, int],
        threads: Sequence[tuple[int, int | None]] | None,
        busy: bool,
        stopped: Callable[[], bool],
    ) -> bytes:
        """Return the functions of a time in the JSON of ``viztracer-merge --top --json``.

        Args:
            time: begin and end in nanoseconds.
            threads: the file and the index of each thread, or a file and None for all its threads; None for all.
            busy: whether calls that wait are left out.
            stopped: as of `tile`.

        Raises:
            RuntimeError: there are none; why stands in it.
        """

def open_tiles(
    inputs: Sequence[str | os.PathLike[str]], *, least: int, calls: int, id: str, progress: bool = False
) -> Tiles | None:
    """Open the trace of ring files if it has more than `least` events.

    Args:
        inputs: the files, which have to stay where they are.
        least: how many events are few enough for a page that holds them all.
        calls: about how many calls the page has.
        id: by which the page calls this opening of the trace.
        progress: whether a bar shows on the terminal.

    Raises:
        RuntimeError: no file can be read.
    """

def combine(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    align_start: bool = False,
    quiet: bool = False,
) -> int:
    """Merge files into one report, with the messages of ``viztracer-merge``; return its exit status.

    Args:
        inputs: ring files, traces in JSON, directories and patterns of names.
        output: the report, whose kind is set by the ending of its name.
        align_start: whether all runs begin at the same time, or at their marks; otherwise their clocks align them.
        quiet: whether to print errors and warnings only.
    """

def snapshot(
    inputs: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str], as_of: int, last: float | None
) -> Merged:
    """Merge the ring files of processes that run into a report, which replaces no file.

    Args:
        inputs: ring files, or directories of them.
        output: the report, whose kind is set by the ending of its name.
        as_of: the instant that is shown, in ns of the monotonic clock; what is newer is left out.
        last: how many seconds before it are shown; None for all.

    Raises:
        RuntimeError: there is no report.
    """

def check_snapshot_trigger(trigger: str) -> None:
    """Raise `ValueError` if this is nothing that may take a snapshot."""

def arm_snapshots(
    triggers: Sequence[str],
    command: Sequence[str],
    environment: Sequence[str],
    rings: RingDirectory,
    limit: int,
    last_claim: str,
) -> None:
    """Have this process take snapshots of a run from now on, without Python.

    Args:
        triggers: when.
        command: what takes one; the first argument is the path of the program. One more argument is added: the time of
            the monotonic clock in ns, the process id, and why.
        environment: ``NAME=value`` each.
        rings: the ring files of the run. The command shares a lock on their directory.
        limit: how many at most.
        last_claim: a file that is there when all processes together have taken as many.

    Raises:
        ValueError: the command is empty, or a text has a NUL.
    """

def disarm_snapshots() -> tuple[int, str | None]:
    """Take no more snapshots.

    Signals that asked for some are ignored from now on.

    Returns:
        How many were not taken since the last time, and why the last one could not begin; None: there were enough.
    """

def start_unseen(
    command: Sequence[str], environment: Sequence[str], directory: str | os.PathLike[str], has_stderr: bool
) -> int:
    """Start a command that the program does not see, and return its process id.

    It is no child of this process, and no SIGCHLD is sent for it, unless this process gets orphans.

    Args:
        command: the first argument is the path of the program.
        environment: ``NAME=value`` each.
        directory: the command shares a lock on it, by descriptor 3.
        has_stderr: whether descriptor 2 is that of this process. Else it leads nowhere, as 0 and 1 do. No other
            descriptor is open.

    Raises:
        OSError: the directory cannot be locked (`BlockingIOError`: somebody has it alone), or the command cannot be
            started.
    """

def ring_process(path: str | os.PathLike[str]) -> str | None:
    """Return whose ring file this is, as ``worker (pid 42)``; None if it cannot be read."""

def ring_session(path: str | os.PathLike[str]) -> bytes | None:
    """Return the identity of the run that a ring file belongs to; None if it is no ring file, or cannot be read."""

def is_ring_open(path: str | os.PathLike[str]) -> bool:
    """Whether the process that writes this ring file is alive."""

def await_ring(path: str | os.PathLike[str]) -> None:
    """Wait until the process that writes this ring file has ended; Ctrl+C raises `KeyboardInterrupt`."""

def scratch_directory() -> str:
    """Return the directory of all control blocks, and of the ring files of runs that merge them themselves."""

def is_output_name(name: str) -> bool:
    """Whether a report may have this name."""

def note_unsaved() -> None:
    """Let this process, which is about to end, end with status 1 if it would be 0: there is no report."""

def output_kinds() -> list[str]:
    """Return the endings of file names that a report can have, such as ``.json.gz``."""

def merge(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    source: bool = True,
    monotonic: bool = False,
    worker: bool = False,
    progress: bool = False,
) -> Merged:
    """Merge ring files, or directories of them, into a report.

    Args:
        inputs: the files and directories.
        output: the report, whose kind is set by the ending of its name.
        source: whether the report has the text of source files.
        monotonic: whether its times are those of `time.monotonic`; otherwise they begin at 0.
        worker: whether the run of the files began with a process that is not among them.
        progress: whether to show a bar on the terminal.

    Raises:
        RuntimeError: there is no report.
    """

# These run the program as `python` does and end the process; inside of other code they come back when it is over.
# `show`: whether the trace has a call of `exec` around it.

def run_command(text: bytes, show: bool) -> None:
    """Run the source text of ``-c``, in UTF-8."""

def run_file(path: str, show: bool) -> None:
    """Run a file of source text. Raise `OSError` if it cannot be opened."""

def run_byte_code(path: str, show: bool) -> None:
    """Run a file of byte code. Raise `OSError` if it cannot be read."""

def run_code(code: CodeType, show: bool) -> None:
    """Run a code object as the main program, which has been read from a file."""

def run_module(name: str, container: bool) -> None:
    """Run a module as ``-m`` does; with `container` ``__main__`` of the directory or zip file first in `sys.path`."""

def run_stdin(show: bool) -> None:
    """Run what stdin holds."""

def watch_deadly_signals() -> None:
    """Install our handler for every deadly signal that has its default action."""

def text_of(value: object, describe: Callable[[Any], str] | None = None) -> str:
    """Return a value as text, which `describe`, or else `repr`, makes of it; cut as ``bytes_per_value`` says.

    Nothing that this calls is recorded, and none of its exceptions is raised: the value is ``Not Displayable`` then.
    But an exception of a signal handler, or of another thread, is raised afterwards. A type that was slow is not asked
    again.
    """

def record_garbage_collection(tracer: Tracer, phase: str, info: dict[str, Any]) -> None:
    """Log the begin or the end of a garbage collection; `gc.callbacks` says what the arguments are."""

def record_audit_event(
    audited: Sequence[tuple[Tracer, list[Pattern[str]]]], name: str, arguments: tuple[object, ...]
) -> None:
    """Log an audit event for each of these tracers that records, and of whose patterns one matches the whole name."""

def is_for_program(error: BaseException) -> bool:
    """Whether a signal handler, another thread or another greenlet has raised this, and not the code that it left."""

def json_of(value: object) -> str:
    """Return a value as JSON, without running any of the program's code.

    What JSON cannot hold becomes a string that says what it is: the name of a type, ``nan``, digits of a long integer.
    """

if sys.platform == "darwin":  # for `viztracer.system.macos.processes`
    def process_start(pid: int) -> tuple[int, bool] | None:
        """Return when a process was started, and whether it has ended and waits for its parent; None if there is none.

        The former is in microseconds since 1970, as in its ring file.
        """

    def process_time(pid: int) -> float | None:
        """Return how many seconds of the processors a process has used; None if there is none, or it has ended."""

    def process_program(pid: int) -> str:
        """Return the path of the program that a process runs; empty if there is none."""

    def process_texts(pid: int) -> bytes:
        """Return the arguments and the environment of a process as they were at its exec; empty if there is none."""

    def process_children(pid: int) -> list[int]:
        """Return the ids of the children of a process."""

    def boot_id() -> str:
        """Return the id of this boot, as hexadecimal digits, as a control block has it."""
