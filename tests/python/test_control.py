"""`viztracer-ctl` finds the living and dead sessions of this user, shows what they record, and removes dead ones."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import BIN, IS_WINDOWS, SHARED_MEMORY, group_lives, heed_interrupts
from viztracer.sessions import discovery, status

NOBODY = 65534
IS_ROOT = not IS_WINDOWS and os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can make namespaces, mounts and other users' files")

BUSY = """\
import os, pathlib, subprocess, sys, threading, time

def work():
    return 1

def main(name):
    pathlib.Path(f"up_{name}").touch()
    while not pathlib.Path("go").exists():
        for _ in range(100):
            work()
        time.sleep(0.005)

if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1])
    else:
        child = subprocess.Popen([sys.executable, __file__, "spawned"])
        if os.fork() == 0:
            main("forked")
            os._exit(0)
        thread = threading.Thread(target=main, args=("thread",))
        thread.start()
        main("first")
        thread.join(), child.wait(), os.wait()
"""


@pytest.fixture(autouse=True)
def alone(own_shared_memory):
    if not own_shared_memory:
        pytest.skip("these tests count the sessions of this user, so they need a /dev/shm of their own")


class Control:
    """Runs `viztracer-ctl`, and programs for it to see."""

    def __init__(self, sandbox):
        self.sandbox = sandbox

    def __call__(self, *arguments, status=0, prefix=(), **options):
        done = self.sandbox.run(*prefix, BIN / "viztracer-ctl", *arguments, **options)
        assert done.returncode == status, done.stderr
        return done

    def json(self, *arguments, **options):
        return json.loads(self(*arguments, "--json", **options).stdout)

    def sessions(self, **options):
        return self.json("list", **options)["sessions"]

    def states(self, **options):
        return [session["state"] for session in self.sessions(**options)]

    @contextlib.contextmanager
    def running(self, *words, source=BUSY, prefix=(), up=("first", "thread", "forked", "spawned")):
        """A traced program that has come so far; it is killed with its descendants in the end."""
        path = self.sandbox.path
        for file in (*path.glob("up_*"), *path.glob("go")):
            file.unlink()
        script = self.sandbox.script(source, "busy.py")
        command = [*prefix, BIN / "viztracer", "--quiet", "-o", "out.json", *words, "--", script]
        with subprocess.Popen(command, cwd=path, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            try:
                for name in up:
                    wait_for((path / f"up_{name}").exists, name)
                yield process
            finally:
                kill(process)

    def killed(self, **options):
        """A session of which all processes are killed."""
        before = {session.id for session in discovery.find()}
        with self.running(**options) as process:
            kill(process)
        (session,) = (status.describe(session) for session in discovery.find() if session.id not in before)
        age(session)
        return session


@pytest.fixture
def control(sandbox):
    return Control(sandbox)


def kill(process):
    """Kill a program with its descendants, and wait until all of them are dead."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(120)
    wait_for(lambda: not group_lives(process.pid), "the descendants die")


def wait_for(condition, what, seconds=120):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.01)


def files_of(session):
    """The directory and the control block of a session, as far as they are there."""
    return [*SHARED_MEMORY.glob(f"viztracer_{session['pid']}_{session['id']}"), *blocks(session)]


def blocks(session):
    return SHARED_MEMORY.glob(f"viztracer_control_{session['pid']}_{session['id']}")


def age(session, seconds=100):
    """Make the session look older: what is a few seconds old may be about to start."""
    for block in blocks(session):
        data = bytearray(block.read_bytes())
        data[64:72] = (time.time_ns() - seconds * 10**9).to_bytes(8, "little")
        write_block(block, data)
    for path in files_of(session):
        for file in (*path.glob("*"), path):
            os.utime(file, (time.time() - seconds,) * 2)


def write_block(path, data):
    """Write a control block with a good checksum."""
    from zlib import crc32

    text = int.from_bytes(data[72:76], "little") + int.from_bytes(data[76:80], "little")
    data[252:256] = crc32(data[1024 : 1024 + text], crc32(data[:252])).to_bytes(4, "little")
    path.write_bytes(data)


def left(number, size, seconds):
    """What a killed run may leave: a directory with a ring file in the making."""
    directory = SHARED_MEMORY / f"viztracer_{number}_{number:012x}"
    directory.mkdir(mode=0o700)
    file = directory / f".result_{number}.{number:032x}.new"
    file.write_bytes(b"x" * size)
    file.chmod(0o600)
    for path in (file, directory):
        os.utime(path, (time.time() - seconds,) * 2)
    return directory


def test_a_living_session_is_listed_with_all_its_processes(control):
    with control.running() as process:
        (session,) = control.sessions()
        assert (session["state"], session["pid"], session["processes"]) == ("living", process.pid, 3)
        assert session["command"][-1].endswith("busy.py") and session["size"] > 100_000 and 0 < session["age_s"] < 100
        assert session["session"].startswith(session["id"]) and Path(session["directory"]).is_dir()
        table = control("list").stdout.splitlines()
        assert table[0].split() == ["SESSION", "STATE", "AGE", "PROCESSES", "SIZE", "COMMAND"]
        assert table[1].startswith(f"{session['id']}  living ") and len(table) == 2
        (control.sandbox.path / "go").touch()
        assert (process.wait(120), process.stderr.read()) == (0, "")
    assert control.sessions() == []
    assert control("list").stdout == "no sessions\n"


def test_the_status_has_a_row_for_each_process(control):
    with control.running() as process:
        (session,) = control.json("status")["sessions"]
        rows = {row["pid"]: row for row in session["ring_files"]}
        assert process.pid in rows and len(rows) == 3 and session["unreadable"] == 0
        for row in rows.values():
            assert row["state"] == "living" and row["overwritten"] == row["lost"] == 0
            assert 0 <= row["events_per_second"] <= row["events"] and row["reaches_back_s"] > 0
            assert row["cost"] is None or 0 <= row["cost"]
        assert any(row["events_per_second"] for row in rows.values())
        assert rows[process.pid]["threads"] == 2
        assert sorted(row["threads"] for row in rows.values()) == [1, 1, 2]
        assert len(session["session"]) == 32 and control("status", session["session"]).stdout.startswith(session["id"])
        lines = control("status", session["id"][:6]).stdout.splitlines()
        assert "viztracer --quiet -o out.json" in lines[0]
        assert lines[0].startswith(session["id"]) and lines[1].split()[:4] == ["PID", "PROCESS", "STATE", "THREADS"]
        assert {int(line.split()[0]) for line in lines[2:5]} == rows.keys()
        assert (
            control("status", "0" * 13, status=1).stderr
            == "viztracer-ctl: no session begins with 0000000000000; see viztracer-ctl list\n"
        )


def test_the_status_counts_what_the_merge_counts(control):
    """Events, overwritten ones, and since when nothing is overwritten: as the merge of the same ring has them."""
    source = (
        "import os, pathlib, threading, time\n"
        "def work(): pass\n"
        "def some(): [work() for _ in range(300)]\n"
        "for _ in range(40):\n"
        "    thread = threading.Thread(target=some); thread.start(); thread.join()\n"
        "for _ in range(100_000): work()\n"
        "pathlib.Path('up_first').touch()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    with control.running("--tracer_entries", "20000", source=source, up=["first"]) as process:
        process.wait(120)
    (session,) = control.json("status", control.sessions()[0]["id"])["sessions"]
    (row,) = session["ring_files"]
    done = control.sandbox.viztracer_merge("--info", "--json", session["directory"])
    (info,) = json.loads(done.stdout)["files"]
    assert row["state"] == info["state"] == "crashed" and row["events_per_second"] is None
    # The merge leaves out events that the ring has kept although there are more than was asked for.
    assert row["events"] == info["events"] + info["overwritten"]
    assert 0 < row["overwritten"] <= info["overwritten"] and row["overwritten"] > 80_000


def test_a_small_ring_does_not_reach_back_to_what_is_overwritten(control):
    with control.running("--tracer_entries", "2000"):

        def rows():
            return {row["pid"]: row for row in control.json("status")["sessions"][0]["ring_files"]}

        before, at = rows(), time.monotonic()
        assert len(before) == 3

        def is_all_overwritten():
            return all(row["overwritten"] > 2 * before[pid]["events"] for pid, row in rows().items())

        wait_for(is_all_overwritten, "the rings go round")
        for row in rows().values():
            assert 0 < row["reaches_back_s"] < time.monotonic() - at


def test_the_status_is_watched(control):
    with control.running():
        command = [BIN / "viztracer-ctl", "status", "--watch", "--json"]
        options = {"stdout": subprocess.PIPE, "text": True, "preexec_fn": heed_interrupts}
        with subprocess.Popen(command, **options) as watch:
            looks = [json.loads(watch.stdout.readline())["sessions"][0]["ring_files"] for _ in range(3)]
            watch.send_signal(signal.SIGINT)
            assert watch.wait(120) == 130
    counts = [sum(row["events"] for row in look) for look in looks]
    assert counts == sorted(set(counts))


def test_a_look_does_not_change_a_run(control):
    with control.running() as process:
        for _ in range(3):
            control("list"), control("status")
        (control.sandbox.path / "go").touch()
        assert (process.wait(120), process.stderr.read()) == (0, "")
    processes = control.sandbox.metadata("out.json")["processes"]
    assert len(processes) == 3 and all(process["threads"][0]["events"] for process in processes)


def test_a_killed_session_is_dead_and_cleaned(control):
    session = control.killed()
    assert session["state"] == "dead" and session["processes"] == 3
    assert session["command"][-1].endswith("busy.py")
    assert len(files_of(session)) == 2
    assert control("clean", "--older", "1d").stdout == "removed 0 dead sessions, 0 kB\n"
    assert len(files_of(session)) == 2
    lines = control("clean").stdout.splitlines()
    assert lines[0].startswith(f"removed {session['id']}: ") and lines[1].startswith("removed 1 dead session, ")
    assert files_of(session) == [] and control.sessions() == []


def test_a_session_lives_as_long_as_any_of_its_processes(control):
    with control.running() as process:
        process.kill()
        process.wait(120)
        (session,) = control.sessions()
        age(session)
        assert control.states() == ["living"]
        assert control.json("clean") == {"removed": [], "size": 0, "stays": []}
        assert len(files_of(session)) == 2
    assert control.states() == ["dead"]


def test_a_new_session_is_not_cleaned(control):
    """It may be about to lock its block."""
    session = control.killed()
    age(session, -600)  # however long the command takes to start
    assert "it began less than 10 s ago" in control("clean", status=1).stderr
    assert len(files_of(session)) == 2


def test_a_process_that_has_closed_its_descriptors_lives(control):
    source = (
        "import os, pathlib, time\n"
        "os.closerange(3, 1 << 16)\n"
        "pathlib.Path('up_first').touch()\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
    )
    with control.running(source=source, up=["first"]) as process:
        (session,) = control.sessions()
        age(session)
        assert control.states() == ["living"]
        control("clean")
        (control.sandbox.path / "go").touch()
        assert process.wait(120) == 0
    assert control.sandbox.report("out.json")["traceEvents"]


# Runs the command, and waits before the report is written.
SLOW_REPORT = """\
import pathlib, sys, time
from viztracer.main import main
from viztracer.output import report

def write(*arguments, former=report.write, **options):
    pathlib.Path("up_first").touch()
    while not pathlib.Path("go").exists(): time.sleep(0.01)
    return former(*arguments, **options)

report.write = write
sys.argv = ["viztracer", "--quiet", "-o", "out.json", "--", "busy.py"]
sys.exit(main())
"""
# Saves twice, and waits each time.
SAVES = """\
import pathlib, time
from viztracer import VizTracer

def wait(name):
    pathlib.Path(f"up_{name}").touch()
    while not pathlib.Path("go").exists(): time.sleep(0.01)
    pathlib.Path("go").unlink()

tracer = VizTracer(verbose=0)
tracer.start()
tracer.stop()
wait("stopped")
tracer.save("first.json")
wait("saved")
tracer.save("second.json")
"""


@contextlib.contextmanager
def program(control, source, up):
    """An untraced program, which has come so far."""
    control.sandbox.script("print(1)", "busy.py")
    command = [sys.executable, control.sandbox.script(source, "program.py")]
    with subprocess.Popen(command, cwd=control.sandbox.path, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for((control.sandbox.path / f"up_{up}").exists, up)
            yield process
        finally:
            process.kill()


def clean_in_vain(control):
    """Find one session, which lives, and remove nothing of it."""
    (session,) = control.sessions()
    age(session)
    assert control.states() == ["living"]
    assert control.json("clean")["removed"] == []
    assert len(files_of(session)) == 2


def test_a_session_lives_until_its_report_is_written(control):
    path = control.sandbox.path
    with program(control, SLOW_REPORT, "first") as process:
        clean_in_vain(control)
        (path / "go").touch()
        assert (process.wait(120), process.stderr.read()) == (0, "")
    assert control.sandbox.report("out.json")["traceEvents"] and control.sessions() == []


def test_a_session_lives_as_long_as_it_may_be_saved(control):
    path = control.sandbox.path
    with program(control, SAVES, "stopped") as process:
        clean_in_vain(control)
        (path / "go").touch()
        wait_for((path / "up_saved").exists, "saved")
        clean_in_vain(control)
        (path / "go").touch()
        assert (process.wait(120), process.stderr.read()) == (0, "")
    assert control.sandbox.report("second.json")["traceEvents"] and control.sessions() == []


def test_what_is_not_saved_is_of_a_living_session_until_the_process_ends(control):
    """A tracer that is dropped holds no descriptor, but its ring files are of a living process."""
    source = (
        "import os, pathlib, time\n"
        "from viztracer import VizTracer\n"
        "def drop(): tracer = VizTracer(verbose=0); tracer.start(); tracer.stop()\n"
        "drop()\n"
        "before = os.listdir('/proc/self/fd')\n"
        "drop(), drop()\n"
        "assert os.listdir('/proc/self/fd') == before\n"
        "pathlib.Path('up_first').touch()\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
    )
    with program(control, source, "first") as process:
        [age(session) for session in control.sessions()]
        assert control.states() == ["living"] * 3
        assert control.json("clean")["removed"] == []
        (control.sandbox.path / "go").touch()
        assert process.wait(120) == 0 and process.stderr.read().count("save() was not called or failed") == 3
    assert control.states() == ["dead"] * 3 and control.sessions()[0]["command"][-1].endswith("program.py")
    [age(session) for session in control.sessions()]
    assert len(control.json("clean")["removed"]) == 3


@as_root
@pytest.mark.parametrize("outside", [False, True])
def test_a_session_in_another_pid_namespace(control, outside):
    """Two containers share memory: the pid of one's first process means nothing, or another process, in the other."""
    namespace = ("unshare", "-p", "-f", "--kill-child", "--mount-proc")
    run, look = (namespace, ()) if outside else ((), namespace)
    with control.running(prefix=run):
        (session,) = control.sessions(prefix=look)
        age(session)
        assert control.states(prefix=look) == ["living"]
        assert len(control.json("status", prefix=look)["sessions"][0]["ring_files"]) == 3
        assert control.json("clean", prefix=look)["removed"] == []
        assert len(files_of(session)) == 2
    assert control.states(prefix=look) == ["dead"]
    # A process with the same pid here is another one: it started at another time, in another namespace.
    assert control("clean", prefix=look).stdout.splitlines()[-1].startswith("removed 1 dead session")
    assert files_of(session) == []


def test_the_pid_of_a_dead_session_may_be_used_again(control):
    """A living process with the pid of the first process is another one, since it started later."""
    session = control.killed()
    (block,) = blocks(session)
    data = bytearray(block.read_bytes())
    data[12:16] = os.getpid().to_bytes(4, "little")
    used_again = block.with_name(f"viztracer_control_{os.getpid()}_{session['id']}")
    block.unlink()
    write_block(used_again, data)
    used_again.chmod(0o600)
    assert {session["state"] for session in control.sessions()} == {"dead"}
    start = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    data[48:56] = start.to_bytes(8, "little")
    write_block(used_again, data)
    assert [session["state"] for session in control.sessions() if session["pid"] == os.getpid()] == ["living"]


def test_two_sessions_never_meet(control, tmp_path):
    with control.running(), contextlib.ExitStack() as stack:
        other = tmp_path / "other"
        other.mkdir()
        stack.enter_context(Control(type(control.sandbox)(other)).running())
        first, second = control.sessions()
        assert first["id"] != second["id"] and first["directory"] != second["directory"]
        for session in (first, second):
            (shown,) = control.json("status", session["id"])["sessions"]
            assert {Path(row["file"]).parent for row in shown["ring_files"]} == {Path(session["directory"])}
        assert "2 sessions begin with " in control("status", "", status=1).stderr


def garbage(data, how):
    if how == "empty":
        return b""
    if how == "short":
        return data[:100]
    if how == "zeros":
        return bytes(len(data))
    return random.Random(how).randbytes(len(data))


@pytest.mark.parametrize("how", ["empty", "short", "zeros", "noise 1", "noise 2"])
def test_garbage_in_the_block_disturbs_nobody(control, how):
    with control.running() as process:
        (session,) = control.sessions()
        (block,) = blocks(session)
        block.write_bytes(garbage(block.read_bytes(), how))
        (again,) = control.sessions()
        assert (again["id"], again["state"], again["processes"]) == (session["id"], "living", 3)
        for path in files_of(session):
            os.utime(path, (1, 1))
        assert control.json("clean")["removed"] == []
        (control.sandbox.path / "go").touch()
        assert (process.wait(120), process.stderr.read()) == (0, "")
    assert len({event["pid"] for event in control.sandbox.report("out.json")["traceEvents"]}) == 3
    assert control.sessions() == []


@pytest.mark.parametrize("how", ["empty", "short", "noise 1"])
def test_a_process_that_finds_garbage_runs_untraced(sandbox, how):
    script = sandbox.script(
        "import os, pathlib, random, subprocess, sys\n"
        "(block,) = pathlib.Path('/dev/shm').glob(f'viztracer_control_{os.getpid()}_*')\n"
        f"data = {garbage(bytes(4096), how)!r}\n"
        "block.write_bytes(data)\n"
        "done = subprocess.run([sys.executable, '-c', 'print(1); exit(3)'], capture_output=True, text=True)\n"
        "print(done.returncode, repr(done.stdout), done.stderr.count(chr(10)), done.stderr)\n"
        "block.unlink()\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "traced.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 '1\\n' 1 viztracer: the control block viztracer_control_")
    assert "is damaged" in done.stdout and "is not traced" in done.stdout


def test_a_dead_session_with_a_damaged_block_is_cleaned(control):
    session = control.killed()
    (block,) = blocks(session)
    block.write_bytes(b"x" * 4096)
    for path in files_of(session):
        os.utime(path, (1, 1))
    assert control.states() == ["dead"]
    control("clean")
    assert files_of(session) == []


@pytest.mark.parametrize("what", ["file", "link", "directory", "ring of another session", "open to others"])
def test_what_is_not_of_the_session_stays(control, what):
    session = control.killed()
    directory = Path(session["directory"])
    precious = control.sandbox.path / "precious.txt"
    precious.write_text("precious")
    strange = directory / "result_1.bin"
    if what == "file":
        strange.write_text("not a ring file")
        strange.chmod(0o600)
    elif what == "link":
        strange.symlink_to(precious)
    elif what == "directory":
        strange.mkdir()
    elif what == "open to others":
        directory.chmod(0o755)
    else:
        other = control.killed()
        shutil.copy(next(Path(other["directory"]).glob("*.bin")), strange)
        [os.unlink(block) for block in blocks(other)]
        shutil.rmtree(other["directory"])
    before = sorted(directory.iterdir())
    done = control("clean", status=0 if what == "open to others" else 1)
    if what == "open to others":  # only the block is found to be of the session
        assert directory.is_dir()
    else:
        assert f"{session['id']} stays: " in done.stderr and str(strange) in done.stderr
        assert len(files_of(session)) == 2
    assert sorted(directory.iterdir()) == before and precious.read_text() == "precious"


def test_a_link_in_place_of_the_directory_is_not_followed(control):
    session = control.killed()
    directory, elsewhere = Path(session["directory"]), control.sandbox.path / "elsewhere"
    shutil.move(directory, elsewhere)
    directory.symlink_to(elsewhere)
    before = sorted(elsewhere.iterdir())
    control("clean")
    assert directory.is_symlink() and sorted(elsewhere.iterdir()) == before
    directory.unlink()


def test_a_block_that_names_another_directory_is_not_believed(control):
    """Only a directory that has the session's own name can be removed with it."""
    session = control.killed()
    precious = control.sandbox.path / "precious"
    precious.mkdir(mode=0o700)
    (block,) = blocks(session)
    data = bytearray(block.read_bytes())
    size = int.from_bytes(data[72:76], "little")
    name = os.fsencode(precious)
    data[72:76] = len(name).to_bytes(4, "little")
    data[1024 : 1024 + len(name) + 100] = name + data[1024 + size : 1024 + size + 100]
    write_block(block, data)
    age(session)
    assert control.sessions()[0]["directory"] == session["directory"]
    control("clean")
    assert precious.is_dir() and files_of(session) == []


@as_root
def test_sessions_of_another_user_are_neither_seen_nor_removed(control):
    session = control.killed()
    for path in files_of(session):
        os.chown(path, NOBODY, NOBODY)
        for file in path.glob("*"):
            os.chown(file, NOBODY, NOBODY)
    assert control.sessions() == []
    assert control("clean").stdout == "removed 0 dead sessions, 0 kB\n"
    assert len(files_of(session)) == 2
    for path in files_of(session):
        read = "ls" if path.is_dir() else "cat"
        reads = control.sandbox.run("setpriv", f"--reuid={NOBODY + 1}", "--clear-groups", read, path)
        assert reads.returncode != 0 and "Permission denied" in reads.stderr


@as_root
def test_the_block_of_another_user_is_not_obeyed(sandbox):
    """A process that finds another user's block in its environment does not join."""
    script = sandbox.script(
        "import os, pathlib, subprocess, sys\n"
        "(block,) = pathlib.Path('/dev/shm').glob(f'viztracer_control_{os.getpid()}_*')\n"
        f"os.chown(block, {NOBODY}, {NOBODY})\n"
        "done = subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True, text=True)\n"
        "print(done.returncode, repr(done.stdout), done.stderr)\n"
        "os.chown(block, 0, 0)\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "traced.json", script)
    assert done.returncode == 0
    assert "only this user may open" in done.stdout and done.stdout.startswith("0 '1\\n'")


def calls(sandbox, *command):
    """How many system calls about files and processes a command makes, in all its processes and threads."""
    kinds = "trace=%file,getdents64,flock,kill"
    done = sandbox.run("strace", "-f", "-c", "-e", kinds, "-o", "counts", *command)
    assert done.returncode == 0, done.stderr
    total = (sandbox.path / "counts").read_text().splitlines()[-1].split()
    assert total[-1] == "total"
    return int(total[3])


def calls_about_leftovers(sandbox, *command):
    """How many of these system calls name one of the 1,000 dead sessions; others may come and go meanwhile."""
    trace = ("strace", "-f", "-y", "-e", "trace=%file,getdents64,flock,kill", "-o", "calls")
    done = sandbox.run(*trace, *command)
    assert done.returncode == 0, done.stderr
    return sum(bool(re.search(r"500\d{4}[_/,)]", line)) for line in (sandbox.path / "calls").read_text().splitlines())


@pytest.mark.skipif(not shutil.which("strace"), reason="strace counts the system calls")
def test_leftovers_cost_nothing(control, sandbox):
    """A start and a merge look into none of 1,000 dead sessions; a list looks at each for a few system calls."""
    session = control.killed()
    directory, (block,) = Path(session["directory"]), blocks(session)
    script = sandbox.script("print(1)")
    ring = next(directory.glob("*.bin"))
    start = (BIN / "viztracer", "--quiet", "-o", "out.json", script)
    merge = (BIN / "viztracer-merge", "-q", ring, "-o", "merged.json")
    listing = (BIN / "viztracer-ctl", "list")
    for _ in range(2):  # the first time, modules are compiled
        before = [calls(sandbox, *command) for command in (start, merge)]
    for number in range(1000):
        (SHARED_MEMORY / f"viztracer_{number + 5_000_000}_{number:012x}").mkdir(mode=0o700)
        left_block = SHARED_MEMORY / f"viztracer_control_{number + 5_000_000}_{number:012x}"
        shutil.copy(block, left_block)
        shutil.copy(ring, SHARED_MEMORY / f"viztracer_{number + 5_000_000}_{number:012x}" / "result_1.bin")
    start_calls, merge_calls = (calls(sandbox, *command) for command in (start, merge))
    assert start_calls <= before[0] + 10 and merge_calls <= before[1] + 10
    assert 1 <= calls_about_leftovers(sandbox, *listing) / 1000 < 30
    assert len(control("list").stdout.splitlines()) == 1002
    done = sandbox.viztracer_merge("nothing.bin")
    assert len(done.stderr.splitlines()) <= 3


def test_dead_runs_hold_no_more_than_allowed(control, sandbox):
    """The oldest are removed first, and none of the last hour."""
    oldest, older, new = left(11, 2 << 20, 9000), left(12, 2 << 20, 8000), left(13, 2 << 20, 3000)
    script = sandbox.script("print(1)")
    done = sandbox.viztracer("--quiet", "--keep_leftovers", "5MB", "-o", "out.json", script)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert done.stderr == (
        "viztracer: removed the ring files of 1 dead run, 2.1 MB, from /dev/shm: dead runs may hold 5.0 MB there "
        "(--keep_leftovers)\n"
    )
    assert [path.exists() for path in (oldest, older, new)] == [False, True, True]
    done = sandbox.viztracer("--quiet", "--keep_leftovers", "0", "-o", "out.json", script)
    assert "of 1 dead run, 2.1 MB" in done.stderr
    assert [path.exists() for path in (oldest, older, new)] == [False, False, True]
    done = sandbox.viztracer("--quiet", "--keep_leftovers", "0", "-o", "out.json", script)
    assert (done.returncode, done.stderr, new.exists()) == (0, "", True)


def test_dead_runs_with_ring_files_elsewhere_do_not_fill_shared_memory(control, sandbox):
    """Only their control blocks are there: the oldest go, and the ring files stay."""
    session = control.killed()
    (block,) = blocks(session)
    directory = sandbox.path / Path(session["directory"]).name
    shutil.move(session["directory"], directory)
    left_blocks = []
    for number in range(20):
        data = bytearray(block.read_bytes())
        size, text = int.from_bytes(data[72:76], "little"), os.fsencode(directory)
        data[1024 : 1024 + len(text) + 100] = text + data[1024 + size : 1024 + size + 100]
        data[72:76] = len(text).to_bytes(4, "little")
        data[16:22] = number.to_bytes(6, "big")
        name = f"{session['pid']}_{number:012x}"
        elsewhere = sandbox.path / f"viztracer_{name}"
        data[1024 : 1024 + len(text)] = os.fsencode(elsewhere)
        shutil.copytree(directory, elsewhere)
        left_blocks.append(block.with_name(f"viztracer_control_{name}"))
        write_block(left_blocks[-1], data)
        left_blocks[-1].chmod(0o600)
        for path in (*elsewhere.iterdir(), elsewhere, left_blocks[-1]):
            os.utime(path, (time.time() - 9000,) * 2)
    block.unlink()
    # The ring files themselves say that they were written just now, so they are cut to nothing.
    [ring.unlink() for ring in sandbox.path.glob("viztracer_*/*.bin")]
    [os.utime(path, (time.time() - 9000,) * 2) for path in sandbox.path.glob("viztracer_*")]
    script = sandbox.script("print(1)")
    done = sandbox.viztracer("--quiet", "--keep_leftovers", "40kB", "-o", "out.json", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert sum(path.exists() for path in left_blocks) == 9
    assert len([path for path in sandbox.path.glob("viztracer_*") if path.is_dir()]) == 21


def test_a_directory_with_a_nul_is_none(control, sandbox):
    session = control.killed()
    (block,) = blocks(session)
    data = bytearray(block.read_bytes())
    size = int.from_bytes(data[72:76], "little")
    data[1024 : 1024 + size] = data[1024 : 1024 + size].replace(b"/dev/shm", b"/dev/s\0m")
    write_block(block, data)
    age(session)
    assert control.states() == ["dead"]
    done = sandbox.viztracer("--quiet", "--keep_leftovers", "0", "-o", "out.json", sandbox.script("print(1)"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    shutil.rmtree(session["directory"])


def test_the_bound_can_be_set_where_other_options_are(control, sandbox):
    inline = "from viztracer import VizTracer\nwith VizTracer(verbose=0, keep_leftovers={}): pass\n"
    script = sandbox.script("print(1)")
    for number, command in enumerate([("rc",), ("inline",)]):
        directory = left(20 + number, 2 << 20, 9000)
        if command == ("rc",):
            sandbox.script("[default]\nkeep_leftovers = 1MiB\n", ".viztracerrc")
            done = sandbox.viztracer("--quiet", "-o", "out.json", script)
        else:
            done = sandbox.python("-c", inline.format(1 << 20))
        assert done.returncode == 0 and "of 1 dead run" in done.stderr
        assert not directory.exists()
    done = sandbox.viztracer("--keep_leftovers", "much", script)
    assert done.returncode == 2 and "a size is like 500MB or 1GiB" in done.stderr


def test_the_bound_by_default_is_a_tenth_of_a_small_memory():
    from viztracer.process.ring_directory import leftovers_max

    assert leftovers_max(-1, 64 << 20) == (64 << 20) // 10
    assert leftovers_max(-1, 64 << 30) == 1 << 30
    assert leftovers_max(0, 64 << 30) == 0


def mounted(*mount):
    """A prefix that runs a command with another /dev/shm."""
    return ("unshare", "-m", "sh", "-c", f'{" ".join(mount)} && exec "$@"', "sh")


@as_root
def test_without_shared_memory(control, sandbox):
    """Nothing is listed, and runs do without."""
    empty = sandbox.path / "empty"
    empty.mkdir()
    without = mounted("mount --bind", str(empty), "/dev && rm -f /dev/null && mknod -m 666 /dev/null c 1 3")
    done = control("list", prefix=without, status=1)
    assert done.stderr == "viztracer-ctl: /dev/shm: No such file or directory: no session can be found without it\n"
    control("clean", prefix=without, status=1)
    script = sandbox.script("print(1)")
    done = sandbox.run(*without, BIN / "viztracer", "--quiet", "-o", "out.json", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@as_root
def test_shared_memory_that_is_read_only(control, sandbox):
    session = control.killed()
    read_only = mounted("mount -o remount,bind,ro /dev/shm")
    assert control.states(prefix=read_only) == ["dead"]
    assert "Read-only file system" in control("clean", prefix=read_only, status=1).stderr
    assert len(files_of(session)) == 2
    script = sandbox.script("print(1)")
    done = sandbox.run(*read_only, BIN / "viztracer", "--quiet", "--keep_leftovers", "0", "-o", "out.json", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@as_root
def test_shared_memory_that_is_full(control, sandbox):
    full = mounted("mount -t tmpfs -o size=64k tmpfs /dev/shm && dd if=/dev/zero of=/dev/shm/full bs=64k count=1 2>&1")
    assert control("list", prefix=full).stdout.endswith("no sessions\n")
    script = sandbox.script("print(1)")
    done = sandbox.run(*full, BIN / "viztracer", "--quiet", "-o", "out.json", script)
    assert done.returncode == 0 and done.stdout.endswith("1\n") and done.stderr == ""
    assert sandbox.report("out.json")["traceEvents"]


def test_wrong_command_lines():
    for arguments in ([], ["halt"], ["clean", "--older", "soon"], ["list", "x"]):
        done = subprocess.run([BIN / "viztracer-ctl", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "usage: viztracer-ctl" in done.stderr and done.stdout == ""


def test_the_reader_of_a_list_may_go_away(control):
    control.killed()
    command = f"{BIN / 'viztracer-ctl'} list | true; exit ${{PIPESTATUS[0]}}"
    done = control.sandbox.run("bash", "-c", command)
    assert (done.returncode, done.stderr) == (0, "")


def test_any_stdout_will_do(control):
    """A name that the terminal cannot show is escaped; what cannot be written is an error of one line."""
    source = "import os, viztracer\nviztracer.VizTracer().start()\nos.kill(os.getpid(), 9)\n"
    control.sandbox.script(source, "b\u00fcsy.py")
    control.sandbox.python("b\u00fcsy.py")
    ascii_only = control("list", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert "b\\xfcsy.py" in ascii_only.stdout
    full = control.sandbox.run("sh", "-c", f"{BIN / 'viztracer-ctl'} list > /dev/full")
    assert (full.returncode, full.stderr) == (1, "viztracer-ctl: [Errno 28] No space left on device\n")
    closed = control.sandbox.run("sh", "-c", f"{BIN / 'viztracer-ctl'} list >&-")
    assert (closed.returncode, closed.stderr) == (0, "")
