"""What the inserted calls call: an object that every module finds among the builtins.

None of its methods raises what a value of the program raises.
"""

from __future__ import annotations

import builtins
import sys

from .. import snaptrace
from ..snaptrace import Tracer, is_for_program

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    from ..viztracer import VizTracer

# Both underscores at the end keep it from being taken for a private name of a class.
NAME = "__viztracer_log__"
_builtins = builtins.__dict__


class SourceLog(snaptrace.SourceLog):
    """Records what instrumented code does, by the tracer that is the global one at that time, if it records."""

    @property
    def tracer(self) -> VizTracer | None:
        """The global tracer, if it records; inserted conditions ask for it."""
        tracer: VizTracer | None = _builtins.get("__viz_tracer__")
        return tracer if tracer is not None and tracer.enable else None

    def comment(self, method: str, *arguments: Any, **keywords: Any) -> None:
        """Call the method of the tracer that a comment names."""
        try:
            tracer = self.tracer
            if tracer is not None:
                getattr(tracer, method)(*arguments, **keywords)
        except BaseException as error:
            if is_for_program(error):
                raise

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
