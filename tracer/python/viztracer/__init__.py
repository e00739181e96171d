"""Trace every call of a Python program into a ring file that survives the process.

A drop-in replacement for VizTracer::

    from viztracer import VizTracer

    with VizTracer(output_file="result.json"):
        work()

For pytest, which would warn that it cannot rewrite the assertions of a module that is there already:
PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import os

try:
    from .snaptrace import Tracer
except ModuleNotFoundError as error:  # the extension of another interpreter has another name
    if error.name != "viztracer.snaptrace":
        raise
    from .missing_extension import explanation

    raise ImportError(explanation()) from None
from .viztracer import VizTracer, get_tracer
from .version import __version__

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    from .arrow_stream import calls as calls
    from .decorator import ignore_function, log_sparse, trace_and_save
    from .sessions.request import snapshot as snapshot

__all__ = [
    "VizTracer",
    "__version__",
    "get_tracer",
    "ignore_function",
    "load_ipython_extension",
    "log_sparse",
    "trace_and_save",
]

DECORATORS = ("ignore_function", "log_sparse", "trace_and_save")


def __getattr__(name: str) -> Any:
    """Return a decorator, `snapshot` or `calls`. Programs that use none do without what they import."""
    if name in DECORATORS or name in ("snapshot", "calls"):
        tracer = Tracer()
        tracer.pause()  # what this import takes is not the program's
        try:
            if name == "snapshot":
                from .sessions import request as module
            elif name == "calls":
                from . import arrow_stream as module  # type: ignore[no-redef]
            else:
                from . import decorator as module  # type: ignore[no-redef]
        finally:
            tracer.resume()
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if os.path.isdir(os.path.join(__path__[0], "web_dist")):  # which VizTracer has
    from . import both_installed

    both_installed.complain(__path__[0])


def load_ipython_extension(shell: Any) -> None:
    """For ``%load_ext viztracer`` in a notebook: make ``%%viztracer`` known."""
    from . import jupyter

    jupyter.load_ipython_extension(shell)
