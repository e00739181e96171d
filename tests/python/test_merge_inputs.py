"""Inputs of `viztracer-merge`: any number and mixture of files, directories, patterns and lists."""

import fcntl
import os
import re
import resource
import signal
import subprocess
import time

import pytest
import tree
from conftest import BIN, heed_interrupts

pytestmark = pytest.mark.one_version

STATE = 512  # where a ring file's header says whether it was closed
OPEN = 1


@pytest.fixture
def copies(sandbox, small_trace):
    """copies(name, ...) -> the paths of copies of one ring file, made in the sandbox."""

    def make(*names):
        for name in names:
            path = sandbox.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(small_trace.read_bytes())
        return names

    return make


def merged(sandbox, *inputs, **options):
    """How many of the copies are in the merged report."""
    done = sandbox.viztracer_merge(*inputs, "-q", "-o", "merged.json", **options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return len(sandbox.report("merged.json")["viztracer_metadata"]["processes"])


def test_directories_patterns_and_files_mixed(sandbox, copies):
    copies("one.bin", "d/two.bin", "d/e/three.bin", "f/four.bin", "f/.five.bin")
    assert merged(sandbox, "one.bin") == 1
    assert merged(sandbox, "d") == 2
    assert merged(sandbox, "*.bin") == 1
    assert merged(sandbox, "**/*.bin") == 4
    assert merged(sandbox, "f") == 2
    assert merged(sandbox, "[df]/*.bin", "one.bin") == 3
    assert merged(sandbox, ".", "d", "**/t*.bin", sandbox.path / "one.bin") == 5


def test_a_file_with_many_names_is_merged_once(sandbox, copies):
    copies("d/one.bin")
    (sandbox.path / "d" / "hard.bin").hardlink_to(sandbox.path / "d" / "one.bin")
    (sandbox.path / "d" / "soft.bin").symlink_to("one.bin")
    (sandbox.path / "d" / "loop").symlink_to(".")
    (sandbox.path / "again").symlink_to("d")
    assert merged(sandbox, "d", "again", "d/soft.bin", "d/loop/loop/loop/one.bin", "**/*.bin") == 1


@pytest.mark.parametrize("separator", ["\n", "\0"], ids=["lines", "nuls"])
def test_a_list_on_standard_input(sandbox, copies, separator):
    names = copies("one.bin", "with space.bin", "naïve.bin", "d/four.bin")
    listed = separator.join(names)
    assert merged(sandbox, "-", input=listed) == 4
    assert merged(sandbox, "-", input=listed + separator) == 4
    assert merged(sandbox, "one.bin", "-", input=separator.join(["d", ""])) == 2


def test_names_that_are_no_text_or_have_a_newline(sandbox, small_trace):
    names = [b"new\nline.bin", b"\xff\xfe.bin"]
    for name in names:
        with open(os.path.join(os.fsencode(sandbox.path), name), "wb") as file:
            file.write(small_trace.read_bytes())
    listed = b"\0".join(names)
    done = sandbox.viztracer_merge("-", "-q", "-o", "merged.json", input=listed, encoding=None)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(sandbox.report("merged.json")["viztracer_metadata"]["processes"]) == 2


def test_a_list_that_names_nothing(sandbox):
    done = sandbox.viztracer_merge("-", "-q", "-o", "merged.json", input="\n\n")
    expected = "viztracer-merge: standard input names no file, so there is no report\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_a_list_that_names_what_is_not_there(sandbox, copies):
    copies("one.bin")
    done = sandbox.viztracer_merge("-", "-q", "-o", "merged.json", input="gone.bin\none.bin\n")
    expected = "viztracer-merge: gone.bin: No such file or directory\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_a_list_that_does_not_end_can_be_interrupted(sandbox):
    command = [BIN / "viztracer-merge", "-", "-q", "-o", "merged.json"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=sandbox.path, preexec_fn=heed_interrupts, **pipes) as process:
        process.stdin.write(b"some.bin\n")
        process.stdin.flush()
        deadline = time.monotonic() + 120
        while not is_polling(process.pid):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=120)
        _, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (130, b"viztracer-merge: interrupted\n")
    assert os.listdir(sandbox.path) == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_is_ignored_from_the_start_stays_ignored(sandbox, small_trace, signum):
    """A shell ignores SIGINT for commands in its background, and `nohup` ignores SIGHUP."""
    command = [BIN / "viztracer-merge", "-", "-q", "-o", "merged.json"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    pipes["preexec_fn"] = lambda: signal.signal(signum, signal.SIG_IGN)
    with subprocess.Popen(command, cwd=sandbox.path, **pipes) as process:
        process.stdin.write(b"%b\n" % bytes(small_trace))
        process.stdin.flush()
        deadline = time.monotonic() + 120
        while not is_polling(process.pid):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        process.send_signal(signum)
        stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout, stderr) == (0, b"", b"")
    assert os.listdir(sandbox.path) == ["merged.json"]


def is_polling(pid):
    """Whether a process waits in the system call `poll` or `ppoll`."""
    with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
        return file.read().split()[0] in ("7", "271")


def test_what_matches_nothing(sandbox):
    done = sandbox.viztracer_merge("*.bin", "-q", "-o", "merged.json")
    expected = (
        "viztracer-merge: *.bin: no file matches this pattern\n"
        "viztracer-merge: no input could be read, so there is no report\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_bin_files_of_others_in_a_directory(sandbox, copies):
    copies("d/one.bin")
    (sandbox.path / "d" / "model.bin").write_bytes(b"weights" * 1000)
    done = sandbox.viztracer_merge("d", "-o", "merged.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert "viztracer-merge: d/model.bin: skipped: not a ring file\n" in done.stderr
    assert merged(sandbox, "d") == 1
    done = sandbox.viztracer_merge("d/model.bin", "d", "-q", "-o", "merged.json")
    expected = "viztracer-merge: d/model.bin: not a ring file: it does not begin with VIZRING (offset 0)\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)
    (sandbox.path / "d" / "one.bin").unlink()
    done = sandbox.viztracer_merge("d", "-q", "-o", "merged.json")
    expected += "viztracer-merge: no input could be read, so there is no report\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))


def test_more_files_than_may_be_open(sandbox, copies):
    copies(*(f"d/{number}.bin" for number in range(300)))
    assert merged(sandbox, "d", preexec_fn=few_descriptors) == 300


def test_more_living_files_than_may_be_open(sandbox, copies):
    """Files are copied, and the copies stay open until they are merged, within the limit of open files. The others are
    read while they are written, and a warning says so."""
    names = copies(*(f"d/{number}.bin" for number in range(200)))
    locked = []
    for name in names:
        file = open(sandbox.path / name, "r+b")
        file.seek(STATE)
        file.write(OPEN.to_bytes(8, "little"))
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        locked.append(file)
    done = sandbox.viztracer_merge("d", "-q", "-o", "merged.json", preexec_fn=few_descriptors)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.search(r" could not be copied to .* \(Too many open files\), nor could \d+ more: ", done.stderr)
    report = sandbox.report("merged.json")
    assert [process["state"] for process in report["viztracer_metadata"]["processes"]] == ["living"] * 200
    assert sum(event["name"].startswith("f (") for event in tree.spans(report)) == 200 * 20
    for file in locked:
        file.close()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("report.html", "a page, which can only save its trace as a file in JSON (Save)"),
        ("report.pftrace", "a trace of Perfetto's (.pftrace)"),
        ("report.csv", "a table of functions (.csv)"),
        ("report.parquet", "a table in Parquet (.parquet)"),
        ("report.folded", "a text, such as a program, and not a ring file"),
        ("script.py", "a text, such as a program, and not a ring file"),
    ],
)
def test_what_cannot_be_merged_is_named(sandbox, small_trace, name, what):
    sandbox.script("print('hello')\n")
    for output in ("report.html", "report.pftrace", "report.csv", "report.parquet", "report.folded"):
        assert sandbox.viztracer_merge(small_trace, "-o", output).returncode == 0
    # Whatever its name says.
    for path in (name, "renamed.json"):
        (sandbox.path / path).write_bytes((sandbox.path / name).read_bytes())
        done = sandbox.viztracer_merge(path, "-o", "out.json")
        line = f"viztracer-merge: {path}: {what}; only ring files (.bin) and traces in JSON can be merged"
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines()[0] == line
        assert not (sandbox.path / "out.json").exists()


def test_a_ring_file_under_another_name(sandbox, small_trace):
    (sandbox.path / "ring.json").write_bytes(small_trace.read_bytes())
    assert sandbox.merge("ring.json") == sandbox.merge(small_trace)


def test_more_threads_than_are_of_use(sandbox, small_trace):
    expected = sandbox.merge(small_trace)
    for threads in ("5000", "18446744073709551615"):
        done = sandbox.viztracer_merge(small_trace, "-o", "out.json", "--threads", threads)
        assert done.returncode == 0, done.stderr
        assert sandbox.report("out.json") == expected
    # Where the system gives only a few, these do.
    merge = sandbox.path / "merge.sh"
    merge.write_text('ulimit -v 2000000\nexec "$@"\n')
    done = sandbox.run("bash", merge, BIN / "viztracer-merge", small_trace, "-o", "few.json", "--threads", "5000")
    assert done.returncode == 0, done.stderr
    assert sandbox.report("few.json") == expected
