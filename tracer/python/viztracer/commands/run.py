"""Run a program under the tracer, and make the report when it ends."""

from __future__ import annotations

import atexit
import os
import time

from .. import session, system
from ..command_line import source_options
from ..command_line.arguments import recording_options
from ..command_line.program import NoProgramError, NoPythonError, Program, from_code, from_command, from_module
from ..output import report, terminal
from ..process import session_variable, this_process
from ..process.ring_directory import RingDirectory
from ..snaptrace import disarm_exit_report, note_unsaved
from ..tracer import torch_profile
from ..viztracer import VizTracer
from . import finish

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import argparse

    from ..instrument.compiler import Compiler

# So many descriptors must be free before we take some: the program is read through one, and so is what it imports.
SPARE_DESCRIPTORS = 4
WRONG_COMMAND_LINE = 2  # as an exit status
PTH_FILE = "viztracer_ring.pth"  # by which new interpreters join the run
NOT_INSTALLED = (
    "Python processes that are started anew are not traced, only forked ones: the package is not in a directory of site"
    f" packages, where the interpreter would read {PTH_FILE}; --ignore_multiprocess hides this"
)


def run(options: argparse.Namespace, command: list[str]) -> int | None:
    """Run the program that the command line names, and end the process with it.

    Return the exit status if it cannot be run, or None if none is named.
    """
    try:
        program = _find(options, command)
    except NoProgramError as error:
        print(error)
        return 1
    except NoPythonError as error:
        return _refuse(error.path, command)
    except OSError as error:
        terminal.complain(f"can't open file {error.filename!r}: {error.strerror}")
        return WRONG_COMMAND_LINE
    if program is None:
        return None
    if options.log_torch and not torch_profile.is_installed():
        print("torch is not installed")  # VizTracer's words
        return 1
    started = Run(options, program)
    if refusal := started.refusal():
        terminal.complain(refusal)
        return WRONG_COMMAND_LINE
    started.execute()
    return 0


def _refuse(path: str, command: list[str]) -> int:
    """Say what was given as a program."""
    from ..command_line import mistakes

    if path.endswith(".json"):  # VizTracer's words
        print(f'viztracer can\'t run json file, did you mean "vizviewer {command[0]}"?')
        return 1
    terminal.complain(mistakes.of_program(path, command))
    return WRONG_COMMAND_LINE


def _find(options: argparse.Namespace, command: list[str]) -> Program | None:
    if options.cmd_string is not None:
        return from_code(options.cmd_string, command)
    if options.module is not None:
        return from_module(options.module, command)
    return from_command(command) if command else None


class Run:
    """A program that runs under the tracer, in this process and its forked children."""

    def __init__(self, options: argparse.Namespace, program: Program) -> None:
        self.options = options
        self.program = program
        self.pid = os.getpid()
        self.output = report.absolute(output_of(options, program.name))
        verbose = 0 if options.quiet else 1
        self.tracer = VizTracer(**recording_options(options), verbose=verbose, output_file=self.output)
        self.compiler: Compiler | None = None
        self.has_failed = False  # to begin to record

    @property
    def _names_output(self) -> bool:
        """Whether the user has said where the report goes."""
        options = self.options
        return bool(options.output_file or options.output_dir or options.unique_output_file or options.pid_suffix)

    @property
    def _waits(self) -> bool:
        return not self.options.no_wait

    @property
    def keeps_rings(self) -> bool:
        """Whether the ring files are what the user asked for."""
        return bool(self.options.pid_suffix and not self.options.output_file)

    def refusal(self) -> str | None:
        """Return why there can be no report; None if there can."""
        if self.options.log_torch and self.keeps_rings:
            return "--log_torch needs -o besides --pid_suffix, since ring files do not hold what torch records"
        if self.options.log_func_with_objprint and not _is_installed("objprint"):
            return "--log_func_with_objprint needs the package objprint: pip install objprint"
        if not os.path.isabs(self.output) or self.options.pid_suffix:
            return None
        directory = os.path.dirname(self.output)
        if os.access(directory, os.W_OK | os.X_OK) and not os.path.lexists(self.output):
            return None  # this is usual, and spares an import
        from . import precaution

        return precaution.refusal(self.output)

    def execute(self) -> None:
        """Run the program and end the process with it; inside of other code, come back when the program is over."""
        terminal.keep_stdout()
        atexit.register(self.end)  # runs last, since the program's own functions are registered later
        self.program.set_arguments_and_path()
        # The program's directory may have them. Processes that they start import the main module, which is still ours.
        self.tracer.load_plugins(self.options.plugins)
        self.program.become_main()
        if self.tracer.saves_data:
            atexit.register(self._inform_plugins)  # runs before the exit functions of what the plugins have imported
        self.start()
        if self.compiler:
            self.program.instrument(self.compiler)
        self.program.run(not (self.options.ignore_c_function or self.options.log_sparse))

    def start(self) -> None:
        """Begin to record; if that cannot be, say so and let the program run."""
        if session.take_part(self.program.name, self.output if self._names_output else None):
            self.compiler = session.compiler_of_command()
            return  # of the run that started us
        session.take_faults()
        try:
            _see_that_descriptors_are_left()
            os.makedirs(os.path.dirname(self.output), exist_ok=True)
            if self.keeps_rings:
                stem = os.path.basename(self.output).partition(".")[0]
                rings = RingDirectory(os.path.dirname(self.output), stem)
            else:
                rings = RingDirectory.scratch(
                    self.tracer.tracer_entries, beside=self.output, keep_leftovers=self.options.keep_leftovers
                )
                self.ending(rings).arm()
            self.tracer.rings = rings
            if not self.options.ignore_multiprocess:
                ending = "" if self.keeps_rings else self.ending(rings).address(wait=self._waits)
                announced = source_options.given(self.options) | {
                    "session": rings.address,
                    "output": self.output,
                    "ending": ending,
                }
                session_variable.announce(self.tracer.inherited() | announced)
                if self.tracer.verbose and not _reaches_new_interpreters():
                    terminal.complain(NOT_INSTALLED)
            self.compiler = source_options.instrument(source_options.given(self.options))
            self.tracer.start()
        except (OSError, RuntimeError) as error:
            session_variable.withdraw()
            disarm_exit_report()
            if self.tracer.rings:
                self.tracer.rings.remove()
                self.tracer.rings = None
            self.has_failed = True
            terminal.complain(f"{error}; the program runs without tracing")

    def _inform_plugins(self) -> None:
        """Inform the plugins that the program is over, while what they use is still there: their processes, say."""
        if os.getpid() != self.pid or not self.tracer.enable:
            return
        self.tracer.pause()
        try:
            self.tracer.inform_plugins("post-stop")
        finally:
            self.tracer.resume()

    def end(self) -> None:
        """The process ends in order: close its ring file; in the first process, write the report."""
        if self.has_failed and os.getpid() == self.pid:
            note_unsaved()
        rings = self.tracer.rings
        if rings is None or not (self.tracer.enable or os.getpid() == self.pid):
            return
        try:
            self._end(rings)
        except BaseException as error:  # a signal handler of the program has raised it
            self._report_interruption(rings, error)

    def _report_interruption(self, rings: RingDirectory, error: BaseException) -> None:
        if os.getpid() != self.pid:
            return  # its file shows that it was not closed
        former = system.hold_signals()
        terminal.complain(report.not_written(f"interrupted by {type(error).__name__}", rings.path, self.output))
        system.release_signals(former)

    def _end(self, rings: RingDirectory) -> None:
        self.tracer.pause()  # what runs from here on is ours
        session_variable.withdraw()
        self.tracer.leave()
        if os.getpid() != self.pid:
            return
        if not this_process.recording():
            self.tracer.seal()  # of a recording that the program has stopped
        if self.keeps_rings:
            if self.tracer.verbose:
                finish.print_merge_command(rings, self.output)
            self._show(rings.files_of_run())
            return
        ending = self.ending(rings)
        ending.come(wait=self._waits)
        if ending.has_failed:
            note_unsaved()
        self.tracer.terminate()
        self._show(ending.written)

    def _show(self, files: list[str]) -> None:
        if self.options.open:
            from . import show

            show.show(files)

    def ending(self, rings: RingDirectory) -> finish.Ending:
        """Return how the run ends, unless the user wants to keep the ring files."""
        tracer = self.tracer
        plugins = tracer if tracer.saves_data else None
        return finish.Ending(rings, self.output, each=self.options.pid_suffix, verbose=tracer.verbose, plugins=plugins)


def _is_installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _see_that_descriptors_are_left() -> None:
    """See that a program which gets along with few descriptors does so beside ours.

    Raises:
        OSError: it would not.
    """
    spare: list[int] = []
    try:
        while len(spare) < SPARE_DESCRIPTORS:
            spare.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for descriptor in spare:
            os.close(descriptor)


def output_of(options: argparse.Namespace, name: str) -> str:
    """Return the path of the report on a program of this name."""
    output: str = options.output_file or "result.json"
    if options.unique_output_file:
        pid = "" if options.pid_suffix else f"_{os.getpid()}"  # which inserts it itself
        output = f"{name}_{time.strftime('%Y%m%d_%H%M%S')}{pid}.json"
    return os.path.join(options.output_dir, output) if options.output_dir else output


def _reaches_new_interpreters() -> bool:
    """Whether interpreters read our `PTH_FILE` when they start; not if the package was found by PYTHONPATH alone."""
    import site  # every interpreter has it already

    directories = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
    return any(os.path.exists(os.path.join(directory, PTH_FILE)) for directory in directories)
