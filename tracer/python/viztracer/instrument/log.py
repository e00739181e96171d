"""What the inserted calls call: an object that every module finds among the builtins.

None of its methods raises what a value of the program raises.
"""

from __future__ import annotations

import builtins
import functools
import sys

from .. import snaptrace
from ..snaptrace import Tracer, is_for_program

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ..viztracer import VizTracer

    Method = TypeVar("Method", bound=Callable[..., None])

# Both underscores at the end keep it from being taken for a private name of a class.
NAME = "__viztracer_log__"
_builtins = builtins.__dict__


def _harmless(method: Method) -> Method:
    """Decorate a method so that it gets the global tracer, if there is one, and raises nothing of its own."""

    @functools.wraps(method)
    def call(self: SourceLog, *arguments: Any, **keywords: Any) -> None:
        try:
            tracer = _builtins.get("__viz_tracer__")
            if tracer is not None:
                method(self, tracer, *arguments, **keywords)
        except BaseException as error:
            if is_for_program(error):
                raise

    return call  # type: ignore[return-value]


class SourceLog(snaptrace.SourceLog):
    """Records what instrumented code does, by the tracer that is the global one at that time, if it records."""

    @property
    def tracer(self) -> VizTracer | None:
        """The global tracer, if it records; inserted conditions ask for it."""
        tracer: VizTracer | None = _builtins.get("__viz_tracer__")
        return tracer if tracer is not None and tracer.enable else None

    @_harmless
    def comment(self, tracer: VizTracer, method: str, *arguments: Any, **keywords: Any) -> None:
        """Call the method of the tracer that a comment names."""
        if tracer.enable:
            getattr(tracer, method)(*arguments, **keywords)

    def current_exception(self, name: str) -> None:
        """Record the exception that is being handled."""
        self.variable(name, sys.exc_info()[1])


# A pause is one of the thread, whichever tracer records it.
_any_tracer = Tracer()


class Unrecorded:
    """A context manager: what this thread calls meanwhile is not the program's, and is not recorded."""

    def __enter__(self) -> None:
        _any_tracer.pause()

    def __exit__(self, *_error: object) -> None:
        _any_tracer.resume()


def install() -> None:
    """Let every module find the object that the inserted calls call."""
    if NAME not in builtins.__dict__:
        builtins.__dict__[NAME] = SourceLog()
