"""The wheels of `make wheels` for this machine: how they are installed, used and removed."""

import json
import resource
import subprocess
import time

import pytest
from conftest import HERE, ROOT, interpreters

INSTALL_MAX = 5  # seconds of processor time
HELP_MAX = 0.010  # seconds: a native program takes about 3 ms, Python itself more than 10 ms

PROGRAM = ROOT / "tests/programs/primes_processes.py"


def test_each_interpreter_has_one_wheel():
    built = [wheel.parent.name.removeprefix("py") for wheel in HERE]
    assert sorted(built) == sorted(interpreters())
    assert all(f"-cp{version.replace('.', '')}-" in wheel.name for wheel, version in zip(HERE, built))


def test_install_use_and_uninstall(wheel, empty):
    empty.pip("--version")
    before = empty.files()
    started = time.monotonic(), children_time()
    empty.pip("install", "--no-index", wheel)
    taken, worked = time.monotonic() - started[0], children_time() - started[1]
    print(f"installed in {taken:.1f} s, {worked:.1f} s of processor time")
    assert worked < INSTALL_MAX
    try_commands(empty)
    empty.pip("uninstall", "--yes", "viztracer-ring")
    assert {name for name in empty.files() if name.split("/")[0] != "demo"} == before


# Threads that run Python for the tracer when the interpreter ends. CPython before 3.14 ends them by `pthread_exit`.
DAEMONS = """
import threading, time
from viztracer import VizTracer
class Slow:
    def __repr__(self): return str(sum(range(2000)))
def f(x): return x
def busy():
    slow = Slow()
    while True: f(slow)
tracer = VizTracer(verbose=0, tracer_entries=20000, log_func_args=True)
tracer.start()
for n in range(4): threading.Thread(target=busy, daemon=True).start()
time.sleep(0.05)
tracer.save()
"""


def test_daemon_threads_at_the_end(wheel, empty):
    if "-cp310-" in wheel.name:
        pytest.skip("CPython 3.10 itself crashes now and then of daemon threads that are busy at the end")
    empty.pip("install", "--no-index", wheel)
    for _ in range(20):
        empty.run("python", "-c", DAEMONS)


def children_time():
    """Processor time of the processes that have ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def try_commands(environment):
    """Run the demonstration of README."""
    demo = environment.path / "demo"
    demo.mkdir()
    environment.run("viztracer", "--pid_suffix", "--output_dir", "./temp_dir", PROGRAM, cwd=demo)
    rings = sorted((demo / "temp_dir").glob("*.bin"))
    assert len(rings) == 4  # of the main process, too
    environment.run("viztracer-merge", *rings, "-o", "result.json", cwd=demo)
    report = json.loads((demo / "result.json").read_text())
    assert len({event["pid"] for event in report["traceEvents"]}) == 4
    environment.run("viztracer", "-o", "one.json", "-c", "print(sum(range(9)))", cwd=demo)
    assert json.loads((demo / "one.json").read_text())["traceEvents"]
    environment.run("vizviewer", "--help", cwd=demo)


def test_the_merge_is_a_native_program(wheel, empty):
    empty.pip("install", "--no-index", wheel)
    path = empty.bin / "viztracer-merge"
    path.rename(empty.path / "moved")  # it needs nothing of its environment, and the package does not need it
    empty.run("viztracer", "-o", "one.json", "-c", "print(sum(range(9)))")
    empty.run("viztracer", "--combine", "one.json", "-o", "two.json")
    assert json.loads((empty.path / "two.json").read_text())["traceEvents"]
    durations = []
    for _ in range(30):
        started = time.perf_counter()
        subprocess.run([empty.path / "moved", "--help"], stdout=subprocess.DEVNULL, check=True)
        durations.append(time.perf_counter() - started)
    print(f"viztracer-merge --help: {min(durations) * 1000:.1f} ms")
    assert min(durations) < HELP_MAX


def test_cargo_install_gives_the_same_program(installed_by_cargo, empty, wheel):
    empty.pip("install", "--no-index", wheel)
    for what in ("--help", "--version", "--generate=man", "--generate=bash", "--generate=zsh", "--generate=fish"):
        theirs = subprocess.check_output([installed_by_cargo, what], text=True, env={"PATH": ""})
        assert theirs and empty.run("viztracer-merge", what).stdout == theirs


@pytest.fixture(scope="session")
def installed_by_cargo(tmp_path_factory):
    """The program of `cargo install --path merge`, quickly compiled."""
    root = tmp_path_factory.mktemp("cargo")
    command = ["cargo", "install", "--quiet", "--debug", "--locked", "--path", "merge", "--root", root]
    subprocess.run([*command, "--target-dir", "target"], cwd=ROOT, check=True)
    return root / "bin/viztracer-merge"
