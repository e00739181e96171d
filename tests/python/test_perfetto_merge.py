"""Perfetto's own merge: a `.pftrace` and another trace of the same machine stand together on one time line."""

import json
import shlex
import sys
import time
import zipfile
from types import SimpleNamespace

import pytest
from conftest import WEB_DIST, library, node_command

pytestmark = pytest.mark.one_version

# Calls that know at which time of the monotonic clock they run.
PROGRAM = """
import json, os, sys, time
def moment(): return time.monotonic_ns()
def work(): return [(time.sleep(0.002), moment())[1] for _ in range(5)]
moments = work()
json.dump([os.getpid(), moments], open("moments.json", "w"))
"""
# The machine slept so long before, so that BOOTTIME is another clock than MONOTONIC.
SLEPT = 7_000_000_000
CALLS = """
select slice.ts, slice.dur, tid, pid from slice join thread_track on slice.track_id = thread_track.id
  join thread using (utid) join process using (upid) where slice.name like 'moment (%' order by slice.ts
"""
SWITCHES = "select ts, tid from sched join thread using (utid) where tid != 0 order by ts"
OTHERS = "select ts from slice where name = 'frame' order by ts"


@pytest.fixture
def recorded(sandbox):
    """The id of a process, and the times of its calls of `moment`; `python.pftrace` is its report."""
    done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", sandbox.script(PROGRAM))
    assert done.returncode == 0, done.stderr
    assert sandbox.viztracer_merge("-q", "rings", "-o", "python.pftrace").returncode == 0
    return json.loads((sandbox.path / "moments.json").read_text())


def system_trace(path, pid, moments):
    """Writes what a system tracer records: the clocks, and when the kernel switched to the process and away."""
    trace = library("perfetto.protos.perfetto.trace.perfetto_trace_pb2").Trace()
    monotonic, realtime = time.monotonic_ns(), time.time_ns()
    snapshot = trace.packet.add(trusted_packet_sequence_id=900)
    for clock, shows in ((6, monotonic + SLEPT), (3, monotonic), (1, realtime)):
        snapshot.clock_snapshot.clocks.add(clock_id=clock, timestamp=shows)
    snapshot.clock_snapshot.primary_trace_clock = 6
    events = trace.packet.add(trusted_packet_sequence_id=901).ftrace_events
    events.cpu = 0
    for moment in moments:
        for at, before, after in ((moment, 0, pid), (moment + 1_000, pid, 0)):
            switch = events.event.add(timestamp=at + SLEPT, pid=before).sched_switch
            switch.prev_pid, switch.next_pid, switch.prev_comm, switch.next_comm = before, after, "a", "b"
    path.write_bytes(trace.SerializeToString())


def chromium_trace(path, moments):
    """Writes what Chromium records: times of the monotonic clock, in us."""
    event = {"ph": "X", "name": "frame", "cat": "cc", "pid": 3, "tid": 3, "dur": 0.1}
    events = [event | {"ts": moment / 1000} for moment in moments]
    path.write_text(json.dumps({"traceEvents": events}))


def archive(directory, *names):
    with zipfile.ZipFile(directory / "together.zip", "w") as opened:
        for name in names:
            opened.write(directory / name, name)
    return directory / "together.zip"


def concatenated(directory, *names):
    (directory / "together.pftrace").write_bytes(b"".join((directory / name).read_bytes() for name in names))
    return directory / "together.pftrace"


@pytest.mark.parametrize("together", [archive, concatenated])
@pytest.mark.parametrize("names", [("python.pftrace", "system.pftrace"), ("system.pftrace", "python.pftrace")])
def test_with_a_trace_of_the_system(sandbox, perfetto, recorded, together, names):
    """Each switch to the process lies in the call that read the clock then, on the thread of that call."""
    pid, moments = recorded
    system_trace(sandbox.path / "system.pftrace", pid, moments)
    found = perfetto(together(sandbox.path, *names), CALLS, SWITCHES)
    assert found["errors"] == []
    calls, switches = found["rows"]
    assert len(calls) == len(switches) == len(moments) == 5
    for call, switch in zip(calls, switches):
        assert call["ts"] <= switch["ts"] <= call["ts"] + call["dur"]
        assert call["tid"] == call["pid"] == switch["tid"] == pid
    between = [(late["ts"] - early["ts"]) for early, late in zip(switches, switches[1:])]
    assert between == [late - early for early, late in zip(moments, moments[1:])]


def test_with_a_trace_of_chromium(sandbox, perfetto, recorded):
    """Such a trace has no clock of its own: its times are those of the first trace that has one."""
    _, moments = recorded
    chromium_trace(sandbox.path / "chromium.json", moments)
    found = perfetto(archive(sandbox.path, "python.pftrace", "chromium.json"), CALLS, OTHERS)
    assert found["errors"] == []
    calls, frames = found["rows"]
    assert len(calls) == len(frames) == 5
    for call, frame in zip(calls, frames):
        # A JSON number of microseconds has no nanoseconds so long after the start of the machine.
        assert call["ts"] - 1_000 <= frame["ts"] <= call["ts"] + call["dur"] + 1_000


def test_times_are_those_of_the_monotonic_clock(sandbox, perfetto, recorded):
    """The same without the other trace, from JSON reports, and in a part of the trace."""
    pid, moments = recorded
    assert sandbox.viztracer_merge("-q", "rings", "-o", "again.json").returncode == 0
    for number, words in enumerate((["rings"], ["again.json"], ["rings", "--since", "1ms"], ["rings", "--align", "monotonic"])):
        assert sandbox.viztracer_merge("-q", *words, "-o", f"{number}.pftrace").returncode == 0
        (calls,) = perfetto(sandbox.path / f"{number}.pftrace", CALLS)["rows"]
        assert len(calls) == 5
        for call, moment in zip(calls, moments):
            assert call["ts"] <= moment <= call["ts"] + call["dur"]


def test_runs_that_are_moved_have_a_time_line_of_their_own(sandbox, perfetto, recorded):
    """They did not begin at the same time, so a clock of the machine would be a lie."""
    assert sandbox.viztracer_merge("-q", "rings", "--align", "start", "-o", "moved.pftrace").returncode == 0
    found = perfetto(sandbox.path / "moved.pftrace", "select min(ts) as first from slice", "select distinct clock_name from clock_snapshot")
    assert found["errors"] == [] and found["rows"][0][0]["first"] < 60_000_000_000
    assert "MONOTONIC" not in {row["clock_name"] for row in found["rows"][1]}


@pytest.fixture
def batch(sandbox, monkeypatch):
    """batch(traces, sql) -> the rows of each trace, by Perfetto's batch processing."""
    # The package needs pandas for data frames alone.
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=object))
    processing = library("perfetto.batch_trace_processor.api")
    processor = library("perfetto.trace_processor.api")
    shell = sandbox.path / "trace_processor_shell"
    shell.write_text(f'#!/bin/sh\nexec {shlex.join(node_command("perfetto/shell.mjs", WEB_DIST))} "$@"\n')
    shell.chmod(0o755)

    def processed(traces, sql):
        config = processing.BatchTraceProcessorConfig(tp_config=processor.TraceProcessorConfig(bin_path=str(shell)))
        with processing.BatchTraceProcessor([str(path) for path in traces], config=config) as all_traces:
            return all_traces.execute(lambda one: [dict(vars(row)) for row in one.query(sql)])

    return processed


def test_batch_processing_of_several_runs(sandbox, batch, recorded):
    for number in (1, 2):
        words = ("--quiet", "--pid_suffix", "--output_dir", f"run_{number}")
        assert sandbox.viztracer(*words, sandbox.script(PROGRAM.replace("range(5)", f"range({number})"))).returncode == 0
        assert sandbox.viztracer_merge("-q", f"run_{number}", "-o", f"run_{number}.pftrace.gz").returncode == 0
    traces = [sandbox.path / name for name in ("run_1.pftrace.gz", "python.pftrace", "run_2.pftrace.gz")]
    found = batch(traces, "select count(*) as calls from slice where name like 'moment (%'")
    assert found == [[{"calls": 1}], [{"calls": 5}], [{"calls": 2}]]
