"""What `viztracer --attach` asks a process to do: privately, for a limited time, and where the process accepts it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import BIN, ROOT, heed_interrupts
from test_attach import attach, is_alive, pytestmark, rings, running, until  # noqa: F401
from viztracer.commands.request import InjectionError, Request
from viztracer.sessions import discovery

INTERPRETERS = dict(
    line.split("=", 1) for line in subprocess.check_output([ROOT / "tests/scripts/find_pythons.sh"], text=True).split()
)
FROM_3_14 = pytest.mark.skipif(sys.version_info < (3, 14), reason="sys.remote_exec is new in 3.14")

# The main thread waits without the GIL until a line comes, then runs Python code for as long as the test wants.
BLOCKED = """
import os, sys
def work():
    return len("x")
print("ready", flush=True)
os.read(0, 1)
while True:
    for _ in range(1000):
        work()
    print("goes on", flush=True)
    os.read(0, 1)
"""
WITHOUT_GDB = {"PATH": "/nonexistent"}


@FROM_3_14
def test_main_thread_that_waits_without_gdb(sandbox):
    """The script could only run late. It is withdrawn then, and what has been waited for is said."""
    with running(sandbox, BLOCKED) as process:
        done = attach(sandbox, process, env={**os.environ, **WITHOUT_GDB})
        message = f"viztracer: process {process.pid} runs no Python code at present, and does not answer: its main thread"
        assert done.returncode == 1 and done.stderr.startswith(f"{message} waits in the system"), done.stderr
        assert files_left() == []
        for _ in range(2):
            goes_on(process)
        assert files_left() == [] and not is_recorded(process)


@FROM_3_14
def test_late_script_of_a_dead_attaching_side_does_nothing(sandbox):
    command = [BIN / "viztracer", "--attach", None]
    with running(sandbox, BLOCKED) as process:
        command[-1] = str(process.pid)
        with subprocess.Popen(command, cwd=sandbox.path, env={**os.environ, **WITHOUT_GDB}) as client:
            until(lambda: [path for path in files_left() if path.name == "script.py"])
            time.sleep(3)  # it has asked, and waits
            client.kill()
        for _ in range(2):
            goes_on(process)
        assert files_left() == [] and rings() == [] and not is_recorded(process)


def goes_on(process):
    process.stdin.write("x")
    process.stdin.flush()
    assert process.stdout.readline() == "goes on\n"


def files_left():
    return sorted(Path("/dev/shm").glob("viztracer_*/*"))


def is_recorded(process):
    return any(".bin" in os.readlink(path) for path in Path(f"/proc/{process.pid}/map_files").iterdir())


@FROM_3_14
@pytest.mark.parametrize(
    ("python", "variables"),
    [((sys.executable, "-X", "disable-remote-debug"), {}), ((sys.executable,), {"PYTHON_DISABLE_REMOTE_DEBUG": "1"})],
    ids=["option", "variable"],
)
def test_process_that_refuses_remote_debugging(sandbox, monkeypatch, python, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with running(sandbox, python=python) as process:
        for command in ("--attach", "--uninstall"):
            done = sandbox.viztracer(command, process.pid)
            assert done.returncode == 1
            assert done.stderr.startswith(
                f"viztracer: process {process.pid} refuses it: it was started with PYTHON_DISABLE_REMOTE_DEBUG or with "
            )
        assert is_alive(process) and files_left() == []


def test_script_is_private(sandbox):
    """Only the process can read it, and nobody can write where it is."""
    (sandbox.path / "own").mkdir()
    with running(sandbox) as process, Request(process.pid, "x()", str(sandbox.path / "own"), "a", "p") as request:
        script = Path(request.script)
        assert script.stat().st_mode & 0o777 == 0o600
        assert script.parent.stat().st_mode & 0o777 == 0o700
        assert not script.is_relative_to(sandbox.path / "own")
    assert not script.parent.exists()


@pytest.fixture
def own(sandbox):
    """A directory in which the process can answer."""
    path = sandbox.path / "own"
    path.mkdir(mode=0o700)
    return path


def test_child_that_is_forked_meanwhile_does_not_take_the_request(sandbox, own):
    """It may have what the process was asked, and come first."""
    with running(sandbox) as process, Request(process.pid, "x()", str(own), "a", "p") as request:
        sandbox.python(request.script)  # another process
        assert not (own / "a").exists()
        assert request.withdraw()


def test_request_is_no_session(sandbox, own):
    with running(sandbox) as process, Request(process.pid, "x()", str(own), "a", "p") as request:
        assert not discovery.NAME.fullmatch(Path(request.script).parent.name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can attach to a process of another user")
@pytest.mark.parametrize("directory", ["own", "private"])
def test_other_user_cannot_lead_root_elsewhere(sandbox, own, monkeypatch, directory):
    """The owner of the process replaces a directory by a link to one of root, in which root would make a file."""
    precious = sandbox.path / "precious"
    precious.mkdir(mode=0o700)
    command = ["setpriv", "--reuid=65534", "--clear-groups", "sleep", "60"]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: os.stat(f"/proc/{process.pid}").st_uid == 65534)
            os.chown(own, 65534, 65534)
            if directory == "own":
                own.rename(sandbox.path / "moved")
                own.symlink_to(precious)
            else:
                monkeypatch.setattr(os, "mkdir", lambda path, _mode: os.symlink(precious, path))
            request = Request(process.pid, "x()", str(own), "a", "p")
            with pytest.raises(InjectionError, match="cannot be asked"), request:
                pass
            assert os.listdir(precious) == []
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("option", ["--attach", "--uninstall"])
def test_request_that_is_interrupted_leaves_nothing(sandbox, number, option):
    """Nor does the process, which runs the script too late, print anything."""
    with running(sandbox, BLOCKED) as process:
        command = [BIN / "viztracer", option, str(process.pid)]
        env = {**os.environ, **(WITHOUT_GDB if sys.version_info >= (3, 14) else {})}
        options = {"stderr": subprocess.PIPE, "text": True, "preexec_fn": heed_interrupts}
        with subprocess.Popen(command, cwd=sandbox.path, env=env, **options) as client:
            until(lambda: [path for path in files_left() if path.name == "script.py"])
            time.sleep(0.3)
            client.send_signal(number)
            stderr = client.communicate(timeout=120)[1]
        assert (client.returncode, stderr) == (1, "viztracer: interrupted\n")
        for _ in range(2):
            goes_on(process)
        assert files_left() == [] and rings() == [] and not is_recorded(process)


@pytest.mark.parametrize("version", [(3, minor) for minor in range(10, 16)])
def test_other_version_of_python(sandbox, version):
    """Each finds its own interpreter only; the message says which versions there are."""
    python = INTERPRETERS.get("%d.%d" % version)
    if python is None or version == sys.version_info[:2]:
        pytest.skip("this is the version itself, or the machine does not have it")
    with running(sandbox, python=(python,)) as process:
        done = attach(sandbox, process)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        if sys.version_info >= (3, 14):
            assert "of the version of Python" in done.stderr or "of the same version of Python" in done.stderr
        assert is_alive(process) and files_left() == []
