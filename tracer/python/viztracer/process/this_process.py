"""This process: which tracer records it, what it is called, and what runs when it ends.

A forked child is this process from then on. What it does here closes its ring file in order when it ends in order; the
file itself is there whatever happens.
"""

from __future__ import annotations

import _thread
import _weakref
import atexit
import sys

from .. import system
from ..snaptrace import end_watcher, free_last_memory, hold_watcher, release_watcher

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class ProcessTracer(Protocol):
        """What this module needs of a `VizTracer`."""

        @property
        def enable(self) -> bool: ...
        @property
        def gives_way(self) -> bool: ...
        def end(self) -> bool: ...
        def go_on(self) -> None: ...
        def end_with_process(self) -> None: ...
        def mend(self) -> None: ...
        def name_process(self, name: str) -> None: ...
        def count_depth_from_here(self, inner: int) -> None: ...
        def leave(self) -> None: ...


MAIN = "MainProcess"  # what `multiprocessing` calls a process that it has not started

# Held during each start, stop and save of a tracer, so that two threads do not mix them.
lock = _thread.RLock()
system.renew_in_forked_children(lock)

# The tracer that records this process.
_tracers: list[ProcessTracer] = []
# Those that it has interrupted, the last one at the end. A tracer that nobody else holds is over.
_interrupted: list[_weakref.ref[ProcessTracer]] = []
_is_watched: list[bool] = []


def follow(tracer: ProcessTracer) -> None:
    """Make `tracer` the one that records this process; the children that it records close their files when they end."""
    _tracers[:] = [tracer]
    _forget_interrupted(tracer)
    if not _is_watched:  # not before there is a tracer, since another thread may fork now
        _is_watched.append(True)
        system.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork)
        atexit.register(end_watcher)


def leave(tracer: ProcessTracer) -> None:
    """Hold this tracer no more if it was the one that recorded this process."""
    if _tracers and _tracers[0] is tracer and not tracer.enable:
        _tracers.clear()


def make_way(newcomer: ProcessTracer) -> bool:
    """Interrupt the tracer that records this process, for another one; return False if that is not allowed.

    What records a run goes on: the run's report is about the whole process.
    """
    other = recording()
    if other is None or other is newcomer:
        return True
    if not other.gives_way:
        return False
    other.end()
    _interrupted.append(_weakref.ref(other))
    return True


def end_turn(tracer: ProcessTracer) -> bool:
    """Let the tracer go on that `tracer`, which was stopped, has interrupted; `tracer` itself does not go on.

    Return whether it would have: it was interrupted itself.
    """
    with lock:
        was_interrupted = _forget_interrupted(tracer)
        while _interrupted and recording() is None:
            if interrupted := _interrupted.pop()():
                interrupted.go_on()
    return was_interrupted


def _forget_interrupted(tracer: ProcessTracer) -> bool:
    """Forget that this tracer was interrupted; return whether it was."""
    others = [other for other in _interrupted if other() is not tracer]
    was_interrupted = len(others) < len(_interrupted)
    _interrupted[:] = others
    return was_interrupted


def recording() -> ProcessTracer | None:
    """Return the tracer that records this process now."""
    return next((tracer for tracer in _tracers if tracer.enable), None)


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


def ending(tracer: ProcessTracer) -> Callable[[], None]:
    """Return what ends `tracer` with this process, and does not hold it until then."""
    reference = _weakref.ref(tracer)

    def end() -> None:
        if held := reference():
            held.end_with_process()

    return end


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
    hold_watcher()
    if tracer := recording():
        tracer.mend()


def _after_fork_in_parent() -> None:
    release_watcher(False)


def _after_fork() -> None:
    release_watcher(True)
    if tracer := recording():
        expect_bootstrap(tracer)


def _begin(tracer: ProcessTracer) -> None:
    tracer.name_process(process_name())
    # `_bootstrap`, which goes on, does not count; `_after_fork` and `_run_after_forkers` are about to end.
    tracer.count_depth_from_here(inner=2)
    _before_multiprocessing_leaves(tracer.leave)


def _before_multiprocessing_leaves(function: Callable[[], None]) -> Any:
    return sys.modules["multiprocessing.util"].Finalize(None, _after_threads, (function,), exitpriority=-100)


def _after_threads(function: Callable[[], None]) -> None:
    """Wait for the threads first, as `multiprocessing` is about to do, so that the rest of their calls is recorded."""
    free_last_memory()
    threading: Any = sys.modules["threading"]
    threading._shutdown()
    function()
