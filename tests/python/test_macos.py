"""The package's part for macOS, as far as it can be tried elsewhere: what it makes of what the system says, and what is
plain POSIX of it. Nothing here has run on a Mac."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pretended_macos
import pytest
from conftest import ROOT, program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pretends that Linux is macOS")

PRETENCE = pretended_macos.__file__
MACOS = ROOT / "tracer/python/viztracer/system/macos"


@pytest.fixture
def texts():
    """The module, which the package imports on macOS alone."""
    return pretended_macos.load("macos_texts", MACOS / "texts.py")


@pytest.fixture
def pretending(sandbox):
    """pretending(COMMAND...) runs a command or a program with the package's part for macOS."""
    (sandbox.path / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(sandbox.path / "tmp")}
    return lambda *command, **options: sandbox.python(PRETENCE, *command, env=environment, **options)


def number(count):
    return struct.pack("=i", count)


@pytest.mark.parametrize(
    "data, arguments, environment",
    [
        (b"", [], b""),
        (b"\1", [], b""),
        (number(1), [], b""),
        (number(1) + b"/bin/a", [], b""),
        (number(1) + b"/bin/a\0", [], b""),
        (number(2) + b"/bin/a\0\0\0\0a\0-x\0A=1\0B=\0\0ptr_munge=\0", [b"a", b"-x"], b"A=1\0B=\0"),
        (number(3) + b"/bin/a\0a\0\0b\0A=1\0", [b"a", b"", b"b"], b"A=1\0"),
        (number(1) + b"/bin/a\0\0a\0", [b"a"], b""),  # of a program of the system, whose environment is hidden
        (number(2) + b"/bin/a\0\0a\0trunc", [b"a", b"trunc"], b""),
        (number(1) + b"/bin/a\0\0a\0A=1\0B=tru", [b"a"], b"A=1\0B=tru\0"),
        (number(1) + b"/bin/a\0\0\xff\0A=\xfe\0\0", [b"\xff"], b"A=\xfe\0"),
        (number(-1) + b"/bin/a\0\0a\0", [b"a"], b""),
        (number(2**31 - 1) + b"/bin/a\0\0a\0", [b"a"], b""),
    ],
)
def test_what_a_process_was_started_with(texts, data, arguments, environment):
    assert texts.split(data) == (arguments, environment)


ASKED = """\
import json, os, subprocess, sys, time
from viztracer import system
from viztracer.system import directories, processes, viewing

assert system.__dict__["SCRATCH"] == os.environ["TMPDIR"]
waits = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", "an argument"]
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
child = subprocess.Popen(waits, env=os.environ | {"KNOWN": "variable"}, **pipes)
child.stdout.readline()
its = processes.start_ticks(child.pid)
assert its == processes.running_since(child.pid) > processes.start_ticks(os.getpid())
assert abs(its / 1e6 - time.time()) < 60 and -1 < processes.age(child.pid) < 60
assert processes.processor_time(child.pid, its) >= 0 and processes.processor_time(child.pid, its + 1) is None
assert processes.arguments(child.pid) == waits
assert b"KNOWN=variable" in processes.environment(child.pid).split(b"\\0")
assert child.pid in processes.descendants(os.getpid())
assert os.path.samefile(processes.program(child.pid), sys.executable)
child.stdin.close()
while processes.running_since(child.pid):
    time.sleep(0.01)
assert processes.start_ticks(child.pid) == its  # it waits for its parent
child.wait()
assert processes.start_ticks(child.pid) is processes.age(child.pid) is None
assert processes.arguments(child.pid) == [] and processes.environment(child.pid) == b""

assert system.identity() == system.identity() and system.EXEC_KEEPS_PROCESS
free, size = system.scratch_space()
assert 0 < free == size
assert abs(system.clock_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)) < 60e9
assert system.can_run(b"\\xcf\\xfa\\xed\\xfe") and not system.can_run(b"\\x7fELF")
assert system.has_room_for(100, [1, 2]) and not system.has_room_for(1, [1 << 40])
assert not viewing.KNOWS_VISITORS and not viewing.is_welcome(None)

os.mkdir("named")
with open("named/file", "w") as file:
    file.write("text")
directory = directories.enter("named", directories.enter("."))
descriptor = directories.open_file("file", directories.open_listed("named"))
again = directories.path_again(descriptor, "elsewhere")
link = directories.give_name(again, os.path.abspath("link"))
assert os.path.samefile(link, "named/file") and open(link).read() == "text" and os.read(descriptor, 4) == b"text"
with viewing.all_descriptors(lambda: False):
    pass

from viztracer import VizTracer
try:
    VizTracer(verbose=0).install()
except RuntimeError as error:
    print(error)
"""


def test_what_the_package_asks(pretending, sandbox):
    done = pretending(sandbox.script(ASKED))
    assert done.stdout == "VizTracer.install is available on Linux only\n", done.stderr


def test_attaching_is_refused(pretending):
    done = pretending("viztracer", "--attach", os.getpid())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "viztracer: a process that runs already cannot be traced on macOS: start the program with viztracer\n"
    )


def test_a_run(pretending, sandbox):
    """Its ring files are in the directory for temporary files, until its report is written."""
    done = pretending("viztracer", "-o", "result.json", program("fork.py"))
    assert done.returncode == 0, done.stderr
    report = sandbox.report("result.json")
    assert len({event["pid"] for event in report["traceEvents"]}) > 1
    assert list((sandbox.path / "tmp").iterdir()) == []


def test_a_dead_run_is_found_and_removed(pretending, sandbox):
    script = sandbox.script("import os, signal, sys\nos.environ.clear()\nos.kill(os.getpid(), signal.SIGKILL)\n")
    done = pretending("viztracer", "-o", "result.json", script)
    assert done.returncode == -signal.SIGKILL
    listed = pretending("viztracer-ctl", "list", "--json")
    (session,) = json.loads(listed.stdout)["sessions"]
    assert session["state"] == "dead" and Path(session["directory"]).parent == sandbox.path / "tmp"
    give_up = time.monotonic() + 30
    while list((sandbox.path / "tmp").iterdir()) and time.monotonic() < give_up:
        pretending("viztracer-ctl", "clean")
        time.sleep(0.5)
    assert list((sandbox.path / "tmp").iterdir()) == []


def test_a_living_run_is_found(pretending, sandbox):
    script = sandbox.script("import sys\nprint('ready', flush=True)\nsys.stdin.read()\n")
    environment = os.environ | {"TMPDIR": str(sandbox.path / "tmp")}
    command = [sys.executable, PRETENCE, "viztracer", "-o", "result.json", script]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=sandbox.path, env=environment, text=True, **pipes) as running:
        assert running.stdout.readline() == "ready\n"
        (session,) = json.loads(pretending("viztracer-ctl", "list", "--json").stdout)["sessions"]
        status = json.loads(pretending("viztracer-ctl", "status", "--json").stdout)
        running.communicate()
    assert (session["state"], session["processes"]) == ("living", 1)
    assert status["sessions"][0]["ring_files"][0]["state"] == "living"
    assert running.returncode == 0 and (sandbox.path / "result.json").exists()
