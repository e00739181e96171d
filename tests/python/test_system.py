"""What the package asks of the operating system, which each answers in its own way."""

import ast
import os
import subprocess
import sys
import time

import pytest
from conftest import IS_WINDOWS, ROOT
from viztracer import VizTracer, snaptrace, system, util
from viztracer.output.quoting import quote, quote_pattern
from viztracer.sessions import discovery
from viztracer.snaptrace import start_unseen
from viztracer.system import directories, processes

PACKAGE = ROOT / "tracer/python/viztracer"
SYSTEM = PACKAGE / "system"
SYSTEMS = ("linux", "macos", "windows")
# The modules that each system has, and those that only one needs.
MODULES = ("__init__.py", "directories.py", "processes.py", "viewing.py")
OWN = {"linux": {"signals.py"}, "macos": {"texts.py"}, "windows": set()}
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


def handed_out(path):
    """The public functions and classes of a module, with their parameters, and those that it hands on."""
    found = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found |= handed_out(of_unix(path))
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name: None for alias in node.names if alias.asname == alias.name}
        elif isinstance(node, ast.FunctionDef):
            arguments = node.args
            positional, by_name = arguments.posonlyargs + arguments.args, arguments.kwonlyargs
            names = ([argument.arg.lstrip("_") for argument in kind] for kind in (positional, by_name))
            found[node.name] = (*names, len(arguments.defaults), bool(arguments.vararg or arguments.kwarg))
        elif isinstance(node, ast.ClassDef):
            found[node.name] = None
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).islower():
            found[ast.unparse(node.targets[0])] = None  # a function of the standard library
    return {name: parameters for name, parameters in found.items() if not name.startswith("_")}


def of_unix(path):
    """The module of what Linux and macOS share that belongs to a module of either."""
    return SYSTEM / "unix" / path.name


@pytest.mark.parametrize("name", MODULES)
def test_each_system_has_the_same_functions(name):
    linux, *others = (handed_out(SYSTEM / system / name) for system in SYSTEMS)
    assert len(linux) > 2
    for other in others:
        assert other.keys() == linux.keys()
        both = [function for function in linux if linux[function] and other[function]]
        assert {function: other[function] for function in both} == {function: linux[function] for function in both}


def test_each_system_has_the_same_modules():
    for each in SYSTEMS:
        assert {path.name for path in (SYSTEM / each).glob("*.py")} == {*MODULES, *OWN[each]}
    signals, refusal = (handed_out(SYSTEM / name) for name in ("linux/signals.py", "no_user_signals.py"))
    assert signals == refusal


def test_only_what_is_for_linux_names_its_directories():
    """What is for Linux alone says so by an assertion, for the checker of types and for readers."""
    are_for_linux = 0
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        if 'assert sys.platform == "linux"' in text:
            are_for_linux += 1
            continue
        tree = ast.parse(text)
        has_docstring = (ast.Module, ast.FunctionDef, ast.ClassDef)
        documentation = {ast.get_docstring(node, False) for node in ast.walk(tree) if isinstance(node, has_docstring)}
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} - documentation
        texts = [text for text in texts if isinstance(text, str)]
        assert not [text for text in texts if "/proc" in text or "/dev/shm" in text], path
    assert are_for_linux > 5


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
    assert system.SCRATCH == os.path.abspath(snaptrace.scratch_directory())
    free, size = system.scratch_space()
    assert 0 < free <= size
    assert os.access(system.SCRATCH, os.W_OK)


def test_the_clock_of_ring_files():
    before, recorded, after = system.clock_ns(), VizTracer(verbose=0).getts() * 1000, system.clock_ns()
    assert before - 1000 <= recorded <= after + 1000


def test_identity():
    """An exec keeps the process but on Windows, and then this."""
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


@pytest.mark.skipif(sys.platform == "linux", reason="is about what other systems refuse")
@pytest.mark.parametrize("option", ["--attach", "--attach_installed", "--uninstall"])
def test_attaching_is_refused(sandbox, option):
    done = sandbox.viztracer(option, os.getpid())
    assert (done.returncode, done.stdout) == (2, "")
    name = "Windows" if IS_WINDOWS else "macOS"
    assert done.stderr == (
        f"viztracer: a process that runs already cannot be traced on {name}: start the program with viztracer\n"
    )
