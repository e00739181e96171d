"""The program to trace: found the way the interpreter would find it, and made the main module of this process.

The interpreter's own functions then run it (`snaptrace.run_file` and its kin), as the outermost code of the process.

What the command imports, every forked child of the program has to take down when it ends, so there is little of it:
`dataclasses` alone would bring in `inspect`, `ast` and `tokenize`.
"""

from __future__ import annotations

import builtins
import os
import sys
import types

from ..output import report_kinds
from ..snaptrace import RING_MAGIC, run_byte_code, run_code, run_command, run_file, run_module, run_stdin
from ..system import PROGRAM_MAGIC, directory_of_script, names_of_program, path_of_script

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..instrument.compiler import Compiler

FROZEN: Any = sys.modules["_frozen_importlib"]
EXTERNAL: Any = sys.modules["_frozen_importlib_external"]


# What begins a ring file, or a program of the machine's own.
NO_PYTHON = (RING_MAGIC, *PROGRAM_MAGIC)


class NoProgramError(Exception):
    """There is nothing to run; the message says what was looked for."""


class NoPythonError(Exception):
    """What is to be run is no Python program.

    Args:
        path: where it is.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Program:
    """What to run.

    Args:
        name: for the name of the report.
        arguments: what the program finds in `sys.argv`.
        run: runs it and, if the command is all that runs, ends the process; its argument says whether the trace has a
            call of `exec` around the program.
        directory: what it finds first in `sys.path`; None: nothing is put there.
        is_container: whether `directory` is the program itself, which stands there whatever the interpreter's options.
        file: what it finds in ``__file__``.
        loader: the type of what it finds in ``__loader__``, if it is a file.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        run: Callable[[bool], None],
        directory: str | None,
        *,
        is_container: bool = False,
        file: str | None = None,
        loader: Any = None,
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.run = run
        self.directory = directory
        self.is_container = is_container
        self.file = file
        self.loader = loader

    def instrument(self, compiler: Compiler) -> None:
        """Have the program compiled by this, if it is a file of source text."""
        if self.loader is not EXTERNAL.SourceFileLoader or self.file is None:
            return
        from ..instrument.compiler import named

        try:
            with open(self.file, "rb") as file:
                code = compiler.compile(file.read(), self.file, "exec", **named("__main__"))
        except (OSError, SyntaxError, ValueError):
            return  # the interpreter is going to say what is wrong with it
        self.run = lambda show: run_code(code, show)

    def set_arguments_and_path(self) -> None:
        """Replace the command by the program in `sys.argv` and in `sys.path`."""
        ours = None if _is_path_safe() else _directory_of_main()
        if ours is not None and sys.path[:1] == [ours]:
            del sys.path[0]
        if self.directory is not None and (self.is_container or not _is_path_safe()):
            sys.path.insert(0, self.directory)
        sys.argv = self.arguments

    def become_main(self) -> None:
        """Replace the command by the program as the main module."""
        sys.modules["__main__"] = self._new_main()

    def _new_main(self) -> types.ModuleType:
        """Return a main module like that of an interpreter that has just started, with what a file's finds besides."""
        main = types.ModuleType("__main__")
        main.__loader__ = self.loader("__main__", self.file) if self.loader else FROZEN.BuiltinImporter
        if sys.version_info < (3, 14):
            main.__annotations__ = {}
        main.__dict__["__builtins__"] = builtins
        if self.file is not None:
            main.__dict__["__file__"] = self.file
            if sys.version_info < (3, 15):
                main.__dict__["__cached__"] = None
        return main


def from_code(text: str, arguments: list[str]) -> Program:
    """Return the program of ``-c``."""
    if sys.version_info >= (3, 14) and text.lstrip("\n")[:1].isspace():
        import textwrap

        text = textwrap.dedent(text)
    source = text.encode("utf-8", "surrogateescape")
    return Program("python", ["-c", *arguments], lambda show: run_command(source, show), "")


def from_module(name: str, arguments: list[str]) -> Program:
    """Return the program of ``-m``."""
    # The module finds its own path in place of the "-m", as soon as it is known.
    return Program(name, ["-m", *arguments], lambda _show: run_module(name, container=False), _current_directory())


def from_command(command: list[str]) -> Program:
    """Return the program that a script's path, or the name of one on ``PATH``, stands for.

    It may also be byte code, a directory or zip file with a module ``__main__``, or ``-`` for stdin.

    Raises:
        NoProgramError: there is no such file.
        NoPythonError: it is something else, a report for example.
        OSError: it cannot be read.
    """
    if command[0] == "-":
        return Program("python", command, run_stdin, "", file="<stdin>")
    file = find(command[0])
    if file is None:
        advice = "; options of viztracer, -m and -c too, come before --" if command[0].startswith("-") else ""
        raise NoProgramError(f"No such file as {command[0]}{advice}")
    name = os.path.basename(file.rstrip(os.sep)).partition(".")[0]
    if _is_container(file):
        return Program(name, command, lambda _show: run_module("__main__", container=True), file, is_container=True)
    begin = _begin(file)
    if begin.startswith(NO_PYTHON) or file.endswith(report_kinds.ALL):
        raise NoPythonError(file)
    run, loader = run_file, EXTERNAL.SourceFileLoader
    if file.endswith(".pyc") or begin.startswith(EXTERNAL.MAGIC_NUMBER[:2]):
        run, loader = run_byte_code, EXTERNAL.SourcelessFileLoader
    directory = directory_of_script(file)
    return Program(name, command, lambda show: run(file, show), directory, file=file, loader=loader)


def find(name: str) -> str | None:
    """Return the absolute path of what a command's first word means, unless there is no such file."""
    if os.path.exists(name):
        return path_of_script(name, _current_directory() or "")
    directories = os.environ.get("PATH", "").split(os.pathsep)
    names = names_of_program(name)
    paths = (os.path.join(directory, one) for directory in directories for one in names)
    return next(filter(os.path.isfile, paths), None)


def _is_container(path: str) -> bool:
    """Whether modules can be imported from within, by which the interpreter distinguishes a zip file from a script."""
    for hook in sys.path_hooks:
        try:
            sys.path_importer_cache[path] = hook(path)
        except ImportError:
            continue
        return True
    sys.path_importer_cache[path] = None
    return False


def _begin(path: str) -> bytes:
    """Return the first bytes of a file; none of a pipe, which can be read only once."""
    if not os.path.isfile(path):
        return b""
    with open(path, "rb") as file:
        return file.read(8)


def _is_path_safe() -> bool:
    """Whether the interpreter puts no directory in front of `sys.path`: ``-P``, ``PYTHONSAFEPATH``, ``-I``."""
    return bool(sys.flags.safe_path if sys.version_info >= (3, 11) else sys.flags.isolated)


def _directory_of_main() -> str | None:
    """Return what the interpreter has put in front of `sys.path` for the module that is the main one now.

    For one of a zip file, as commands are on Windows, or of a directory, that is this file or directory itself.
    """
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if main.__spec__ is not None:
        return os.path.dirname(file) if file and main.__spec__.name == "__main__" else _current_directory()
    return directory_of_script(file) if file else ""


def _current_directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None
