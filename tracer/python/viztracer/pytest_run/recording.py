"""The recording of a run of pytest: the one of this process, if there is one already, or else one of its own."""

from __future__ import annotations

import os
import sys

from .. import session
from ..output import report
from ..output.quoting import quote
from ..process import interpreter_arguments, session_variable, this_process
from ..process.ring_directory import RingDirectory
from ..snaptrace import arm_exit_line, disarm_exit_line
from ..viztracer import VizTracer, unregister_global

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Self

MAX_OVERHEAD = 0.05 if sys.version_info >= (3, 12) else 0.0


class RunRecording:
    """What records this process, and whether this run of pytest has begun it.

    Args:
        tracer: what records.
        rings: where it does.
        is_own: whether this run has begun the recording, and so ends it.
    """

    def __init__(self, tracer: VizTracer, rings: RingDirectory, *, is_own: bool) -> None:
        self.tracer = tracer
        self.rings = rings
        self.is_own = is_own
        self.made_directory = False

    @classmethod
    def existing(cls) -> Self | None:
        """Return the recording of this process, which joins the run that it descends from; None without one."""
        if not this_process.recording() and session_variable.VARIABLE in os.environ:
            session.join()  # unless it has when it started
        tracer = this_process.recording()
        if isinstance(tracer, VizTracer) and tracer.rings is not None:
            return cls(tracer, tracer.rings, is_own=False)
        return None

    @classmethod
    def begin(cls, directory: str, max_overhead: float) -> Self:
        """Record this process, and all that descend from it, into ring files in a directory.

        Raises:
            OSError, RuntimeError: that cannot be.
            ValueError: the options make no sense.
        """
        session.take_faults()
        is_new = not os.path.exists(directory)
        os.makedirs(directory, exist_ok=True)
        tracer = VizTracer(max_overhead=max_overhead, verbose=0)
        tracer.first_name = interpreter_arguments.process_name(sys.orig_argv)
        tracer.is_interruptible = True  # by tests of what uses viztracer
        tracer.rings = rings = RingDirectory(directory)
        session_variable.announce(
            tracer.inherited()
            | {"session": rings.address, "output": os.path.join(rings.path, "result.json"), "is_interruptible": True}
        )
        try:
            tracer.start()
        except BaseException:
            session_variable.withdraw()
            raise
        tracer.register_exit()
        words = f"viztracer-merge --last_words {quote(rings.path)}"
        arm_exit_line(f"viztracer: pytest has ended before its summary; {words}\n")
        recording = cls(tracer, rings, is_own=True)
        recording.made_directory = is_new
        return recording

    def name_process(self, name: str) -> None:
        """Name the process in this ring file, and in those after an interruption by a tracer of the tests."""
        self.tracer.first_name = name
        self.tracer.name_process(name)

    def end(self) -> None:
        """End the recording, if this run has begun it, in the process that has."""
        if not self.is_own or not self.rings.is_own:
            return
        disarm_exit_line()
        session_variable.withdraw()
        self.tracer.stop("flush_as_finish")
        unregister_global(self.tracer)
        self.tracer.seal()

    def abandon(self) -> None:
        """End the recording, if this run has begun it, and leave no file of it."""
        if not self.is_own or not self.rings.is_own:
            return
        self.end()
        for path in self.files():
            os.unlink(path)
        if self.made_directory and not os.listdir(self.rings.path):
            os.rmdir(self.rings.path)

    def files(self) -> list[str]:
        """Return the ring files of the run."""
        return self.rings.files_of_run()

    def files_of(self, pid: int) -> list[str]:
        """Return the ring files of one process of the run: several if it was interrupted by a tracer of the program."""
        return [path for path in self.files() if self.pid_of(path) == pid]

    def pid_of(self, path: str) -> int:
        """Return the process that a ring file of the run is of."""
        return int(self.rings.pid_of(path))

    def files_of_others(self) -> int:
        """Return how many ring files of other runs are in the same directory."""
        return len(self.rings.files()) - len(self.files())

    @property
    def directory(self) -> str:
        """The directory of the ring files, for a shell."""
        path = report.relative(self.rings.path)
        return quote(os.path.join(os.curdir, path) if path.startswith("-") else path)

    def merge_command(self) -> str:
        """Return the command that merges the ring files into a report."""
        return f"viztracer-merge {self.directory} -o result.html"
