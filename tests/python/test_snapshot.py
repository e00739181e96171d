"""Snapshots of living sessions: one instant for all processes, nobody is disturbed, nothing is missing in between."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tree
from conftest import BIN, IS_WINDOWS
from test_control import IS_ROOT, NOBODY, Control, as_root, files_of, wait_for

# `make stress` takes many more.
SNAPSHOTS = int(os.environ.get("VIZTRACER_SNAPSHOTS", "20"))

# Each thread of each process calls `work` with 0, 1, 2, ... as an argument. A number that is missing is a call that is.
PROGRAM = """\
import os, pathlib, subprocess, sys, threading, time

def work(number):
    return number

def main(name):
    pathlib.Path(f"up_{name}").touch()
    number = 0
    while not pathlib.Path("go").exists():
        for number in range(number, number + 500):
            work(number)
        number += 1
        time.sleep(PAUSE)

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
# At a pace at which reports stay small.
LOAD = PROGRAM.replace("PAUSE", "0.05")


@pytest.fixture(autouse=True)
def alone(own_shared_memory):
    if not own_shared_memory and not IS_WINDOWS:
        pytest.skip("these tests need a /dev/shm of their own, in which no other session lives")


@pytest.fixture
def control(sandbox):
    if IS_WINDOWS:
        pytest.skip("the programs of this test fork")
    return Control(sandbox)


# What a run says that waits for a snapshot longer than usual, as on a busy machine.
WAITS = "viztracer: a snapshot is still being written; its ring files stay for up to a minute\n"


def said(done):
    """What a command says on stderr, besides that it waits."""
    return done.stderr.replace(WAITS, "")


def taken(control, *arguments, status=0):
    """A snapshot: what the command says of it, and its report."""
    facts = json.loads(control("snapshot", *arguments, "--json", status=status).stdout)
    return facts, control.sandbox.report(facts["snapshot"])


def numbers(report, with_arguments=False):
    """By process and thread, the numbers of the calls of `work`, in the order of time.

    The newest call of a thread may have begun and have no arguments yet: they are recorded right after its begin.
    """
    found, just_begun = {}, set()
    for event in sorted(tree.spans(report), key=lambda event: event["ts"]):
        arguments = event.get("args", {})
        if event["name"].startswith("work ("):
            number = arguments.get("func_args", {}).get("number")
            track = event["pid"], event["tid"]
            assert track not in just_begun, event
            if with_arguments and number is None and arguments.get("unfinished") and not arguments.get("overwritten"):
                just_begun.add(track)
                continue
            assert number is not None or not with_arguments or arguments.get("overwritten"), event
            found.setdefault(track, []).append(None if number is None else int(number))
    return found


def is_overwritten(report, pid, tid):
    threads = {process["pid"]: process["threads"] for process in report["viztracer_metadata"]["processes"]}
    return any(thread["tid"] == tid and thread.get("overwritten", 0) for thread in threads[pid])


@pytest.mark.parametrize(("entries", "pause", "count"), [("20000", "0", SNAPSHOTS), ("16000000", "0.2", 4)])
def test_successive_snapshots_miss_nothing(control, entries, pause, count):
    """A snapshot misses no number after the first one that it has of a thread. The first one is 0, and there is one,
    unless the snapshot says that something of the thread is overwritten. No snapshot ends before an earlier one."""
    command = ("--log_func_args", "--tracer_entries", entries)
    with control.running(*command, source=PROGRAM.replace("PAUSE", pause)) as process:
        last = {}
        for _ in range(count):
            facts, report = taken(control)
            found = numbers(report, with_arguments=True)
            assert facts["problems"] == []
            for pid, tid in last.keys() - found.keys():
                assert is_overwritten(report, pid, tid)
            for (pid, tid), of_track in found.items():
                # The arguments of the oldest calls may be overwritten when their records are not yet.
                known = [number for number in of_track if number is not None]
                if known:
                    assert known == list(range(known[0], known[-1] + 1))
                    assert of_track[len(of_track) - len(known) :] == known
                    assert known[0] == 0 or len(known) < len(of_track) or is_overwritten(report, pid, tid)
                    assert known[-1] >= last.get((pid, tid), 0)
                    last[pid, tid] = known[-1]
            os.unlink(control.sandbox.path / facts["snapshot"])
        assert len(last) == 4 or entries == "20000"
        (control.sandbox.path / "go").touch()
        assert (process.wait(60), process.stderr.read()) == (0, "")
    final = numbers(control.sandbox.report("out.json"))
    assert all(final[track][-1] >= number for track, number in last.items())


def test_a_merge_that_cannot_copy_files_says_so(control):
    """It reads them while they are written."""
    with control.running(source=LOAD):
        (session,) = control.sessions()
        missing = str(control.sandbox.path / "missing")
        environment = os.environ | {"TMPDIR": missing}
        done = control.sandbox.viztracer_merge(session["directory"], "-o", "out.json", env=environment)
        assert done.returncode == 0, done.stderr
        (warning,) = (line for line in done.stderr.splitlines() if "warning" in line)
        reason = f"could not be copied to {missing} (No such file or directory), nor could 2 more: what is overwritten"
        assert f" is being written and {reason} while it is read may be missing" in warning
        assert len(numbers(control.sandbox.report("out.json"))) == 4


def test_a_snapshot_shows_one_instant(control):
    with control.running(source=LOAD):
        (session,) = control.sessions()
        as_of = time.monotonic_ns()
        wait = [session["directory"], "--as_of", str(as_of), "-o"]
        for name, options, begin in [("all.json", [], 0), ("last.json", ["--last", "20ms"], as_of - 20_000_000)]:
            done = control.sandbox.viztracer_merge(*wait, name, *options, "--align", "monotonic")
            assert done.returncode == 0, done.stderr
            report = control.sandbox.report(name)
            spans = [(event, *tree.nanoseconds(event)) for event in tree.spans(report)]
            assert len({event["pid"] for event, _, _ in spans}) == 3
            assert max(end for _, _, end in spans) <= as_of and min(start for _, start, _ in spans) >= begin
            # `main` runs in each of the four threads.
            running = [event for event, _, end in spans if event["name"].startswith("main (") and end == as_of]
            assert len(running) == 4
            assert all(event["args"] == {"unfinished": True, "clipped": True} for event in running)


def test_a_call_that_ends_later_is_unfinished(sandbox):
    """Also if its end is in the ring when the snapshot is made."""
    source = """
import time
def inner(): return time.monotonic_ns()
def outer():
    now = inner()
    time.sleep(0.01)
    return now
def later(): pass
print(outer())
later()
"""
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "--quiet", sandbox.script(source))
    as_of = done.stdout.strip()
    for name in ("json", "pftrace", "html", "folded", "csv", "speedscope.json"):
        merged = sandbox.viztracer_merge("rings", "--as_of", as_of, "-o", f"out.{name}")
        assert merged.returncode == 0, merged.stderr
    for options in ([], ["--func", "."]):  # read as events, and as calls in each other
        merged = sandbox.viztracer_merge("rings", "--as_of", as_of, "-o", "out.json", *options)
        report = sandbox.report("out.json")
        shown = {event["name"].split()[0]: event.get("args", {}) for event in tree.spans(report)}
        assert shown["outer"] == {"unfinished": True, "clipped": True} and "later" not in shown
        ((thread,),) = [process["threads"] for process in report["viztracer_metadata"]["processes"]]
        unfinished = [event for event in tree.spans(report) if event.get("args", {}).get("unfinished")]
        assert thread["unfinished"] == len(unfinished)
    assert sandbox.viztracer_merge("rings", "--as_of", "1", "-o", "none.json").returncode == 2
    assert sandbox.viztracer_merge("rings", "--as_of", "soon").returncode == 2
    assert sandbox.viztracer_merge("rings", "--as_of", "now", "--until", "1s").returncode == 2


def test_a_short_ring_says_how_far_it_reaches_back(control):
    with control.running("--tracer_entries", "100", source=LOAD):
        facts, _ = taken(control, "--last", "1h")
        assert len(facts["incomplete"]) == 3
        said = re.compile(r".*\(pid \d+\): complete for the last [\d.]+ \w+ only")
        assert all(map(said.fullmatch, facts["incomplete"]))
        lines = control("snapshot", "--last", "1h", "-o", "all.html").stdout.splitlines()
        assert lines[0] == "all.html" and len(lines) == 4


def test_a_stopped_process_is_shown_and_nobody_waits_for_it(control):
    with control.running(source=LOAD) as process:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            _, report = taken(control)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        assert len(numbers(report)) == 4
        (control.sandbox.path / "go").touch()
        assert process.wait(60) == 0


CHANGING = """\
import os, pathlib, signal, sys, time

def work(number):
    return number

def life():
    for number in range(200):
        work(number)

def child(number):
    life()
    if number % 3 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if number % 3 == 1:
        os.execv(sys.executable, [sys.executable, __file__, "again"])
    os._exit(0)

if sys.argv[1:]:
    life()
else:
    number = 0
    while not pathlib.Path("go").exists():
        pids = []
        for _ in range(4):
            number += 1
            pid = os.fork()
            if pid == 0:
                child(number)
            pids.append(pid)
        pathlib.Path("up_first").touch()
        for pid in pids:
            os.waitpid(pid, 0)
        time.sleep(0.1)  # so that there are not thousands of ring files
"""


def test_processes_that_begin_fork_exec_and_die_meanwhile(control):
    with control.running(source=CHANGING, up=["first"]) as process:
        for _ in range(5):
            facts, report = taken(control)
            assert facts["problems"] == []
            assert any(event["pid"] == process.pid for event in tree.spans(report))
        (control.sandbox.path / "go").touch()
        assert (process.wait(60), process.stderr.read()) == (0, "")


@as_root
def test_a_full_disk_costs_a_line_and_no_process_notices(control, tmp_path):
    disk = tmp_path / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
    try:
        with control.running(source=LOAD) as process:
            wait_for(lambda: control.sessions()[0]["size"] > 2_000_000, "a ring that is larger than the disk")
            done = control("snapshot", "-o", disk / "out.json", status=1)
            assert done.stderr == f"viztracer-ctl: {disk}/out.json: cannot write the report: No space left on device\n"
            assert list(disk.iterdir()) == []
            # Without space for copies, the ring files themselves are read.
            environment = os.environ | {"TMPDIR": str(disk)}
            control("snapshot", "-o", "whole.json", env=environment)
            assert len(processes(control.sandbox.report("whole.json"))) == 3
            (control.sandbox.path / "go").touch()
            assert (process.wait(60), process.stderr.read()) == (0, "")
    finally:
        subprocess.run(["umount", disk], check=True)


def processes(report):
    return {event["pid"] for event in tree.spans(report)}


@as_root
def test_nobody_else_can_take_one(control):
    with control.running(source=LOAD):
        (session,) = control.sessions()
        for path in files_of(session):
            for file in (*path.glob("*"), path):
                os.chown(file, NOBODY, NOBODY)
        # Root may read them, and still takes no snapshot of what is another user's.
        done = control("snapshot", session["id"], status=1)
        assert done.stderr.startswith(f"viztracer-ctl: no session begins with {session['id']}")
        assert list(control.sandbox.path.glob("snapshot*")) == []


def test_what_the_command_refuses(control):
    assert "no living session" in control("snapshot", status=1).stderr
    with control.running(source=LOAD):
        out = control.sandbox.path / "mine.json"
        out.write_text("mine")
        assert control("snapshot", "-o", out, status=1).stderr == (
            f"viztracer-ctl: {out} exists, and a snapshot replaces no file\n"
        )
        assert out.read_text() == "mine"
        assert "unknown kind of report" in control("snapshot", "-o", "out.xyz", status=1).stderr
        assert "no session begins with" in control("snapshot", "nothing", status=1).stderr
        for time in ("0", "2x", "soon"):
            said = control("snapshot", "--last", time, status=2).stderr
            assert f"argument --last: '{time}' is no time; a time is like 500ms, 5s, 30min or 1d\n" in said
        assert "more than no time" in control("snapshot", "--last", "0s", status=1).stderr
    (session,) = control.sessions()
    assert "is dead; merge it with: viztracer-merge" in control("snapshot", session["id"], status=1).stderr
    assert sorted(path.name for path in control.sandbox.path.glob("*.json")) == ["mine.json"]


def test_the_usual_name_has_the_time_and_the_reason(control):
    with control.running(source=LOAD):
        names = [control("snapshot").stdout.splitlines()[0] for _ in range(2)]
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"snapshot_\d{8}-\d{6}\.\d{3}_ctl(_\d+)?\.json", name) for name in names)


def test_the_command_takes_one_and_the_program_does_nothing_for_it(sandbox):
    script = sandbox.script("def waits():\n    print('ready', flush=True)\n    input()\nwaits()\n")
    command = [str(BIN / "viztracer"), "--quiet", "-o", "out.json", "--", script]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=sandbox.path, text=True, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        done = sandbox.run(BIN / "viztracer-ctl", "snapshot", "-o", "now.json")
        assert (done.returncode, done.stdout) == (0, "now.json\n"), done.stderr
        assert process.communicate("\n", timeout=120) == ("", "")
    (waits,) = [event for event in tree.spans(sandbox.report("now.json")) if event["name"].startswith("waits (")]
    assert waits["args"]["unfinished"] is True


# --- from Python ---

FROM_PYTHON = """\
import os, signal, threading, viztracer
seen = []
signal.signal(signal.SIGCHLD, lambda *_: seen.append("SIGCHLD"))
def slow(): return viztracer.snapshot("slow / request\\n", last=60.0, wait=True)
path = slow()
try:
    os.waitpid(-1, os.WNOHANG)
    seen.append("child")
except ChildProcessError:
    pass
print(path, os.path.exists(path), seen, len(os.listdir("/proc/self/task")), sep="|")
"""


@pytest.mark.posix("SIGCHLD")
def test_a_program_takes_a_snapshot_of_itself(sandbox):
    done = sandbox.viztracer("--quiet", "-o", "out.json", sandbox.script(FROM_PYTHON))
    assert (done.returncode, said(done)) == (0, "")
    path, *rest = done.stdout.strip().split("|")
    assert rest == ["True", "[]", "1"]
    assert re.fullmatch(r"snapshot_\d{8}-\d{6}\.\d{3}_\d+_slow_request\.json", os.path.relpath(path, sandbox.path))
    shown = {event["name"].split()[0]: event for event in tree.spans(sandbox.report(path))}
    assert shown["slow"]["args"]["unfinished"] is True
    whole = {event["name"].split()[0]: event for event in tree.spans(sandbox.report("out.json"))}
    assert "args" not in whole["slow"] or "unfinished" not in whole["slow"]["args"]


def test_a_snapshot_is_written_also_if_the_program_ends_at_once(sandbox):
    source = "import viztracer\ndef last(): pass\nlast()\nprint(viztracer.snapshot('end', output='end.html'))\n"
    done = sandbox.viztracer("--quiet", "-o", "out.json", sandbox.script(source))
    assert (done.returncode, done.stdout) == (0, f"{sandbox.path / 'end.html'}\n")
    assert said(done) == ""
    assert (sandbox.path / "end.html").stat().st_size > 10_000


@pytest.mark.posix("fork")
def test_all_processes_of_a_session_are_in_it_and_count_together(sandbox):
    source = """
import os, viztracer
def family(): return viztracer.snapshot("family", wait=True)
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        print(family(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
print(family())
print(family())
"""
    done = sandbox.viztracer("--quiet", "--keep_snapshots", "3", "-o", "out.json", sandbox.script(source))
    assert done.returncode == 0
    paths = done.stdout.split()
    assert paths[3] == "None" and len(set(paths)) == 4
    assert said(done) == "viztracer: no more snapshots: this session has taken 3 (--keep_snapshots)\n"
    pids = [{event["pid"] for event in tree.spans(sandbox.report(path))} for path in paths[:3]]
    assert [len(of) for of in pids] == [2, 3, 3]


def test_what_goes_wrong_costs_a_line_and_raises_nothing(sandbox):
    source = """
import viztracer
open("mine.json", "w").write("mine")
print(viztracer.snapshot("a", output="no/such/directory/a.json", wait=True))
print(viztracer.snapshot("a", output="mine.json"), viztracer.snapshot("a", last=-1), viztracer.snapshot("a", output=5))
print(open("mine.json").read())
"""
    done = sandbox.viztracer("--quiet", "-o", "out.json", sandbox.script(source))
    assert (done.returncode, done.stdout) == (0, "None\nNone None None\nmine\n")
    lines = said(done).splitlines()
    assert len(lines) == 4 and all(line.startswith("viztracer: no snapshot: ") for line in lines)


@pytest.mark.parametrize("last", [0.2, "0.2s", "200ms", "200000 us"])
def test_only_the_last_time(sandbox, last):
    """As a number of seconds, or as a text that the commands take, too."""
    source = f"""
import time, viztracer
def early(): pass
def late(): pass
early()
time.sleep(0.5)
late()
print(viztracer.snapshot("a", last={last!r}, wait=True))
"""
    done = sandbox.viztracer("--quiet", "-o", "out.json", sandbox.script(source))
    assert (done.returncode, said(done)) == (0, "")
    shown = {event["name"].split()[0] for event in tree.spans(sandbox.report(done.stdout.strip()))}
    assert "late" in shown and "early" not in shown


@pytest.mark.parametrize("last", ["5", "0s", "soon", float("inf"), -1, [5]])
def test_no_time(sandbox, last):
    source = f"import viztracer\ninf = float('inf')\nprint(viztracer.snapshot('a', last={last!r}))\n"
    done = sandbox.viztracer("--quiet", "-o", "out.json", sandbox.script(source))
    assert (done.returncode, done.stdout) == (0, "None\n")
    assert re.fullmatch("viztracer: no snapshot: .*\n", said(done))


def test_a_process_that_is_not_traced_takes_none(sandbox):
    source = "import viztracer\nprint(viztracer.snapshot('a', last='nonsense', output=5))\n"
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, done.stdout, said(done)) == (0, "None\n", "")


def test_a_tracer_in_a_program_takes_one_too(sandbox):
    source = """
import viztracer
def work(): return viztracer.snapshot("inline", wait=True)
with viztracer.VizTracer(output_file="whole.json", verbose=0):
    print(work())
print(viztracer.snapshot("over"))
"""
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, said(done)) == (0, "")
    path, over = done.stdout.split()
    assert over == "None" and any(event["name"].startswith("work (") for event in tree.spans(sandbox.report(path)))


@pytest.mark.posix("/proc")
def test_the_command_has_no_descriptor_of_the_program(sandbox):
    """A reader of the program's output does not wait for the snapshot. Only the command has the lock."""
    source = """
import fcntl, os
from viztracer.snaptrace import start_unseen
r, w = os.pipe()
os.set_inheritable(w, True)
os.mkdir("locked")
os.environ["PLACE"] = "here"
code = "import os; open('seen', 'w').write(repr(sorted(map(int, os.listdir('/proc/self/fd')))) + os.environ['A'])"
assert start_unseen(["{python}", "-Sc", code], ["A=b"], "locked", False) > 0
descriptor = os.open("locked", os.O_RDONLY)
fcntl.flock(descriptor, fcntl.LOCK_EX)
try:
    start_unseen(["{python}", "-Sc", code], ["A=b"], "locked", False)
except BlockingIOError:
    os.close(descriptor)
os.close(w)
os.read(r, 1)
"""
    done = sandbox.python(sandbox.script(source.replace("{python}", sys.executable)))
    assert (done.returncode, said(done)) == (0, "")
    wait_for(lambda: (sandbox.path / "seen").exists() and (sandbox.path / "seen").read_text(), "the command")
    assert (sandbox.path / "seen").read_text() in ("[0, 1, 2, 3, 4]b", "[0, 1, 2, 3, 4, 5]b")


@as_root
def test_the_first_process_of_a_container_finds_an_orphan(sandbox):
    """It gets all of them, and has to wait for them anyway."""
    done = sandbox.run(
        "unshare", "--pid", "--fork", "--mount-proc", BIN / "viztracer", "--quiet", "-o", "out.json",
        sandbox.script(
            "import os, time, viztracer\n"
            "print(os.getpid(), os.path.exists(viztracer.snapshot('a', wait=True)))\n"
            "os.wait()\n"
        ),
    )  # fmt: skip
    assert (done.returncode, done.stdout, said(done)) == (0, "1 True\n", "")


# --- triggers ---


def snapshots_of(sandbox, reason):
    return list(sandbox.path.glob(f"snapshot_*_{reason}.json"))


def test_an_exception_that_nothing_handles_takes_a_snapshot(sandbox):
    source = """
import sys, threading
hook = sys.excepthook
def fails(): raise KeyError("none")
thread = threading.Thread(target=fails)
thread.start()
thread.join()
try:
    fails()
except KeyError:
    pass
fails()
"""
    script = sandbox.script(source)
    plain = sandbox.python(script)
    done = sandbox.viztracer("--quiet", "-o", "out.json", "--keep_snapshot_at", "exception", "--", script)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line for line in said(done).splitlines() if "Thread-" not in line] == [
        line for line in plain.stderr.splitlines() if "Thread-" not in line
    ]
    paths = snapshots_of(sandbox, "KeyError*")
    assert len(paths) == 2
    raised = [event for event in tree.spans(sandbox.report(max(paths).name)) if event["name"].startswith("fails (")]
    assert len(raised) == 3 and all(event["args"] == {"raised": True} for event in raised)


def test_ctrl_c_and_an_orderly_end_take_none(sandbox):
    for source in ("raise KeyboardInterrupt", "raise SystemExit(3)", "pass"):
        sandbox.viztracer("--quiet", "-o", "out.json", "--keep_snapshot_at", "exception", "--", sandbox.script(source))
    assert snapshots_of(sandbox, "*") == []


@pytest.mark.parametrize(
    "trigger",
    ["SIGKILL", "handle", "handle>", "handle>5", ">5ms", "handle>-5ms", "handle>5 parsecs", "(>5ms", "f\\ >5ms",
     "handle>0ms", "handle>99us"],
)  # fmt: skip
def test_what_takes_no_snapshot_is_refused(sandbox, trigger):
    done = sandbox.viztracer("--keep_snapshot_at", trigger, "--", sandbox.script("pass"))
    assert done.returncode != 0 and "keep_snapshot_at: " in said(done) + done.stdout
    assert "Traceback" not in said(done)


# `other` is not waited for, though it takes as long.
SLOW_HANDLER = """
import threading, time
class Server:
    def handle(self, seconds): time.sleep(seconds)
def other(): time.sleep(0.5)
def fails():
    time.sleep(0.5)
    raise ValueError
def again(depth):
    time.sleep(0.2)
    if depth: again(depth - 1)
server = Server()
for _ in range(3): server.handle(0)
other()
{calls}
"""
# CPython 3.10 knows only the last part of a name.
METHOD = "Server.handle" if sys.version_info >= (3, 11) else "handle"
SLOW_CALLS = {
    "a method": ("server.handle(0.5)", f"{METHOD}>0.2s", "handle"),
    "a thread": (
        "thread = threading.Thread(target=server.handle, args=(0.5,)); thread.start(); thread.join()",
        "handle > 200ms",
        "handle",
    ),
    "an exception": ("try: fails()\nexcept ValueError: pass", "^fails$>200ms", "fails"),
    "a C function": ("", r"time\.sleep>490ms", "sleep"),
    "recursion": ("again(3)", "again>150ms", "again"),
    "a lambda": ("(lambda: time.sleep(0.5))()", "<lambda>>200ms", "lambda"),
}


@pytest.mark.parametrize("kind", SLOW_CALLS)
@pytest.mark.parametrize("options", [(), ("--log_func_args",), ("--min_duration", "700ms")], ids=["", "args", "short"])
def test_a_call_that_takes_long_takes_a_snapshot(sandbox, kind, options):
    """One: the outer calls of a recursion are part of the snapshot that the innermost one takes."""
    calls, trigger, function = SLOW_CALLS[kind]
    script = sandbox.script(SLOW_HANDLER.format(calls=calls))
    done = sandbox.viztracer("--quiet", "-o", "out.json", "--keep_snapshot_at", trigger, *options, "--", script)
    assert (done.returncode, done.stdout, said(done)) == (0, "", "")
    (path,) = snapshots_of(sandbox, f"*ms_*{function}")
    shown = [event for event in tree.spans(sandbox.report(path.name)) if function in event["name"]]
    assert "700ms" in options or shown


def test_short_calls_take_no_snapshot(sandbox):
    script = sandbox.script(SLOW_HANDLER.format(calls=""))
    triggers = ("--keep_snapshot_at", f"{METHOD}>10min", "exception", "killed", "--")
    sandbox.viztracer("--quiet", "-o", "out.json", *triggers, script)
    assert snapshots_of(sandbox, "*") == []


def test_calls_that_a_pause_or_a_stop_ends_take_no_snapshot(sandbox):
    source = """
import time, viztracer
tracer = viztracer.get_tracer()
def handle():
    time.sleep(0.3)
    tracer.stop()
    tracer.start()
    time.sleep(0.1)
handle()
"""
    done = sandbox.viztracer(
        "--quiet", "-o", "out.json", "--keep_snapshot_at", "handle>200ms", "--", sandbox.script(source)
    )
    assert (done.returncode, said(done)) == (0, "")
    assert snapshots_of(sandbox, "*") == []


@pytest.mark.posix("SIGALRM")
def test_no_python_runs_in_the_program_for_a_snapshot(sandbox):
    """Neither does a signal handler of the program run inside of ours, nor is what it raises lost."""
    source = """
import os, signal, time
class Timeout(Exception): pass
def late(signum, frame): raise Timeout
signal.signal(signal.SIGALRM, late)
def handle():
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    deadline = time.perf_counter() + 0.002
    while time.perf_counter() < deadline: pass
raised = 0
for _ in range(200):
    try:
        handle()
        time.sleep(0.01)
    except Timeout:
        raised += 1
print(raised, os.listdir("/proc/self/task") == [str(os.getpid())])
"""
    options = ("--keep_snapshot_at", "handle>100us", "--keep_snapshots", "3")
    done = sandbox.viztracer("--quiet", "-o", "out.json", *options, "--", sandbox.script(source))
    assert (done.returncode, done.stdout) == (0, "200 True\n")
    assert len(snapshots_of(sandbox, "*")) <= 3


def test_what_was_missed_is_said_at_the_end(sandbox):
    """And not before: the line could wait for a reader of stderr, or come into a file of the program."""
    calls = "for _ in range(4): server.handle(0.01); time.sleep(1.1)\nprint('end', file=__import__('sys').stderr)"
    script = sandbox.script(SLOW_HANDLER.format(calls=calls))
    options = ("--keep_snapshot_at", f"{METHOD}>5ms", "--keep_snapshots", "2")
    done = sandbox.viztracer("--quiet", "-o", "out.json", *options, "--", script)
    line = r"end\nviztracer: process \d+: 2 snapshots that were due are not taken \(--keep_snapshots 2\)\n"
    assert re.fullmatch(line, said(done))
    assert len(snapshots_of(sandbox, "*ms_handle")) == 2


def test_slow_calls_at_once_take_one_snapshot_for_each_trigger(sandbox):
    script = sandbox.script(SLOW_HANDLER.format(calls="for _ in range(20): server.handle(0.02)\nother()"))
    options = ("--keep_snapshot_at", "handle>10ms", "other>10ms", "--")
    done = sandbox.viztracer("--quiet", "-o", "out.json", *options, script)
    assert (done.returncode, said(done)) == (0, "")
    assert len(snapshots_of(sandbox, "*ms_handle")) == 1
    assert 1 <= len(snapshots_of(sandbox, "*ms_other")) <= 2


def test_a_slow_call_is_shown_that_began_before_one_of_another_thread(sandbox):
    source = """
import threading, time
def handle(seconds): time.sleep(seconds)
first = threading.Thread(target=handle, args=(2,))
first.start()
handle(0.3)
first.join()
"""
    options = ("--keep_snapshot_at", "handle>200ms", "--")
    sandbox.viztracer("--quiet", "-o", "out.json", *options, sandbox.script(source))
    assert len(snapshots_of(sandbox, "*ms_handle")) == 2


@pytest.mark.posix("removal of the current directory")
def test_a_snapshot_that_cannot_be_written_does_not_count_and_is_said_at_the_end(sandbox):
    source = """
import os, time
def handle(): time.sleep(0.02)
os.mkdir("gone")
os.chdir("gone")
os.rmdir("../gone")
handle()
time.sleep(3)
os.chdir(HERE)
handle()
"""
    script = sandbox.script(source.replace("HERE", repr(str(sandbox.path))))
    options = ("--keep_snapshot_at", "handle>10ms", "--keep_snapshots", "2", "--")
    done = sandbox.viztracer("--quiet", "-o", str(sandbox.path / "out.json"), *options, script)
    line = "viztracer: a snapshot that was due is not written: No such file or directory\n"
    assert (done.returncode, said(done)) == (0, line)
    assert len(snapshots_of(sandbox, "*ms_handle")) == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the interpreter cannot switch off the events of a function")
def test_calls_that_are_waited_for_are_recorded_whatever_they_cost(sandbox):
    source = """
import time
def tick(seconds=0):
    if seconds: time.sleep(seconds)
for _ in range(2_000_000): tick()
tick(0.5)
"""
    options = ("--keep_snapshot_at", "tick>200ms", "--max_overhead", "1%", "--tracer_entries", "100000")
    sandbox.viztracer("--quiet", "-o", "out.json", *options, "--", sandbox.script(source))
    assert len(snapshots_of(sandbox, "*ms_tick")) == 1


KILLED_CHILD = """
import multiprocessing, os, signal, subprocess, sys, time
def work(): [len("x") for _ in range(1000)]
def dies(signum):
    work()
    os.kill(os.getpid(), signum)
    time.sleep(100)
if __name__ == "__main__":
    for signum in (signal.SIGKILL, signal.SIGTERM):
        process = multiprocessing.get_context({method!r}).Process(target=dies, args=(signum,))
        process.start()
        process.join()
        print(process.exitcode)
    sleeps = subprocess.Popen(["sleep", "100"])
    sleeps.kill()
    print(sleeps.wait())
"""


@pytest.mark.posix("SIGKILL")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_was_killed_takes_a_snapshot(sandbox, method):
    """Neither one that was asked to end, nor one that is not traced."""
    script = sandbox.script(KILLED_CHILD.format(method=method))
    done = sandbox.viztracer("--quiet", "-o", "out.json", "--keep_snapshot_at", "killed", "--", script)
    assert (done.returncode, done.stdout) == (0, "-9\n-15\n-9\n")
    (path,) = snapshots_of(sandbox, "*_SIG*")
    killed = path.stem.rpartition("_SIGKILL")[0].rpartition("_")[2]
    report = sandbox.report(path.name)
    assert any(str(event["pid"]) == killed and event["name"].startswith("dies (") for event in tree.spans(report))


HANGS = """
import ctypes, signal
assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
def hangs():
    print("ready", flush=True)
    ctypes.PyDLL(None).read(0, ctypes.create_string_buffer(1), 1)  # with the GIL, as in an extension that hangs
hangs()
print("done")
"""


@pytest.mark.posix("SIGUSR2")
@pytest.mark.parametrize("is_first", [False, True], ids=["", "pid 1"])
def test_a_signal_takes_a_snapshot_of_a_program_that_hangs(sandbox, is_first):
    if is_first and not IS_ROOT:
        pytest.skip("only root makes a PID namespace")
    script = sandbox.script(HANGS)
    command = [BIN / "viztracer", "--quiet", "-o", "out.json", "--keep_snapshot_at", "SIGUSR2", "--", script]
    if is_first:
        command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *command]
    with subprocess.Popen(
        [str(part) for part in command], cwd=sandbox.path, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "ready\n"
        pid = process.pid
        if is_first:
            pid = int((Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text())
        os.kill(pid, signal.SIGUSR2)
        wait_for(lambda: snapshots_of(sandbox, "SIGUSR2"), "the snapshot")
        assert process.communicate("x", timeout=120) == ("done\n", "")
    assert process.returncode == 0
    (path,) = snapshots_of(sandbox, "SIGUSR2")
    assert any(event["name"].startswith("hangs (") for event in tree.spans(sandbox.report(path.name)))


@pytest.mark.posix("SIGUSR1")
def test_a_handler_of_the_program_replaces_a_signal_that_takes_a_snapshot(sandbox):
    source = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
print("end")
"""
    script = sandbox.script(source)
    done = sandbox.viztracer("--quiet", "-o", "out.json", "--keep_snapshot_at", "SIGUSR1", "--", script)
    assert (done.returncode, done.stdout, said(done)) == (0, "handled\nend\n", "")
    assert snapshots_of(sandbox, "*") == []


@pytest.mark.posix("SIGUSR2")
def test_a_signal_that_takes_snapshots_ends_no_process_any_more(sandbox):
    source = """
import os, signal, viztracer
viztracer.get_tracer().stop()
os.kill(os.getpid(), signal.SIGUSR2)
print("end")
"""
    options = ("--keep_snapshot_at", "SIGUSR2", "--")
    done = sandbox.viztracer("--quiet", "-o", "out.json", *options, sandbox.script(source))
    assert (done.returncode, done.stdout) == (0, "end\n")
    assert snapshots_of(sandbox, "*") == []


def test_tracers_that_start_again_take_no_more_snapshots(sandbox):
    """Also in a directory of the user's own, where each process counts for itself."""
    source = """
import time, viztracer
tracer = viztracer.get_tracer()
def handle(): time.sleep(0.02)
for _ in range(4):
    handle()
    tracer.stop()
    tracer.start()
"""
    options = ("--pid_suffix", "--output_dir", "own", "--keep_snapshot_at", "handle>10ms", "--keep_snapshots", "2", "--")
    sandbox.viztracer("--quiet", *options, sandbox.script(source))
    wait_for(lambda: len(snapshots_of(sandbox, "*ms_handle")) == 2, "two snapshots")
