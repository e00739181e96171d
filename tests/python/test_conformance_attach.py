"""Attaching to a process that runs is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise."""

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from conformance import COLOR, REPLACED, ROWS
from conftest import BIN, VIZTRACER_PYTHON, has_gdb

pytestmark = pytest.mark.skipif(not has_gdb(), reason="VizTracer needs a gdb that knows the processor")
TARGET = """
import sys, time
print("ready", flush=True)
while True:
    len("x")
    time.sleep(0.001)
"""
FEATURES = {
    "what `--attach` prints",
    "what an attached process prints",
    "who writes the report",
    "attaching to a process that is traced already",
    "`--attach_installed` without a handler",
}


def run(directory, commands, *options, python=None, ends=False, dies=False):
    """What a command that attaches to a process does: its status and stdout, the process's stdout and status.

    Args:
        ends: whether the process is killed as soon as it is recorded.
        dies: whether the process ends by itself.
    """
    directory.mkdir()
    (directory / "target.py").write_text(TARGET)
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "cwd": directory}
    with subprocess.Popen([*(python or [commands / "python"]), "target.py"], **quiet) as target:
        try:
            assert target.stdout.readline() == "ready\n"
            command = [commands / "viztracer", options[0], str(target.pid), *options[1:]]
            with subprocess.Popen(command, **quiet) as client:
                if ends:
                    client.stdout.readline()
                    target.kill()
                stdout, _ = client.communicate(timeout=120)
            status = target.wait(120) if dies else target.poll()
        finally:
            target.kill()
            printed, _ = target.communicate(timeout=120)
    stdout, printed = (
        REPLACED.sub("", COLOR.sub("", text)).replace(str(directory), "DIR") for text in (stdout, printed)
    )
    return client.returncode, stdout, printed, status


def both(directory, *options, **more):
    def one(name, commands):
        python = more.get("python")
        own = {"python": [commands / word if word == "viztracer" else word for word in python]} if python else {}
        own["dies"] = name == more.get("dies")
        return run(directory / name, commands, *options, **(more | own))

    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.submit(one, "theirs", VIZTRACER_PYTHON.parent), pool.submit(one, "ours", BIN)
        return theirs.result(), ours.result()


def test_attach(tmp_path):
    theirs, ours = both(tmp_path, "--attach", "-t", "0.5", "-o", "x.json")
    assert theirs[0] == ours[0] == 0
    assert ROWS["what `--attach` prints"] == "same"
    of_ours = [
        line for line in ours[1].splitlines() if not line.startswith(("What is recorded so far", "Total Entries"))
    ]
    assert theirs[1].splitlines() == of_ours
    assert ROWS["what an attached process prints"] == "better"
    assert "start tracing" in theirs[2] and ours[2] == ""
    for name in ("theirs", "ours"):
        assert '"builtins.len"' in (tmp_path / name / "x.json").read_text()


def test_process_that_dies(tmp_path):
    theirs, ours = both(tmp_path, "--attach", "-t", "2", "-o", "x.json", ends=True)
    assert ROWS["who writes the report"] == "better"
    assert not (tmp_path / "theirs" / "x.json").exists()
    assert ours[0] == 0 and (tmp_path / "ours" / "x.json").exists()


def test_process_that_is_traced_already(tmp_path):
    traced = ["viztracer", "--quiet", "-o", "own.json", "--"]
    theirs, ours = both(tmp_path, "--attach", "-t", "0.2", "-o", "x.json", python=traced)
    assert ROWS["attaching to a process that is traced already"] == "better"
    assert (theirs[0], ours[0]) == (0, 1)
    assert "Attach success" in theirs[1] and ours[1] == ""


def test_signal_without_a_handler(tmp_path):
    theirs, ours = both(tmp_path, "--attach_installed", "-t", "0.2", dies="theirs")
    assert ROWS["`--attach_installed` without a handler"] == "better"
    assert theirs[3] == -signal.SIGUSR1
    assert (ours[0], ours[3]) == (1, None)
