"""The contents of ring files: `viztracer-merge --info` and `--dump`."""

import json
import os
import re
import subprocess

import pytest
import tree
from conftest import BIN, VERSION, program
from counting_program import CountingProgram

pytestmark = pytest.mark.one_version

SEGMENTS = 4096  # where the first one begins


@pytest.fixture
def rings(sandbox):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("primes_processes.py"))
    assert done.returncode == 0, done.stderr
    return "rings"


def test_the_table_and_the_document_agree_with_the_report(sandbox, rings):
    report = sandbox.merge(rings)
    by_pid = {process["pid"]: process for process in report["viztracer_metadata"]["processes"]}
    table = sandbox.viztracer_merge("--info", rings)
    assert (table.returncode, table.stderr) == (0, "")
    headings, *rows = table.stdout.splitlines()
    assert re.split(r"  +", headings.strip()) == [
        *("pid", "process", "ending", "python", "started (UTC)", "duration", "threads", "events", "overwritten"),
        *("lost", "size", "session", "file"),
    ]
    assert len(rows) == len(by_pid)
    done = sandbox.viztracer_merge("--info", "--json", rings)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document.keys(), document["bad"]) == ({"schema", "version", "files", "bad"}, [])
    (session,) = {file["session"] for file in document["files"]}
    for file, row in zip(document["files"], rows, strict=True):
        process = by_pid.pop(file["pid"])
        assert (file["process"], file["state"], file["ending"]) == (process["name"], process["state"], "exited")
        assert file["events"] + file["open_calls"] == sum(thread["events"] for thread in process["threads"])
        assert {thread["name"] for thread in file["threads"]} == {thread["name"] for thread in process["threads"]}
        assert file["python"].startswith(VERSION)
        assert file["size"] == os.path.getsize(sandbox.path / file["file"])
        assert 0 < file["duration_ns"] < 120e9
        for shown in (str(file["pid"]), file["process"], file["ending"], file["file"], session[:8]):
            assert shown in row
    assert not by_pid


def test_bad_files_are_told_of_beside_the_good_ones(sandbox, small_trace):
    (sandbox.path / "good.bin").write_bytes(small_trace.read_bytes())
    (sandbox.path / "bad.bin").write_bytes(b"x" * 5000)
    done = sandbox.viztracer_merge("--info", "--json", "good.bin", "bad.bin")
    reason = "not a ring file: it does not begin with VIZRING"
    assert (done.returncode, done.stderr) == (1, f"viztracer-merge: bad.bin: {reason} (offset 0)\n")
    document = json.loads(done.stdout)
    assert document["bad"] == [{"file": "bad.bin", "reason": reason, "offset": 0}]
    assert [file["file"] for file in document["files"]] == ["good.bin"]


def test_a_living_and_a_crashed_file(sandbox):
    with CountingProgram(sandbox.path, 1, "--quiet") as living:
        living.wait_for(1000)
        (file,) = json.loads(sandbox.viztracer_merge("--info", "--json", "rings").stdout)["files"]
        assert file["state"] == "living"
        assert file["events"] >= 999
        dumped = sandbox.viztracer_merge("--dump", "rings")
        assert dumped.returncode == 0, dumped.stderr
        assert len(records(dumped.stdout)) >= 999
    sandbox.script("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    sandbox.viztracer("--pid_suffix", "--output_dir", "killed", "script.py")
    (file,) = json.loads(sandbox.viztracer_merge("--info", "--json", "killed").stdout)["files"]
    assert (file["state"], file["open_calls"] > 0) == ("crashed", True)


def records(dump):
    """The kind, duration and function of every call in a dump."""
    line = re.compile(r" +\d+ +\d+ +\d+ +\d+ +\d+  (RETURN|YIELD|RAISE) +-?\d+ +(\d+)  (.*)")
    return [match.groups() for match in map(line.fullmatch, dump.splitlines()) if match]


def test_the_dump_has_every_call_of_the_report(sandbox, small_trace):
    report = sandbox.merge(small_trace)
    done = sandbox.viztracer_merge("--dump", small_trace)
    assert (done.returncode, done.stderr) == (0, "")
    shown = [(round(event["dur"] * 1000), event["name"]) for event in tree.spans(report)]
    dumped = [(int(duration), name) for _, duration, name in records(done.stdout)]
    assert sorted(dumped) == sorted(shown)
    for part in ("\nsession_id ", "\nanchors: ", ": NAMES at ", "  THREADNAME 1 MainThread\n", "  FUNCTION "):
        assert part in done.stdout


def test_damage_is_named_in_its_place(sandbox, small_trace):
    content = bytearray(small_trace.read_bytes())
    size = int.from_bytes(content[16:20], "little")
    whole = sandbox.viztracer_merge("--dump", small_trace).stdout
    heads = re.findall(r"^segment (\d+): (\w+) at (\d+)", whole, re.MULTILINE)
    number, kind, offset = next(head for head in heads if head[1] == "CALLS")
    content[int(offset) + 8] = 99  # its kind
    (sandbox.path / "bad.bin").write_bytes(content)
    done = sandbox.viztracer_merge("--dump", "bad.bin")
    assert done.returncode == 1
    assert f"\nsegment {number}: not read: impossible segment kind: 99 (offset {int(offset) + 8})\n" in done.stdout
    assert [head[0] for head in re.findall(r"^segment (\d+): (\w+)", done.stdout, re.MULTILINE)] == [
        h[0] for h in heads
    ]
    assert size >= SEGMENTS


@pytest.mark.parametrize("option", ["--dump", "--info"])
def test_a_reader_who_goes_away_has_read_enough(sandbox, small_trace, option):
    read, write = os.pipe()
    os.close(read)
    command = [BIN / "viztracer-merge", option, small_trace]
    done = subprocess.run(command, cwd=sandbox.path, stdout=write, stderr=subprocess.PIPE, timeout=120)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("option", ["--dump", "--info"])
def test_nowhere_to_print_to(sandbox, small_trace, option):
    with open("/dev/full", "wb") as full:
        command = [BIN / "viztracer-merge", option, small_trace]
        done = subprocess.run(command, cwd=sandbox.path, stdout=full, stderr=subprocess.PIPE, timeout=120)
    assert (done.returncode, done.stderr) == (2, b"viztracer-merge: standard output: No space left on device\n")


def test_what_does_not_go_together(sandbox, small_trace):
    for words in (["--info", "-o", "x.json"], ["--dump", "--info"], ["--json"], ["--dump", "--strict"]):
        done = sandbox.viztracer_merge(small_trace, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Usage:" in done.stderr
    assert os.listdir(sandbox.path) == []
