"""Take one sample of `control.py` in a fresh process of the measured interpreter, and print it as JSON.

usage: control_sample.py FILE STATEMENT SCRATCH

Run STATEMENT in the namespace of the module FILE, in turn: untraced, traced without a control block, traced with one,
and while the session is paused. All times are ns of the process's CPU time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.machinery import SourceFileLoader

from sample import load

from viztracer import VizTracer

ROUNDS = 5
PATIENCE = 60.0  # seconds until the process has paused


def main() -> None:
    """Take the sample that the command line asks for."""
    file, statement, scratch = sys.argv[1:]
    namespace = load(SourceFileLoader("benchmark", file)).__dict__
    code = compile(statement, "<statement>", "exec")

    def timed() -> int:
        begin = time.process_time_ns()
        exec(code, namespace)
        return time.process_time_ns() - begin

    def traced(*, with_block: bool, paused: bool = False) -> int:
        tracer = VizTracer(verbose=0, output_file=os.path.join(scratch, "sample.json"))
        tracer._make_rings()
        rings = tracer.rings
        if not with_block:
            rings.leave()
        tracer.start()
        if paused:
            rings.pause()
            give_up = time.monotonic() + PATIENCE
            while tracer.is_recording and time.monotonic() < give_up:
                exec("len(())")
            if tracer.is_recording:
                raise RuntimeError("the process has not paused")
        try:
            return timed()
        finally:
            tracer.stop()
            tracer.seal()
            tracer.forget_rings()

    times: dict[str, list[int]] = {"untraced": [], "without": [], "with": [], "paused": []}
    for _ in range(ROUNDS):
        times["untraced"].append(timed())
        times["without"].append(traced(with_block=False))
        times["with"].append(traced(with_block=True))
        times["paused"].append(traced(with_block=True, paused=True))
    print(json.dumps(times))


main()
