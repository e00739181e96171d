"""The command `viztracer-merge`: inputs, outputs, summary."""

import gzip
import json
import os
import re
import subprocess
import time

import pytest
import tree
from conftest import BIN, IS_WINDOWS, program
from counting_program import WORK, CountingProgram

pytestmark = pytest.mark.one_version


def rings(sandbox, name="primes_processes.py"):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program(name))
    assert done.returncode == 0, done.stderr
    return sorted((sandbox.path / "rings").glob("*.bin"))


def test_files_directories_or_both(sandbox):
    first, *rest = rings(sandbox)
    all_of_them = tree.trees(sandbox.merge(first, *rest))
    assert tree.trees(sandbox.merge("rings")) == all_of_them
    assert tree.trees(sandbox.merge("rings", first)) == all_of_them
    assert {pid for pid, _ in tree.trees(sandbox.merge(first))} == {int(re.search(r"\d+", first.name)[0])}


def test_json_and_gzip_hold_the_same(sandbox):
    rings(sandbox)
    for output in ("merged.json", "merged.json.gz"):
        assert sandbox.viztracer_merge("rings", "-o", output).returncode == 0
    packed = gzip.decompress((sandbox.path / "merged.json.gz").read_bytes())
    assert packed == (sandbox.path / "merged.json").read_bytes()


def test_bytes_do_not_depend_on_the_number_of_threads(sandbox):
    rings(sandbox)
    for threads in "123":
        assert sandbox.viztracer_merge("rings", "--threads", threads, "-o", f"{threads}.json").returncode == 0
    assert len({(sandbox.path / f"{threads}.json").read_bytes() for threads in "123"}) == 1


def test_summary_tells_of_every_file(sandbox):
    files = rings(sandbox)
    done = sandbox.viztracer_merge("rings", "-o", "merged.json")
    assert (done.returncode, done.stdout) == (0, "")
    for file in files:
        (line,) = [line for line in done.stderr.splitlines() if file.name in line]
        assert re.search(r"Process-\d|MainProcess", line)
        assert "  exited  " in line
    assert "\r" not in done.stderr and "\x1b" not in done.stderr  # no progress bar where there is no terminal


MAKES_CALLS = """
import threading, time
def call(): pass
def calls():
    for _ in range(300): call()
end = time.monotonic() + 4
while time.monotonic() < end: {work}
"""


@pytest.mark.parametrize("work", ["calls(); time.sleep(0.0005)", "threads = {work}; {start}; {join}"])
def test_a_living_process_has_overwritten_nothing_while_its_ring_has_space(sandbox, work):
    """What it records while its file is copied is not in the report, and not counted as overwritten."""
    work = work.format(
        work="[threading.Thread(target=calls) for _ in range(3)]",
        start="[thread.start() for thread in threads]",
        join="[thread.join() for thread in threads]",
    )
    script = sandbox.script(MAKES_CALLS.format(work=work))
    command = [BIN / "viztracer", "--quiet", "--pid_suffix", "--output_dir", "rings", script]
    with subprocess.Popen(command, cwd=sandbox.path) as running:
        while not list(sandbox.path.glob("rings/*.bin")):
            time.sleep(0.01)
        merges = 0
        while running.poll() is None:
            done = sandbox.run(BIN / "viztracer-merge", "--top", "1", "--strict", "rings")
            assert "overwritten" not in done.stdout + done.stderr
            merges += 1
    assert merges


def test_a_living_process_is_merged_as_far_as_it_got(sandbox):
    with CountingProgram(sandbox.path, 1, "--quiet") as living:
        living.wait_for(10_000)
        done = sandbox.viztracer_merge("rings", "-o", "merged.json")
    assert done.returncode == 0, done.stderr
    assert "  running  " in done.stderr
    report = sandbox.report("merged.json")
    assert sum(event["name"] == WORK for event in tree.spans(report)) >= 9_999
    tree.check_nesting(report)


@pytest.mark.posix("SIGKILL")
def test_a_killed_process_is_said_to_have_ended_so(sandbox):
    sandbox.script("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "script.py")
    done = sandbox.viztracer_merge("rings", "-o", "merged.json")
    assert done.returncode == 0
    assert "  ended without a word  " in done.stderr


def test_metadata_starts_processes_and_threads_first(sandbox):
    rings(sandbox)
    report = sandbox.merge("rings")
    phases = [event["ph"] for event in report["traceEvents"]]
    assert "M" not in phases[phases.count("M") :]
    assert report.keys() == {"traceEvents", "viztracer_metadata", "file_info"}


def test_names_are_raw_text(sandbox):
    """Perfetto shows \\u escapes letter by letter: only what JSON must escape is escaped."""
    script = sandbox.script("def naïve_雪(): pass\nnaïve_雪()\n", "naïve 雪.py" if IS_WINDOWS else 'quo"te\\back.py')
    sandbox.trace(script)
    text = (sandbox.path / "traced.json").read_text(encoding="utf-8")
    assert "naïve_雪" in text and "\\u" not in text.replace("\\\\", "")
    assert f"naïve_雪 ({script}:1)" in {event["name"] for event in tree.spans(json.loads(text))}


def test_help_and_version(sandbox):
    for option in ("--help", "--version"):
        done = sandbox.viztracer_merge(option)
        assert (done.returncode, done.stderr) == (0, "")
        assert "viztracer-merge" in done.stdout


def test_no_input_is_a_usage_error(sandbox):
    for options in ([], ["-o", "x.json"], ["--quiet"]):
        done = sandbox.viztracer_merge(*options)
        assert (done.returncode, done.stdout) == (2, "")
        first, *_, last = done.stderr.splitlines()
        assert first == "Usage: viztracer-merge [OPTIONS] <INPUT>..."
        assert last.startswith("viztracer-merge: no input: name ring files, ")


@pytest.mark.parametrize("command", [[], ["compare"]])
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--top", "d"], '"d" is not a whole number'),
        (["--top", "0"], "it must be 1 or more"),
        (["--threads", "1.5"], '"1.5" is not a whole number'),
        (["--pid", "99999999999"], "the number is too large"),
        (["--max_depth", "5s"], '"5s" is not a whole number'),
        (["--last", "x"], '"x" is not a duration, such as 5s, 300ms or 10us'),
    ],
)
def test_numbers_that_are_none(sandbox, small_trace, command, options, reason):
    done = sandbox.viztracer_merge(*command, small_trace, small_trace, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0].endswith(f": {reason}")


def test_a_command_that_is_misspelt(sandbox, small_trace):
    done = sandbox.viztracer_merge("comapre", "a", "b")
    assert (done.returncode, done.stdout) == (2, "")
    reason = ".*" if IS_WINDOWS else "No such file or directory"
    says = f"viztracer-merge: comapre: {reason}: did you mean `viztracer-merge compare`\\?"
    assert re.fullmatch(says, done.stderr.splitlines()[0])
    done = sandbox.viztracer_merge("compar", small_trace)
    assert done.returncode == 1 and "did you mean `viztracer-merge compare`?\n" in done.stderr


@pytest.mark.posix("wait4")
def test_memory_does_not_depend_on_the_size_of_the_trace(sandbox):
    """Four times as many calls: the report is four times as large, and the merge takes some MB more at the most."""
    script = sandbox.script("import sys\ndef f(n): return n\nfor n in range(int(sys.argv[1])): f(n)\n")
    peaks, sizes = [], []
    for calls in (300_000, 1_200_000):
        directory = f"rings{calls}"
        assert sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", directory, script, calls).returncode == 0
        command = [
            str(part) for part in (BIN / "viztracer-merge", "-q", "--threads", 2, directory, "-o", "merged.json")
        ]
        merge = subprocess.Popen(command, cwd=sandbox.path)
        _, status, usage = os.wait4(merge.pid, 0)
        merge.returncode = os.waitstatus_to_exitcode(status)
        assert merge.returncode == 0
        peaks.append(usage.ru_maxrss >> 10)
        sizes.append((sandbox.path / "merged.json").stat().st_size)
    assert sizes[1] > 3.9 * sizes[0] > 50 << 20
    assert peaks[1] < peaks[0] + 8, f"{peaks} MB"
