"""For each way to end a process, the exit status is the same as untraced, and every call is in the report."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import tree
from conftest import BIN, Sandbox, heed_interrupts, program
from test_last_acts import has_child, waits_for_a_reader

ENDS = program("ends.py")
HANGS = 120  # seconds; no test waits that long for a program that works

# What is left of a process: a file that was closed in order; a report with open calls; or files that are merged later.
CLOSED, REPORTED, KILLED = "closed", "reported", "killed"

OF_ITSELF = {
    "normally": CLOSED,
    "exception": CLOSED,
    "sys_exit": CLOSED,
    "sigint": CLOSED,  # it becomes a KeyboardInterrupt
    "out_of_memory": CLOSED,
    "out_of_all_memory": CLOSED,
    "sigterm": REPORTED,
    "sighup": REPORTED,
    "sigquit": REPORTED,
    "sigusr1": REPORTED,
    "sigusr2": REPORTED,
    "sigalrm": REPORTED,
    "sigvtalrm": REPORTED,
    "sigprof": REPORTED,
    "sigxcpu": REPORTED,
    "sigpipe": REPORTED,
    "sigkill": KILLED,  # as by the kernel that has run out of memory
    "os_exit": REPORTED,
    "abort": REPORTED,
    "segfault": REPORTED,
    "segfault_told": REPORTED,
    "segfault_sent": REPORTED,
    "sigbus": REPORTED,
    "sigfpe": REPORTED,
    "sigill": REPORTED,
    "execute": KILLED,
}
OF_A_CHILD = OF_ITSELF | {"killed_by_its_parent": KILLED, "terminated_by_its_parent": KILLED}

WORDS = {
    "os_exit": "left by os._exit",
    "execute": "became another program (exec)",
    "abort": "crashed by SIGABRT",
    "terminated_by_its_parent": "ended by SIGTERM",
    **dict.fromkeys(["segfault", "segfault_told", "segfault_sent"], "crashed by SIGSEGV"),
    **dict.fromkeys(["sigkill", "killed_by_its_parent"], "ended without a word"),
    **{f"sig{name}": f"crashed by SIG{name.upper()}" for name in ("bus", "fpe", "ill")},
}


def word(end, has_traced_parent=False):
    """How a process that ends so is said to have ended."""
    if has_traced_parent and "kill" in end:
        return "killed by SIGKILL"
    default = f"ended by {end.upper()}" if OF_A_CHILD[end] == REPORTED else "exited"
    return WORDS.get(end, default)


def assert_word(report, pid, end, has_traced_parent=False):
    (process,) = [process for process in report["viztracer_metadata"]["processes"] if process["pid"] == pid]
    assert process["ending"] == word(end, has_traced_parent)


PROCESSES = ["os.fork", "multiprocessing fork", "multiprocessing spawn", "subprocess"]


# --- each kind of process, each kind of end ---


@pytest.mark.parametrize("end", OF_ITSELF)
def test_first_process(sandbox, end):
    bare = sandbox.python(ENDS, end, preexec_fn=heed_interrupts)
    forget_logs(sandbox)
    with started(sandbox, end) as run:
        stdout, run_stderr = run.communicate(timeout=HANGS)
    assert run.returncode == bare.returncode
    assert stdout.startswith(bare.stdout)
    left = scratch(sandbox, run.pid)
    if OF_ITSELF[end] == KILLED:
        (directory,) = left
        assert (f"merge them with: viztracer-merge {directory} -o " in run_stderr) == (end == "execute")
        assert not (sandbox.path / "result.json").exists()
        report = sandbox.merge(directory)
        shutil.rmtree(directory)
    else:
        assert left == []
        report = sandbox.report("result.json")
        assert f"vizviewer {sandbox.path / 'result.json'}\n" in stdout
    assert_calls(sandbox, report, run.pid)
    assert_word(report, run.pid, end)
    assert_open(report, run.pid, set() if OF_ITSELF[end] == CLOSED else {"<module>", "main", "live", end})


@pytest.fixture(scope="module", params=PROCESSES)
def children(request, tmp_path_factory):
    """A child for each end, of one kind of process: pid and status by end, those without us, and by pid what the one
    report has of each."""
    sandbox = Sandbox(tmp_path_factory.mktemp("children"))
    bare = sandbox.python(ENDS, request.param, *OF_A_CHILD, preexec_fn=heed_interrupts)
    forget_logs(sandbox)
    with started(sandbox, request.param, *OF_A_CHILD) as run:
        stdout, stderr = run.communicate(timeout=HANGS)
    assert (run.returncode, scratch(sandbox, run.pid)) == (0, []), stderr
    report = sandbox.report("result.json")
    events = defaultdict(list)
    for event in report["traceEvents"]:
        events[event["pid"]].append(event)
    reports = {pid: report | {"traceEvents": of_process} for pid, of_process in events.items()}
    return sandbox, told(bare.stdout), told(stdout), reports


@pytest.mark.parametrize("end", OF_A_CHILD)
def test_child(children, end):
    sandbox, bare, traced, reports = children
    pid, status = traced[end]
    report = reports[pid]
    assert status == bare[end][1]
    assert_calls(sandbox, report, pid)
    assert_word(report, pid, end, has_traced_parent=True)
    frame = "killed_by_its_parent" if end == "terminated_by_its_parent" else end
    assert_open(report, pid, set() if OF_A_CHILD[end] == CLOSED else {"live", frame})


def told(stdout):
    """{end: (pid, status)} of what ends.py has printed."""
    lines = re.findall(r"^(\w+) (\d+) (-?\d+)$", stdout, re.MULTILINE)
    return {end: (int(pid), int(status)) for end, pid, status in lines}


def test_pool_that_is_terminated(sandbox):
    script = sandbox.script(
        "import multiprocessing, os, time\n"
        "def work(n): return os.getpid()\n"
        "def wait(n): time.sleep(1000)\n"
        "if __name__ == '__main__':\n"
        "    pool = multiprocessing.get_context('fork').Pool(2)\n"
        "    pids = pool.map(work, range(20), 1)\n"
        "    pool.map_async(wait, range(2), 1)\n"
        "    pool.terminate()\n"
        "    pool.join()\n"
        "    print(*pids)\n"
    )
    done = sandbox.viztracer(script)
    assert done.returncode == 0, done.stderr
    pids = done.stdout.splitlines()[0].split()
    report = sandbox.report("result.json")
    for pid in set(pids):
        assert ended(report, int(pid), "work") == pids.count(pid)


# --- signals to the whole group, and parents that end before their children ---


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("kind", PROCESSES)
def test_signal_to_the_group(sandbox, kind, signum):
    with started(sandbox, "meanwhile", kind, traced=False) as bare:
        ready(bare)
        os.killpg(bare.pid, signum)
        bare.communicate(timeout=HANGS)
    forget_logs(sandbox)
    with started(sandbox, "meanwhile", kind) as run:
        child = ready(run)
        os.killpg(run.pid, signum)
        stderr = run.communicate(timeout=HANGS)[1]
    assert run.returncode == bare.returncode == -signum
    report = sandbox.report("result.json")
    for directory in scratch(sandbox, run.pid):
        assert f"(pid {child})" in stderr  # on a busy machine it takes its time to end
        shutil.rmtree(directory)
    for pid in (run.pid, child):
        assert_calls(sandbox, report, pid, at_most_missing=1)


@pytest.mark.parametrize("kind", PROCESSES)
def test_first_process_killed_before_its_child(sandbox, kind):
    with started(sandbox, "outlive", kind) as run:
        child = ready(run)
        run.kill()
        run.wait(HANGS)
        (directory,) = scratch(sandbox, run.pid)
        (sandbox.path / "go").touch()
        run.communicate(timeout=HANGS)  # until the child has ended, too
    report = sandbox.merge(directory)
    shutil.rmtree(directory)
    assert_calls(sandbox, report, run.pid)
    assert_open(report, run.pid, {"outlive"})
    assert_calls(sandbox, report, child)
    assert_open(report, child, set())


@pytest.mark.parametrize("kind", PROCESSES)
def test_first_process_terminated_before_its_child(sandbox, kind):
    with started(sandbox, "outlive", kind) as run:
        child = ready(run)
        run.terminate()
        assert run.wait(HANGS) == -signal.SIGTERM
        early = sandbox.report("result.json")
        (sandbox.path / "go").touch()
        stderr = run.communicate(timeout=HANGS)[1]  # until the child has ended, too
    assert_calls(sandbox, early, run.pid)
    assert_open(early, run.pid, {"outlive"})
    assert_open(early, child, {"until_go"})
    merge = re.search(rf"still running: .*\(pid {child}\); to merge all of it later: viztracer-merge (.*)", stderr)[1]
    (directory,) = scratch(sandbox, run.pid)
    assert sandbox.viztracer_merge(*shlex.split(merge)).returncode == 0
    shutil.rmtree(directory)
    assert_calls(sandbox, sandbox.report("result.json"), child)


# --- a signal ends the first process, wherever it is ---

LOGS_CALLS = """
import atexit, ctypes, os, select, signal, subprocess, sys, threading, time
def work(): pass
def calls(times=50):
    with open(f"log_{threading.get_native_id()}", "ab", buffering=0) as log:
        while times:
            work()
            log.write(b".")
            times -= 1
def threads():
    for _ in range(3):
        last = threading.Thread(target=calls, args=(-1,), daemon=True)
        last.start()
    return last
calls()
"""
READY = "print('ready', flush=True)\n"
# Where it is, and a call that is certainly open then.
PLACES = {
    "in Python": ("calls(-1)", "calls"),
    "asleep": ("time.sleep(1000)", "time.sleep"),
    "at a lock": ("lock = threading.Lock(); lock.acquire(); lock.acquire()", "<module>"),
    "at its input": ("input()", "builtins.input"),
    "in a system call": ("select.select([sys.stdin], [], [])", "select.select"),
    "waiting for a child": ("subprocess.run(['sleep', '1000'])", "run"),
    "waiting for a thread": ("threads().join()", "<module>"),
    "asleep while threads run": ("threads(); time.sleep(1000)", "<module>"),
    "in native code": ("ctypes.CDLL(None).sleep(1000)", "<module>"),
    "in native code with the GIL": ("ctypes.PyDLL(None).sleep(1000)", "<module>"),
    "at its end": ("atexit.register(time.sleep, 1000); sys.exit()", None),  # of which the main thread is not recorded
}
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("place", PLACES)
def test_a_signal_ends_the_first_process(sandbox, place, signum):
    source, call = PLACES[place]
    script = sandbox.script(f"{LOGS_CALLS}{READY}{source}\n")
    with started(sandbox, path=script) as run:
        ready(run)
        if place == "in Python" or "thread" in place:
            wait_until(lambda: all_count(sandbox, threads=4 if "thread" in place else 1))
        else:
            wait_until(lambda: is_asleep(run.pid))
        run.send_signal(signum)
        assert run.wait(HANGS) == -signum
        report = sandbox.report("result.json")
        assert scratch(sandbox, run.pid) == []
    assert_open(report, run.pid, {"<module>", call} if call else set())
    for log in sandbox.path.glob("log_*"):
        thread = int(log.name.removeprefix("log_"))
        assert abs(ended(report, run.pid, "work", thread) - log.stat().st_size) <= 1


def all_count(sandbox, threads):
    """Whether that many threads have begun to count, and are past what the main thread does first."""
    counts = [log.stat().st_size for log in sandbox.path.glob("log_*")]
    return len(counts) == threads and sum(counts) > 50 + 10 * (threads - 1) and all(counts)


@pytest.mark.parametrize("kind", ["os.fork", "subprocess"])
def test_a_signal_ends_the_first_process_while_it_waits_for_its_children(sandbox, kind):
    with started(sandbox, "leave", kind) as run:
        child = ready(run)
        assert run.stdout.readline().startswith("Wait for child processes to finish")
        run.terminate()
        assert run.wait(HANGS) == -signal.SIGTERM
        report = sandbox.report("result.json")
        (directory,) = scratch(sandbox, run.pid)
        (sandbox.path / "go").touch()
        assert f"(pid {child}); to merge all of it later" in run.communicate(timeout=HANGS)[1]
    shutil.rmtree(directory)
    assert_calls(sandbox, report, run.pid)
    assert_open(report, run.pid, set())
    assert_open(report, child, {"until_go"})


def test_a_signal_ends_the_first_process_while_it_writes_the_report(sandbox):
    """The process waits for a reader of the report's pipe. Another process then writes the whole report."""
    os.mkfifo(sandbox.path / "result.json")
    script = sandbox.script(f"{LOGS_CALLS}{READY}")
    with started(sandbox, path=script) as run:
        ready(run)
        wait_until(lambda: waits_for_a_reader(run.pid))
        run.terminate()
        wait_until(lambda: has_child(run.pid))  # by then, nobody else writes any more
        report = json.loads(sandbox.run("cat", "result.json").stdout)
        assert run.wait(HANGS) == -signal.SIGTERM
    assert_calls(sandbox, report, run.pid)
    assert_open(report, run.pid, set())
    assert scratch(sandbox, run.pid) == []


def test_told_again_and_again(sandbox):
    """The user signals the whole process group again. The report is still written."""
    script = sandbox.script(f"{LOGS_CALLS}for _ in range(4000): work()\n{READY}time.sleep(1000)\n")
    with started(sandbox, path=script) as run:
        ready(run)
        give_up = time.monotonic() + 0.5  # who repeats it after a second does not want to wait any more
        while run.poll() is None and time.monotonic() < give_up:
            os.killpg(run.pid, signal.SIGTERM)
            time.sleep(0.001)
        run.wait(HANGS)
    assert run.returncode == -signal.SIGTERM
    assert ended(sandbox.report("result.json"), run.pid, "work") == 4050
    assert scratch(sandbox, run.pid) == []


def test_a_signal_ends_the_first_process_where_nobody_reads(sandbox):
    """Its output is a full pipe: it ends nevertheless, as it would without us."""
    script = sandbox.script(
        LOGS_CALLS
        + "os.set_blocking(1, False)\n"
        + "try:\n    while True: os.write(1, bytes(4096))\nexcept BlockingIOError: os.set_blocking(1, True)\n"
        + "open('full', 'w').close()\ntime.sleep(1000)\n"
    )
    with started(sandbox, path=script) as run:
        wait_until((sandbox.path / "full").exists)
        run.terminate()
        assert run.wait(HANGS) == -signal.SIGTERM
    assert_calls(sandbox, sandbox.report("result.json"), run.pid)


def test_a_signal_ends_the_first_process_in_a_strange_directory(sandbox):
    """What lies about where the program has gone to, or stands in its environment, is not for us."""
    strange = sandbox.path / "strange"
    strange.mkdir()
    for module in ("os", "glob", "fcntl", "viztracer"):
        (strange / f"{module}.py").write_text("raise SystemExit('strange')\n")
    script = sandbox.script(f"{LOGS_CALLS}os.chdir('strange')\nos.environ.clear()\n{READY}time.sleep(1000)\n")
    env = os.environ | {"PYTHONINSPECT": "1", "PYTHONPROFILEIMPORTTIME": "1", "PYTHONPATH": str(strange / "missing")}
    with started(sandbox, path=script, env=env, options=["--quiet"]) as run:
        ready(run)
        run.stderr.close()
        run.terminate()
        assert run.communicate(timeout=HANGS)[0] == ""
    assert_calls(sandbox, sandbox.report("result.json"), run.pid)


def test_a_signal_ends_the_first_process_quietly(sandbox):
    script = sandbox.script(f"{LOGS_CALLS}{READY}time.sleep(1000)\n")
    with started(sandbox, path=script, options=["--quiet"]) as run:
        ready(run)
        run.terminate()
        assert run.communicate(timeout=HANGS) == ("", "")
    assert_calls(sandbox, sandbox.report("result.json"), run.pid)


def test_a_signal_ends_the_first_process_with_a_report_for_each_process(sandbox):
    with started(sandbox, "outlive", "os.fork", options=["--pid_suffix", "-o", "each.json"]) as run:
        child = ready(run)
        run.terminate()
        assert run.wait(HANGS) == -signal.SIGTERM
        (directory,) = scratch(sandbox, run.pid)
        assert [ring.name for ring in directory.glob("*.bin")] == [f"result_{child}.bin"]
        (sandbox.path / "go").touch()
        run.communicate(timeout=HANGS)
    assert_calls(sandbox, sandbox.merge(directory), child)
    shutil.rmtree(directory)
    assert_calls(sandbox, sandbox.report(f"each_{run.pid}.json"), run.pid)


def test_a_signal_ends_the_first_process_with_ring_files_for_the_user(sandbox):
    with started(sandbox, "outlive", "os.fork", options=["--pid_suffix", "--output_dir", "rings"]) as run:
        child = ready(run)
        run.terminate()
        (sandbox.path / "go").touch()
        run.communicate(timeout=HANGS)
    assert run.returncode == -signal.SIGTERM
    assert sorted(ring.name for ring in (sandbox.path / "rings").iterdir()) == sorted(
        f"result_{pid}.bin" for pid in (run.pid, child)
    )


# --- what the program itself has decided about signals ---


@pytest.mark.parametrize(
    ("decision", "status"),
    [("lambda *_: sys.exit(5)", 5), ("signal.SIG_IGN", 0), ("signal.SIG_DFL", -signal.SIGTERM)],
)
def test_the_programs_own_decision_holds(sandbox, decision, status):
    """Also the default action, set by the program: it ends the process as it would without us, with a report."""
    end = f"signal.signal(signal.SIGTERM, {decision})\nos.kill(os.getpid(), signal.SIGTERM)\n"
    with started(sandbox, path=sandbox.script(LOGS_CALLS + end)) as run:
        run.communicate(timeout=HANGS)
    assert run.returncode == status
    assert scratch(sandbox, run.pid) == []
    assert_calls(sandbox, sandbox.report("result.json"), run.pid)


def test_a_signal_that_is_ignored_from_the_start_stays_ignored(sandbox):
    """As by nohup."""
    script = sandbox.script(LOGS_CALLS + "os.kill(os.getpid(), signal.SIGHUP)\n")
    with started(sandbox, path=script, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as run:
        run.communicate(timeout=HANGS)
    assert run.returncode == 0
    assert_open(sandbox.report("result.json"), run.pid, set())


def test_children_that_outlive_the_program_get_their_own_reports(sandbox):
    with started(sandbox, "leave", "os.fork", options=["--pid_suffix", "-o", "each.json"]) as run:
        child = ready(run)
        assert run.stdout.readline().startswith("Wait for child processes to finish")
        (sandbox.path / "go").touch()
        stderr = run.communicate(timeout=HANGS)[1]
    assert (run.returncode, stderr, scratch(sandbox, run.pid)) == (0, "", [])
    for pid in (run.pid, child):
        assert_calls(sandbox, sandbox.report(f"each_{pid}.json"), pid)


# --- harness ---


@contextmanager
def started(sandbox, *arguments, traced=True, options=(), path=ENDS, **popen):
    """A running program, its output in pipes; in the end, it and whatever it has started are killed."""
    command = [BIN / "viztracer", *options, "--"] if traced else [sys.executable]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    settings = {"text": True, "cwd": sandbox.path, "preexec_fn": heed_interrupts, "start_new_session": True, **pipes}
    with subprocess.Popen([*command, path, *arguments], **settings | popen) as run:
        try:
            yield run
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


def ready(run):
    """Wait until the program is ready; return the pid that it prints."""
    line = run.stdout.readline()
    assert line.startswith("ready"), line + run.stderr.read()
    return int(line.split()[1]) if line != "ready\n" else None


def scratch(sandbox, pid):
    """The directories of ring files that the run of this first process has left."""
    return [*Path("/dev/shm").glob(f"viztracer_{pid}_*"), *sandbox.path.glob("viztracer_*")]


def wait_until(condition):
    give_up = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < give_up, "the program hangs"
        time.sleep(0.001)


def is_asleep(pid):
    """Whether the main thread waits for something."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def forget_logs(sandbox):
    for log in sandbox.path.glob("log_*"):
        log.unlink()


def ended(report, pid, function, thread=None):
    """How many calls of the function have ended in the process, or in one thread of it."""
    spans = [event for event in tree.spans(report) if event["pid"] == pid and thread in (None, event["tid"])]
    return sum(event["name"].startswith(f"{function} (") and not is_open(event) for event in spans)


def is_open(event):
    return bool((event.get("args") or {}).get("unfinished"))


def assert_calls(sandbox, report, pid, at_most_missing=0):
    """The process counts a call after it; so the report may also know one more than it has counted."""
    counted = (sandbox.path / f"log_{pid}").stat().st_size
    shown = ended(report, pid, "work")
    assert counted - at_most_missing <= shown <= counted + at_most_missing
    assert counted >= 50


def assert_open(report, pid, functions):
    """These calls are open, or none at all; their callees and callers may be, too."""
    names = {event["name"].partition(" (")[0] for event in tree.spans(report) if event["pid"] == pid and is_open(event)}
    assert functions <= names and (functions or not names)
