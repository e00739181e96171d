"""Keeps instrumented code out of files.

`py_compile`, loaders other than `imports.Loader`, and test runners that rewrite assertions write the code that they
compile to ``__pycache__`` directories, by the module `marshal`. There it would be run later, in interpreters without
what the inserted calls call. So `marshal` gets the code as it is without these calls. The other way round, code that
the program reads by `marshal` was compiled before, and has no such calls.
"""

from __future__ import annotations

import _weakref
import marshal
import warnings
from _thread import get_ident

from .log import Unrecorded

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

# By the id of instrumented code: the code, as long as it lives, and what compiles it plainly.
_plain: dict[int, tuple[_weakref.ref[CodeType], Callable[[], CodeType]]] = {}

_dump, _dumps, _load, _loads = marshal.dump, marshal.dumps, marshal.load, marshal.loads

# Is called with what threads outside of `Expected` read.
_notice_read: list[Callable[[object], None]] = []
# The threads in `Expected`, each as often as it is in it.
_expecting: list[int] = []


def note(code: CodeType, compile_plainly: Callable[[], CodeType]) -> None:
    """Have `marshal` write what this function returns instead of this instrumented code."""
    key = id(code)
    _plain[key] = _weakref.ref(code, lambda _: _plain.pop(key, None)), compile_plainly


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
    if get_ident() not in _expecting:
        with Unrecorded():
            _notice_read[0](value)
    return value


def dump(value: Any, *arguments: Any, **keywords: Any) -> Any:
    """Write a value as `marshal.dump` does, which this replaces."""
    return _dump(_without_calls(value), *arguments, **keywords)


def dumps(value: Any, *arguments: Any, **keywords: Any) -> bytes:
    """Return a value as bytes as `marshal.dumps` does, which this replaces."""
    return _dumps(_without_calls(value), *arguments, **keywords)


def _without_calls(value: Any) -> Any:
    _, compile_plainly = _plain.get(id(value), (None, None))
    if compile_plainly is None:
        return value
    with Unrecorded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were shown when the code was compiled first
        return compile_plainly()
