"""The decorators `ignore_function`, `trace_and_save` and `log_sparse`.

Each takes functions, methods and coroutine functions; what it returns is again one of these.
"""

from __future__ import annotations

import functools
import os
import time
import types
import warnings
from inspect import iscoroutinefunction

from .vizevent import VizEvent
from .viztracer import VizTracer, get_tracer

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextlib import AbstractContextManager
    from typing import Any, TypeVar, overload

    Function = TypeVar("Function", bound=Callable[..., Any])

# The tracer of the call of a `trace_and_save` function that is saved, if there is one now.
_saved: list[VizTracer] = []

if TYPE_CHECKING:

    @overload
    def ignore_function(method: Function, tracer: VizTracer | None = None) -> Function: ...
    @overload
    def ignore_function(method: None = None, tracer: VizTracer | None = None) -> Callable[[Function], Function]: ...


def ignore_function(method: Any = None, tracer: VizTracer | None = None) -> Any:
    """Decorate a function so that neither it nor what it calls is recorded. Other threads are recorded meanwhile.

    Args:
        method: the function; None if the decorator is written with arguments.
        tracer: what else records the function; None for the global tracer at the time of the call.

    Raises:
        NameError: when the function is called and there is no tracer.
    """
    if method is None:
        return functools.partial(ignore_function, tracer=tracer)
    _check_function("ignore_function", method)

    def pausing() -> VizTracer:
        pausing = tracer or get_tracer()
        if pausing is None:
            raise NameError("ignore_function only works with global tracer")
        return pausing

    @functools.wraps(method)
    def call(*arguments: Any, **keywords: Any) -> Any:
        paused = pausing()
        paused.pause()
        try:
            return method(*arguments, **keywords)
        finally:
            paused.resume()

    @functools.wraps(method)
    async def call_coroutine(*arguments: Any, **keywords: Any) -> Any:
        return await _run_paused(pausing(), method(*arguments, **keywords))

    return call_coroutine if iscoroutinefunction(method) else call


@types.coroutine
def _run_paused(tracer: VizTracer, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Await a coroutine; its thread is not recorded while the coroutine itself runs."""
    resume_with: Callable[[Any], Any] = coroutine.send
    value: Any = None
    while True:
        tracer.pause()
        try:
            awaited = resume_with(value)
        except StopIteration as end:
            return end.value
        finally:
            tracer.resume()
        try:
            value, resume_with = (yield awaited), coroutine.send
        except BaseException as error:  # a cancellation, for example: the coroutine has to know
            value, resume_with = error, coroutine.throw


if TYPE_CHECKING:

    @overload
    def trace_and_save(method: Function, output_dir: str = "./", **viztracer_kwargs: Any) -> Function: ...
    @overload
    def trace_and_save(
        method: None = None, output_dir: str = "./", **viztracer_kwargs: Any
    ) -> Callable[[Function], Function]: ...


def trace_and_save(method: Any = None, output_dir: str = "./", **viztracer_kwargs: Any) -> Any:
    """Decorate a function so that each call of it is traced and saved as ``result_<function>_<time>.json``.

    A call inside of another such call, or of a program that the command traces, is a part of that trace.

    Args:
        method: the function; None if the decorator is written with arguments.
        output_dir: where to save; it is made if it is missing.
        viztracer_kwargs: arguments of `VizTracer`.
    """
    if not isinstance(output_dir, (str, os.PathLike)):
        raise TypeError(f"output_dir must be a str or a path, not {type(output_dir).__name__}")
    if method is None:
        return functools.partial(trace_and_save, output_dir=output_dir, **viztracer_kwargs)
    _check_function("trace_and_save", method)

    @functools.wraps(method)
    def call(*arguments: Any, **keywords: Any) -> Any:
        with _Saved(method, output_dir, viztracer_kwargs):
            return method(*arguments, **keywords)

    @functools.wraps(method)
    async def call_coroutine(*arguments: Any, **keywords: Any) -> Any:
        with _Saved(method, output_dir, viztracer_kwargs):
            return await method(*arguments, **keywords)

    return call_coroutine if iscoroutinefunction(method) else call


class _Saved:
    """A context manager that traces the block it is used with, and saves the report.

    Args:
        method: the function that the report is named after.
        output_dir: the report's directory, which is made if it is missing.
        settings: arguments of `VizTracer`.
    """

    def __init__(self, method: Callable[..., Any], output_dir: str, settings: dict[str, Any]) -> None:
        self._name = getattr(method, "__name__", "function")
        self._directory = output_dir
        self._settings = settings
        self._tracer: VizTracer | None = None

    def __enter__(self) -> None:
        if _saved:
            return
        self._tracer = VizTracer(**self._settings)
        self._tracer.start()
        if self._tracer.enable:
            _saved.append(self._tracer)

    def __exit__(self, *_error: object) -> None:
        if self._tracer is None or not any(saved is self._tracer for saved in _saved):
            return
        _saved.clear()
        self._tracer.stop()
        path = os.path.join(self._directory, f"result_{self._name}_{int(time.time() * 100_000)}.json")
        try:
            os.makedirs(self._directory, exist_ok=True)
            self._tracer.save(path)
        except (OSError, RuntimeError) as error:  # the program goes on all the same
            warnings.warn(f"can't save the trace to {path}: {error}", RuntimeWarning, stacklevel=3)
        else:
            self._tracer.clear()


def log_sparse(func: Any = None, stack_depth: int = 0, dynamic_tracer_check: bool = False) -> Any:
    """Decorate a function so that it is recorded even if the tracer records nothing else (``log_sparse=True``).

    Args:
        func: the function; None if the decorator is written with arguments.
        stack_depth: how many levels of calls to record, the function's own included; 0: the function as one event.
        dynamic_tracer_check: ask for the tracer at each call; otherwise the function stays as it is, unless there is
            a tracer with ``log_sparse=True`` already.
    """
    if not isinstance(stack_depth, int):
        raise TypeError(f"stack_depth must be int, not {type(stack_depth).__name__}")
    if func is None:
        return functools.partial(log_sparse, stack_depth=stack_depth, dynamic_tracer_check=dynamic_tracer_check)
    if not dynamic_tracer_check and not _is_sparse(get_tracer()):
        return func
    code = getattr(func, "__code__", None)
    if code is None:
        return func  # it is no Python function
    name, file, line = code.co_name, code.co_filename, code.co_firstlineno

    def recorded() -> AbstractContextManager[object] | None:
        tracer = get_tracer()
        if tracer is None or not _is_sparse(tracer):
            return None
        tracer.begin_by_itself()
        return tracer.record_calls(stack_depth) if stack_depth > 0 else VizEvent(tracer, name, file, line)

    @functools.wraps(func)
    def call(*arguments: Any, **keywords: Any) -> Any:
        if not (event := recorded()):
            return func(*arguments, **keywords)
        with event:
            return func(*arguments, **keywords)

    @functools.wraps(func)
    async def call_coroutine(*arguments: Any, **keywords: Any) -> Any:
        if not (event := recorded()):
            return await func(*arguments, **keywords)
        with event:
            return await func(*arguments, **keywords)

    return call_coroutine if iscoroutinefunction(func) else call


def _check_function(decorator: str, function: object) -> None:
    if not callable(function):
        raise TypeError(f"{decorator} decorates functions: '{type(function).__name__}' object is not callable")


def _is_sparse(tracer: VizTracer | None) -> bool:
    return tracer is not None and tracer.log_sparse
