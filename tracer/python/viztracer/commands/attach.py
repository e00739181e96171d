"""Record a process that runs already: ``--attach``, ``--attach_installed``, ``--uninstall``."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from types import FrameType

assert sys.platform == "linux"  # for a checker of types

from .. import attach as target
from ..command_line.arguments import recording_options
from ..output import report, terminal
from ..process.isolation import PACKAGES
from ..process.ring_directory import RingDirectory
from ..system.linux.signals import INSTALLED
from ..viztracer import VizTracer
from .injection import inject
from .request import PULSE, InjectionError, Request
from .run import output_of

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

INSTALL = "without one the signal would end it: call VizTracer().install() there"


class Attachment:
    """A recording of another process, into ring files of this one.

    Args:
        pid: the process.
        tracer: has the options.
        output: the report.
    """

    def __init__(self, pid: int, tracer: VizTracer, output: str) -> None:
        self.pid = pid
        self.tracer = tracer
        self.output = report.absolute(output)
        self.rings = _directory_for(
            pid, tracer.tracer_entries, beside=self.output, keep_leftovers=tracer.keep_leftovers
        )
        self._may_record = False

    def start(self) -> None:
        """Have the process begin to record.

        Raises:
            InjectionError: it does not.
        """
        options = self.tracer.init_kwargs | {"session": self.rings.address, "verbose": 0}
        call = f"start_attach({ascii(self.rings.path)}, {ascii(options)})"
        with Request(self.pid, call, self.rings.path, target.ANSWER, PACKAGES) as request:
            try:
                inject(self.pid, request)
            finally:
                self._may_record = not request.withdraw()
            reason = request.read_answer()
        self._may_record = not reason
        if reason == target.ATTACHED:
            reason += f"; to end that recording: viztracer --uninstall {self.pid}"
        if reason:
            raise InjectionError(reason)

    def wait(self, seconds: float) -> None:
        """Wait for so long, for Ctrl+C, or for the end of the process."""
        give_up = time.monotonic() + seconds if seconds > 0 else None
        while self.rings.running() and (give_up is None or time.monotonic() < give_up):
            time.sleep(PULSE)

    def stop(self) -> None:
        """Have the process end its recording; what it has recorded is there, whether it does or not."""
        if not self.rings.running():
            terminal.complain(f"process {self.pid} has ended while it was recorded")
            return
        try:
            self._end()
        except InjectionError as error:
            terminal.complain(f"the recording of process {self.pid} goes on: {error}")

    def give_up(self) -> None:
        """Have nothing left of a recording that has begun after all."""
        if self._may_record:
            _quietly(self._end)
        self.remove()

    def _end(self) -> None:
        _run_in(self.pid, f"stop_attach({ascii(self.rings.path)})", self.rings.path)

    def save(self, *, file_info: bool = True) -> None:
        """Write the report.

        Raises:
            RuntimeError: that cannot be.
            OSError: the same.
        """
        running = self.rings.running()
        try:
            report.write([self.rings.path], self.output, source=file_info, verbose=self.tracer.verbose)
            if not running:
                self.remove()
        finally:
            self.rings.leave()

    def remove(self) -> None:
        """Remove the ring files."""
        _remove(self.rings)


def _directory_for(pid: int, entries: int, *, beside: str, keep_leftovers: int = -1) -> RingDirectory:
    """Return a directory into which a process can write, also if it is another user's."""
    rings = RingDirectory.scratch(entries, beside=beside, keep_leftovers=keep_leftovers)
    rings.close()  # the process is the only one, and is not counted
    try:
        owner = os.stat(f"/proc/{pid}")
        if owner.st_uid != os.geteuid():
            os.lchown(rings.path, owner.st_uid, owner.st_gid)
    except OSError:
        pass  # it has ended, or cannot be attached to, either
    return rings


def _remove(rings: RingDirectory) -> None:
    shutil.rmtree(rings.path, ignore_errors=True)  # with what the other process has left there
    rings.remove()


def attach(pid: int, options: argparse.Namespace) -> int:
    """Record a process until Ctrl+C, or for so many seconds, then write the report; return the exit status."""
    seconds = options.t
    if not os.path.exists(f"/proc/{pid}"):
        print(f"pid {pid} does not exist!")
        return 1
    tracer = VizTracer(**recording_options(options), verbose=0 if options.quiet else 1, register_global=False)
    attachment = Attachment(pid, tracer, output_of(options, str(pid)))
    heed_signals()
    try:
        attachment.start()
    except (InjectionError, KeyboardInterrupt) as error:
        attachment.give_up()
        terminal.complain(str(error) or "interrupted")
        return 1
    try:
        _tell(attachment, seconds)
        attachment.wait(seconds)
    except KeyboardInterrupt:
        pass
    try:
        attachment.stop()
        attachment.save()
    except (OSError, RuntimeError, KeyboardInterrupt) as error:
        terminal.complain(report.not_written(str(error) or "interrupted", attachment.rings.path, attachment.output))
        return 1
    return 0


def attach_installed(pid: int, seconds: float) -> int:
    """Have a process that has called `VizTracer.install` record itself; return the exit status."""
    if not os.path.exists(f"/proc/{pid}"):
        print(f"pid {pid} does not exist")
        return 1
    try:
        if not _has_installed(pid):
            terminal.complain(f"no tracer is installed in process {pid}; {INSTALL}")
            return 1
        os.kill(pid, signal.SIGUSR1)
        heed_signals()
        print(_success(seconds))
        _sleep(pid, seconds)
    except PermissionError:
        terminal.complain(f"process {pid} is another user's")
        return 1
    except KeyboardInterrupt:
        pass
    try:
        os.kill(pid, signal.SIGUSR2)
    except ProcessLookupError:
        terminal.complain(f"process {pid} has ended before it saved")
        return 1
    return 0


def uninstall(pid: int) -> int:
    """End what `attach` or `VizTracer.install` has begun in a process; return the exit status."""
    if not os.path.exists(f"/proc/{pid}"):
        print(f"pid {pid} does not exist!")
        return 1
    rings = _directory_for(pid, 1, beside=os.path.abspath("script.py"))
    heed_signals()
    try:
        _run_in(pid, "uninstall_attach()", rings.path)
    except (InjectionError, KeyboardInterrupt) as error:
        terminal.complain(str(error) or "interrupted")
        return 1
    finally:
        _remove(rings)
    return 0


def heed_signals() -> None:
    """End as by Ctrl+C when asked to end: otherwise the process would be recorded for ever."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def _run_in(pid: int, call: str, directory: str) -> None:
    """Have a process call a function of `viztracer.attach`, and wait until it has.

    Args:
        pid: the process.
        call: the function with its arguments, all ASCII.
        directory: one in which the process can write.

    Raises:
        InjectionError: it does not, or fails.
    """
    with Request(pid, call, directory, f"done_{time.monotonic_ns()}", PACKAGES) as request:
        inject(pid, request)
        if reason := request.read_answer():
            raise InjectionError(f"process {pid} answers: {reason}")


def _tell(attachment: Attachment, seconds: float) -> None:
    if attachment.tracer.verbose:
        terminal.say(_success(seconds))
        merge = report.merge_command(attachment.rings.path, attachment.output)
        terminal.say(f"What is recorded so far can be merged at any time: {merge}")


def _success(seconds: float) -> str:
    until = f"collect trace after {seconds}s" if seconds > 0 else "press CTRL+C to stop and save report"
    return f"Attach success, {until}"


def _sleep(pid: int, seconds: float) -> None:
    give_up = time.monotonic() + seconds if seconds > 0 else None
    while os.path.exists(f"/proc/{pid}") and (give_up is None or time.monotonic() < give_up):
        time.sleep(PULSE)


def _has_installed(pid: int) -> bool:
    """Whether a process has called `VizTracer.install`. One that has not would be ended by the signal.

    Raises:
        PermissionError: it is another user's.
    """
    directory = f"/proc/{pid}/fd"
    for name in os.listdir(directory):
        try:
            if os.readlink(os.path.join(directory, name)).startswith(f"/memfd:{INSTALLED} "):
                return True
        except FileNotFoundError:
            pass  # it was closed meanwhile
    return False


def _quietly(function: Callable[[], object]) -> None:
    try:
        function()
    except (InjectionError, OSError, KeyboardInterrupt):
        pass
