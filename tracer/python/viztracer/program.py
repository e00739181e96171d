"""The program to trace: found the way the interpreter would find it, and made the main module of this process.

What the command imports, every forked child of the program has to take down when it ends, so there is little of it:
`dataclasses` alone would bring in `inspect`, `ast` and `tokenize`.
"""

from __future__ import annotations

import io
import os
import sys
import types


class NoProgramError(Exception):
    """There is nothing to run; the message says what was looked for."""


class Program:
    """What to run.

    Args:
        name: for the name of the report.
        code: the main module's code.
        arguments: what the program finds in `sys.argv`.
        file: what it finds in ``__file__``.
        directory: what it finds first in `sys.path`; None leaves that alone.
    """

    def __init__(
        self,
        name: str,
        code: types.CodeType,
        arguments: list[str],
        file: str,
        directory: str | None = None,
    ) -> None:
        self.name = name
        self.code = code
        self.arguments = arguments
        self.file = file
        self.directory = directory

    def become_main(self) -> dict[str, object]:
        """Make the program the main module; return its namespace."""
        module = types.ModuleType("__main__")
        module.__dict__.update(__file__=self.file, __builtins__=__builtins__)
        sys.modules["__main__"] = sys.modules["__mp_main__"] = module
        sys.argv = self.arguments
        if self.directory is not None:
            sys.path.insert(0, self.directory)
        return module.__dict__


def from_code(text: str, arguments: list[str]) -> Program:
    """Return the program of ``-c``."""
    return Program("python", compile(text, "<string>", "exec"), ["-c", *arguments], "<string>")


def from_module(name: str, arguments: list[str]) -> Program:
    """Return the program of ``-m``."""
    import importlib.util

    directory = os.getcwd()
    sys.path.insert(0, directory)
    try:
        missing = importlib.util.find_spec(name.partition(".")[0]) is None
    finally:
        sys.path.remove(directory)
    if missing:
        raise NoProgramError(f"No module named {name}")
    text = f"import runpy\nrunpy.run_module({name!r}, run_name='__main__', alter_sys=True)"
    return Program(name, compile(text, "<string>", "exec"), [name, *arguments], "<string>", directory)


def from_command(command: list[str]) -> Program:
    """Return the program that a script's path, or the name of one on ``PATH``, stands for.

    Raises:
        NoProgramError: there is no such file.
    """
    places = ["", *os.environ.get("PATH", "").split(os.pathsep)]
    path = next(filter(os.path.isfile, (os.path.join(place, command[0]) for place in places)), None)
    if path is None:
        hint = ", and viztracer knows no such option: see viztracer --help" if command[0].startswith("-") else ""
        raise NoProgramError(f"No such file as {command[0]}{hint}")
    if path.endswith(".json"):
        raise NoProgramError(f'viztracer can\'t run json file, did you mean "vizviewer {path}"?')
    file = os.path.abspath(path)
    with io.open_code(file) as source:
        code = compile(source.read(), file, "exec")
    return Program(os.path.basename(file).partition(".")[0], code, command, file, os.path.dirname(file))
