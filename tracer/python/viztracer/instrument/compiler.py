"""Compiles source text as `compile` does, with the calls inserted that record what the options say."""

from __future__ import annotations

import ast
import builtins
import os
import sys
import warnings

from . import caches
from .attributes import Attributes
from .exceptions import Exceptions
from .functions import Entries, Executions
from .log import Unrecorded, embed
from .variables import Variables

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .options import InstrumentOptions

# The interpreter's own function: the program may have replaced it, and so does `imports`.
compile_plainly = builtins.compile

# The flags CO_FUTURE_... of the code that calls `compile`, which takes them over.
FUTURE_FLAGS = 0x1FF0000
MODES = ("exec", "single")
# The begin of a line about a file that runs as it is.
UNSEEN = "--log_var and similar options do not see"


class Compiler:
    """Compiles instrumented code.

    Args:
        options: what to instrument.
        complain: is called with a line about what cannot be instrumented.
    """

    def __init__(self, options: InstrumentOptions, complain: Callable[[str], object]) -> None:
        self.options = options
        self.complain = complain

    def compile(
        self,
        source: Any,
        filename: Any,
        mode: str,
        flags: int = 0,
        optimize: int = -1,
        **others: Any,
    ) -> Any:
        """Compile as `compile` does, whose errors it raises; what cannot be instrumented is compiled as it is.

        `flags` are all that count: none are taken over from the caller.
        """
        if flags & ast.PyCF_ONLY_AST or mode not in MODES:
            return compile_plainly(source, filename, mode, flags, True, optimize, **others)
        with Unrecorded():
            return self._compile(source, filename, mode, flags, optimize, **others)

    def _compile(self, source: Any, filename: Any, mode: str, flags: int, optimize: int, **others: Any) -> Any:
        plainly = _plain_compiler(source, filename, mode, flags, optimize, **others)
        tree = source
        if not isinstance(source, ast.AST):
            tree = compile_plainly(source, filename, mode, flags | ast.PyCF_ONLY_AST, True, **others)
        try:
            instrumented = self._instrumented(tree, source, filename)
            code = embed(compile_plainly(instrumented, filename, mode, flags, True, optimize, **others))
        except Exception as error:  # the program must run all the same
            self.complain(f"{UNSEEN} {os.fsdecode(filename)}: {type(error).__name__}: {error}")
            code = plainly()
        caches.note(code, plainly)
        return code

    def _instrumented(self, tree: Any, source: Any, filename: Any) -> Any:
        if tree is source:
            import copy

            tree = copy.deepcopy(tree)  # it is the program's
        elif self.options.magic_comment and isinstance(tree, ast.Module):
            from .comments import obey

            for line in obey(tree, _text(source)):
                place = f"{os.fsdecode(filename)}:{line}"
                self.complain(f"{place}: this !viztracer comment is not understood, so it has no effect")
        for transformer in self._transformers():
            tree = transformer.visit(tree)
        return ast.fix_missing_locations(tree)

    def _transformers(self) -> Iterator[ast.NodeTransformer]:
        options = self.options
        if options.log_exception:
            yield Exceptions()
        if options.log_attr:
            yield Attributes(options.log_attr)
        if options.log_var:
            yield Variables(options.log_var, "variable")
        if options.log_number:
            yield Variables(options.log_number, "number")
        if options.log_func_exec:
            yield Executions(options.log_func_exec)
        if options.log_func_entry:
            yield Entries(options.log_func_entry)


def _plain_compiler(
    source: Any, filename: Any, mode: str, flags: int, optimize: int, **others: Any
) -> Callable[[], Any]:
    """Return a function that compiles a source without any calls; it keeps no tree, which the program may change."""

    def compile_it() -> Any:
        return compile_plainly(source, filename, mode, flags, True, optimize, **others)

    if not isinstance(source, ast.AST):
        return compile_it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are shown when the instrumented code is compiled
        plain = compile_it()
    return lambda: plain


def named(module: str | None) -> dict[str, Any]:
    """Return the arguments of `compile` that name the module. Filters of warnings use the name from 3.15 on."""
    return {"module": module} if sys.version_info >= (3, 15) else {}


def flags_of_caller(depth: int) -> int:
    """Return the flags that `compile` takes over from the code that calls it.

    Args:
        depth: how many frames that code is above the caller of this function.
    """
    return sys._getframe(depth + 1).f_code.co_flags & FUTURE_FLAGS


def _text(source: Any) -> str:
    """Return the text of a source as `compile` takes it, with line feeds at the ends of lines."""
    if isinstance(source, str):
        return source.replace("\r\n", "\n").replace("\r", "\n")
    from importlib.util import decode_source

    return decode_source(bytes(source))
