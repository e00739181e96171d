"""What a forked child does so that its ring file is closed in order when it ends in order.

The file itself needs none of this: it is there whatever happens.
"""

from __future__ import annotations

import _thread
import atexit
import os
import sys

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .viztracer import VizTracer

MAIN = "MainProcess"  # what `multiprocessing` calls a process that it has not started

# Tracers take their steps one after the other: a start does not meet a save of another thread half-way.
lock = _thread.RLock()
# Who had it is not in a forked child. A thread may fork while another one takes its very first step.
os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]

_tracers: list[VizTracer] = []


def follow(tracer: VizTracer) -> None:
    """From now on, children of this process that `tracer` records close their files when they end."""
    is_first = not _tracers
    _tracers[:] = [tracer]
    if is_first:  # not before there is a tracer: another thread may fork at any moment
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


def recording() -> VizTracer | None:
    """Return the tracer that records this process now."""
    return _tracers[0] if _tracers and _tracers[0].enable else None


def process_name() -> str:
    """Return the name that `multiprocessing` knows this process by; it is not imported for that."""
    process: Any = sys.modules.get("multiprocessing.process")
    return str(process.current_process().name) if process else MAIN


def at_exit(function: Callable[[], None]) -> Callable[[], None]:
    """Call `function` when this process ends in order, whoever began it; return what undoes that."""
    atexit.register(function)
    process = sys.modules.get("multiprocessing.process")
    finalizer = _before_multiprocessing_leaves(function) if process and process.parent_process() else None

    def undo() -> None:
        atexit.unregister(function)
        if finalizer:
            finalizer.cancel()

    return undo


def expect_bootstrap(tracer: VizTracer) -> None:
    """Where this process was forked by `multiprocessing`, which is about to begin it, have `tracer` follow it.

    `multiprocessing` forgets the exit functions of its processes first, and runs these afterwards.
    """
    util = sys.modules.get("multiprocessing.util")
    if util:
        util.register_after_fork(tracer, _begin)


def expect_spawned(tracer: VizTracer) -> None:
    """This interpreter was started for one process of `multiprocessing`, or loky: name it when it is known which.

    It may be killed later without a word, and nobody is told when it begins: so this takes the place of what begins it.
    """
    from multiprocessing.process import BaseProcess

    bootstrap: Any = BaseProcess._bootstrap  # type: ignore[attr-defined]

    def name_and_begin(process: BaseProcess, *arguments: object, **keywords: object) -> object:
        BaseProcess._bootstrap = bootstrap  # type: ignore[attr-defined]
        tracer.name_process(process.name)
        return bootstrap(process, *arguments, **keywords)

    BaseProcess._bootstrap = name_and_begin  # type: ignore[attr-defined]


def _before_fork() -> None:
    _tracers[0].mend()


def _after_fork() -> None:
    if _tracers[0].enable:
        expect_bootstrap(_tracers[0])


def _begin(tracer: VizTracer) -> None:
    tracer.name_process(process_name())
    # `_bootstrap`, which goes on, does not count; `_after_fork` and `_run_after_forkers` are about to end.
    tracer.count_depth_from_here(inner=2)
    _before_multiprocessing_leaves(tracer.leave)


def _before_multiprocessing_leaves(function: Callable[[], None]) -> Any:
    return sys.modules["multiprocessing.util"].Finalize(None, _after_threads, (function,), exitpriority=-100)


def _after_threads(function: Callable[[], None]) -> None:
    """Wait for the threads first, as `multiprocessing` is about to do, so that the rest of their calls is recorded."""
    threading: Any = sys.modules["threading"]
    threading._shutdown()
    function()
