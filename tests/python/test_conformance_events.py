"""A program's own events are VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise."""

import re

import pytest
from conformance import case, check

BEGIN = """
from viztracer import VizTracer, get_tracer
tracer = VizTracer(verbose=0, output_file="out.json")
tracer.start()
"""
END = """
tracer.stop()
tracer.save()
"""
INSTANTS = """
tracer.log_instant("plain")
tracer.log_instant("with args", {"a": [1, 2.5, None, True], "b": {"c": "d"}}, "p")
tracer.log_instant("not", cond=False)
tracer.add_instant("added")
tracer.add_instant("added", {"k": "v"}, "t")
for scope in ("x", 1):
    try: tracer.add_instant("bad", scope=scope)
    except Exception as error: print(type(error).__name__)
"""
COUNTERS = """
tracer.add_counter("count", {"a": 1, "b": 2.5})
tracer.log_var("number", 3)
tracer.log_var("flag", True)
tracer.add_variable("name", 5)
tracer.add_variable("name", "text")
tracer.add_variable("name", 5, "counter")
for value, event in (("text", "counter"), (1, "other")):
    try: tracer.add_variable("name", value, event)
    except Exception as error: print(type(error).__name__)
"""
OBJECTS = """
tracer.add_object("N", "1", "thing")
tracer.add_object("O", "1", "thing", {"snapshot": {"x": 1}})
tracer.add_object("D", "1", "thing")
"""
RAW = """
tracer.add_raw({"ph": "i", "name": "raw", "ts": tracer.getts(), "s": "g", "args": {"a": 1}})
"""
BLOCKS = """
with tracer.log_event("block"):
    len("x")
def f():
    tracer.add_func_args("key", {"a": 1})
    tracer.add_func_args("other", "text")
    print(tracer.get_func_args())
f()
print(tracer.get_func_args())
"""
IMPORTS = """
import logging
from viztracer.vizcounter import VizCounter
from viztracer.vizobject import VizObject
from viztracer.vizlogging import VizLoggingHandler
"""
CLASSES = """
counter = VizCounter(tracer, "my counter")
counter.a = 1
counter.b = 2.5
try: counter.c = "text"
except Exception as error: print(type(error).__name__)
thing = VizObject(tracer, "my object")
thing.x = 1
thing.config("trigger_on_change", False)
thing.x = 2
thing.log()
try: thing.config("nothing", 1)
except Exception as error: print(type(error).__name__)
handler = VizLoggingHandler()
handler.setTracer(tracer)
logging.basicConfig(handlers=[handler])
logging.warning("watch %s", "out")
"""
DECORATORS = """
from viztracer import ignore_function
@ignore_function
def hidden(): inner()
def inner(): pass
@ignore_function(tracer=tracer)
def hidden_too(): inner()
def shown(): inner()
hidden()
hidden_too()
shown()
"""
NOT_RECORDING = """
tracer.log_instant("plain")
tracer.log_var("number", 3)
tracer.add_variable("name", 5)
tracer.add_counter("count", {"a": 1})
tracer.add_object("N", "1", "thing")
tracer.add_func_args("key", 1)
tracer.start()
"""
STAMPS = """
print(type(tracer.getts()).__name__, type(tracer.get_base_time()).__name__)
tracer.set_sync_marker()
print(type(tracer.get_sync_marker()).__name__)
"""
# The events that a program reads have the times that it gets.
TIMES = """
def timed(): pass
before = tracer.getts()
timed()
after = tracer.getts()
tracer.parse()
[event] = [event for event in tracer.data["traceEvents"] if event["name"].startswith("timed ")]
print(before <= event["ts"] <= event["ts"] + event["dur"] <= after)
"""
# What JSON does not hold.
ODD = """
tracer.log_instant("odd", {"object": object})
"""
NOT_FINITE = """
tracer.log_instant("odd", {"a": float("nan")})
tracer.add_counter("c", {"b": float("inf")})
"""
DIGITS = "tracer.log_instant('odd', {'a': 10**299, 'b': 10**300})\n"


def of(source, feature, begin=BEGIN, **more):
    return case(feature, "prog.py", command="python", files={"prog.py": begin + source + END}, **more)


CASES = [
    of(INSTANTS, "instant events"),
    of(COUNTERS, "counters and variables"),
    of(OBJECTS, "objects"),
    of(RAW, "raw events"),
    of(BLOCKS, "`log_event`, `add_func_args`"),
    of(CLASSES, "`VizCounter`, `VizObject`, `VizLoggingHandler`", begin=IMPORTS + BEGIN),
    of(DECORATORS, "`ignore_function`"),
    of(NOT_RECORDING, "events while nothing is recorded", begin=BEGIN.replace("tracer.start()\n", "")),
    of(STAMPS, "times and markers"),
    of(TIMES, "times and markers"),
    of(
        NOT_FINITE,
        "NaN and infinite numbers in `args`",
        ours={"events": lambda events: '"a": "nan"' in str(events) and '"b": "inf"' in str(events)},
    ),
    of(
        DIGITS,
        "integers of more than 300 digits in `args`",
        ours={"events": lambda events: re.search(r'"a": 10+, "b": "10+"', str(events))},
    ),
    of(ODD, "values that JSON does not hold", ours={"status": 0, "events": lambda events: "odd" in str(events)}),
]
FEATURES = {one_case.values[0].feature for one_case in CASES}


@pytest.mark.parametrize("one_case", CASES)
def test_events(tmp_path, one_case):
    check(tmp_path, one_case)
