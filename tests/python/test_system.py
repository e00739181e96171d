"""What the package asks of the operating system, which each answers in its own way."""

import os
import subprocess
import sys
import time

import pytest
from conftest import IS_WINDOWS
from viztracer import system, util
from viztracer.output.quoting import quote, quote_pattern
from viztracer.sessions import discovery
from viztracer.snaptrace import start_unseen
from viztracer.system import directories, processes

WAITS = "import sys; print('ready', flush=True); sys.stdin.read()"


@pytest.fixture
def child():
    """A process that runs until its stdin ends."""
    command = [sys.executable, "-c", WAITS]
    environment = os.environ | {"VIZTRACER_TESTS": "a variable"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as running:
        assert running.stdout.readline() == "ready\n"
        yield running


def test_processes(child):
    own, its = (processes.start_ticks(pid) for pid in (os.getpid(), child.pid))
    assert own < its == processes.running_since(child.pid)
    assert 0 <= processes.age(child.pid) < processes.age(os.getpid())
    assert processes.processor_time(child.pid, its) >= 0
    assert processes.processor_time(child.pid, its + 1) is None
    assert processes.own_pid(child.pid) == child.pid
    assert child.pid in processes.descendants(os.getpid())
    assert os.path.samefile(processes.program(child.pid), os.path.realpath(sys.executable))
    assert WAITS in " ".join(processes.arguments(child.pid))
    assert b"VIZTRACER_TESTS=a variable" in processes.environment(child.pid).split(b"\0")


def test_a_process_that_is_gone(child):
    its = processes.start_ticks(child.pid)
    assert util.pid_exists(child.pid)
    child.communicate()
    assert not util.pid_exists(child.pid)
    assert processes.running_since(child.pid) is processes.start_ticks(child.pid) is processes.age(child.pid) is None
    assert processes.processor_time(child.pid, its) is None
    assert (processes.program(child.pid), processes.environment(child.pid)) == ("", b"")
    assert child.pid not in processes.descendants(os.getpid())


def test_a_process_with_the_exit_code_of_one_that_runs():
    """259 on Windows. There, a process stays known as long as anybody has opened it."""
    with subprocess.Popen([sys.executable, "-c", "import os; os._exit(259)"]) as ended:
        ended.wait()
        assert not util.pid_exists(ended.pid)
        assert processes.start_ticks(ended.pid) is None


def test_a_program_that_is_waited_for(tmp_path):
    code = "import os, sys; open('told', 'w').write(f'{sys.argv[1:]} {os.environ[\"TOLD\"]}')"
    command = [sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r}); {code}", "two words", 'a "quote"', "back\\"]
    started = system.start_program(command, dict(os.environ) | {"TOLD": "yes"})
    assert os.waitpid(started, 0)[1] == 0
    assert (tmp_path / "told").read_text() == f"{command[3:]} yes"


@pytest.mark.posix("symlink")
def test_the_directory_of_ring_files_may_be_a_link(tmp_path, monkeypatch):
    """As /dev/shm is on some systems, which leads to /run/shm."""
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setattr(discovery, "SCRATCH", str(tmp_path / "link"))
    assert discovery.find() == []


def test_the_directory_of_ring_files():
    free, size = system.scratch_space()
    assert 0 < free <= size
    assert os.access(system.SCRATCH, os.W_OK)


def test_identity():
    """An exec keeps the process on Linux alone, and then this."""
    assert (system.identity() == system.identity()) == system.EXEC_KEEPS_PROCESS != IS_WINDOWS


def test_a_word_for_a_shell():
    plain, spaced = os.path.join("a", "b.bin"), os.path.join("a b", "c.bin")
    assert quote(plain) == plain
    assert quote(spaced) == (f'"{spaced}"' if IS_WINDOWS else f"'{spaced}'")
    assert quote_pattern("a", "result", "_*.bin") == os.path.join("a", "result_*.bin")
    pattern = os.path.join("a b", "result_*.bin")
    assert quote_pattern("a b", "result", "_*.bin") == (f'"{pattern}"' if IS_WINDOWS else "'a b'/result_*.bin")


def test_an_open_directory(tmp_path):
    (tmp_path / "file").write_text("text")
    (tmp_path / "inner").mkdir()
    inner = directories.enter("inner", directories.enter(str(tmp_path)))
    assert directories.names(directories.open_listed("inner", directories.enter(str(tmp_path)))) == []
    with pytest.raises(OSError):
        directories.open_file("file", inner)
    outer = directories.open_listed(str(tmp_path))
    assert sorted(directories.names(outer)) == ["file", "inner"]
    with open(directories.open_file("file", outer), "rb") as file:
        assert not directories.is_locked(file.fileno())
        found = os.fstat(file.fileno())
    assert found.st_ino == directories.state_of("file", outer).st_ino
    assert directories.held(found) >= 4 and directories.is_own(found)
    directories.unlink("file", outer)
    assert directories.names(outer) == ["inner"]
    for opened in (inner, outer):
        directories.leave(opened)


def test_a_ring_file_is_locked_while_its_process_lives(sandbox):
    script = sandbox.script("import sys\nprint('ready', flush=True)\nsys.stdin.read()\n")
    command = [sys.executable, "-m", "viztracer", "--quiet", "--pid_suffix", "--output_dir", "rings", script]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=sandbox.path, text=True, **pipes) as running:
        assert running.stdout.readline() == "ready\n"
        assert is_locked(sandbox)
        running.communicate()
    assert not is_locked(sandbox)


def is_locked(sandbox):
    (ring,) = (sandbox.path / "rings").glob("*.bin")
    with open(directories.open_file(str(ring)), "rb") as file:
        return directories.is_locked(file.fileno())


def test_a_lock_on_a_directory(tmp_path):
    """Others may use the directory meanwhile, and who has the lock alone may remove it."""
    shared = [system.lock_directory(str(tmp_path), alone=False) for _ in range(2)]
    (tmp_path / "a").touch()
    (tmp_path / "a").rename(tmp_path / "b")
    assert os.listdir(tmp_path) == ["b"]
    for descriptor in shared:
        with pytest.raises(BlockingIOError):
            system.lock_directory(str(tmp_path), alone=True)
        os.close(descriptor)
    alone = system.lock_directory(str(tmp_path), alone=True)
    with pytest.raises(BlockingIOError):
        system.lock_directory(str(tmp_path), alone=False)
    assert os.listdir(tmp_path) == ["b"]
    os.unlink(tmp_path / "b")
    os.rmdir(tmp_path)
    os.close(alone)
    assert not tmp_path.exists()
    with pytest.raises(FileNotFoundError):
        system.lock_directory(str(tmp_path), alone=True)


LOCKS = """
import sys
from viztracer import system
lock = system.lock_directory(sys.argv[1], alone=False)
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_has_no_lock(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", LOCKS, str(tmp_path)], text=True, **pipes) as running:
        assert running.stdout.readline() == "ready\n"
        with pytest.raises(BlockingIOError):
            system.lock_directory(str(tmp_path), alone=True)
        running.kill()
        running.wait()
        os.close(system.lock_directory(str(tmp_path), alone=True))


def test_an_unseen_command_has_the_lock(tmp_path):
    """For as long as it runs; the process that has started it has none."""
    code = "import os, time\nwhile not os.path.exists(os.environ['GO']): time.sleep(0.01)"
    environment = [f"{name}={value}" for name, value in (os.environ | {"GO": str(tmp_path / "go")}).items()]
    started = start_unseen([sys.executable, "-Sc", code], environment, str(tmp_path), False)
    with pytest.raises(BlockingIOError):
        system.lock_directory(str(tmp_path), alone=True)
    (tmp_path / "go").touch()
    while processes.running_since(started) is not None:
        time.sleep(0.01)
    alone = system.lock_directory(str(tmp_path), alone=True)
    with pytest.raises(BlockingIOError):
        start_unseen([sys.executable, "-Sc", code], environment, str(tmp_path), False)
    os.close(alone)


@pytest.mark.skipif(not IS_WINDOWS, reason="is about what Windows refuses")
@pytest.mark.parametrize("option", ["--attach", "--attach_installed", "--uninstall"])
def test_attaching_is_refused(sandbox, option):
    done = sandbox.viztracer(option, os.getpid())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "viztracer: a process that runs already cannot be traced on Windows: start the program with viztracer\n"
    )
