"""What the inserted calls call: `snaptrace.source_log`, which is among the constants of instrumented code.

So the calls work whatever the program does with its builtins, and also when the interpreter has cleared them.

`marshal` writes the log as bytes, also from code in C, such as that which passes a function to another interpreter. The
inserted calls are skipped where they find these bytes instead of the log.
"""

from __future__ import annotations

import types

from ..snaptrace import Tracer, source_log

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from types import CodeType

# Stands for the log in syntax trees, and in what `marshal` writes: they hold no other objects than those of a source.
PLACEHOLDER = bytes(source_log)


def embed(code: CodeType) -> CodeType:
    """Return code with the log in place of the placeholder, also in the functions and classes inside of it."""
    constants = tuple(map(_embedded, code.co_consts))
    is_same = all(new is old for new, old in zip(constants, code.co_consts))
    return code if is_same else code.replace(co_consts=constants)


def _embedded(constant: object) -> object:
    if isinstance(constant, types.CodeType):
        return embed(constant)
    return source_log if type(constant) is bytes and constant == PLACEHOLDER else constant


# A pause is one of the thread, whichever tracer records it.
_any_tracer = Tracer()


class Unrecorded:
    """A context manager: what this thread calls meanwhile is not the program's, and is not recorded."""

    def __enter__(self) -> None:
        _any_tracer.pause()

    def __exit__(self, *_error: object) -> None:
        _any_tracer.resume()
