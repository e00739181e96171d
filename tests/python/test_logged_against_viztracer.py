"""What a program records by itself is in the report as VizTracer 1.1.1 has it."""

import json

from conftest import VIZTRACER_PYTHON


PROGRAM = """
import json, logging
from viztracer import VizTracer
from viztracer.vizcounter import VizCounter
from viztracer.vizlogging import VizLoggingHandler
from viztracer.vizobject import VizObject

tracer = VizTracer(verbose=0)
handler = VizLoggingHandler()
handler.setTracer(tracer)
record = logging.LogRecord("n", 30, "f.py", 1, "hello %s", ("w",), None)

def steps():
    tracer.add_func_exec("n", [1], 7)
    tracer.add_func_exec("m", "s", 8)
    tracer.add_func_args("key", "value")

tracer.start()
counter = VizCounter(tracer, "counter")
counter.a = 1
counter.b = 2.5
thing = VizObject(tracer, "thing")
thing.x = [1, 2]
thing.y = "s"
thing.z = {"k": 1.5}
del thing
handler.emit(record)
with tracer.log_event("block"):
    pass
tracer.log_instant("instant")
tracer.log_instant("instant", {"k": 1}, scope="g")
tracer.log_instant("instant", "text", scope="p", cond=True)
tracer.log_instant("instant", cond=False)
tracer.log_var("var", 1)
tracer.log_var("var", "s")
tracer.log_var("var", {"a": [1]})
tracer.add_variable("variable", [1])
tracer.add_variable("variable", 3, "counter")
tracer.add_raw({"ph": "X", "name": "raw", "ts": tracer.getts(), "dur": 1.5, "cat": "mine", "args": {"a": 1}})
steps()
tracer.stop()
tracer.log_instant("when it is stopped")
tracer.add_counter("when it is stopped", {"a": 1})
tracer.save("out.json", file_info=False)
"""


def test_report_has_the_events_that_viztracer_has(sandbox):
    path = sandbox.script(PROGRAM)
    for python in (VIZTRACER_PYTHON, "python"):
        done = sandbox.run(VIZTRACER_PYTHON, path) if python == VIZTRACER_PYTHON else sandbox.python(path)
        assert done.returncode == 0, done.stderr
        events = shown_events(json.loads((sandbox.path / "out.json").read_text()), path)
        if python == VIZTRACER_PYTHON:
            theirs = events
    assert len(theirs) == 19
    assert events == theirs


def shown_events(report, path):
    """The events that `PROGRAM` records itself, and the call `steps`, without what differs from run to run."""
    shown = []
    for event in sorted(report["traceEvents"], key=lambda event: event.get("ts", 0)):
        if event["ph"] == "M" or (event["ph"] == "X" and not event["name"].startswith(("block", "raw", "steps"))):
            continue
        kept = {key: event[key] for key in ("ph", "name", "s", "args", "cat") if event.get(key) is not None}
        if event["name"] == "raw":
            kept["dur"] = round(event["dur"], 2)  # a ring file has ticks, so a nanosecond more or less
        shown.append(json.dumps(kept, sort_keys=True))
    return shown
