"""Has the program's own modules compiled by a `Compiler`: those that are imported, and what `compile` compiles.

Modules of the standard library and of installed packages stay as they are. What is compiled so is never written to a
``__pycache__`` directory (see `caches`), and what is imported is not read from one, except by loaders that the program
has written from the ground up: a line on stderr says so when the process ends.
"""

from __future__ import annotations

import builtins
import os
import sys
import types
from _frozen_importlib_external import SourceLoader
from importlib.machinery import PathFinder, SourceFileLoader

from ..process import this_process
from . import caches, compiler
from .log import Unrecorded

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STANDARD_LIBRARY = os.path.dirname(os.path.realpath(os.__file__))
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

_installed: list[compiler.Compiler] = []
# By process: own files whose code was compiled before the run, and so is not instrumented.
_compiled_earlier: dict[int, list[str]] = {}
_get_code = SourceLoader.get_code


def install(new: compiler.Compiler) -> None:
    """Have the program's own modules compiled so from now on, in this process and those that it forks."""
    _installed[:] = [new]
    with Unrecorded():  # imports may be lazy: the finder must not be the first that needs it
        if not any(isinstance(finder, Finder) for finder in sys.meta_path):
            finders = sys.meta_path
            index = finders.index(PathFinder) if PathFinder in finders else len(finders)
            finders.insert(index, Finder())
    builtins.compile = compile
    SourceLoader.get_code = get_code  # type: ignore[method-assign]
    caches.install(_notice_read)


def is_own(path: str) -> bool:
    """Return whether a file is the program's own, and not of the standard library or of an installed package."""
    if path.startswith("<"):
        return False
    path = os.path.abspath(path)
    if any(part in path for part in INSTALLED):
        return False
    return not any(os.path.realpath(path).startswith(directory + os.sep) for directory in (PACKAGE, STANDARD_LIBRARY))


def compile(
    source: Any,
    filename: Any,
    mode: str,
    flags: int = 0,
    dont_inherit: bool = False,
    optimize: int = -1,
    **others: Any,
) -> Any:
    """Compile as the builtin does, which this replaces; insert the calls if the file is the program's own."""
    if not dont_inherit:
        flags |= compiler.flags_of_caller(depth=1)
    with Unrecorded():
        own = isinstance(filename, (str, bytes, os.PathLike)) and is_own(os.fsdecode(filename))
    if own:
        return _installed[0].compile(source, filename, mode, flags, optimize, **others)
    return compiler.compile_plainly(source, filename, mode, flags, True, optimize, **others)


def get_code(self: Any, fullname: str) -> CodeType | None:
    """Return a module's code as the method of `SourceLoader` does, which this replaces, and of which loaders inherit.

    The program's own modules are compiled anew if the method has read them from a ``__pycache__`` directory.
    """
    path = self.get_filename(fullname)
    with Unrecorded():
        own = is_own(path)
    if not own:
        return _get_code(self, fullname)
    with caches.Expected():
        code = _get_code(self, fullname)
    if caches.is_noted(code):
        return code
    more = (fullname,) if sys.version_info >= (3, 15) else ()
    anew: CodeType | None = self.source_to_code(self.get_data(path), path, *more)
    return anew


def _notice_read(value: object) -> None:
    """Note what was read if it is the code of a module that is not instrumented."""
    if not isinstance(value, types.CodeType) or value.co_name != "<module>" or not is_own(value.co_filename):
        return
    pid = os.getpid()
    if pid not in _compiled_earlier:
        _compiled_earlier[pid] = []
        this_process.at_exit(_mention_compiled_earlier)  # until then, test runners keep what is written to stderr
    if value.co_filename not in _compiled_earlier[pid]:
        _compiled_earlier[pid].append(value.co_filename)


def _mention_compiled_earlier() -> None:
    """Say what this process has noted."""
    first, *others = _compiled_earlier.pop(os.getpid(), [""])
    if first:
        files = f"{first} and {len(others)} more files" if others else first
        _installed[0].complain(
            f"{compiler.UNSEEN} {files}: the program has read code that was compiled earlier; with PYTHONPYCACHEPREFIX "
            "set to an empty directory it is compiled anew"
        )


class Loader(SourceFileLoader):
    """Loads a module of instrumented source."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code; what is in a ``__pycache__`` directory does not count."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path, fullname)
        return code

    def source_to_code(  # type: ignore[override]  # the base class has it static, its subclass has not
        self, data: Any, path: Any, fullname: str | None = None, *, _optimize: int = -1
    ) -> Any:
        """Compile a module's source."""
        return _installed[0].compile(data, path, "exec", 0, _optimize, **compiler.named(fullname))


class Finder:
    """Finds the program's own modules where the interpreter finds them, to be loaded by `Loader`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module is; None if others have to look for it."""
        spec = PathFinder.find_spec(fullname, path, target)
        loader = spec.loader if spec else None
        if spec and type(loader) is SourceFileLoader:
            with Unrecorded():
                own = is_own(loader.path)
            spec.loader = Loader(loader.name, loader.path) if own else loader
        return spec

    def invalidate_caches(self) -> None:
        """Forget nothing: `PathFinder`, which is asked itself, has the caches."""
