"""`viztracer --attach`: a process that runs already is recorded from outside, and neither sees nor suffers from it."""

import codecs
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import tree
from conftest import BIN, has_gdb, heed_interrupts
from test_viewer_strangers import as_nobody
from viztracer.commands import injection
from viztracer.commands.request import Request

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 14) and not has_gdb(), reason="before CPython 3.14 this needs a gdb that knows the processor"
)

BUSY = """
import sys, time
def work():
    return len("x")
print("ready", flush=True)
while not sys.stdin.closed:
    work()
    time.sleep(0.001)
"""
# The main thread waits for ever without the GIL; another one works.
WAITS = """
import threading, time
def work():
    while True:
        len("x")
        time.sleep(0.001)
threading.Thread(target=work, daemon=True).start()
print("ready", flush=True)
threading.Lock().acquire() and threading.Event().wait()
"""
DEADLINE = 120


@contextmanager
def running(sandbox, source=BUSY, python=(sys.executable,)):
    """A program that runs until the test is over; it must print nothing of its own accord."""
    path = sandbox.script(source, "target.py")
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*python, path], cwd=sandbox.path, **options) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
            stdout, stderr = process.communicate(timeout=DEADLINE)
    assert (stdout, stderr) == ("", "")


def attach(sandbox, process, *options, **more):
    return sandbox.viztracer("--attach", process.pid, "-t", "0.5", *options, **more)


def rings():
    return [path for path in Path("/dev/shm").glob("viztracer_*") if path.is_dir()]


def is_alive(process):
    return process.poll() is None


def called(report):
    return {event["name"].partition(" (")[0] for event in tree.spans(report)}


def test_process_that_runs_is_recorded(sandbox):
    with running(sandbox) as process:
        done = attach(sandbox, process, "-o", "x.json")
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert lines[0] == "Attach success, collect trace after 0.5s"
        assert lines[-2:] == ["Use the following command to open the report:", f"vizviewer {sandbox.path / 'x.json'}"]
        report = sandbox.report("x.json")
        assert {event["pid"] for event in tree.spans(report)} == {process.pid}
        assert {"work", "builtins.len", "time.sleep"} <= called(report)
        assert is_alive(process) and rings() == []


def test_it_can_be_repeated_and_takes_options(sandbox):
    with running(sandbox) as process:
        for number in range(2):
            options = ("--quiet", "--ignore_c_function", "-o", f"{number}.json")
            done = attach(sandbox, process, *options)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            assert called(sandbox.report(f"{number}.json")) >= {"work"}
            assert "builtins.len" not in called(sandbox.report(f"{number}.json"))


@pytest.mark.skipif(not has_gdb(), reason="needs a gdb that knows the processor")
def test_main_thread_that_waits(sandbox):
    with running(sandbox, WAITS) as process:
        done = attach(sandbox, process)
        assert (done.returncode, done.stderr) == (0, "")
        assert "builtins.len" in called(sandbox.report("result.json"))
        assert is_alive(process) and rings() == []


def test_package_need_not_be_importable_in_the_process(sandbox):
    with running(sandbox, python=(sys.executable, "-I", "-S")) as process:
        done = attach(sandbox, process)
        assert (done.returncode, done.stderr) == (0, "")
        assert "work" in called(sandbox.report("result.json"))


def test_ctrl_c_ends_the_recording(sandbox):
    for number in (signal.SIGINT, signal.SIGTERM):
        with running(sandbox) as process:
            with attaching(sandbox, process) as client:
                client.send_signal(number)
                _, stderr = client.communicate(timeout=DEADLINE)
            assert (client.returncode, stderr) == (0, "")
            assert "work" in called(sandbox.report("result.json"))
            assert is_alive(process)


def let_work(process):
    """Wait until the process has gone round its loop some times: it sleeps in each turn."""

    def turns():
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    begun = turns()
    until(lambda: turns() > begun + 20)


@contextmanager
def attaching(sandbox, process):
    """A `viztracer --attach` that records for as long as the test wants."""
    command = [BIN / "viztracer", "--attach", str(process.pid)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "preexec_fn": heed_interrupts}
    with subprocess.Popen(command, cwd=sandbox.path, **options) as client:
        try:
            assert client.stdout.readline() == "Attach success, press CTRL+C to stop and save report\n"
            let_work(process)
            yield client
        finally:
            client.kill()


def test_process_that_dies_leaves_its_trace(sandbox):
    with running(sandbox) as process, attaching(sandbox, process) as client:
        process.kill()
        _, stderr = client.communicate(timeout=DEADLINE)
    assert client.returncode == 0
    assert stderr == f"viztracer: process {process.pid} has ended while it was recorded\n"
    assert "work" in called(sandbox.report("result.json"))


def test_ring_files_survive_the_attaching_side(sandbox):
    with running(sandbox) as process:
        with attaching(sandbox, process) as client:
            client.kill()
        (directory,) = rings()
        assert "work" in called(sandbox.merge(directory))
        assert is_alive(process)
        refused = attach(sandbox, process)
        assert refused.returncode == 1
        assert "Can't attach when VizTracer is already running" in refused.stderr
        assert refused.stderr.endswith(f"to end that recording: viztracer --uninstall {process.pid}\n")
        recorded = len(tree.spans(sandbox.merge(directory)))
        let_work(process)
        assert len(tree.spans(sandbox.merge(directory))) > recorded  # the other recording goes on
        done = sandbox.viztracer("--uninstall", process.pid)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert attach(sandbox, process).returncode == 0


def test_process_that_is_traced_already(sandbox):
    command = (BIN / "viztracer", "--quiet", "-o", "own.json", "--")
    with running(sandbox, python=command) as process:
        done = attach(sandbox, process)
        assert done.returncode == 1
        assert "viztracer: Can't attach when VizTracer is already running.\n" == done.stderr
        assert is_alive(process)


def test_there_is_no_such_process(sandbox):
    for option in ("--attach", "--uninstall"):
        done = sandbox.viztracer(option, "99999999")
        assert (done.returncode, done.stdout, done.stderr) == (1, "pid 99999999 does not exist!\n", "")


def test_process_that_is_no_python(sandbox):
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            done = attach(sandbox, process)
            assert done.returncode == 1 and done.stderr.startswith(f"viztracer: process {process.pid} ")
            assert is_alive(process)
        finally:
            process.kill()
    assert rings() == []


# Has `sys.remote_exec` of CPython 3.14 in an earlier one: as that one, it has the main thread run the script soon.
REMOTE_EXEC = """
import os, sys
from viztracer.commands import injection
from viztracer.main import main

def remote_exec(pid, script):
    if script == os.devnull:
        return
    with open("used", "w"):
        pass
    if fails:
        raise fails
    injection._gdb(pid, injection.CODE.format(path=os.fsencode(script).hex()), injection.ASK)

fails = {fails}
sys.remote_exec = remote_exec
sys.argv = ["viztracer", "--attach", "{pid}", "-t", "0.5", "-o", "x.json"]
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        pytest.param("None", None, marks=pytest.mark.skipif(not has_gdb(), reason="gdb stands in for the interpreter")),
        ("PermissionError()", "process {pid} may not be attached to: the system forbids ptrace"),
        ("RuntimeError('the version differs')", "process {pid} cannot be reached: the version differs"),
    ],
)
def test_interpreters_own_way_is_taken_where_there_is_one(sandbox, fails, message):
    with running(sandbox) as process:
        done = sandbox.python("-c", REMOTE_EXEC.format(pid=process.pid, fails=fails))
        assert (sandbox.path / "used").exists()
        if message:
            assert done.returncode == 1
            assert done.stderr.startswith(f"viztracer: {message.format(pid=process.pid)}")
            assert os.geteuid() != 0 or "as root" not in done.stderr
        else:
            assert (done.returncode, done.stderr) == (0, "")
            assert "work" in called(sandbox.report("x.json"))
        assert is_alive(process)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # by pytest's own watch over the time
def test_process_of_another_user_is_left_alone(sandbox):
    with running(sandbox) as process:

        codecs.lookup("ascii")  # the other user may not be able to import it

        def try_it():
            os.chdir("/")
            try:
                with tempfile.TemporaryDirectory(dir="/tmp") as directory:
                    with Request(process.pid, "x()", directory, "a", "p") as request:
                        injection.inject(process.pid, request)
            except injection.InjectionError as error:
                return str(error)

        said = as_nobody(try_it)
        assert f"process {process.pid} may not be attached to: the system forbids ptrace" in said
        assert "; run this as root" in said
        assert is_alive(process)


INSTALLED = """
import time
from viztracer import VizTracer
VizTracer(verbose=0, output_file="installed.json").install()
print("ready", flush=True)
while True:
    len("x")
    time.sleep(0.001)
"""


def test_installed_tracer_saves(sandbox):
    with running(sandbox, INSTALLED) as process:
        for _ in range(2):
            done = sandbox.viztracer("--attach_installed", process.pid, "-t", "0.3")
            assert (done.returncode, done.stdout) == (0, "Attach success, collect trace after 0.3s\n")
            report = until(lambda: (sandbox.path / "installed.json").exists() and sandbox.report("installed.json"))
            assert "builtins.len" in called(report)
            (sandbox.path / "installed.json").unlink()
        assert sandbox.viztracer("--uninstall", process.pid).returncode == 0
        assert sandbox.viztracer("--attach_installed", process.pid, "-t", "0.3").returncode == 1
        assert is_alive(process)


def until(condition):
    """What a condition gives as soon as that is something; a file may be there in part."""
    give_up = time.monotonic() + DEADLINE
    while time.monotonic() < give_up:
        try:
            if value := condition():
                return value
        except ValueError:
            pass
        time.sleep(0.01)
    raise AssertionError("it did not come")


def test_process_without_a_handler_is_not_killed_by_the_signal(sandbox):
    with running(sandbox) as process:
        assert attach(sandbox, process).returncode == 0  # which leaves handlers of deadly signals there
        done = sandbox.viztracer("--attach_installed", process.pid, "-t", "0.2")
        assert done.returncode == 1
        assert f"no tracer is installed in process {process.pid}" in done.stderr
        assert is_alive(process)
