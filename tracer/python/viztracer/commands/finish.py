"""What becomes of the ring files when a run ends: the report, or a word about how to get it.

Two processes may see to that: the first one of the run when it ends in order; or, when a signal ends it, one that takes
its place and waits only for those that the signal ends, too (`Ending.arm`, `main`).
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time

from .. import report, session
from ..ring_directory import RingDirectory
from ..snaptrace import arm_deadly_signals, disarm_deadly_signals

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Isolated from the program: neither its directory nor its PYTHONPATH is searched, and the package is found last.
ENTRY = "import sys; sys.path[:] = [*sys.path[1:], {packages!r}]; from viztracer.commands import finish; finish.main()"
# Seconds that processes get to end which the same signal has reached: all of a terminal that is closed, say.
GRACE = 0.3


class Ending:
    """How a run that merges its ring files ends.

    Args:
        rings: where the files are.
        output: the report.
        each: whether to write a report per process, named by its pid, instead of one.
        verbose: 0 prints nothing.
        ended: a ring file whose process counts as ended, whatever the file looks like.

    Attributes:
        written: the reports, once they are.
    """

    def __init__(
        self,
        rings: RingDirectory,
        output: str,
        *,
        each: bool,
        verbose: int,
        ended: str | None = None,
    ) -> None:
        self.rings = rings
        self.output = output
        self.each = each
        self.verbose = verbose
        self.ended = ended
        self._has_told = False
        self._has_skipped = False
        self.written: list[str] = []

    def arm(self) -> None:
        """Have the run end like this, too, if a signal ends this process, which is about to record."""
        if sys.executable:
            entry = ENTRY.format(packages=PACKAGES)
            own_ring = os.path.join(self.rings.path, f"{self.rings.prefix}_{os.getpid()}.bin")
            arguments = [self.rings.address, self.output, str(int(self.each)), str(self.verbose), own_ring]
            arm_deadly_signals([sys.executable, "-sS", "-c", entry, *arguments], list(map("=".join, environment())))

    def come(self, *, wait: bool) -> None:
        """Write the report, remove the ring files, and tell what is left.

        Args:
            wait: whether to wait for all processes that record here, or only for those that are about to end.
        """
        try:
            if wait:
                self._wait()
            else:
                self._wait_a_little()
            if refused := self.rings.close():
                report.complain(refused)
            if wait:
                self._wait()  # for those that joined at the last moment
            running = self.running()
            self._write(running)
            disarm_deadly_signals()  # whoever wrote it again would not find all ring files any more
            if running:
                merge = f"viztracer-merge {report.quote(self.rings.path)} -o {report.quote(self.output)}"
                report.complain(f"still running: {', '.join(_names(running))}; to merge all of it later: {merge}")
            else:
                self.rings.remove()
        except KeyboardInterrupt:
            merge = f"viztracer-merge {report.quote(self.rings.path)}"
            report.complain(f"interrupted; merge what was recorded with: {merge}")
        except (OSError, RuntimeError) as error:
            report.complain(f"{error}; what was recorded is in {self.rings.path}")

    def _wait(self) -> None:
        """Wait until every process that records here has ended, or for Ctrl+C."""
        if self._has_skipped:
            return
        try:
            while running := self.running():
                if self.verbose and not self._has_told:
                    names = ", ".join(_names(running))
                    report.say(f"Wait for child processes to finish, Ctrl+C to skip: {names}")
                    self._has_told = True
                _wait_for(running[0])
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
            report.write([self.rings.path], self.output, source=True, verbose=self.verbose)
            self.written.append(self.output)

    def _write_own(self, ring: str) -> None:
        """Turn the ring file of one process into its report, which gets the pid from its name."""
        pid = os.path.basename(ring).removesuffix(".bin").partition("_")[2]
        output = report.with_pid(self.output, pid)
        report.write([ring], output, source=True, verbose=self.verbose)
        self.written.append(output)
        os.unlink(ring)

    def running(self) -> list[str]:
        """The ring files of processes that have not ended."""
        return [ring for ring in self.rings.running() if ring != self.ended]


def main() -> None:
    """End the run that the arguments of this process tell of, in the place of a process that a signal ends."""
    _never_block()
    address, output, each, verbose, ended = sys.argv[1:]
    rings = RingDirectory.at(address)
    rings.keep, rings.owner = False, os.getpid()
    ending = Ending(rings, output, each=each == "1", verbose=int(verbose), ended=ended)
    if rings.files():
        ending.come(wait=False)
    else:
        rings.remove()


def tell_merge_command(rings: RingDirectory, output: str) -> None:
    """Print the command that merges the ring files, as the last line."""
    pattern = os.path.join(report.quote(os.path.relpath(rings.path)), f"{report.quote(rings.prefix)}_*.bin")
    report.say("Use the following command to merge the ring files into a report:")
    report.say(f"viztracer-merge {pattern} -o {report.quote(os.path.relpath(output))}", report.GREEN)


def environment() -> list[tuple[str, str]]:
    """The environment without what would make the interpreter trace itself, or behave in a special way."""

    def is_kept(name: str) -> bool:
        return name == "PYTHONHOME" or not name.startswith(("PYTHON", session.VARIABLE))

    return [(name, value) for name, value in os.environ.items() if is_kept(name)]


def _never_block() -> None:
    """Print nothing where nobody reads: the process that waits for this one must end, whoever waits for it."""
    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, select.POLLOUT)
    ready = {descriptor for descriptor, events in poll.poll(0) if not events & select.POLLNVAL}
    for descriptor in {1, 2} - ready:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)


def _names(files: Iterable[str]) -> list[str]:
    return [os.path.basename(file) for file in files]


def _wait_for(ring: str) -> None:
    try:
        with open(ring, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        pass  # somebody has removed it
