"""Have another Python process run a file of source text, by the functions that its interpreter offers for that.

From CPython 3.14 on `sys.remote_exec` asks the main thread to run it between two of its instructions. Before that gdb
calls `Py_AddPendingCall` in the process, to the same effect. A main thread that waits without the GIL does not get
there; gdb, if there is one, has it run the file at once then, as an extension may that is called back.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

assert sys.platform == "linux"  # for a checker of types

from ..system import processes
from . import remote_exec
from .request import InjectionError, Request

PAGE = 4096
# What the process runs: in plain letters for gdb, whatever the path; no error if the file is gone.
CODE = "try: exec(compile(open(bytes.fromhex('{path}')).read(), '<viztracer>', 'exec'), {{}})\\nexcept OSError: pass\\n"
# The constants are PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS of Linux. Memory comes from the kernel, since
# the process may be in the middle of malloc.
MAP = "set $code = ((char *(*)(void *, unsigned long, int, int, int, long)) mmap)(0, {size}, 3, 0x22, -1, 0)"
WRITE = 'set {{char [{size}]}} $code = "{code}"'
ASK = "print ((int (*)(int (*)(void *), void *)) Py_AddPendingCall)((int (*)(void *)) PyRun_SimpleString, $code)"
RUN = """\
set $holds_gil = ((int (*)(void)) PyGILState_Check)()
print $holds_gil
if $holds_gil == 0
  set $state = ((int (*)(void)) PyGILState_Ensure)()
  print ((int (*)(const char *)) PyRun_SimpleString)($code)
  call ((void (*)(int)) PyGILState_Release)($state)
end
"""
# A gdb that does not know all registers of this processor, such as gdb 13 on one with AMX, cannot restore them after a
# call in the process, which then crashes. This is what it says when it writes a register.
CANNOT_WRITE = "Couldn't write extended state status"
TRIAL = ("-ex", "starti", "-ex", "set $mxcsr = 0x1fa0")  # where there is such a register
OPTIONS = ("--nx", "--batch", "-iex", "set debuginfod enabled off", "-iex", "set auto-load off")
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PTRACE_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"


def inject(pid: int, request: Request) -> None:
    """Have a process run the script of a request.

    Args:
        pid: the process.
        request: the request, which is withdrawn if the process does not begin.

    Raises:
        InjectionError: it cannot, or does not within 10 s.
    """
    _check_files(pid, request.script)
    code = CODE.format(path=os.fsencode(request.script).hex())
    if not remote_exec.is_available():
        _gdb(pid, code, ASK)
        if not request.is_answered(1):
            _gdb(pid, code, RUN)
            _wait(pid, request)
        return
    is_answered = False
    try:
        _ask(pid, request.script)
        is_answered = request.is_answered(1)
        if not is_answered:
            with contextlib.suppress(InjectionError):
                _gdb(pid, code, RUN)
            _wait(pid, request)
    finally:
        if not is_answered:  # also after Ctrl+C
            remote_exec.withdraw(pid)


def _ask(pid: int, script: str) -> None:
    try:
        remote_exec.ask(pid, script)
    except PermissionError:
        raise InjectionError(_forbidden(pid)) from None
    except (OSError, RuntimeError, ValueError) as error:
        raise InjectionError(f"process {pid} {remote_exec.reason(error)}") from None


def _wait(pid: int, request: Request) -> None:
    """Wait for the answer, 10 s, and as much longer if the process has begun."""
    if request.is_answered(10):
        return
    if request.withdraw():
        raise InjectionError(f"process {pid} runs no Python code at present, and does not answer: {_doing(pid)}")
    if not request.is_answered(10):
        raise InjectionError(f"process {pid} has begun to answer, and does not end that: {_doing(pid)}")


def _doing(pid: int) -> str:
    """Return what the main thread of a process does, as far as the system says."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            state = file.read().rpartition(")")[2].split()[0]
        with open(f"/proc/{pid}/wchan", encoding="ascii", errors="replace") as file:
            function = file.read().strip("0\n")
    except (OSError, IndexError):
        return "its main thread cannot be looked at"
    if state in "Tt":
        return "it is stopped"
    if state == "R":
        return "its main thread runs code that is not Python"
    return f"its main thread waits in the system{f' ({function})' if function else ''}"


def _check_files(pid: int, path: str) -> None:
    """Check that a process finds this file.

    Raises:
        InjectionError: the file system that it sees is another one.
    """
    try:
        is_there = os.path.samestat(os.stat(f"/proc/{pid}/root{path}"), os.stat(path))
    except PermissionError:
        return  # whatever is tried next says so
    except OSError:
        is_there = False
    if not is_there and processes.running_since(pid) is not None:
        where = os.path.dirname(os.path.dirname(path))
        raise InjectionError(f"process {pid} does not see the files of {where} (a container?): run viztracer there")


@functools.cache
def usable_gdb() -> str:
    """Return the path of a gdb that can call functions in a process, and leave all as it was.

    Raises:
        InjectionError: there is none, or it fails to write registers of a program that does nothing.
    """
    gdb = shutil.which("gdb")
    if gdb is None:
        raise InjectionError("--attach needs gdb with CPython before 3.14, and there is none: apt install gdb")
    program = shutil.which("true") or sys.executable
    if CANNOT_WRITE in _run_gdb([gdb, *OPTIONS, *TRIAL, program]).stderr:
        raise InjectionError("gdb does not know this processor, and would crash the process: install gdb 14 or later")
    return gdb


def _run_gdb(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl+C is for this command
    )


def _gdb(pid: int, code: str, calls: str) -> None:
    """Have gdb stop a process, call functions in it, and let it go.

    Nothing interrupts gdb: a process that it leaves in the middle of a call is lost.
    """
    gdb = usable_gdb()
    size = len(code) + 1
    written = WRITE.format(size=size - code.count("\\n"), code=code)
    commands = "\n".join(["set unwindonsignal on", MAP.format(size=-(-size // PAGE) * PAGE), written, calls])
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as file, uninterrupted():
        file.write(f"{commands}\n")
        file.flush()
        done = _run_gdb([gdb, *OPTIONS, "--pid", str(pid), "-x", file.name])
    if "Operation not permitted" in done.stderr or "ptrace: " in done.stderr:
        raise InjectionError(_forbidden(pid))
    if "No symbol" in done.stderr:
        raise InjectionError(f"process {pid} does not run CPython, or hides its functions from gdb")
    if not re.search(r"^\$\d+ = 0$", done.stdout, re.MULTILINE) and "$1 = 1" not in done.stdout:
        lines = done.stderr.strip().splitlines() or ["it says nothing"]
        raise InjectionError(f"Failed to inject code [err {done.returncode}]: gdb: {lines[-1]}")


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off what asks this process to end until the block is over."""
    came: list[int] = []
    former = {number: signal.signal(number, lambda number, _frame: came.append(number)) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _forbidden(pid: int) -> str:
    """Return what to say if the system does not let us look into a process."""
    message = f"process {pid} may not be attached to: the system forbids ptrace"
    try:
        with open(PTRACE_SCOPE, encoding="ascii") as file:
            scope = file.read().strip()
    except OSError:
        scope = "0"
    if scope != "0":
        message += f" ({PTRACE_SCOPE} is {scope})"
    if os.geteuid() == 0:
        return message
    return f"{message}; run this as root" + ("" if scope != "0" else " or as the user of that process")
