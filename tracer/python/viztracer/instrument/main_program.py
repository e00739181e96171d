"""Has the script of a child process instrumented, which no import system sees.

An interpreter that is started for a script reads and compiles it in C. Just before, it raises the audit event
``cpython.run_file``: there the instrumented code is run instead, as the command runs a program.
"""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader

from ..snaptrace import run_code
from .compiler import UNSEEN, named

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from types import CodeType

    from .compiler import Compiler

RUN_FILE = "cpython.run_file"

# What compiles the script of this interpreter, until it runs.
_expected: list[Compiler] = []


def expect(compiler: Compiler) -> None:
    """Have this compile the script that this interpreter is about to run, if it is about to run one."""
    _expected.append(compiler)
    sys.addaudithook(_run_instrumented)


def _run_instrumented(event: str, arguments: tuple[object, ...]) -> None:
    """Run the script, and end the process; come back if the interpreter has to run it, or to report why it cannot."""
    if event != RUN_FILE or not _expected:
        return
    compiler, path = _expected.pop(), arguments[0]
    if not isinstance(path, str):
        return
    if sys.flags.inspect:  # the process does not end there: the interpreter asks for more
        compiler.complain(f"{UNSEEN} {path}: with -i or PYTHONINSPECT, the interpreter has to run it itself")
        return
    if not (code := _compiled(compiler, path)):
        return
    _describe(path)
    run_code(code, False)


# Otherwise the interpreter would trace nothing of what a hook of audit events calls: here, the whole program.
_run_instrumented.__cantrace__ = True  # type: ignore[attr-defined]


def _describe(path: str) -> None:
    """Have the main module say what it is, as the interpreter does.

    The caller never returns, so it must not refer to the module: its values are destroyed when the interpreter ends.
    """
    namespace = sys.modules["__main__"].__dict__
    namespace["__loader__"] = SourceFileLoader("__main__", path)
    namespace["__file__"] = path
    if sys.version_info < (3, 15):
        namespace["__cached__"] = None


def _compiled(compiler: Compiler, path: str) -> CodeType | None:
    """Return the instrumented code of a file; None if it is no source that can be compiled."""
    try:
        with open(path, "rb") as file:
            code: CodeType = compiler.compile(file.read(), path, "exec", **named("__main__"))
        return code
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
