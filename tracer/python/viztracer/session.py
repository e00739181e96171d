"""A traced run and all its processes.

What a descendant needs to know stands in one environment variable. A ``.pth`` file of the package looks for it when an
interpreter starts, so it does not matter how that was started: by `subprocess` in any form, through a shell, a console
script or ``env``, by `multiprocessing`, by `os.exec`. Command lines stay as the program wrote them.
"""

from __future__ import annotations

import os
import sys

from . import child, report
from .ring_directory import RingDirectory
from .snaptrace import watch_deadly_signals
from .viztracer import VizTracer

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

VARIABLE = "VIZTRACER_RING_SESSION"

# What `sys.orig_argv` of interpreters looks like that serve others and outlive what they serve.
RESOURCE_TRACKER = ".resource_tracker import"  # of multiprocessing, and of loky
FORKSERVER = "from multiprocessing.forkserver import"
# And of those that run one process for `multiprocessing`, or for loky.
SPAWNED = ("from multiprocessing.spawn import", "loky.backend.popen_loky_posix")
OUR_COMMANDS = ("viztracer", "viztracer-merge", "vizviewer")

# The interpreter's options that take an argument (`python --help`).
OPTIONS_WITH_ARGUMENT = "cmWX"
LONG_OPTION_WITH_ARGUMENT = "--check-hash-based-pycs"

CODE_MAX = 40  # characters of the code of ``python -c`` in a process's name

_asked: list[bool] = []
_joined: list[VizTracer] = []


def announce(tracer: VizTracer, rings: RingDirectory, output: str, ending: str) -> None:
    """Have every Python process that descends from this one, and inherits its environment, join the run.

    Args:
        tracer: what records this process.
        rings: where.
        output: the run's report.
        ending: the `Ending.address` by which this process, once it has become another program, ends the run, or nothing.
    """
    fields = tracer.init_kwargs | {"session": rings.address, "output": output, "ending": ending}
    os.environ[VARIABLE] = ";".join(f"{name}={_pack(value)}" for name, value in fields.items())


def withdraw() -> None:
    """Let processes that start from now on alone."""
    os.environ.pop(VARIABLE, None)


def take_part(name: str, output: str | None) -> bool:
    """Let this process, which runs a program under the command, be a part of the run that its environment names.

    That is so when somebody runs ``viztracer`` below a traced program, as reloaders do that start their own command line
    again. One that names another report than that run has wants a run of its own.

    Args:
        name: what the process is called.
        output: the report that the command line names.

    Returns:
        Whether there is such a run, and it is not over.
    """
    fields = _fields()
    if "session" not in fields or output not in (None, _unpack(fields.get("output", ""), "")):
        return False
    try:
        _begin(name)
    except Exception as error:  # whatever it is, the program must not suffer from it
        report.complain(f"{error}; process {os.getpid()} is not traced")
    return bool(_joined)


def join() -> None:
    """Record this process, which has just started, as a part of the run that its environment names."""
    if _asked or serves_others(sys.orig_argv):
        return  # `site` reads the .pth files of a virtual environment twice
    _asked.append(True)
    try:
        if any(FORKSERVER in argument for argument in sys.orig_argv):
            # What it forks belongs to the run; it itself does nothing and ends when the first process has ended.
            os.register_at_fork(after_in_child=_begin)
        else:
            _begin()
    except Exception as error:  # whatever it is, the program must not suffer from it
        report.complain(f"{error}; process {os.getpid()} is not traced")


def take_faults() -> None:
    """Have `faulthandler`, if it was there before any program, hand on to us what it has told of.

    It has what the interpreter's options and environment give it: stderr, and all threads. Whoever enables it later has
    it hand on to us in any case.
    """
    faulthandler = sys.modules.get("faulthandler")
    if faulthandler and faulthandler.is_enabled() and sys.stderr is not None:
        faulthandler.disable()
        watch_deadly_signals()
        faulthandler.enable()


def _fields() -> dict[str, str]:
    """Return what the environment says of a run, if it names one."""
    fields = os.environ.get(VARIABLE, "").split(";")
    return dict(field.split("=", 1) for field in fields if "=" in field)


def _begin(name: str | None = None) -> None:
    if _joined:
        return  # a fork of a process that has joined needs nothing but its own file, which it makes itself
    fields = _fields()
    try:
        tracer = _tracer(fields)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        raise ValueError(f"the environment variable {VARIABLE} names no session") from None
    if not tracer.join():
        return
    tracer.first_name = name or _name(sys.orig_argv)
    _joined.append(tracer)
    take_faults()
    tracer.register_exit()
    if any(beginning in word for word in sys.orig_argv for beginning in SPAWNED):
        child.expect_spawned(tracer)
    else:
        child.expect_bootstrap(tracer)
    if ending := _unpack(fields.get("ending", ""), ""):
        from .commands import finish

        finish.succeed(tracer, ending)
    tracer.start()


def _tracer(fields: dict[str, str]) -> VizTracer:
    """Return a tracer like that of the process which began the run."""
    defaults = VizTracer(register_global=False).init_kwargs
    if not fields["session"]:
        raise ValueError
    return VizTracer(**{name: _unpack(fields[name], default) for name, default in defaults.items() if name in fields})


def serves_others(command: list[str]) -> bool:
    """Whether an interpreter with this command line runs one of our own commands, or one that would keep the run waiting for ever."""
    words = [os.path.basename(word) for word in command[1:3]]
    return any(RESOURCE_TRACKER in word for word in command) or any(word in OUR_COMMANDS for word in words)


def _name(command: list[str]) -> str:
    """Return what the process is called in the report until `multiprocessing` knows better."""
    mode, what = _program(command[1:])
    if not mode:
        return os.path.basename(what) or "python"
    what = " ".join(what.split())
    return f"python {mode} {what if len(what) <= CODE_MAX else what[: CODE_MAX - 3] + '...'}"


def _program(words: list[str]) -> tuple[str, str]:
    """Return what an interpreter with these arguments runs: ``-c`` and code, ``-m`` and a module, or nothing and a path.

    The options are read as CPython's Python/getopt.c does: letters may stand together, and the argument of the last one
    follows at once or as the next word.
    """
    rest = iter(words)
    for word in rest:
        if word in ("-", "--"):
            return "", next(rest, "") if word == "--" else ""
        if word.startswith("--"):
            if word == LONG_OPTION_WITH_ARGUMENT:
                next(rest, "")
        elif not word.startswith("-"):
            return "", word
        else:
            letter = next((letter for letter in word[1:] if letter in OPTIONS_WITH_ARGUMENT), "")
            argument = word.partition(letter)[2] or next(rest, "") if letter else ""
            if letter in ("c", "m"):
                return f"-{letter}", argument
    return "", ""


def _pack(value: object) -> str:
    """Return a value as text without the characters that separate values."""
    if isinstance(value, list):
        return ",".join(map(_pack, value))
    text = str(int(value) if isinstance(value, bool) else value)
    return text.replace("%", "%25").replace(";", "%3B").replace(",", "%2C")


def _unpack(text: str, like: object) -> Any:
    """Return what `_pack` made this text of: a value of the kind of `like`."""
    if isinstance(like, list):
        return [_unpack(part, "") for part in text.split(",") if part]
    if isinstance(like, (bool, int, float)):
        return type(like)(float(text))
    return text.replace("%2C", ",").replace("%3B", ";").replace("%25", "%")
