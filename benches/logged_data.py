"""What does logged data cost, beside VizTracer?  ``benches/run logging``

Per event: a loop with one statement runs under the `viztracer` command, once as it is and once without what is logged:
without the option, or with a statement that logs nothing. The difference of the two times, divided by the number of
events, is the cost of one of them. A loop is timed inside of the program, as the median of several. viztracer-ring and
VizTracer take turns, each sample in a fresh process. The ratio is one of neighbouring samples; the table has medians.

Start: `viztracer OPTION prog.py` with an empty program until its report is written, minus `python prog.py`.

Memory: the peak of a run that logs 1,000,000 arguments, the report included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from process import run
from question import Answer, Bench, median, number

if TYPE_CHECKING:
    from pathlib import Path

    from environments import Environment

RUNS = 5
COUNT = 1_000  # events per loop
LOOPS = 31
GOAL = "0.50"
MEMORY_EVENTS = 1_000_000
CONTENDERS = ("ours", "VizTracer")

PROGRAM = """
import sys
from time import perf_counter_ns
from viztracer import get_tracer
from viztracer.vizcounter import VizCounter
from viztracer.vizobject import VizObject

class Plain:
    pass

def function(value):
    {body}

def steps(value):
    number = value

tracer = get_tracer()
counter = VizCounter(tracer, "counter")
watched = VizObject(tracer, "object")
plain = Plain()
text, items = "a text of some length", [1, 2.5, "three"]

def loop():
    for number in range({count}):
        {statement}

times = []
for _ in range({loops}):
    begin = perf_counter_ns()
    loop()
    times.append(perf_counter_ns() - begin)
with open("times", "w") as file:
    file.write(str(sorted(times)[{loops} // 2]))  # `print` may be what is logged
"""


@dataclass(frozen=True)
class Logged:
    """What is logged once per statement.

    Attributes:
        name: its name in the table.
        statement: what logs it.
        options: what has it logged.
        without: the statement that logs nothing; None: the same one, without the options.
        body: what the called function does.
    """

    name: str
    statement: str
    options: tuple[str, ...] = ()
    without: str | None = None
    body: str = "pass"


LOGGED = (
    Logged("argument, `int`", "function(number)", ("--log_func_args",)),
    Logged("argument, `str`", "function(text)", ("--log_func_args",)),
    Logged("argument, `list`", "function(items)", ("--log_func_args",)),
    Logged("return value, `int`", "function(number)", ("--log_func_retval",), body="return value"),
    Logged("return value, `str`", "function(text)", ("--log_func_retval",), body="return value"),
    Logged("return value, `list`", "function(items)", ("--log_func_retval",), body="return value"),
    Logged("`VizCounter`", "counter.value = number", without="plain.value = number"),
    Logged("`log_instant`", 'tracer.log_instant("instant")', without="pass"),
    Logged("`log_instant`, `args`", 'tracer.log_instant("i", {"n": number})', without='{"n": number}'),
    Logged("`VizObject`", "watched.value = number", without="plain.value = number"),
    Logged("`log_var`, `int`", 'tracer.log_var("number", number)', without="pass"),
    Logged("`log_var`, `str`", 'tracer.log_var("text", text)', without="pass"),
    Logged("`log_event`", 'with tracer.log_event("block"): pass', without="pass"),
    Logged("`--log_var`", "logged = number", ("--log_var", "logged")),
    Logged("`--log_number`", "logged = number", ("--log_number", "logged")),
    Logged("`--log_attr`", "plain.value = number", ("--log_attr", ".*value")),
    Logged("`--log_func_exec`", "steps(number)", ("--log_func_exec", "steps")),
    Logged("`--log_func_entry`", "function(number)", ("--log_func_entry", "function")),
    Logged("`--log_print`", "print(number)", ("--log_print",)),
    Logged("`--log_exception`", "try: raise KeyError\n        except KeyError: pass", ("--log_exception",)),
    Logged("`--log_audit`", 'sys.audit("benchmark", number)', ("--log_audit", "benchmark")),
)

# The options whose start is measured. The last option before `--` may take several values.
STARTED = (
    (),
    ("--log_func_args",),
    ("--log_func_retval",),
    ("--log_var", "x"),
    ("--log_number", "x"),
    ("--log_attr", "x"),
    ("--log_func_exec", "x"),
    ("--log_func_entry", "x"),
    ("--log_exception",),
    ("--magic_comment",),
    ("--log_print",),
    ("--log_gc",),
    ("--log_audit", "x"),
    ("--log_async",),
    ("--log_sparse",),
    ("--log_exit",),
    ("--ignore_c_function",),
    ("--ignore_frozen",),
    ("--include_files", "x"),
    ("--exclude_files", "x"),
    ("--min_duration", "1ms"),
    ("--max_stack_depth", "10"),
)

MEMORY = f"""
def function(value):
    pass

for number in range({MEMORY_EVENTS}):
    function(number)
"""


def answer(bench: Bench) -> Answer:
    """Measure cost, start and memory on every Python version."""
    result = Answer("Logged data", (__doc__ or "").partition("\n\n")[2].strip())
    for environment in bench.environments:
        scratch = bench.scratch / environment.version
        scratch.mkdir()
        caption = f"CPython {environment.version}"
        costs(result, bench, environment, scratch, caption)
        starts(result, bench, environment, scratch, caption)
        memory(result, environment, scratch, caption)
    return result


def traced(environment: Environment, contender: str) -> list[str | Path]:
    """Return the beginning of the command line that traces a program."""
    binaries = environment.ours if contender == "ours" else environment.viztracer
    return [binaries / "viztracer", "--quiet", "--output_file", "report.json"]


def costs(result: Answer, bench: Bench, environment: Environment, scratch: Path, caption: str) -> None:
    """Measure what each kind of event costs."""
    rows = []
    samples: dict[tuple[str, str], list[float]] = {}
    for _ in bench.rounds(RUNS):
        for logged in LOGGED:
            for contender in CONTENDERS:
                cost = cost_ns(environment, contender, logged, scratch)
                samples.setdefault((logged.name, contender), []).append(cost)
                labels = {"python": environment.version, "logged": logged.name, "contender": contender}
                result.samples.append({**labels, "ns": cost})
    for logged in LOGGED:
        ours, viztracer = (samples[logged.name, contender] for contender in CONTENDERS)
        ratio = median(mine / other for mine, other in zip(ours, viztracer, strict=True))
        rows.append([logged.name, number(median(ours), 0), number(median(viztracer), 0), number(ratio, 2), GOAL])
    result.table(("logged", "ours, ns", "VizTracer, ns", "ours/VizTracer", "goal"), rows, f"{caption}: cost per event")


def cost_ns(environment: Environment, contender: str, logged: Logged, scratch: Path) -> float:
    """Return the time that logging adds to one statement, in nanoseconds."""
    without_options = logged.options if logged.without else ()
    without = logged.without or logged.statement
    time = loop_ns(environment, contender, logged, (logged.statement, logged.options), scratch)
    return (time - loop_ns(environment, contender, logged, (without, without_options), scratch)) / COUNT


def loop_ns(
    environment: Environment, contender: str, logged: Logged, how: tuple[str, tuple[str, ...]], scratch: Path
) -> int:
    """Return the time that the loop takes with this statement and these options, in nanoseconds."""
    statement, options = how
    program = PROGRAM.format(count=COUNT, loops=LOOPS, statement=statement, body=logged.body)
    (scratch / "prog.py").write_text(program)
    run([*traced(environment, contender), *options, "--", "prog.py"], scratch)
    return int((scratch / "times").read_text())


def starts(result: Answer, bench: Bench, environment: Environment, scratch: Path, caption: str) -> None:
    """Measure the start and the end of an empty program with each option."""
    (scratch / "prog.py").write_text("")
    untraced: list[float] = []
    samples: dict[tuple[str, str], list[float]] = {}
    for _ in bench.rounds(RUNS):
        for options in STARTED:
            untraced.append(run([environment.ours / "python", "prog.py"], scratch).seconds * 1e3)
            for contender in CONTENDERS:
                command = [*traced(environment, contender), *options, "--", "prog.py"]
                ms = run(command, scratch).seconds * 1e3
                name = " ".join(options)
                samples.setdefault((name, contender), []).append(ms)
                labels = {"python": environment.version, "start": name, "contender": contender}
                result.samples.append({**labels, "ms": ms, "untraced_ms": untraced[-1]})
    rows = []
    for options in STARTED:
        name = " ".join(options)
        added = [median(samples[name, contender]) - median(untraced) for contender in CONTENDERS]
        ratio = number(added[0] / added[1], 2)
        rows.append([f"`{name}`" if name else "no option", *(number(ms, 0) for ms in added), ratio])
    head = ("option", "ours, ms", "VizTracer, ms", "ours/VizTracer")
    result.table(head, rows, f"{caption}: an empty program, added to the {number(median(untraced), 0)} ms of Python")


def memory(result: Answer, environment: Environment, scratch: Path, caption: str) -> None:
    """Measure the peak memory of a run with many arguments, once: it hardly varies."""
    (scratch / "prog.py").write_text(MEMORY)
    peaks = []
    for contender in CONTENDERS:
        options = ("--tracer_entries", str(MEMORY_EVENTS), "--log_func_args", "--ignore_c_function")
        finished = run([*traced(environment, contender), *options, "--", "prog.py"], scratch)
        peaks.append(finished.peak_mb)
        labels = {"python": environment.version, "memory": MEMORY_EVENTS, "contender": contender}
        result.samples.append({**labels, **finished.sample()})
    row = [f"{MEMORY_EVENTS:,} arguments", *(number(peak, 0) for peak in peaks), number(peaks[0] / peaks[1], 2)]
    head = ("logged", "ours, MB", "VizTracer, MB", "ours/VizTracer")
    result.table(head, [row], f"{caption}: peak memory, the report included")
