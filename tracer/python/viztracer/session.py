"""How a process joins the traced run that it descends from.

A ``.pth`` file of the package calls `join` in each interpreter that starts with a run in its environment. So it does
not matter how the interpreter was started: by `subprocess` in any form, through a shell, a console script or ``env``,
by `multiprocessing`, by `os.exec`. Command lines stay as the program wrote them.
"""

from __future__ import annotations

import os
import sys

from . import system
from .command_line import source_options
from .output import terminal
from .process import interpreter_arguments, session_variable, this_process
from .process.session_variable import VARIABLE
from .snaptrace import watch_deadly_signals
from .viztracer import VizTracer

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from .instrument.compiler import Compiler

_asked: list[bool] = []
_joined: list[VizTracer] = []
_compilers: list[Compiler] = []


def take_part(name: str, output: str | None) -> bool:
    """Let this process, which runs a program under the command, join the run that its environment names.

    There is one if ``viztracer`` runs below a traced program, as it does under reloaders, which start their own command
    line again. A command that names another report has a run of its own.

    Args:
        name: what the process is called.
        output: the report that the command line names.

    Returns:
        Whether there is such a run, and it is not over.
    """
    fields = session_variable.read()
    if "session" not in fields or output not in (None, session_variable.unpack(fields.get("output", ""), "")):
        return False
    try:
        _begin(name)
    except Exception as error:  # whatever it is, the program must not suffer from it
        terminal.complain(f"{error}; process {os.getpid()} is not traced")
    return bool(_joined)


def join() -> None:
    """Record this process, which has just started, as a part of the run that its environment names."""
    if _asked or interpreter_arguments.serves_others(sys.orig_argv):
        return  # `site` reads the .pth files of a virtual environment twice
    _asked.append(True)
    try:
        if interpreter_arguments.is_forkserver(sys.orig_argv):
            # What it forks belongs to the run; it itself does nothing and ends when the first process has ended. But
            # from CPython 3.14 on it imports the main module, which what it forks does not import again.
            system.register_at_fork(after_in_child=_begin)
            source_options.instrument(source_options.inherited(session_variable.read()))
        else:
            _begin()
    except Exception as error:  # whatever it is, the program must not suffer from it
        terminal.complain(f"{error}; process {os.getpid()} is not traced")


def take_faults() -> None:
    """Have `faulthandler`, if the interpreter has enabled it, pass deadly signals on to our handler.

    That needs our handler to be there before `faulthandler` is enabled. It still writes to stderr, for all threads. If a
    program enables it later, our handler is there already.
    """
    faulthandler = sys.modules.get("faulthandler")
    if faulthandler and faulthandler.is_enabled() and sys.stderr is not None:
        faulthandler.disable()
        watch_deadly_signals()
        faulthandler.enable()


def _begin(name: str | None = None) -> None:
    if _joined:
        return  # a fork of a process that has joined needs nothing but its own file, which it makes itself
    fields = session_variable.read()
    try:
        tracer = _tracer(fields)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        raise ValueError(f"the environment variable {VARIABLE} names no session") from None
    if not tracer.join():
        return
    tracer.first_name = name or interpreter_arguments.process_name(sys.orig_argv)
    tracer.is_interruptible = bool(fields.get("is_interruptible"))
    _joined.append(tracer)
    take_faults()
    tracer.register_exit()
    if interpreter_arguments.is_spawned(sys.orig_argv):
        this_process.expect_spawned(tracer)
    else:
        this_process.expect_bootstrap(tracer)
    if ending := session_variable.unpack(fields.get("ending", ""), ""):
        from .commands import finish  # most runs that keep their ring files do without it

        finish.succeed(tracer, ending)
    if compiler := source_options.instrument(source_options.inherited(fields)):
        _prepare_script(compiler, is_command=name is not None)
    tracer.start()


def compiler_of_command() -> Compiler | None:
    """Return what compiles the program of the command, if the run which it has joined instruments programs."""
    return _compilers[0] if _compilers else None


def _prepare_script(compiler: Compiler, *, is_command: bool) -> None:
    """Have the script of this process instrumented. The command runs it itself, any other interpreter on its own."""
    if is_command:
        _compilers.append(compiler)
        return
    from .instrument import main_program  # most programs run as they are

    main_program.expect(compiler)


def _tracer(fields: dict[str, str]) -> VizTracer:
    """Return a tracer like that of the process which began the run."""
    defaults = VizTracer(register_global=False).init_kwargs
    if not fields["session"]:
        raise ValueError
    given = {name: default for name, default in defaults.items() if fields.get(name)}
    return VizTracer(**{name: session_variable.unpack(fields[name], default) for name, default in given.items()})
