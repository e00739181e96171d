"""The open calls of processes that died: in summaries, in `--last_words`, and in the files after a crash."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tree
from conftest import BIN
from counting_program import HANGS

# Three threads that come to rest in different ways, and one that ends; which calls each has made by then is certain.
SOURCE = """
import _thread, threading, time

def leaf(n):
    return n

def failing():
    raise ValueError

def recovers():
    try:
        failing()
    except ValueError:
        pass

def numbers():
    yield 1
    yield 2
    time.sleep(1000)

def consumes():
    for number in numbers():
        leaf(number)

def acquires():
    for n in range(30):
        leaf(n)
    recovers()
    len([])
    locked.acquire()

def outer():
    acquires()

def sleeps():
    leaf(1)
    time.sleep(1000)

locked = _thread.allocate_lock()
locked.acquire()
for target in (consumes, outer, leaf):
    thread = threading.Thread(target=target, name=f"it {target.__name__}", args=[1] * (target is leaf))
    thread.start()
thread.join()
sleeps()
"""

SILENT = "ended without a word"
OPEN = {
    "MainThread": ["builtins.exec", "<module>", "sleeps", "time.sleep"],
    "it consumes": ["consumes", "numbers", "time.sleep"],
    "it outer": ["outer", "acquires", "_thread.lock.acquire"],
}
YIELDED = "yielded" if sys.version_info >= (3, 12) else "returned"  # a profile function cannot tell
ENDED = {
    "MainThread": [("leaf", "returned")],
    "it consumes": [("numbers", YIELDED), ("leaf", "returned")] * 2,
    "it outer": [
        *[("leaf", "returned")] * 17,
        ("failing", "raised"),
        ("recovers", "returned"),
        ("builtins.len", "returned"),
    ],
}

# How a thread begins depends on the version, and so do the names. From 3.14 on it runs in a context.
BEGINS = re.compile(r"(Thread\.)?(_bootstrap|_bootstrap_inner|run)|_contextvars\.Context\.run")
INHERITED = ", from before the fork"
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
# A call that began with the last sign of life was open for an unknown time: at least 0 ns.
OPEN_LINE = re.compile(r"    +(\d+)  (\S.*?) +(?:([\d.]+) (ns|us|ms|s)|unknown)")
ENDED_LINE = re.compile(r"    (\S.*?) +([\d.]+) (ns|us|ms|s) +([\d.]+) (ns|us|ms|s)  (\w+)")


class Words:
    """The last words of one process: {thread: [(name, ns open)]} and {thread: [(name, how, ns taken, ns before)]}."""

    def __init__(self, text):
        self.heading, *lines = text.splitlines()
        self.open, self.ended = {}, {}
        for line in lines:
            if heading := re.fullmatch(r"  (\S.*) \(tid \d+\)", line):
                thread = heading[1]
                self.open[thread], self.ended[thread] = [], []
            elif call := OPEN_LINE.fullmatch(line):
                assert int(call[1]) == len(self.open[thread])
                self.open[thread].append((plain(call[2]), nanoseconds(call[3] or 0, call[4] or "ns")))
            elif call := ENDED_LINE.fullmatch(line):
                took, before = nanoseconds(call[2], call[3]), nanoseconds(call[4], call[5])
                self.ended[thread].append((plain(call[1]), call[6], took, before))

    def stacks(self):
        """The names of the open calls, without what every thread begins with."""
        names = {thread: [name for name, _ in calls] for thread, calls in self.open.items()}
        return {thread: [name for name in calls if not BEGINS.fullmatch(name)] for thread, calls in names.items()}


def nanoseconds(number, unit):
    return round(float(number) * UNITS[unit])


def plain(name):
    """The name without file and line."""
    return name.partition(" (")[0] + (INHERITED if name.endswith(INHERITED) else "")


def last_words(sandbox, *inputs, status=0):
    """The last words of each process, and what is said of the others."""
    done = sandbox.viztracer_merge("--last_words", *inputs)
    assert done.returncode == status, done.stderr
    *processes, rest = re.split(r"(?<=\n)\n(?! )", done.stdout)
    for line in done.stdout.splitlines():
        assert len(line) <= 100 or line.startswith("  file:")
    return [Words(text) for text in processes], rest


class Running:
    """A traced program in the background, which is killed in the end with all that it started."""

    def __init__(self, sandbox, *command):
        self._sandbox = sandbox
        command = [BIN / "viztracer", "--quiet", *command]
        self._process = subprocess.Popen(command, cwd=sandbox.path, start_new_session=True, stdin=subprocess.DEVNULL)
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.kill_all()

    def wait_for(self, condition):
        """Returns what `condition` gives as soon as that is true."""
        give_up = time.monotonic() + HANGS
        while not (result := condition()):
            assert self._process.poll() is None, "the program ended by itself"
            assert time.monotonic() < give_up, "the program hangs"
            time.sleep(0.005)
        return result

    def wait_for_words(self, stacks, rings="rings"):
        """Returns the last words as soon as the open calls are those."""

        def arrived():
            if list(self._sandbox.path.glob(f"{rings}/*.bin")):
                processes, _ = last_words(self._sandbox, rings)
                return processes[0].stacks() == stacks and processes[0]

        return self.wait_for(arrived)

    def kill(self):
        self._process.kill()
        assert self._process.wait() == -signal.SIGKILL

    def kill_all(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


@pytest.fixture
def resting(sandbox):
    """The program, when each of its threads has come to rest."""
    script = sandbox.script(SOURCE)
    with Running(sandbox, "--pid_suffix", "--output_dir", "rings", script) as running:
        running.words = running.wait_for_words(OPEN)
        yield running


def assert_words(words):
    assert words.stacks() == OPEN
    for thread, expected in ENDED.items():
        ended = words.ended[thread]
        assert len(expected) <= len(ended) <= 20
        assert [call[:2] for call in ended[-len(expected) :]] == expected
        before = [call[3] for call in ended]
        assert before == sorted(before, reverse=True)
        durations = [duration for _, duration in words.open[thread]]
        assert durations == sorted(durations, reverse=True)


def test_killed(sandbox, resting):
    resting.kill()
    (words,), rest = last_words(sandbox, "rings")
    assert words.heading == f"MainProcess (pid {resting.pid}) {SILENT} (SIGKILL, or _exit or exec in C code)"
    assert_words(words)
    # The last thing that the process did was to enter a call; but for a thread that had ended for Python, which may
    # have gone on until the system ended it.
    report = sandbox.merge("rings")
    (process,) = report["viztracer_metadata"]["processes"]
    (ended,) = [thread["ended_ns"] for thread in process["threads"] if thread["name"] == "it leaf"]
    newest = max(round(event["ts"] * 1000) for event in tree.spans(report) if event.get("args", {}).get("unfinished"))
    shortest = min(duration for calls in words.open.values() for _, duration in calls)
    assert shortest == pytest.approx(max(ended - newest, 0), rel=1e-3, abs=1)
    assert rest == ""
    assert "1 other thread had ended before" in sandbox.viztracer_merge("--last_words", "rings").stdout
    assert not (sandbox.path / "result.json").exists()


def test_still_running(sandbox, resting):
    assert resting.words.heading == f"MainProcess (pid {resting.pid}) is still running"
    assert_words(resting.words)
    (later,), _ = last_words(sandbox, "rings")
    assert_words(later)
    for thread, calls in resting.words.open.items():
        assert all(now > before for (_, before), (_, now) in zip(calls, later.open[thread]))


@pytest.mark.parametrize("killed", [True, False])
def test_every_summary_names_the_innermost_call(sandbox, resting, killed):
    if killed:
        resting.kill()
    done = sandbox.viztracer_merge("rings", "-o", "merged.json")
    process = f"MainProcess (pid {resting.pid}) {f'{SILENT} in' if killed else 'is in'}"
    lines = [line for line in done.stderr.splitlines() if line.startswith("MainProcess")]
    assert lines == [
        f"{process} time.sleep, called by sleeps (script.py:{line_of('def sleeps')}) [MainThread]",
        f"{process} time.sleep, called by numbers (script.py:{line_of('def numbers')}) [it consumes]",
        f"{process} _thread.lock.acquire, called by acquires (script.py:{line_of('def acquires')}) [it outer]",
    ]


def line_of(text):
    return SOURCE[: SOURCE.index(text)].count("\n") + 1


def test_a_report_is_written_as_well_and_says_the_same(sandbox, resting):
    resting.kill()
    done = sandbox.viztracer_merge("--last_words", "rings", "-o", "merged.json")
    assert done.returncode == 0
    words = Words(done.stdout)
    report = sandbox.report("merged.json")
    names = tree.names(report, "thread_name")
    for thread in OPEN:
        (tid,) = [tid for tid, name in names.items() if name == thread]
        spans = [event for event in tree.spans(report) if (event["pid"], event["tid"]) == tid]
        spans.sort(key=lambda event: event["ts"] + event["dur"])
        is_open = [event for event in spans if event.get("args") == {"unfinished": True}]
        ended = [event for event in spans if event not in is_open]
        assert sorted(plain(event["name"]) for event in is_open) == sorted(name for name, _ in words.open[thread])
        assert len(words.ended[thread]) == min(len(ended), 20)
        for event, (name, how, *_) in zip(ended[-20:], words.ended[thread]):
            assert event["name"].startswith(name.partition("...")[0])  # long names lose their middle
            assert (how == "raised") == ("raised" in event.get("args", {}))


def test_without_c_functions_the_python_function_is_named(sandbox):
    script = sandbox.script("import time\ndef sleeps():\n    time.sleep(1000)\nsleeps()\n")
    options = ["--ignore_c_function", "--pid_suffix", "--output_dir", "rings"]
    with Running(sandbox, *options, script) as running:
        running.wait_for_words({"MainThread": ["<module>", "sleeps"]})
    done = sandbox.viztracer_merge("rings", "-o", "merged.json")
    assert f"MainProcess (pid {running.pid}) {SILENT} in sleeps (script.py:2) [MainThread]\n" in done.stderr


def test_ended_in_order(sandbox, small_trace):
    processes, rest = last_words(sandbox, small_trace)
    assert (processes, rest) == ([], "The process ended in order: it has no last words.\n")
    done = sandbox.viztracer_merge(small_trace, "-o", "merged.json")
    assert SILENT not in done.stderr and "is in" not in done.stderr


@pytest.mark.parametrize("options", [[], ["--ignore_c_function"]])
@pytest.mark.parametrize("leaving", ["os._exit(0)", "os.execv('/bin/true', ['true'])"])
def test_a_child_that_leaves_and_its_parent_that_ends(sandbox, leaving, options):
    """The process ended intentionally: there is no warning."""
    script = sandbox.script(
        "import os\n"
        "def leaves():\n"
        f"    {leaving}\n"
        "def forks():\n"
        "    return os.fork() or leaves()\n"
        "os.waitpid(forks(), 0)\n"
    )
    function = "posix." + re.search(r"\w+(?=\()", leaving)[0]
    ending = "left by os._exit" if function == "posix._exit" else "became another program (exec)"
    assert sandbox.viztracer(*options, "--quiet", "--pid_suffix", "--output_dir", "rings", script).returncode == 0
    (words,), rest = last_words(sandbox, "rings")
    assert words.heading.endswith(f") {ending}")
    (stack,) = words.stacks().values()
    assert [name for name in stack if "before the fork" not in name] == ["leaves", *[function] * (not options)]
    assert f"forks{INHERITED}" in stack
    assert rest == "1 other process ended in order.\n"
    done = sandbox.viztracer_merge("rings", "-o", "merged.json")
    assert done.returncode == 0 and "leaves" not in done.stderr and f"  {ending}  rings/" in done.stderr
    assert sandbox.viztracer_merge("rings", "-o", "merged.json", "--strict").returncode == 0


def test_a_file_that_was_cut_off(sandbox, resting, small_trace):
    """Whatever is missing of a file: the good one beside it says what it said."""
    resting.kill()
    (ring,) = (sandbox.path / "rings").iterdir()
    bytes_ = ring.read_bytes()
    for length in range(0, len(bytes_), max(1, len(bytes_) // 40)):
        (sandbox.path / "rings" / "cut.bin").write_bytes(bytes_[:length])
        done = sandbox.viztracer_merge("--last_words", "rings")
        assert done.returncode == 1 if length < 4096 else done.returncode in (0, 1)
        assert not re.search("panicked|Traceback", done.stderr)
        assert "cut.bin" in done.stderr or done.returncode == 0
        *_, good = re.split(r"(?<=\n)\n(?! )", done.stdout)[:-1]
        assert_words(Words(good))


def test_nothing_readable(sandbox):
    (sandbox.path / "bad.bin").write_bytes(b"VIZRING\n")
    done = sandbox.viztracer_merge("--last_words", "bad.bin", "missing.bin")
    assert (done.returncode, done.stdout) == (2, "")
    assert "bad.bin" in done.stderr and "missing.bin" in done.stderr


def test_a_reader_who_has_read_enough(sandbox, resting):
    resting.kill()
    merge = f"{BIN / 'viztracer-merge'} --last_words rings"
    done = sandbox.run("bash", "-c", f"{merge} | true; echo ${{PIPESTATUS[0]}}; {merge} > /dev/full; echo $?")
    assert done.stdout.split() == ["0", "2"]
    assert "No space left on device" in done.stderr and "Broken pipe" not in done.stderr


# --- what a crash leaves behind ---


def left_behind(done):
    """The paths that are named in stderr."""
    return re.findall(r"^viztracer-merge: left behind: (\S+): ", done.stderr, re.MULTILINE)


def scratch_directories(pid):
    return [str(path) for path in Path("/dev/shm").glob(f"viztracer_{pid}_*")]


SLEEPS = "import time\ntime.sleep(1000)\n"


@pytest.fixture
def scratch(sandbox):
    """A program that is being recorded in a directory of shared memory, and that directory."""
    with Running(sandbox, sandbox.script(SLEEPS)) as running:
        (directory,) = running.wait_for(lambda: scratch_directories(running.pid))
        running.wait_for(lambda: "time.sleep" in sandbox.viztracer_merge("--last_words", directory).stdout)
        yield running, directory
    shutil.rmtree(directory, ignore_errors=True)


def test_a_killed_run_is_found(sandbox, scratch, small_trace):
    running, directory = scratch
    assert directory not in left_behind(sandbox.viztracer_merge())
    running.kill()
    without_input = sandbox.viztracer_merge()
    assert (without_input.returncode, without_input.stdout) == (2, "")
    assert "Usage:" in without_input.stderr
    for other in (["-o", "other.json"], ["--last_words"], ["--info"], ["--top", "3"]):
        done = sandbox.viztracer_merge(small_trace, *other)
        assert done.returncode == 0 and left_behind(done) == []  # who merges often is not told each time
    for done in (without_input, sandbox.viztracer_merge("missing.bin", "-o", "other.json")):
        assert directory in left_behind(done)
        (line,) = [line for line in done.stderr.splitlines() if f" {directory}: " in line]
        size = r"1 file, [\d.]+ [kM]B, last written \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC, .* ago"
        remove = "or remove it and all other dead runs with `viztracer-ctl clean`"
        assert re.search(f"{size}; merge it: viztracer-merge {directory}, {remove}(; .*)?$", line)
    assert "left behind" not in sandbox.viztracer_merge("--quiet", "missing.bin", "-o", "other.json").stderr
    assert "left behind" not in sandbox.viztracer_merge("--quiet").stderr
    merged = sandbox.viztracer_merge(directory, "-o", "mine.json")
    assert merged.returncode == 0 and directory not in left_behind(merged)
    assert "time.sleep" in [event["name"] for event in tree.spans(sandbox.report("mine.json"))]
    shutil.rmtree(directory)
    assert directory not in left_behind(sandbox.viztracer_merge())


def test_a_run_of_which_a_child_still_lives_is_not_left_behind(sandbox):
    script = sandbox.script("import os, time\nchild = os.fork()\ntime.sleep(1000)\n")
    with Running(sandbox, script) as running:
        try:
            (directory,) = running.wait_for(lambda: scratch_directories(running.pid))
            running.wait_for(lambda: len(list(Path(directory).glob("*.bin"))) == 2)
            running.kill()
            assert directory not in left_behind(sandbox.viztracer_merge())
            running.kill_all()
            give_up = time.monotonic() + HANGS  # the child is not ours to wait for
            while directory not in left_behind(done := sandbox.viztracer_merge()):
                assert time.monotonic() < give_up
            assert f"{directory}: 2 files, " in done.stderr
            processes, _ = last_words(sandbox, directory)
            assert [f" {SILENT} (" in words.heading for words in processes] == [True, True]
        finally:
            shutil.rmtree(directory)


def test_a_run_that_recorded_beside_its_report_is_found_from_there(sandbox):
    """Shared memory is too small for the ring, so the directory is next to the report."""
    stat = os.statvfs("/dev/shm")
    entries = stat.f_blocks * stat.f_frsize // 32
    with Running(sandbox, "--tracer_entries", str(entries), sandbox.script(SLEEPS)) as running:
        (directory,) = running.wait_for(lambda: list(sandbox.path.glob("viztracer_*_*")))
        running.wait_for(lambda: list(directory.glob("*.bin")))
    assert directory.name in left_behind(sandbox.viztracer_merge())
    (sandbox.path / "elsewhere").mkdir()
    done = sandbox.viztracer_merge("missing.bin", "-o", "../out.json", cwd=sandbox.path / "elsewhere")
    assert f"../{directory.name}" in left_behind(done)


def test_temporary_files_are_one_line(sandbox):
    names = [f".result_99999999.{'0f' * 16}.new", ".viztracer-merge-aB3dEf"]
    for name in names:
        (sandbox.path / name).touch()
    done = sandbox.viztracer_merge()
    (line,) = [line for line in done.stderr.splitlines() if "left unfinished" in line]
    assert "left unfinished, remove them: " in line and line.endswith(' '.join(names))
