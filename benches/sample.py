"""Take one sample of `overhead.py` in a fresh process of the measured interpreter, and print it as JSON.

usage: sample.py (count | viztracer | noop=PATH | clock=PATH) FILE STATEMENT (all | python | tasks) SCRATCH

Run STATEMENT in the namespace of the module FILE: first untraced, then under the `viztracer` of this interpreter, or
under callbacks that do nothing. `all` and `tasks` record calls of C functions, `python` does not. `tasks` gives
asyncio tasks their own tracks.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import sys
import threading
import time
import types
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
from typing import Protocol, runtime_checkable

UNTRACED_RUNS = 3


class Tracer(Protocol):
    """What is measured."""

    def start(self) -> None:
        """Begin to trace this thread."""

    def stop(self) -> None:
        """End it."""


@runtime_checkable
class RingTracer(Tracer, Protocol):
    """Ours: it has files to remove. VizTracer would need seconds to write its report, and has none."""

    rings: object

    def save(self, output_file: str) -> None:
        """Write the report."""


def main() -> None:
    """Take the sample that the command line asks for."""
    contender, file, statement, calls, scratch = sys.argv[1:]
    # The benchmarks of pyperformance ask for this at their import, and use it only as scripts.
    sys.modules["pyperf"] = types.ModuleType("pyperf")
    namespace = load(SourceFileLoader("benchmark", file)).__dict__
    code = compile(statement, "<statement>", "exec")
    if contender == "count":
        print(json.dumps(count(code, namespace)))
        return
    # Before there is a tracer: VizTracer's has its hook in place from its creation on, before 3.12.
    untraced = [timed(code, namespace) for _ in range(UNTRACED_RUNS)]
    c_functions = calls != "python"
    callback, _, extension = contender.partition("=")
    tracer = Floor(extension, callback, c_functions) if extension else viztracer(c_functions, calls == "tasks")
    print(json.dumps({"untraced": untraced, **traced(tracer, code, namespace)}))
    if isinstance(tracer, RingTracer):
        tracer.save(os.path.join(scratch, "sample.json"))


def count(code: types.CodeType, namespace: dict[str, object]) -> dict[str, int]:
    """Return how many calls there are, by the interpreter's own hook."""
    calls = {"call": itertools.count(), "c_call": itertools.count()}  # threads may count at the same time

    def profile(_frame: types.FrameType, event: str, _argument: object) -> None:
        if event in calls:
            next(calls[event])

    threading.setprofile(profile)
    sys.setprofile(profile)
    exec(code, namespace)
    sys.setprofile(None)
    python, c = (next(counter) for counter in calls.values())
    return {"python": python, "all": python + c}


def traced(tracer: Tracer, code: types.CodeType, namespace: dict[str, object]) -> dict[str, object]:
    """Time the code when it is traced for the first time, and when the ring is full."""
    began = time.perf_counter_ns()
    tracer.start()
    start = time.perf_counter_ns() - began
    first = timed(code, namespace)
    timed(code, namespace)
    steady = timed(code, namespace)
    tracer.stop()
    return {"start": start, "first": first, "steady": steady}


def timed(code: types.CodeType, namespace: dict[str, object]) -> dict[str, int]:
    """Run the code; return wall time, and what all threads of this process used of the processors, in ns."""
    cpu = time.process_time_ns()
    wall = time.perf_counter_ns()
    exec(code, namespace)
    wall = time.perf_counter_ns() - wall
    return {"wall": wall, "cpu": time.process_time_ns() - cpu}


def viztracer(c_functions: bool, tasks: bool) -> Tracer:
    """Return the class `VizTracer` of this environment: ours or the original."""
    from viztracer import VizTracer  # type: ignore[import-not-found, unused-ignore]

    # The same ring in both, which the first run does not fill and the steady state goes over.
    options = {"tracer_entries": 1_000_000, "log_async": tasks}
    tracer: Tracer = VizTracer(verbose=0, ignore_c_function=not c_functions, **options)
    return tracer


class Floor:
    """Callbacks for the same events that do nothing ("noop") or only read the clock ("clock")."""

    def __init__(self, extension: str, callback: str, c_functions: bool) -> None:
        self.floor = load(ExtensionFileLoader("floor", extension))
        self.callback = callback
        self.c_functions = c_functions

    def start(self) -> None:
        """Register them."""
        if sys.version_info < (3, 12):
            self.floor.set_profile(self.callback)
            return
        monitoring = sys.monitoring
        events = monitoring.events
        wanted = [events.PY_START, events.PY_RESUME, events.PY_THROW]
        wanted += [events.PY_RETURN, events.PY_YIELD, events.PY_UNWIND]
        if self.c_functions:
            wanted += [events.CALL, events.C_RETURN, events.C_RAISE]
        monitoring.use_tool_id(monitoring.PROFILER_ID, "floor")
        for event in wanted:
            monitoring.register_callback(monitoring.PROFILER_ID, event, getattr(self.floor, self.callback))
        monitoring.set_events(monitoring.PROFILER_ID, sum(wanted))

    def stop(self) -> None:
        """Remove them."""
        if sys.version_info < (3, 12):
            self.floor.set_profile(None)
        else:
            sys.monitoring.set_events(sys.monitoring.PROFILER_ID, 0)


def load(loader: SourceFileLoader | ExtensionFileLoader) -> types.ModuleType:
    """Import the loader's module."""
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = sys.modules[loader.name] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
