"""`viztracer-merge calls`: the slowest calls one by one."""

import json
import re
import shutil
import sys
from collections import Counter

import pytest
from conftest import BIN, program

pytestmark = pytest.mark.one_version

PROGRAM = """
import asyncio, os, signal, sys, threading, time
def leaf(n): return n
def walk(depth):
    if depth: walk(depth - 1)
    for _ in range(20): leaf(depth)
def fails(): leaf(1); raise ValueError
async def step(n):
    walk(3)
    await asyncio.sleep(0)
    walk(2)
async def main():
    await asyncio.gather(*(asyncio.create_task(step(n), name=f"step {n}") for n in range(3)))
def work(rounds):
    for _ in range(rounds): walk(12)
    try: fails()
    except ValueError: pass
threads = [threading.Thread(target=work, args=(30,), name=f"worker {n}") for n in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
work(30)
asyncio.run(main())
if os.fork() == 0:
    work(5)
    os._exit(0)
os.wait()
"""
KILLED = """
import os, signal
def outer(): return inner()
def inner():
    for n in range(50): leaf(n)
    os.kill(os.getpid(), signal.SIGKILL)
def leaf(n): return n
outer()
"""
ALL = "1000000"


@pytest.fixture
def record(sandbox):
    """Records a program into a directory; returns that."""

    def recorded(source, *options, directory="rings", status=0):
        done = sandbox.viztracer(
            "--quiet", "--pid_suffix", "--output_dir", directory, *options, "--", sandbox.script(source)
        )
        assert done.returncode == status, done.stderr
        return directory

    return recorded


@pytest.fixture
def calls(sandbox):
    def called(*words, status=0):
        done = sandbox.viztracer_merge("calls", "-q", *words)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout

    return called


@pytest.fixture
def document(calls):
    return lambda *words, status=0: json.loads(calls("--json", *words, status=status))


def expected(report):
    """Start, duration, self time, process and track of each call of a report in JSON, worked out from its events."""
    tracks = {}
    for event in report["traceEvents"]:
        if event["ph"] == "X" and event["cat"] == "FEE":
            start = round(event["ts"] * 1000)
            times = (start, start + round(event["dur"] * 1000))
            tracks.setdefault((event["pid"], event.get("thread", event["tid"])), []).append((times, event))
    for (pid, tid), spans in tracks.items():
        stack = []
        # Of spans with the same times the outer one comes last, as records stand in the order of their ends.
        for (start, end), event in sorted(reversed(spans), key=lambda span: (span[0][0], -span[0][1])):
            while stack and stack[-1][1] <= start:
                yield tuple(stack.pop()[2:])
            if stack:
                stack[-1][4] -= end - start
            stack.append([start, end, (pid, tid, event["name"], start), end - start, end - start])
        yield from (tuple(span[2:]) for span in stack)


def found(document):
    for call in document["calls"]:
        location = f" ({call['file']}:{call['line']})" if call["file"] else ""
        where = (call["pid"], call["tid"], call["function"] + location, call["start_ns"])
        yield where, call["duration_ns"], call["self_ns"]


def test_each_call_is_that_of_the_report(sandbox, record, document):
    """There are several parts of 8,192 records: some calls begin in one and end in another."""
    rings = record(PROGRAM, "--log_async")
    report = sandbox.merge(rings)
    everything = document(rings, "--slowest", ALL)
    assert everything["matching"] == len(everything["calls"]) > 25_000 and everything["more_calls"] == 0
    assert Counter(found(everything)) == Counter(expected(report))
    assert everything == document("merged.json", "--slowest", ALL)
    assert {call["task"] for call in everything["calls"]} >= {None, "step 0", "step 1", "step 2"}
    assert {call["thread"] for call in everything["calls"]} >= {"MainThread", "worker 0", "worker 1"}
    assert {call["how"] for call in everything["calls"]} >= {"returned", "raised", "yielded"}


@pytest.mark.parametrize("by", ["duration", "self"])
def test_the_slowest_are_the_first_of_all(record, calls, document, by):
    rings = record(PROGRAM)
    everything = document(rings, "--by", by, "--slowest", ALL)["calls"]
    order = [(-call[f"{by}_ns"], call["start_ns"]) for call in everything]
    assert order == sorted(order)
    for count in (1, 7, 500):
        some = document(rings, "--by", by, "--slowest", str(count), "--threads", "3")
        assert some["calls"] == everything[:count] and some["more_calls"] == len(everything) - count
    assert calls(rings, "--by", by, "--threads", "1") == calls(rings, "--by", by, "--threads", "5")


def test_only_calls_of_matching_functions(sandbox, record, calls, document):
    made = document(record(PROGRAM), "--func", r"^(leaf|fails) ", "--slowest", "5")
    assert made["functions"] == 2 and made["matching"] == 4 + len(leaves(sandbox)) and len(made["calls"]) == 5
    # The function with its calls, but without what these call.
    (fails, *_) = made = document("rings", "--func", "^fails ")["calls"]
    assert len(made) == 4 and {call["how"] for call in made} == {"raised"}
    assert fails["self_ns"] < fails["duration_ns"]
    # The outermost calls of a recursion.
    outermost = document("rings", "--func", "^walk ", "--max_depth", "1")
    assert outermost["matching"] == 3 * 30 + 5 + 3 * 2
    assert calls("rings", "--func", "^nothing$") == "no call matches\n"


def leaves(sandbox):
    events = sandbox.merge("rings")["traceEvents"]
    return [event for event in events if event["name"].startswith("leaf (")]


def test_a_part_of_the_trace(sandbox, record, document):
    rings = record(PROGRAM)
    every = document(rings, "--slowest", ALL)["calls"]
    processes = {call["pid"] for call in every}
    assert len(processes) == 2
    for pid in processes:
        assert {call["pid"] for call in document(rings, "--pid", str(pid))["calls"]} == {pid}
    time = max(call["duration_ns"] for call in every) // 10_000 * 9  # us: most of the main module
    last = document(rings, "--last", f"{time}us", "--slowest", ALL)
    clipped = [call for call in last["calls"] if call["clipped"]]
    assert clipped and all(call["duration_ns"] <= time * 1000 for call in last["calls"])
    done = sandbox.viztracer_merge(rings, "--last", f"{time}us", "-o", "merged.json")
    assert done.returncode == 0, done.stderr
    assert Counter(found(last)) == Counter(expected(sandbox.report("merged.json")))


def test_a_call_that_never_ended_took_at_least_so_long(record, calls, document):
    rings = record(KILLED, status=-9)
    own = [call for call in document(rings, "--slowest", ALL)["calls"] if call["file"].endswith("script.py")]
    assert [call["function"] for call in own if call["how"] == "unfinished"] == ["<module>", "outer", "inner"]
    text = calls(rings, "--func", "^(outer|leaf) ", "--slowest", "2")
    title, headings, first, second, *foot = text.splitlines()
    assert title == "51 calls of 2 functions match, the 2 with the longest duration"
    assert headings.split() == ["duration", "self", "start", "process", "thread", "how", "function"]
    assert re.match(r" *>=[\d.]+ \w+ +>=[\d.]+ \w+ .* unfinished +outer \(", first)
    assert ">=" not in second and " leaf (" in second
    assert foot == ["1 matching call never ended: it took at least (>=) the time until the last event known"]


def test_arguments(record, calls, document):
    source = "def greet(name, times=2): return name * times\ngreet('a|b')\ngreet('x' * 300)\n"
    rings = record(source, "--log_func_args", "--log_func_retval")
    first = min(document(rings, "--func", "^greet ")["calls"], key=lambda call: call["start_ns"])
    assert first["arguments"] == {"func_args": {"name": "'a|b'", "times": "2"}, "return_value": "'a|ba|b'"}
    assert all(call["arguments"] is None for call in document(rings, "--func", "^[^ ]+$")["calls"])
    text = calls(rings, "--func", "^greet ")
    assert json.dumps(first["arguments"], separators=(",", ":")) in text
    (cut,) = (line for line in text.splitlines() if line.endswith("..."))
    assert len(cut.partition('{"func_args"')[2]) < 200
    # A bar would end the cell.
    markdown = calls(rings, "--func", "^greet ", "--markdown")
    assert "'a\\|ba\\|b'" in markdown
    rows = [re.findall(r"(?<!\\)\|", line) for line in markdown.splitlines() if line.startswith("|")]
    assert len(rows) == 4 and len({len(bars) for bars in rows}) == 1


def trace(sandbox, *spans, name="spans.json"):
    """A trace in JSON of one thread; each span is name, start and duration in microseconds, arguments."""
    event = {"ph": "X", "pid": 1, "tid": 1, "cat": "FEE"}
    events = [event | {"name": n, "ts": ts, "dur": dur, **more} for n, ts, dur, more in spans]
    (sandbox.path / name).write_text(json.dumps({"traceEvents": events}))
    return name


def test_calls_that_took_as_long_come_in_the_order_of_their_begins(sandbox, document):
    around, equal = ("around", 1, 5, {}), [(f"f{n}", 10 * n, 5, {}) for n in (9, 3, 6)]
    name = trace(sandbox, ("inside", 1, 5, {}), around, *equal)
    named = [call["function"] for call in document(name)["calls"]]
    assert named[2:] == ["f3", "f6", "f9"]
    assert document(name, "--slowest", "3")["calls"] == document(name)["calls"][:3]
    assert named[0] != named[1] and {*named[:2]} == {"inside", "around"}


def test_what_acts_on_a_terminal_is_escaped(sandbox, calls, document):
    name = trace(sandbox, ("\x1b[2Jf\n", 0, 5, {"args": {"\x1b]0;x\x07": "\u202e", "raised": True}}))
    for words in ([], ["--markdown"]):
        text = calls(name, *words)
        assert "\\x1b[2Jf\\n" in text and not set(text) & {"\x1b", "\x07", "\u202e"}
    (call,) = document(name)["calls"]
    assert (call["how"], call["arguments"]) == ("raised", {"\x1b]0;x\x07": "\u202e"})


def test_what_is_missing_is_said(record, calls, document):
    rings = record(PROGRAM, "--tracer_entries", "2000")
    lost = document(rings)["overwritten"]
    assert lost > 10_000
    lines = calls(rings).splitlines()
    assert f"{lost:,} events are overwritten by newer ones" in lines
    assert "overwritten" in str(document(rings, "--strict", status=1)) and lost


@pytest.mark.skipif(sys.version_info < (3, 12), reason="older versions switch no single events off")
def test_functions_that_were_called_too_often_are_named(record, calls, document):
    rings = record("def f(): pass\nfor _ in range(600_000): f()\n", "--max_overhead", "0.000001")
    made = document(rings, "--func", "^f ")
    assert made["is_least"] and made["matching"] < 600_000
    assert "called too often to record all its calls (--max_overhead): f;" in calls(rings)


def test_a_file_that_has_the_name_of_the_command(sandbox, small_trace):
    shutil.copy(small_trace, sandbox.path / "calls")
    done = sandbox.viztracer_merge("./calls", "-o", "merged.json")
    assert done.returncode == 0 and sandbox.report("merged.json")["traceEvents"]
    done = sandbox.viztracer_merge("calls", "./calls")
    assert done.returncode == 0 and "calls is a command here" in done.stderr and " f (" in done.stdout


def test_inputs_from_a_list(sandbox, small_trace):
    done = sandbox.viztracer_merge("calls", "-", "--func", "^f ", input=f"{small_trace}\n")
    assert done.returncode == 0 and done.stdout.startswith("20 calls of 1 function match")


def test_wrong_usage(sandbox, small_trace):
    for words in ([], ["--slowest", "0"], ["--by", "calls"], ["--json", "--markdown"], ["-o", "x.json"], ["--func", "("]):
        done = sandbox.viztracer_merge("calls", *([small_trace] if words else []), *words)
        assert (done.returncode, done.stdout) == (2, ""), words
    done = sandbox.viztracer_merge("calls", "missing.bin")
    assert done.returncode == 2 and "missing.bin" in done.stderr


def test_the_calls_are_not_printed_into_an_input(sandbox, small_trace):
    copy = shutil.copy(small_trace, sandbox.path / "copy.bin")
    before = (sandbox.path / "copy.bin").read_bytes()
    done = sandbox.run("sh", "-c", '"$0" calls "$1" >> "$1"', BIN / "viztracer-merge", copy)
    assert done.returncode != 0 and (sandbox.path / "copy.bin").read_bytes() == before


def test_a_large_trace_of_deep_recursion(sandbox, document):
    done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", program("deep_recursion.py"))
    assert done.returncode == 0, done.stderr
    made = document("rings", "--slowest", ALL)
    assert Counter(found(made)) == Counter(expected(sandbox.merge("rings")))
