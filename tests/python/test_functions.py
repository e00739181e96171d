"""Functions and their times in `--top` and `.csv`, compared with the calls in the JSON report."""

import csv
import io
import itertools
import os
import re
import subprocess
import sys
from collections import defaultdict

import pytest
import tree
from conftest import BIN, program

GCD = "math.integer.gcd" if sys.version_info >= (3, 15) else "math.gcd"  # moved in 3.15

COLUMNS = (
    "pid,process,function,file,line,calls,total_ns,self_ns,mean_ns,p50_ns,p99_ns,min_ns,max_ns,unfinished,raised,"
    "elided,elides_c_calls,calls_about,calls_error"
).split(",")
NUMBERS = COLUMNS[4:15]


def table(sandbox, *options):
    """The rows of the function table, by pid (0 for all processes) and by what the JSON report calls the function."""
    done = sandbox.viztracer_merge("rings", "-o", "functions.csv", *options)
    assert done.returncode == 0, done.stderr
    with open(sandbox.path / "functions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert all(list(row) == COLUMNS for row in rows)
    by_pid = defaultdict(dict)
    for row in rows:
        name = f"{row['function']} ({row['file']}:{row['line']})" if row["file"] else row["function"]
        numbers = {column: int(row[column]) for column in NUMBERS}
        assert row["elided"] == row["elides_c_calls"] == "false"
        assert row["calls_about"] == row["calls_error"] == ""
        assert name not in by_pid[int(row["pid"])]
        by_pid[int(row["pid"])][name] = numbers | {"process": row["process"]}
    return by_pid


def calls_of(report):
    """Of each call the pid, the name, the duration, the time in its own calls, and whether it is inside another call of
    the function. Calls without an end are left out."""
    by_thread = defaultdict(list)
    for event in tree.spans(report):
        if event["ph"] == "X":
            by_thread[event["pid"], event["tid"]].append((*tree.nanoseconds(event), event["name"]))
    for (pid, _), calls in by_thread.items():
        open_calls = []
        told = []
        for start, end, name in sorted(calls, key=lambda call: (call[0], -call[1])):
            while open_calls and open_calls[-1][0] <= start:
                open_calls.pop()
            call = {"pid": pid, "name": name, "duration": end - start, "inside": 0}
            call["recursive"] = any(outer["name"] == name for _, outer in open_calls)
            if open_calls:
                open_calls[-1][1]["inside"] += end - start
            open_calls.append((end, call))
            told.append(call)
        yield from told


def expected(calls):
    by_name = defaultdict(list)
    for call in calls:
        by_name[call["name"]].append(call)
    for name, of_name in by_name.items():
        durations = sorted(call["duration"] for call in of_name)
        yield name, durations, {
            "calls": len(durations),
            "total_ns": sum(call["duration"] for call in of_name if not call["recursive"]),
            "self_ns": sum(call["duration"] - call["inside"] for call in of_name),
            "min_ns": durations[0],
            "max_ns": durations[-1],
        }


def compare(rows, calls, with_self=True):
    seen = set()
    for name, durations, numbers in expected(calls):
        row = rows[name]
        for column, number in numbers.items():
            if with_self or column in ("calls", "min_ns", "max_ns"):
                assert row[column] == number, (name, column)
        assert abs(row["mean_ns"] - sum(durations) / len(durations)) <= 0.5
        for percent in (50, 99):
            exact = durations[-(-len(durations) * percent // 100) - 1]
            assert abs(row[f"p{percent}_ns"] - exact) <= exact / 128, (name, percent)
        seen.add(name)
    assert seen == rows.keys()


@pytest.mark.parametrize("name", ["recursion", "mutual_recursion", "generators", "exceptions", "threads", "tasks"])
def test_the_table_is_what_the_calls_add_up_to(sandbox, name):
    arguments = ["gather"] if name == "tasks" else []
    done = sandbox.viztracer("--log_async", "--pid_suffix", "--output_dir", "rings", program(f"{name}.py"), *arguments)
    assert done.returncode == 0, done.stderr
    report = sandbox.merge("rings")
    rows = table(sandbox)
    # The report does not show which of two calls of no duration is inside the other.
    calls = list(calls_of(report))
    (pid,) = rows.keys() - {0}
    for of in (pid, 0):
        # What a task does has a track of its own in JSON, and stands below the event loop here.
        compare(rows[of], calls, with_self=name != "tasks")
    raised = [event for event in tree.spans(report) if (event.get("args") or {}).get("raised")]
    assert sum(row["raised"] for row in rows[0].values()) == len(raised)


@pytest.fixture
def processes(sandbox):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("primes_processes.py"))
    assert done.returncode == 0, done.stderr
    return sandbox.merge("rings")


def test_every_process_and_all_of_them(sandbox, processes):
    rows = table(sandbox)
    calls = list(calls_of(processes))
    names = tree.names(processes, "process_name")
    assert rows.keys() == {0, *names}
    compare(rows[0], calls)
    for pid, name in names.items():
        compare(rows[pid], [call for call in calls if call["pid"] == pid])
        assert {row["process"] for row in rows[pid].values()} == {name}
    for of in rows.values():
        own = [row["self_ns"] for row in of.values()]
        assert own == sorted(own, reverse=True)


def test_a_cut_holds_for_the_table(sandbox, processes):
    cut = ("--drop_c_functions", "--max_depth", "12")
    done = sandbox.viztracer_merge("rings", "-o", "cut.json", *cut)
    assert done.returncode == 0, done.stderr
    compare(table(sandbox, *cut)[0], list(calls_of(sandbox.report("cut.json"))))


def test_names_survive(sandbox):
    name = 'a, "quoted"\nline\rfeed; =1+1 naïve ☃ <script>'
    script = sandbox.script(
        f"namespace = {{'__name__': 'x'}}\nexec(compile('def f(): pass', {name!r}, 'exec'), namespace)\n"
        "namespace['f']()\n"
    )
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    shown = name.replace("\n", "\\n").replace("\r", "\\r")  # a row is a line
    assert f"f ({shown}:1)" in table(sandbox)[0]


def test_the_functions_that_cost_most(sandbox, processes):
    rows = table(sandbox)
    done = sandbox.viztracer_merge("rings", "-q", "--top", "5")
    assert (done.returncode, done.stderr) == (0, "")
    *tables, _ = done.stdout.split("\n\n")
    assert len(tables) == 1 + len(rows) - 1
    for text, (pid, of) in zip(tables, [(0, rows.pop(0)), *rows.items()]):
        title, headings, *lines, more = text.splitlines()
        assert title.startswith(
            "all 4 processes: " if pid == 0 else f"{next(iter(of.values()))['process']} (pid {pid}): "
        )
        assert f"{sum(row['calls'] for row in of.values()):,} calls of {len(of):,} functions" in title
        assert headings.split() == ["calls", "total", "self", "self", "%", "mean", "p50", "p99", "function"]
        assert [re.split(r"  +", line.strip())[-1] for line in lines] == list(of)[:5]
        assert [line.split()[0] for line in lines] == [f"{row['calls']:,}" for row in list(of.values())[:5]]
        assert more == f"... and {len(of) - 5:,} more functions"
    assert not os.path.exists(sandbox.path / "result.json")


def test_sorting_and_markdown(sandbox, processes):
    rows = table(sandbox)[0]
    for sort, column in [
        ("calls", "calls"),
        ("total", "total_ns"),
        ("mean", "mean_ns"),
        ("p99", "p99_ns"),
        ("max", "max_ns"),
    ]:
        done = sandbox.viztracer_merge("rings", "--top", "9", "--sort", sort, "--markdown", "-o", "with.json")
        assert done.returncode == 0, done.stderr
        lines = done.stdout.split("\n\n")[1].splitlines()
        assert lines[0].count("|") == lines[1].count("|") == 9
        names = [re.search(r"`(.*)` \|$", line)[1] for line in lines[2:]]
        best = sorted((row[column] for row in rows.values()), reverse=True)[:9]
        assert [rows[name][column] for name in names] == best
    assert sandbox.report("with.json") == processes
    assert len(done.stderr.splitlines()) > 3  # of the report alone


def test_what_the_table_does_not_hold_is_said(sandbox):
    script = sandbox.script(
        "import os, signal\ndef f(): pass\ndef g():\n    for _ in range(9999): f()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\ng()\n"
    )
    sandbox.viztracer("--pid_suffix", "--tracer_entries", "1000", "--output_dir", "rings", script)
    done = sandbox.viztracer_merge("rings", "-q", "--top", "3", "--func", "f \\(")
    assert (done.returncode, done.stderr) == (0, "")
    foot = done.stdout.split("\n\n")[-1].splitlines()
    assert re.fullmatch(r"[\d,]+ events are overwritten by newer ones", foot[0])
    assert re.fullmatch(r"[\d,]+ events were left out by the options and are not counted", foot[1])
    done = sandbox.viztracer_merge("rings", "-q", "--top", "3", "--strict")
    assert done.returncode == 1
    assert "calls never ended and are counted with the time until the last event known" in done.stdout


RECORDED = """
import functools, math, operator
from functools import partial

class Pair:
    def __init__(self): pass
    def __add__(self, other): return self
    def method(self): pass

def function(): pass
def generator():
    yield 1
@functools.lru_cache
def cached(): pass

def calls():
    function()
    (lambda: None)()
    list(generator())
    pair = Pair()
    pair.method()
    pair + pair
    cached()
    len([])
    math.gcd(4, 6)
    [].append(1)
    str.upper("a")
    sorted([2, -1], key=abs)

def no_calls():
    dict(); int("1"); object()
    1 + 2; [1][0]; 1 in [1]; {} | {}; "%d" % 1; -(-1)
    partial(len, [])(); operator.itemgetter(0)([1])

calls()
no_calls()
"""


def test_what_is_recorded(sandbox):
    """Functions of Python, and those of C that Python code calls. A type that is called, an operator, and an object
    of C that can be called are no functions; calls from C to C are invisible."""
    report = sandbox.trace(sandbox.script(RECORDED))
    inside = {}
    (tree_of_calls,) = tree.trees(report).values()
    for outer in ("calls", "no_calls"):
        start = next(at for at, call in enumerate(tree_of_calls) if call.name.startswith(f"{outer} ("))
        depth = tree_of_calls[start].depth
        after = tree_of_calls[start + 1 :]
        inside[outer] = [
            call.name.partition(" (")[0] for call in itertools.takewhile(lambda of: of.depth > depth, after)
        ]
    expected = [
        "function", "calls.<locals>.<lambda>", "Pair.__init__", "Pair.method", "Pair.__add__", "cached",
        "builtins.len", GCD, "list.append", "str.upper", "builtins.sorted",
    ]  # fmt: skip
    if sys.version_info < (3, 11):  # the code object of a Python function knows its last name alone
        expected[1:5] = [name.rpartition(".")[2] for name in expected[1:5]]
    assert [name for name in inside["calls"] if name != "generator"] == expected
    assert inside["calls"].count("generator") == 2  # each time that it goes on
    assert inside["no_calls"] == []


def test_refusals_and_a_reader_who_goes_away(sandbox, small_trace):
    for options in (
        ["--top", "0"],
        ["--sort", "calls"],
        ["--markdown"],
        ["--top", "3", "--info"],
        ["--top", "3", "-o", "-"],
    ):
        assert sandbox.viztracer_merge(small_trace, "-q", *options).returncode == 2, options
    read, write = os.pipe()
    os.close(read)
    command = [BIN / "viztracer-merge", small_trace, "-q", "--top", "3"]
    done = subprocess.run(command, cwd=sandbox.path, stdout=write, stderr=subprocess.PIPE, timeout=120)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=sandbox.path, stdout=full, stderr=subprocess.PIPE, timeout=120)
    assert (done.returncode, done.stderr) == (2, b"viztracer-merge: standard output: No space left on device\n")


def test_combine_writes_tables_and_pages(sandbox):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("recursion.py"))
    assert done.returncode == 0, done.stderr
    (ring,) = (sandbox.path / "rings").iterdir()
    for output in ("all.html", "all.csv", "all.speedscope.json"):
        assert sandbox.viztracer("--combine", ring, "-o", output).returncode == 0
        assert sandbox.viztracer_merge(ring, "-o", f"again_{output}").returncode == 0
        assert (sandbox.path / output).read_bytes() == (sandbox.path / f"again_{output}").read_bytes()
