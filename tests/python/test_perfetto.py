"""Perfetto's own trace processor reads the reports without import errors and finds every call."""

import gzip
import json
import random
from collections import defaultdict

import pytest
import tree
from conftest import PROGRAMS, library, program
from counting_program import CountingProgram

pytestmark = pytest.mark.one_version

DEEPEST = 512

# The report's zero. Times in JSON begin there, times in protobuf are of the machine's monotonic clock.
ZERO = "ifnull((select clock_value from clock_snapshot where clock_name = 'MONOTONIC' limit 1), 0)"
SLICES = f"""
select process.pid, thread.tid, coalesce(thread.name, track.name) as track, ts - {ZERO} as ts, dur, depth, slice.name, category,
  slice.arg_set_id as args
from slice join track on slice.track_id = track.id
  left join thread_track on thread_track.id = track.id left join thread using (utid)
  left join process_track on process_track.id = track.id
  left join process on process.upid = coalesce(thread.upid, process_track.upid)
"""
ARGUMENTS = """
select arg_set_id, key, coalesce(string_value, real_value, int_value) as value from args
where arg_set_id in (select arg_set_id from slice)
"""
METADATA = "select str_value from metadata where name = 'cr-viztracer_metadata'"
ALONE = {"deep_recursion", "recursion_error"}  # deeper than Perfetto draws


ONE_PROCESS = ["recursion", "classes", "generators", "coroutines", "c_calls", "exceptions", "threads", "short_threads"]


@pytest.mark.parametrize(
    ("name", "output"),
    [*((name, "traced.json") for name in [*ONE_PROCESS, "fork"]), ("classes", "traced.json.gz")],
)
def test_every_call_is_a_slice(sandbox, perfetto, name, output):
    done = sandbox.viztracer("-o", output, program(f"{name}.py"))
    assert done.returncode == 0, done.stderr
    found = perfetto(sandbox.path / output)
    report = sandbox.report(output)
    assert found["errors"] == []
    assert found["slices"] == len(tree.spans(report))
    assert found["unfinished"] == 0
    assert found["threads"] == len(tree.trees(report))
    assert found["processes"] == len(tree.names(report, "process_name"))
    assert found["depth"] == 1 + max(call.depth for calls in tree.trees(report).values() for call in calls)


def test_merged_processes(sandbox, perfetto):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("primes_processes.py"))
    assert done.returncode == 0, done.stderr
    report = sandbox.merge("rings")
    found = perfetto(sandbox.path / "merged.json")
    assert found["errors"] == []
    assert found["slices"] == len(tree.spans(report))
    assert found["processes"] == 4


def test_names_are_shown_as_they_are(sandbox, perfetto):
    sandbox.trace(program("threads.py"))
    found = perfetto(sandbox.path / "traced.json")
    assert "naïve ☃" in found["threadNames"]


def test_open_calls_are_unfinished(sandbox, perfetto):
    script = sandbox.script(
        "from viztracer import VizTracer\n"
        "def open_at_the_stop(tracer):\n"
        "    tracer.stop()\n"
        "tracer = VizTracer(verbose=0)\n"
        "tracer.start()\n"
        "open_at_the_stop(tracer)\n"
        "tracer.save()\n"
    )
    done = sandbox.python(script)
    assert done.returncode == 0, done.stderr
    found = perfetto(sandbox.path / "result.json")
    assert found["errors"] == []
    assert found["unfinished"] == sum(event["ph"] == "B" for event in sandbox.report("result.json")["traceEvents"]) >= 1


def test_deep_recursion(sandbox, perfetto):
    """Perfetto draws 512 levels; it keeps what is deeper, unplaced, and says nothing of it."""
    report = sandbox.trace(program("deep_recursion.py"))
    found = perfetto(sandbox.path / "traced.json")
    assert found["errors"] == []
    assert found["slices"] == len(tree.spans(report)) > 3_000
    assert found["depth"] == DEEPEST


def slices(perfetto, path):
    """What is on the tracks, by the process's id and the track's name, each track as a sorted list; and the metadata.

    Tasks are tracks of a process in protobuf and look like threads in JSON.
    """
    found = perfetto(path, SLICES, ARGUMENTS, METADATA)
    assert found["errors"] == []
    rows, all_arguments, metadata = found["rows"]
    arguments = defaultdict(dict)
    for row in all_arguments:
        kind, _, key = row["key"].partition(".")
        if kind in ("args", "debug"):
            arguments[row["arg_set_id"]][key] = row["value"]
    tracks = defaultdict(list)
    for row in rows:
        own = sorted(arguments[row["args"]].items()) if row["args"] is not None else []
        # Calls have a category in JSON alone.
        category = row["category"] if row["category"] != "FEE" else None
        if category in ("task", "coroutine"):
            # Lives of tasks and coroutines are on other tracks in each format, and in other units.
            tracks[row["pid"], "life"].append((row["ts"], 0, row["dur"], row["name"], category, []))
            continue
        tracks[row["pid"], row["track"]].append((row["ts"], row["depth"], row["dur"], row["name"], category, own))
    return {track: sorted(found) for track, found in tracks.items()}, metadata


def assert_the_same_in_protobuf(sandbox, perfetto, *rings):
    """Merges the files into JSON and protobuf and compares what Perfetto sees in both; returns it."""
    for output in ("merged.json", "merged.pftrace"):
        done = sandbox.viztracer_merge("--show_losses", *rings, "-o", output)
        assert done.returncode == 0, done.stderr
    expected, _ = slices(perfetto, sandbox.path / "merged.json")
    found, metadata = slices(perfetto, sandbox.path / "merged.pftrace")
    assert found.keys() == expected.keys()
    for track, calls in expected.items():
        assert found[track] == calls, track
    (row,) = metadata
    assert json.loads(row["str_value"]) == sandbox.report("merged.json")["viztracer_metadata"]
    assert found
    return found


def test_the_same_in_protobuf(sandbox, perfetto):
    """All programs and all ways to run tasks, merged into one report."""
    names = sorted({path.stem for path in PROGRAMS.glob("*.py")} - ALONE)
    scenarios = ["gather", "cancelled", "raises", "generators", "callbacks", "manual", "loops_in_threads"]
    for name, *arguments in [*([name] for name in names), *(["tasks", scenario] for scenario in scenarios)]:
        # Some of them end badly, which is their business. The newest calls are enough: most others are imports.
        options = ("--tracer_entries", "8000", "--pid_suffix", "--log_async", "--output_dir", "rings")
        sandbox.viztracer(*options, program(f"{name}.py"), *arguments)
    found = assert_the_same_in_protobuf(sandbox, perfetto, "rings")
    assert len({pid for pid, _ in found}) >= len(names) + len(scenarios)
    assert sum(track.startswith("Task-") for _, track in found) > 10


def test_killed_processes_in_protobuf(sandbox, perfetto):
    moments = random.Random(7)
    for number in range(3):
        with CountingProgram(sandbox.path, 2, "--tracer_entries", "500", log=f"log_{number}") as victim:
            victim.wait_for(int(2 ** moments.uniform(0, 12)))
            victim.kill()
    found = assert_the_same_in_protobuf(sandbox, perfetto, "rings")
    unfinished = [call for calls in found.values() for call in calls if ("unfinished", 1) in call[-1]]
    assert len({pid for pid, _ in found}) == 3
    assert len(unfinished) >= 3


def test_a_ring_that_went_round_says_so_on_its_track(sandbox, perfetto):
    """A slice covers a time of which nothing is left, in the calls that are known to have been open then."""
    options = ("--tracer_entries", "1000", "--pid_suffix", "--output_dir", "rings")
    done = sandbox.viztracer(*options, program("primes_processes.py"))
    assert done.returncode == 0, done.stderr
    found = assert_the_same_in_protobuf(sandbox, perfetto, "rings")
    marks = {}
    for (pid, track), calls in found.items():
        for start, _, duration, name, category, _ in calls:
            if category == "LOSS":
                marks[pid, track] = name
                assert duration > 0
                times = {time for call in calls for time in (call[0], call[0] + call[2])}
                assert not any(start < time < start + duration for time in times)
    report = sandbox.report("merged.json")
    names = tree.names(report, "thread_name")
    assert marks == {
        (process["pid"], names[process["pid"], thread["tid"]]): f"{thread['overwritten']:,} events overwritten"
        for process in report["viztracer_metadata"]["processes"]
        for thread in process["threads"]
        if thread["overwritten"] and thread["events"]
    }
    assert len(marks) == 4


def test_names_in_protobuf_are_what_they_were(sandbox, perfetto):
    name = "\"quoted\"\n\\ \t naïve ☃ 🙂 </script>"
    script = sandbox.script(
        "import threading\n"
        f"namespace = {{'__name__': {name!r}}}\n"
        f"exec(compile('def f(): pass', {name!r}, 'exec'), namespace)\n"
        f"thread = threading.Thread(target=namespace['f'], name={name!r})\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    done = sandbox.viztracer_merge("rings", "-o", "merged.pftrace")
    assert done.returncode == 0, done.stderr
    found, _ = slices(perfetto, sandbox.path / "merged.pftrace")
    (calls,) = [calls for (_, track), calls in found.items() if track == name]
    assert f"f ({name}:1)" in {call[3] for call in calls}


def test_source_locations_in_protobuf(sandbox, perfetto):
    path = program("classes.py")
    sandbox.viztracer("--pid_suffix", "--output_dir", "rings", path)
    assert sandbox.viztracer_merge("rings", "-o", "merged.pftrace").returncode == 0
    query = "select name, extract_arg(arg_set_id, 'source.{}') as value from slice where name like '%.py:%'"
    keys = ("file_name", "function_name", "line_number")
    found = perfetto(sandbox.path / "merged.pftrace", *(query.format(key) for key in keys))
    locations = list(zip(*found["rows"]))
    assert locations
    for file, function, line in locations:
        assert file["name"] == f"{function['value']} ({file['value']}:{line['value']})"


def test_the_wall_clock_in_protobuf(sandbox, perfetto):
    sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("classes.py"))
    assert sandbox.viztracer_merge("rings", "-o", "merged.pftrace").returncode == 0
    query = (
        "select cast(ts as text) as ts, cast(clock_value as text) as value from clock_snapshot "
        "where clock_name = 'REALTIME'"
    )
    found = perfetto(sandbox.path / "merged.pftrace", query)
    metadata = sandbox.merge("rings")["viztracer_metadata"]
    base, zero = metadata["baseTimeNanoseconds"], metadata["clock"]["monotonic"]
    assert found["rows"] == [[{"ts": str(zero), "value": str(base)}]]


def test_deep_recursion_in_protobuf(sandbox, perfetto):
    """The deepest calls are left out, as Perfetto would put them beside the outermost, and counted."""
    sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("deep_recursion.py"))
    for output in ("merged.json", "merged.pftrace"):
        assert sandbox.viztracer_merge("rings", "-o", output).returncode == 0
    depths = [call.depth for calls in tree.trees(sandbox.report("merged.json")).values() for call in calls]
    found, _ = slices(perfetto, sandbox.path / "merged.pftrace")
    shown = [call[1] for calls in found.values() for call in calls]
    assert sorted(shown) == sorted(depth for depth in depths if depth < DEEPEST)
    assert max(depths) > 3_000


def test_protobuf_does_not_depend_on_the_number_of_threads(sandbox):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("primes_processes.py"))
    assert done.returncode == 0, done.stderr
    for threads in "128":
        assert sandbox.viztracer_merge("rings", "--threads", threads, "-o", f"{threads}.pftrace").returncode == 0
    assert sandbox.viztracer_merge("rings", "-o", "zipped.pftrace.gz").returncode == 0
    traces = {(sandbox.path / f"{threads}.pftrace").read_bytes() for threads in "128"}
    assert traces == {gzip.decompress((sandbox.path / "zipped.pftrace.gz").read_bytes())}


def test_protobuf_in_gzip(sandbox, perfetto):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("primes_processes.py"))
    assert done.returncode == 0, done.stderr
    for output in ("merged.pftrace", "merged.pftrace.gz"):
        assert sandbox.viztracer_merge("rings", "-o", output).returncode == 0
    plain, zipped = (slices(perfetto, sandbox.path / f"merged.pftrace{more}") for more in ("", ".gz"))
    assert plain == zipped


@pytest.mark.parametrize("name", ["primes_processes", "threads", "tasks"])
def test_protobuf_keeps_to_the_official_schema(sandbox, name):
    """No field that Perfetto's own .proto files do not have, and every string is UTF-8."""
    schema = library("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    unknown_fields = library("google.protobuf.unknown_fields")
    arguments = ["gather"] if name == "tasks" else []
    options = ("--tracer_entries", "1000", "--log_async", "--pid_suffix", "--output_dir", "rings")
    done = sandbox.viztracer(*options, program(f"{name}.py"), *arguments)
    assert done.returncode == 0, done.stderr
    assert sandbox.viztracer_merge("rings", "-o", "merged.pftrace").returncode == 0
    trace = schema.Trace()
    trace.ParseFromString((sandbox.path / "merged.pftrace").read_bytes())
    assert len(trace.packet) > 1_000
    assert not list(unknown(trace, unknown_fields.UnknownFieldSet))


def unknown(message, fields_of):
    """The numbers of unknown fields, in the message and in those in it."""
    yield from (field.field_number for field in fields_of(message))
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if hasattr(value, "extend") else [value]:
                yield from unknown(inner, fields_of)
