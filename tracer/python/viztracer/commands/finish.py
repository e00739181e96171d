"""What becomes of the ring files when a run ends: the report, or the command that makes it.

One of three processes sees to that: the first process of the run when it ends in order; the program that it has become
by exec, if that is a traced one (`succeed`); or, when a signal or `os._exit` ends the first process, a process that is
started then and waits only for those that end at the same time (`Ending.arm`, `main`).
"""

from __future__ import annotations

import atexit
import os
import sys
import time

from .. import system
from ..output import report, terminal
from ..output.quoting import quote, quote_pattern
from ..process import session_variable
from ..process.isolation import code, environment
from ..process.ring_directory import RingDirectory
from ..snaptrace import arm_exit_report, ask_before_exec, await_ring, disarm_exit_report, note_unsaved
from . import starting

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from ..viztracer import VizTracer

PLUGINS_ENDED = "the plugins have not had this report: they ended with the program"
# Seconds that processes get to end which the same signal has reached: all of a terminal that is closed, say.
GRACE = 0.3
# Seconds that processes get to begin to record which have just been started.
START = 2.0


class Ending:
    """How a run that merges its ring files ends.

    Args:
        rings: where the files are.
        output: the report.
        each: whether to write a report per process, named by its pid, instead of one.
        verbose: 0 prints nothing.
        ended: a ring file whose process counts as ended, whatever the file looks like.
        plugins: the tracer whose plugins get the report before it is written; None if it has none.

    Attributes:
        written: the reports, once they are.
        has_failed: whether there was one that could not be written.
    """

    def __init__(
        self,
        rings: RingDirectory,
        output: str,
        *,
        each: bool,
        verbose: int,
        ended: str | None = None,
        plugins: VizTracer | None = None,
    ) -> None:
        self.rings = rings
        self.output = output
        self.each = each
        self.verbose = verbose
        self.ended = ended
        self.plugins = plugins
        self._has_said_so = False
        self._has_skipped = False
        self.written: list[str] = []
        self.has_failed = False

    def arm(self) -> None:
        """Have the run end like this also if this process, which is about to record, ends by a signal or `os._exit`."""
        command = []
        if sys.executable:
            entry = code("from viztracer.commands import finish; finish.main()")
            own_ring = self.rings.next_file()
            has_plugins = str(int(bool(self.plugins)))
            arguments = [self.rings.address, self.output, str(int(self.each)), str(self.verbose), own_ring, has_plugins]
            command = [sys.executable, "-sS", "-c", entry, *arguments]
        reason = report.not_written("its writing failed or was interrupted", self.rings.path, self.output)
        arm_exit_report(command, list(map("=".join, environment())), f"viztracer: {reason}\n")
        ask_before_exec(self.announce_exec)

    def announce_exec(self, path: object, arguments: object, variables: object) -> bool:
        """Say how to merge what was recorded if this process becomes a program that is not going to do that.

        Return whether it was said.
        """
        from . import replacement, successor

        if isinstance(path, int):
            from ..system import directories  # hardly any program does that

            path = directories.path_again(path, "")
        file = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        variables = os.environ if variables is None else variables
        if replacement.is_refused(file, arguments, variables):
            return False
        goes_on = system.EXEC_KEEPS_PROCESS and session_variable.VARIABLE in variables  # type: ignore[operator]
        if goes_on and successor.is_our_python(file, arguments, variables):
            return False  # see `succeed`
        result = "so no report is written"
        if system.EXEC_KEEPS_PROCESS:
            result += ", unless that program becomes a traced Python by exec"
        kept = report.kept(self.rings.path, self.output)
        terminal.complain(f"process {os.getpid()} becomes another program, {file!r}, {result}. {kept}")
        return True

    def address(self, *, wait: bool) -> str:
        """Return what this process needs to know to end the run after it has become another program."""
        return "\n".join((system.identity(), str(int(self.each)), str(self.verbose), str(int(wait)), self.output))

    def come(self, *, wait: bool) -> None:
        """Write the report, remove the ring files, and print what is left.

        Args:
            wait: whether to wait for all processes that record here, or only for those that are about to end.
        """
        try:
            if wait:
                self._wait()
            else:
                self._wait_a_little()
            if refused := self.rings.close():
                terminal.complain(refused)
            if wait:
                self._wait()  # for those that joined until now
            running = self.running()
            if late := starting.names(self.rings):
                terminal.complain(f"not in the report, since it was still starting: {', '.join(late)}")
            self._write(running)
            disarm_exit_report()  # a second report would lack the ring files that are removed now
            if running:
                terminal.complain(report.still_running(self.rings.path, running, self.output))
            else:
                self._remove_rings()
        except KeyboardInterrupt:
            terminal.complain(report.not_written("interrupted", self.rings.path, self.output))
        except (OSError, RuntimeError) as error:
            terminal.complain(report.cannot_be_written(error, self.rings.path, self.output))
            self.has_failed = True
        finally:
            self.rings.leave()

    def _remove_rings(self) -> None:
        """Remove the ring files, of which the report is written. Ctrl+C ends the wait for snapshots of them."""
        try:
            self.rings.remove(terminal.complain)
        except KeyboardInterrupt:
            pass

    def _wait(self) -> None:
        """Wait until every process that records here, or is about to, has ended, or for Ctrl+C."""
        if self._has_skipped:
            return
        try:
            give_up = time.monotonic() + START
            while (running := self.running()) or (starting.names(self.rings) and time.monotonic() < give_up):
                if not running:
                    time.sleep(0.01)
                    continue
                if self.verbose and not self._has_said_so:
                    names = report.names(running)
                    terminal.say(f"Wait for child processes to finish, Ctrl+C to skip: {names}")
                    self._has_said_so = True
                await_ring(running[0])
        except KeyboardInterrupt:
            self._has_skipped = True

    def _wait_a_little(self) -> None:
        give_up = time.monotonic() + GRACE
        while self.running() and time.monotonic() < give_up:
            time.sleep(0.01)

    def _write(self, running: list[str]) -> None:
        if self.each:
            for ring in self.rings.files():
                if ring not in running:
                    self._write_own(ring)
        else:
            self._write_one()
            self.written.append(self.output)

    def _write_one(self) -> None:
        """Write the report on all processes."""
        if self.plugins:
            self.plugins.save_rings(self.rings.path, self.output, verbose=self.verbose)
        else:
            report.write([self.rings.path], self.output, source=True, verbose=self.verbose)

    def _write_own(self, ring: str) -> None:
        """Turn the ring file of one process into its report, which gets the pid from its name."""
        pid = os.path.basename(ring).removesuffix(".bin").partition("_")[2]
        output = report.with_pid(self.output, pid)
        first = self.rings.pid_of(self.ended) if self.ended else str(os.getpid())
        is_worker = self.rings.pid_of(ring) != first
        report.write([ring], output, source=True, verbose=self.verbose, worker=is_worker)
        self.written.append(output)
        os.unlink(ring)

    def running(self) -> list[str]:
        """Return the ring files of processes that have not ended."""
        return [ring for ring in self.rings.running() if ring != self.ended]


def main() -> None:
    """End the run that the arguments of this process name, instead of a process that a signal ends."""
    _never_block()
    address, output, each, verbose, ended, has_plugins = sys.argv[1:]
    rings = RingDirectory.at(address)
    rings.keep, rings.owner = False, os.getpid()
    ending = Ending(rings, output, each=each == "1", verbose=int(verbose), ended=ended)
    if rings.files():
        ending.come(wait=False)
        if has_plugins == "1" and ending.written:
            terminal.complain(PLUGINS_ENDED)
    else:
        rings.remove()


def succeed(tracer: VizTracer, address: str) -> None:
    """Have this process end the run if it is the first one of it, which has become another program."""
    first, each, verbose, wait, output = address.split("\n", 4)
    rings = tracer.rings
    if first != system.identity() or rings is None:
        return
    rings.keep, rings.owner = False, os.getpid()
    rings.hold()
    ending = Ending(rings, output, each=each == "1", verbose=int(verbose))
    ending.arm()

    def end() -> None:
        tracer.leave()
        if os.getpid() == rings.owner:
            session_variable.withdraw()
            ending.come(wait=wait == "1")
            if ending.has_failed:
                note_unsaved()

    atexit.register(end)


def print_merge_command(rings: RingDirectory, output: str) -> None:
    """Print the command that merges the ring files, as the last line."""
    pattern = quote_pattern(report.relative(rings.path), rings.prefix, "_*.bin")
    terminal.say("Use the following command to merge the ring files into a report:")
    terminal.say(f"viztracer-merge {pattern} -o {quote(report.relative(output))}", terminal.GREEN)


def _never_block() -> None:
    """Replace outputs that nobody reads, so that neither this process nor the one that waits for it blocks."""
    for descriptor in system.blocked_outputs():
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
