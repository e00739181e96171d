"""This process: which tracer records it, what it is called, and what runs when it ends.

A forked child is this process from then on. What it does here closes its ring file in order when it ends in order; the
file itself is there whatever happens.
"""

from __future__ import annotations

import _thread
import atexit
import os
import sys

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class ProcessTracer(Protocol):
        """What this module needs of a `VizTracer`."""

        output_file: str

        @property
        def enable(self) -> bool: ...
        @property
        def is_inline(self) -> bool: ...
        def mend(self) -> None: ...
        def name_process(self, name: str) -> None: ...
        def count_depth_from_here(self, inner: int) -> None: ...
        def leave(self) -> None: ...


MAIN = "MainProcess"  # what `multiprocessing` calls a process that it has not started

# Held during each start and save of a tracer, so that two threads do not mix them.
lock = _thread.RLock()
# A forked child does not have the thread that held the lock at the fork.
os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]

_tracers: list[ProcessTracer] = []


def follow(tracer: ProcessTracer) -> None:
    """Make `tracer` the one that records this process; the children that it records close their files when they end."""
    is_first = not _tracers
    _tracers[:] = [tracer]
    if is_first:  # not before there is a tracer, since another thread may fork now
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


def recording() -> ProcessTracer | None:
    """Return the tracer that records this process now."""
    return _tracers[0] if _tracers and _tracers[0].enable else None


def process_name() -> str:
    """Return the name that `multiprocessing` knows this process by; it is not imported for that."""
    process: Any = sys.modules.get("multiprocessing.process")
    return str(process.current_process().name) if process else MAIN


def at_exit(function: Callable[[], None]) -> Callable[[], None]:
    """Call `function` when this process ends in order; return what undoes that.

    `multiprocessing` leaves its own processes without `atexit`, but runs finalizers in them.
    """
    atexit.register(function)
    process = sys.modules.get("multiprocessing.process")
    finalizer = _before_multiprocessing_leaves(function) if process and process.parent_process() else None

    def undo() -> None:
        atexit.unregister(function)
        if finalizer:
            finalizer.cancel()

    return undo


def expect_bootstrap(tracer: ProcessTracer) -> None:
    """Have `tracer` begin with a process of `multiprocessing`, if that has just forked this one.

    `multiprocessing` first forgets the exit functions of its processes, then calls what is registered here.
    """
    util = sys.modules.get("multiprocessing.util")
    if util:
        util.register_after_fork(tracer, _begin)


def expect_spawned(tracer: ProcessTracer) -> None:
    """Name this process, whose interpreter was started for `multiprocessing` or loky, as soon as its name is known.

    No hook is called when such a process begins, so this wraps the method that begins it.
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


def _begin(tracer: ProcessTracer) -> None:
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
