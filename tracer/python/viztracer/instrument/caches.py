"""Keeps instrumented code out of files.

`py_compile`, loaders other than `imports.Loader`, and test runners that rewrite assertions write the code that they
compile to ``__pycache__`` directories, by the module `marshal`. So this module writes instrumented code as it is
without the inserted calls. The other way round, code that the program reads by `marshal` was compiled before, and has
no such calls.
"""

from __future__ import annotations

import _weakref
import marshal
import types
import warnings
from _thread import get_ident

from .log import PLACEHOLDER, Unrecorded, embed

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

# By the id of instrumented code: the code, as long as it lives, and what compiles it plainly.
_plain: dict[int, tuple[_weakref.ref[CodeType], Callable[[], CodeType]]] = {}

_dumps, _load, _loads = marshal.dumps, marshal.load, marshal.loads

# Is called with what threads outside of `Expected` read.
_notice_read: list[Callable[[object], None]] = []
# The threads in `Expected`, each as often as it is in it.
_expecting: list[int] = []


def note(code: CodeType, compile_plainly: Callable[[], CodeType]) -> None:
    """Have `marshal` write what this function returns instead of this instrumented code.

    For the functions and classes inside of it, `marshal` writes what is inside of that.
    """
    key, forget = id(code), _plain.pop  # which is still there when the names of this module are cleared
    _plain[key] = _weakref.ref(code, lambda _: forget(key, None)), compile_plainly
    for index, inner in enumerate(_inside(code)):
        note(inner, _compiler_of_part(compile_plainly, index))


def _compiler_of_part(compile_plainly: Callable[[], CodeType], index: int) -> Callable[[], CodeType]:
    return lambda: _inside(compile_plainly())[index]


def _inside(code: CodeType) -> list[CodeType]:
    """Return the code of the functions and classes in other code, which is in the same order in plain code."""
    return [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]


def is_noted(code: object) -> bool:
    """Return whether this is instrumented code."""
    return id(code) in _plain


def install(notice_read: Callable[[object], None]) -> None:
    """Have `marshal` write no instrumented code, and call this function with each value that it has read."""
    _notice_read[:] = [notice_read]
    marshal.dump, marshal.dumps, marshal.load, marshal.loads = dump, dumps, load, loads


class Expected:
    """A context manager: nobody notices what this thread reads meanwhile."""

    def __enter__(self) -> None:
        _expecting.append(get_ident())

    def __exit__(self, *_error: object) -> None:
        _expecting.remove(get_ident())


def load(*arguments: Any, **keywords: Any) -> Any:
    """Read a value as `marshal.load` does, which this replaces."""
    return _noticed(_load(*arguments, **keywords))


def loads(*arguments: Any, **keywords: Any) -> Any:
    """Return the value of bytes as `marshal.loads` does, which this replaces."""
    return _noticed(_loads(*arguments, **keywords))


def _noticed(value: Any) -> Any:
    if isinstance(value, types.CodeType):
        value = embed(value)  # the program may have made it of instrumented code, and written it
    if get_ident() not in _expecting:
        with Unrecorded():
            _notice_read[0](value)
    return value


def dump(value: Any, file: Any, *arguments: Any, **keywords: Any) -> Any:
    """Write a value as `marshal.dump` does, which this replaces."""
    return file.write(dumps(value, *arguments, **keywords))


def dumps(value: Any, *arguments: Any, **keywords: Any) -> bytes:
    """Return a value as bytes as `marshal.dumps` does, which this replaces."""
    written = _dumps(value, *arguments, **keywords)
    if PLACEHOLDER not in written:
        return written
    with Unrecorded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were shown when the code was compiled first
        try:
            value = _without_calls(value)
        except RecursionError:  # it contains itself, or is too deep for `marshal`
            pass
    return _dumps(value, *arguments, **keywords)


def _without_calls(value: Any) -> Any:
    """Return a value with plain code in place of instrumented code, also inside of containers."""
    if id(value) in _plain:
        return _plain[id(value)][1]()
    if type(value) in (tuple, list, set, frozenset):
        return type(value)(map(_without_calls, value))
    if type(value) is dict:
        return {_without_calls(key): _without_calls(element) for key, element in value.items()}
    return value
