"""What a forked child does so that its ring file is closed in order when it ends in order.

The file itself needs none of this: it is there whatever happens.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .viztracer import VizTracer

_tracers: list[VizTracer] = []


def follow(tracer: VizTracer) -> None:
    """From now on, children of this process that `tracer` records close their files when they end."""
    if not _tracers:
        os.register_at_fork(after_in_child=_after_fork)
    _tracers[:] = [tracer]


def process_name() -> str:
    """Return the name that `multiprocessing` knows this process by; it is not imported for that."""
    process: Any = sys.modules.get("multiprocessing.process")
    return str(process.current_process().name) if process else "MainProcess"


def _after_fork() -> None:
    # `multiprocessing` forgets the exit functions of its forked children first, and runs these afterwards.
    util = sys.modules.get("multiprocessing.util")
    if util and _tracers[0].enable:
        util.register_after_fork(_tracers[0], _begin)


def _begin(tracer: VizTracer) -> None:
    util = sys.modules["multiprocessing.util"]
    tracer.name_process(process_name())
    util.Finalize(tracer, tracer.leave, exitpriority=-100)
