"""Keeps instrumented code out of files.

`py_compile`, loaders other than `imports.Loader`, and test runners that rewrite assertions write the code that they
compile to ``__pycache__`` directories, by the module `marshal`. There it would be run later, in interpreters without
what the inserted calls call. So `marshal` gets the code as it is without these calls.
"""

from __future__ import annotations

import _weakref
import marshal
import warnings

from .log import Unrecorded

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

# By the id of instrumented code: the code, as long as it lives, and what compiles it plainly.
_plain: dict[int, tuple[_weakref.ref[CodeType], Callable[[], CodeType]]] = {}

_dump, _dumps = marshal.dump, marshal.dumps


def note(code: CodeType, compile_plainly: Callable[[], CodeType]) -> None:
    """Have `marshal` write what this function returns instead of this instrumented code."""
    key = id(code)
    _plain[key] = _weakref.ref(code, lambda _: _plain.pop(key, None)), compile_plainly


def install() -> None:
    """Have `marshal` write no instrumented code."""
    marshal.dump, marshal.dumps = dump, dumps


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
