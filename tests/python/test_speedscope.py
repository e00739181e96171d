"""speedscope's own importer finds the calls of the JSON report in the profiles."""

import gzip
import json
from collections import defaultdict

import pytest
import tree
from conftest import program

pytestmark = pytest.mark.one_version

FIRST_TASK = 1 << 24


@pytest.mark.parametrize(
    "name", ["recursion", "generators", "exceptions", "threads", "primes_processes", "tasks", "frames_open_at_stop"]
)
def test_every_call_is_in_its_profile(sandbox, speedscope, name):
    arguments = ["gather"] if name == "tasks" else []
    done = sandbox.viztracer("--log_async", "--pid_suffix", "--output_dir", "rings", program(f"{name}.py"), *arguments)
    assert done.returncode == 0, done.stderr
    compare(sandbox, speedscope)


def test_a_killed_process_and_a_ring_that_went_round(sandbox, speedscope):
    script = sandbox.script(
        "import os, signal, threading\n"
        "def leaf(): pass\n"
        "def node():\n"
        "    for n in range(9000): leaf()\n"
        "def root():\n"
        "    for n in range(5): node()\n"
        "def main():\n"
        "    threads = [threading.Thread(target=root) for _ in range(2)]\n"
        "    for thread in threads: thread.start()\n"
        "    for thread in threads: thread.join()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "main()\n"
    )
    sandbox.viztracer("--tracer_entries", "60000", "--pid_suffix", "--output_dir", "rings", script)
    profiles = compare(sandbox, speedscope)
    assert sum(len(profile["calls"]) for profile in profiles) > 40_000
    (main,) = [profile for profile in profiles if "MainThread" in profile["name"]]
    assert ["<module>", script] in [call[:2] for call in main["calls"][-2:]]


def test_a_cut_is_a_cut_here_too(sandbox, speedscope):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("primes_processes.py"))
    assert done.returncode == 0, done.stderr
    compare(sandbox, speedscope, "--max_depth", "9", "--last", "20ms", "--drop_c_functions")


def test_gzip_holds_the_same_and_nothing_else_is_left(sandbox, small_trace):
    for output in ("a.speedscope.json", "b.speedscope.json.gz", "-"):
        done = sandbox.viztracer_merge(small_trace, "-q", "-o", output, "--format", "speedscope")
        assert (done.returncode, done.stderr) == (0, "")
    plain = (sandbox.path / "a.speedscope.json").read_text(encoding="utf-8")
    assert gzip.decompress((sandbox.path / "b.speedscope.json.gz").read_bytes()).decode() == plain == done.stdout
    assert len(list(sandbox.path.iterdir())) == 2


def compare(sandbox, speedscope, *options):
    """Merges the ring files into profiles and JSON and compares their calls; returns the profiles."""
    for output in ("report.json", "report.speedscope.json"):
        assert sandbox.viztracer_merge("rings", "-o", output, *options).returncode == 0
    written = json.loads((sandbox.path / "report.speedscope.json").read_text(encoding="utf-8"))
    report = sandbox.report("report.json")
    assert written["viztracer_metadata"] == report["viztracer_metadata"]
    profiles = speedscope(sandbox.path / "report.speedscope.json")
    assert {profile["unit"] for profile in profiles} == {"nanoseconds"}
    found = defaultdict(list)
    for profile in profiles:
        calls = [(start, end, shown(*frame)) for *frame, start, end in profile["calls"] if frame[0] != "[overwritten]"]
        # What a ring has overwritten may stand before the first call that is there.
        begin = min((start for start, *_ in calls), default=0)
        found[profile["name"]].append(sorted((start - begin, end - begin, call) for start, end, call in calls))
    expected = tracks(report)
    assert found.keys() == expected.keys()
    for name, of_name in expected.items():
        assert len(found[name]) == len(of_name), name
        for told, calls in zip(sorted(found[name]), sorted(of_name)):
            # A call that was open when its process stopped tracing has no end in JSON.
            ends = {(start, name): end for start, end, name in told}
            calls = [
                (start, ends.get((start, name)) if end == float("inf") else end, name) for start, end, name in calls
            ]
            assert told == sorted(calls), name
    assert profiles
    return profiles


def shown(name, file, line):
    return f"{name} ({file}:{line})" if file else name


def tracks(report):
    """Return the calls of each track by profile name, in ns since the first call. speedscope draws no call of 0 ns."""
    processes, threads = tree.names(report, "process_name"), tree.names(report, "thread_name")
    calls = defaultdict(list)
    for event in tree.spans(report):
        calls[event["pid"], event["tid"]].append((*tree.nanoseconds(event), event["name"]))
    by_name = defaultdict(list)
    for (pid, tid), of_track in calls.items():
        begin = min(start for start, *_ in of_track)
        number = "" if tid >= FIRST_TASK else f" ({tid})"
        name = f"{processes[pid]} ({pid}), {threads[pid, tid]}{number}"
        by_name[name].append([(start - begin, end - begin, call) for start, end, call in of_track if end > start])
    return by_name
