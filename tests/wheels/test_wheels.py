"""The wheels of `make wheels`: their contents, and how they are installed, used and removed."""

import json
import re
import resource
import stat
import subprocess
import time

import pytest
from conftest import ROOT, WHEELS, interpreters

SIZE_MAX = 5_600_000  # bytes; ARCHITECTURE.md says what a wheel weighs, and of what
GLIBC_MAX = (2, 17)  # what manylinux2014 promises
# The libraries that every Linux of manylinux2014 has, as far as the native parts may need them.
LIBRARIES = {"linux-vdso.so.1", "ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6",
             "libpthread.so.0", "librt.so.1"}  # fmt: skip
INSTALL_MAX = 5  # seconds of processor time
HELP_MAX = 0.010  # seconds: a native program takes about 3 ms, Python itself more than 10 ms

PACKAGE = ROOT / "tracer/python"
BESIDE = ROOT / "tracer/data/purelib"
PROGRAM = ROOT / "tests/programs/primes_processes.py"


def distribution(archive, part):
    """The name of a file in the wheel's .dist-info or .data folder."""
    (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    return folder.replace(".dist-info", part)


def extension(archive):
    (name,) = (name for name in archive.namelist() if name.endswith(".so"))
    return name


def program(archive):
    return distribution(archive, ".data/scripts/viztracer-merge")


def test_each_interpreter_has_one_wheel():
    built = [wheel.parent.name.removeprefix("py") for wheel in WHEELS]
    assert sorted(built) == sorted(interpreters())


def test_tag(wheel, archive):
    python = "cp" + wheel.parent.name.removeprefix("py").replace(".", "")
    platforms = "manylinux2014_x86_64.manylinux_2_17_x86_64"
    assert wheel.name.split("-")[2:] == [python, python, f"{platforms}.whl"]
    tags = re.findall(r"^Tag: (.*)$", archive.read(distribution(archive, ".dist-info/WHEEL")).decode(), re.MULTILINE)
    assert set(tags) == {f"{python}-{python}-{platform}" for platform in platforms.split(".")}


def test_native_parts_need_no_newer_glibc(archive):
    for name in (extension(archive), program(archive)):
        content = archive.read(name)
        assert content.startswith(b"\x7fELF"), name
        versions = {tuple(map(int, version)) for version in re.findall(rb"GLIBC_(\d+)\.(\d+)", content)}
        assert versions and max(versions) <= GLIBC_MAX, (name, versions)


def test_native_parts_unwind_stacks_with_the_library_of_glibc(archive):
    """An unwinder of their own crashes in `pthread_exit`, see `test_daemon_threads_at_the_end`."""
    for name in (extension(archive), program(archive)):
        content = archive.read(name)
        assert b"\0libgcc_s.so.1\0" in content and b"\0_Unwind_Resume\0" in content, name


def test_contents(archive):
    names = set(archive.namelist())
    sources = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*") if path.suffix in (".py", ".pyi")}
    sources |= {"viztracer/py.typed", extension(archive), program(archive)}
    sources |= {distribution(archive, f".data/purelib/{path.name}") for path in BESIDE.iterdir() if path.is_file()}
    assert {name for name in names if ".dist-info/" not in name} == sources
    mode = archive.getinfo(program(archive)).external_attr >> 16
    assert mode & stat.S_IXUSR and mode & stat.S_IXOTH
    entries = archive.read(distribution(archive, ".dist-info/entry_points.txt")).decode()
    commands, plugin = entries.split("[pytest11]")
    assert re.findall(r"^([\w-]+) *=", commands, re.MULTILINE) == ["viztracer", "viztracer-ctl", "vizviewer"]
    assert re.findall(r"^([\w-]+) *=", plugin, re.MULTILINE) == ["viztracer"]


def test_size(wheel):
    assert wheel.stat().st_size <= SIZE_MAX


def test_licences(archive):
    metadata = archive.read(distribution(archive, ".dist-info/METADATA")).decode()
    files = re.findall(r"^License-File: (.*)$", metadata, re.MULTILINE)
    notices = "packaging/licenses/THIRD-PARTY-NOTICES.txt"
    assert files == ["LICENSE", notices] and "\nLicense-Expression: Apache-2.0\n" in metadata
    for file in files:
        assert archive.read(distribution(archive, f".dist-info/licenses/{file}")) == (ROOT / file).read_bytes()
    # Messages in the native parts contain the paths of the crates that they link.
    content = archive.read(extension(archive)) + archive.read(program(archive))
    linked = set(re.findall(rb"/registry/src/[^/]+/([\w-]+-\d[^/]*)/", content))
    listed = (ROOT / notices).read_text("utf-8")
    assert len(linked) > 10
    for crate in linked:
        assert " ".join(crate.decode().rsplit("-", 1)) + ", " in listed


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
    libraries = empty.run("viztracer-merge", env={"LD_TRACE_LOADED_OBJECTS": "1"}).stdout.splitlines()
    assert {line.split()[0].rsplit("/")[-1] for line in libraries} <= LIBRARIES
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
