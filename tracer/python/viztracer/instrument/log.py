"""What the inserted calls call: `snaptrace.source_log`, which is among the constants of instrumented code.

So the calls work whatever the program does with its builtins, and also when the interpreter has cleared them.
"""

from __future__ import annotations

import types

from ..snaptrace import Tracer, source_log

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

# Stands for the log in syntax trees and in files, which hold no other objects than those of a source.
PLACEHOLDER = b"viztracer.snaptrace.source_log\xb5\x1e\x9c\x07\xd2\x48"


def embed(code: CodeType) -> CodeType:
    """Return code with the log in place of the placeholder, also in the functions and classes inside of it."""
    return _replaced(code, lambda constant: source_log if _is_placeholder(constant) else constant)


def without_log(code: CodeType) -> CodeType:
    """Return code with the placeholder in place of the log: the reverse of `embed`."""
    return _replaced(code, lambda constant: PLACEHOLDER if constant is source_log else constant)


def _is_placeholder(constant: object) -> bool:
    return type(constant) is bytes and constant == PLACEHOLDER


def _replaced(code: CodeType, replace: Callable[[object], object]) -> CodeType:
    def replaced(constant: object) -> object:
        return _replaced(constant, replace) if isinstance(constant, types.CodeType) else replace(constant)

    constants = tuple(map(replaced, code.co_consts))
    is_same = all(new is old for new, old in zip(constants, code.co_consts))
    return code if is_same else code.replace(co_consts=constants)


# A pause is one of the thread, whichever tracer records it.
_any_tracer = Tracer()


class Unrecorded:
    """A context manager: what this thread calls meanwhile is not the program's, and is not recorded."""

    def __enter__(self) -> None:
        _any_tracer.pause()

    def __exit__(self, *_error: object) -> None:
        _any_tracer.resume()
