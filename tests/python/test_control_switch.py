"""`viztracer-ctl pause | resume | stop | mark`: switches all processes of a session, whatever they do just then."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import BIN, SHARED_MEMORY
from test_control import NOBODY, Control, as_root, blocks, kill, wait_for
from viztracer.sessions import discovery, status

TREE = """\
import os, pathlib, subprocess, sys, threading, time

def work():
    return 1

def main(name):
    pathlib.Path(f"up_{name}").touch()
    while not os.path.exists("go"):
        work()
        time.sleep(0.005)

if __name__ == "__main__":
    import multiprocessing
    if sys.argv[1:]:
        main(sys.argv[1])
    else:
        child = subprocess.Popen([sys.executable, __file__, "started"])
        forked = os.fork()
        if forked == 0:
            main("forked")
            os._exit(0)
        spawned = multiprocessing.get_context("spawn").Process(target=main, args=("spawned",))
        spawned.start()
        threads = [threading.Thread(target=main, args=(f"thread{number}",)) for number in range(2)]
        for thread in threads:
            thread.start()
        main("first")
        for thread in threads:
            thread.join()
        spawned.join(), child.wait(), os.waitpid(forked, 0)
"""
UP = ["first", "started", "forked", "spawned", "thread0", "thread1"]


@pytest.fixture(autouse=True)
def alone(own_shared_memory):
    if not own_shared_memory:
        pytest.skip("these tests switch the only session of this user, so they need a /dev/shm of their own")


class Switch(Control):
    """Runs `viztracer-ctl`, and looks at what the processes of the only session do."""

    def processes(self):
        """By id, the living processes, each as (whether it is paused, its events)."""
        (session,) = status.look([session for session in discovery.find() if session.is_living], 0.02)
        files = [file for file in session.document()["ring_files"] if file["state"] == "living"]
        return {file["pid"]: (file["paused"], file["events"]) for file in files}

    def state(self):
        (session,) = (session for session in self.sessions() if session["state"] == "living")
        return session["switch"]

    def wait_until_all(self, paused, count=None):
        def are():
            found = self.processes()
            is_complete = count is None or len(found) == count
            return is_complete and found and all(is_paused == paused for is_paused, _ in found.values())

        wait_for(are, f"paused {paused}")

    def wait_until_all_record(self, of=None):
        """Wait until each of the processes has recorded something new."""
        before = self.processes()

        def do():
            now = self.processes()
            return all(now.get(pid, (False, 0))[1] > before[pid][1] for pid in before if of is None or pid in of)

        wait_for(do, "all record")

    def end(self, process):
        (self.sandbox.path / "go").touch()
        error = process.communicate(timeout=60)[1]
        assert (process.returncode, error) == (0, "")

    def report(self):
        return self.sandbox.report("out.json")["traceEvents"]


@pytest.fixture
def switch(sandbox):
    return Switch(sandbox)


def instants(events, name):
    """The instants of this name: by process, their times."""
    found = {}
    for event in events:
        if event["ph"] == "i" and event["name"] == name:
            found.setdefault(event["pid"], []).append(event["ts"])
    return found


def calls(events, name="work"):
    return [event for event in events if event["ph"] == "X" and event["name"].startswith(name + " (")]


def python(body):
    """A program whose function `work` is called until `go` exists."""
    head = """\
        import os, pathlib, sys, threading, time

        def work():
            return 1

        def is_there(name):
            return os.path.exists(name)

        def work_until(name):
            while not is_there(name):
                work()
                time.sleep(0.005)

        """
    return textwrap.dedent(head) + textwrap.dedent(body)


def test_the_session_that_the_user_has_not_named_is_shown_with_its_command(switch):
    with switch.running(source=python("pathlib.Path('up_first').touch()\nwork_until('go')\n"), up=["first"]) as process:
        (session,) = switch.sessions()
        id, shown = session["id"], f"{session['id']} (python viztracer --quiet -o out.json -- "
        for command, word in (("pause", "paused"), ("resume", "recording"), ("mark here", "marked here")):
            named_by_us = switch(*command.split()).stdout
            assert named_by_us.startswith(shown) and named_by_us.endswith(f"): {word}\n")
            already = " already" * (command != "mark here")
            assert switch(*command.split(), id[:5]).stdout == f"{id}: {word}{already}\n"
        taken = switch("snapshot", "-o", "a.json")
        assert taken.stderr.startswith(f"viztracer-ctl: snapshot of {shown}") and taken.stdout.startswith("a.json\n")
        assert switch("snapshot", id, "-o", "b.json").stderr == ""
        switch.end(process)


def test_a_mark_without_a_name(switch):
    with switch.running(source=python("pathlib.Path('up_first').touch()\nwork_until('go')\n"), up=["first"]) as process:
        (session,) = switch.sessions()
        for word in (session["id"], session["id"][:4].upper()):
            says = f"{word} is a session, and the name of the mark is missing: viztracer-ctl mark NAME {word}\n"
            assert switch("mark", word, status=1).stderr == f"viztracer-ctl: {says}"
        switch("mark", session["id"], session["id"])  # as it has a name
        switch("mark", session["id"][:3])
        switch.end(process)


def test_a_tree_pauses_and_resumes(switch):
    with switch.running(source=TREE, up=UP) as process:
        assert switch("pause").stdout.endswith(": paused\n")
        switch.wait_until_all(paused=True, count=4)
        assert switch.state() == "paused"
        assert "paused" in switch("list").stdout and "living, paused" in switch("status").stdout
        before = switch.processes()
        switch("status")  # which looks for a second
        assert switch.processes() == before
        assert switch("pause").stdout.endswith(": paused already\n")
        assert switch("resume").stdout.endswith(": recording\n")
        switch.wait_until_all(paused=False, count=4)
        switch.wait_until_all_record()
        assert switch.state() == "recording"
        switch.end(process)
    events = switch.report()
    paused, resumed = instants(events, "paused"), instants(events, "resumed")
    pids = {event["pid"] for event in calls(events)}
    assert set(paused) == set(resumed) == pids and len(pids) == 4
    for pid in pids:
        (begin,), (end,) = paused[pid], resumed[pid]
        assert begin < end
        own = [call for call in calls(events) if call["pid"] == pid]
        inside = [call for call in own if call["ts"] > begin and call["ts"] + call["dur"] < end]
        assert inside == [] and any(call["ts"] < begin for call in own) and any(call["ts"] > end for call in own)
        # What was open at the pause does not seem to have gone on.
        across = [e for e in events if e["ph"] == "X" and e["pid"] == pid and e["ts"] < begin < e["ts"] + e["dur"]]
        assert [e for e in across if e["ts"] + e["dur"] > end] == []


def test_the_threads_of_a_paused_process_are_those_of_the_program_and_one_that_sleeps(switch):
    with switch.running(source=python("pathlib.Path('up_first').touch()\nwork_until('go')"), up=["first"]) as process:
        def names():
            return [pathlib.Path(task.path, "comm").read_text() for task in os.scandir(f"/proc/{process.pid}/task")]

        assert "viztracer\n" not in names()[1:]
        switch("pause")
        switch.wait_until_all(paused=True)
        assert len(names()) == 2
        (watcher,) = (t.name for t in os.scandir(f"/proc/{process.pid}/task") if t.name != str(process.pid))
        status = open(f"/proc/{process.pid}/task/{watcher}/status").read()  # noqa: SIM115
        blocked = int(status.split("SigBlk:")[1].split()[0], 16)
        assert not any(not blocked >> number - 1 & 1 for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM))
        switch("resume")
        switch.wait_until_all(paused=False)
        wait_for(lambda: len(names()) == 1, "the thread has ended")
        switch.end(process)


def test_new_processes_start_in_the_state_of_the_session(switch):
    body = """\
        import subprocess
        if sys.argv[1:]:
            work_until(f"go_{sys.argv[1]}")
            sys.exit()
        pathlib.Path('up_first').touch()
        work_until('begin')
        child = subprocess.Popen([sys.executable, '-W', 'error', __file__, 'started'])
        import warnings
        warnings.simplefilter('error')
        forked = os.fork()
        if forked == 0:
            pathlib.Path('up_forked').touch()
            work_until('go_forked')
            os._exit(0)
        work_until('go')
        for name in ('forked', 'started'):
            pathlib.Path(f'go_{name}').touch()
        child.wait(), os.waitpid(forked, 0)
        """
    with switch.running(source=python(body), up=["first"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True, count=1)
        (switch.sandbox.path / "begin").touch()
        wait_for((switch.sandbox.path / "up_forked").exists, "the fork")
        switch.wait_until_all(paused=True, count=3)
        before = switch.processes()
        switch("status")
        assert switch.processes() == before
        switch("resume")
        switch.wait_until_all(paused=False, count=3)
        switch.wait_until_all_record()
        switch.end(process)
    assert len({call["pid"] for call in calls(switch.report())}) == 3


def test_a_process_that_sleeps_follows_when_it_wakes(switch):
    """A process that is blocked in C code, and then stopped by a signal, when the switch comes."""
    body = """\
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.close(writing)
            pathlib.Path('up_blocked').touch()
            os.read(reading, 1)
            work_until('go')
            os._exit(0)
        pathlib.Path('up_first').touch()
        work_until('wake')
        os.write(writing, b'x')
        work_until('go')
        os.wait()
        """
    with switch.running(source=python(body), up=["first", "blocked"]) as process:
        switch("pause")
        wait_for(lambda: switch.processes()[process.pid][0], "the first one pauses")
        assert [paused for pid, (paused, _) in switch.processes().items() if pid != process.pid] == [False]
        os.kill(process.pid, signal.SIGSTOP)
        switch("resume")
        assert switch.processes()[process.pid][0]
        os.kill(process.pid, signal.SIGCONT)
        switch.wait_until_all(paused=False)
        switch("pause")
        wait_for(lambda: switch.processes()[process.pid][0], "the first one pauses")
        (switch.sandbox.path / "wake").touch()
        switch.wait_until_all(paused=True, count=2)
        switch("resume")
        switch.wait_until_all(paused=False, count=2)
        switch.wait_until_all_record()
        switch.end(process)


def test_a_main_thread_that_is_blocked_does_not_delay_the_resume(switch):
    body = """\
        thread = threading.Thread(target=work_until, args=('go',))
        thread.start()
        pathlib.Path('up_first').touch()
        thread.join()
        """
    with switch.running(source=python(body), up=["first"]) as process:
        for _ in range(3):
            switch("pause")
            switch.wait_until_all(paused=True)
            switch("resume")
            switch.wait_until_all(paused=False)
            switch.wait_until_all_record()
        switch.end(process)


OPTIONS = ["--log_func_retval", "--log_func_args", "--log_async", "--max_stack_depth=1", "--ignore_c_function"]


@pytest.mark.parametrize("option", OPTIONS)
def test_recordings_of_every_kind_pause_and_resume(switch, option):
    body = """\
        import asyncio

        async def wait():
            work()
            await asyncio.sleep(0.002)

        async def main():
            while not is_there('go'):
                await asyncio.gather(wait(), wait())

        pathlib.Path('up_first').touch()
        asyncio.run(main())
        """
    with switch.running(option, source=python(body), up=["first"]) as process:
        for _ in range(2):
            switch("pause")
            switch.wait_until_all(paused=True)
            switch("resume")
            switch.wait_until_all(paused=False)
            switch.wait_until_all_record()
        switch.end(process)
    events = switch.report()
    (begin, *_), (*_, end) = instants(events, "paused")[process.pid], instants(events, "resumed")[process.pid]
    starts = [event["ts"] for event in events if event["ph"] == "X"]
    # Of calls that are open all the time, only the first is not too deep. After a pause, depth counts from what is new.
    assert (min(starts) < begin or "depth" in option) and max(starts) > end


UNMATCHED = {
    "arguments": ["--log_func_args", "--ignore_c_function"],
    "arguments of C functions": ["--log_func_args"],
    "short calls": ["--log_func_retval", "--ignore_c_function", "--min_duration", "1ms"],
}


@pytest.mark.parametrize("options", UNMATCHED.values(), ids=UNMATCHED)
def test_a_program_follows_whose_calls_all_end_out_of_line(switch, options):
    body = """\
        def work_with(number):
            return [number]

        def main():
            while not os.access('go', os.F_OK):
                work_with(1)

        pathlib.Path('up_first').touch()
        main()
        """
    with switch.running(*options, source=python(body), up=["first"]) as process:
        for _ in range(2):
            switch("mark", "here")
            switch("pause")
            switch.wait_until_all(paused=True)
            switch("resume")
            switch.wait_until_all(paused=False)
        switch("stop")
        wait_for(lambda: not switch.processes(), "the file is sealed")
        switch.end(process)
    assert instants(switch.report(), "here")


def test_blocks_that_end_during_a_pause_are_not_recorded_any_more(switch):
    body = """\
        from viztracer import log_sparse

        @log_sparse(stack_depth=5)
        def block(up, end):
            pathlib.Path(up).touch()
            work_until(end)

        def outside():
            return 1

        thread = threading.Thread(target=block, args=('up_thread', 'go'))
        thread.start()
        block('up_first', 'leave')
        pathlib.Path('left').touch()
        while not os.path.exists('go'):
            outside()
            time.sleep(0.001)
        thread.join()
        """
    with switch.running("--log_sparse", source=python(body), up=["first", "thread"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (switch.sandbox.path / "leave").touch()
        wait_for((switch.sandbox.path / "left").exists, "the end of the block")
        switch("resume")
        switch.wait_until_all(paused=False)
        switch.wait_until_all_record()
        switch.end(process)
    events = switch.report()
    assert calls(events) and not calls(events, "outside")


def test_the_program_gets_the_lowest_descriptor_during_a_pause(switch):
    body = """\
        pathlib.Path('up_first').touch()
        work_until('begin')
        end = time.monotonic() + 1
        while time.monotonic() < end:
            os.close(0)
            assert os.open('/dev/null', os.O_RDONLY) == 0
        os.closerange(3, 1000)
        work_until('go')
        """
    with switch.running(source=python(body), up=["first"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (switch.sandbox.path / "begin").touch()
        time.sleep(1.2)
        switch("resume")
        switch.wait_until_all(paused=False)
        switch.wait_until_all_record()
        switch.end(process)


def test_threads_that_end_during_a_pause_have_their_names(switch):
    body = """\
        def main():
            work()
            threading.current_thread().name = 'renamed'
            pathlib.Path('up_first').touch()
            work_until('end')
            threading.current_thread().name = 'renamed twice'

        thread = threading.Thread(target=main)
        thread.start()
        thread.join()
        pathlib.Path('ended').touch()
        work_until('go')
        """
    with switch.running(source=python(body), up=["first"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (switch.sandbox.path / "end").touch()
        wait_for((switch.sandbox.path / "ended").exists, "the end of the thread")
        switch.end(process)
    names = {event["args"]["name"] for event in switch.report() if event["name"] == "thread_name"}
    assert names == {"MainThread", "renamed twice"}


def test_a_child_that_is_about_to_exec_has_one_thread(switch):
    """As `unshare(CLONE_NEWUSER)` wants it."""
    body = """\
        import subprocess

        def prepare():
            for _ in range(100):
                work()
            assert len(os.listdir('/proc/self/task')) == 1

        pathlib.Path('up_first').touch()
        work_until('begin')
        for _ in range(20):
            subprocess.run(['true'], preexec_fn=prepare, check=True)
        pathlib.Path('done').touch()
        work_until('go')
        """
    with switch.running(source=python(body), up=["first"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (switch.sandbox.path / "begin").touch()
        wait_for(lambda: (switch.sandbox.path / "done").exists() or process.poll() is not None, "the children")
        switch.end(process)


def enters_a_namespace():
    command = [sys.executable, "-c", "import os; os.unshare(os.CLONE_NEWUSER)"]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def test_a_paused_process_enters_a_user_namespace(switch):
    if not enters_a_namespace():
        pytest.skip("this Python has no os.unshare, or this user may not enter a user namespace")
    body = """\
        pathlib.Path('up_first').touch()
        work_until('begin')
        os.unshare(os.CLONE_NEWUSER)
        work_until('go')
        """
    with switch.running(source=python(body), up=["first"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (switch.sandbox.path / "begin").touch()
        namespace = lambda pid: os.readlink(f"/proc/{pid}/ns/user")  # noqa: E731
        wait_for(lambda: process.poll() is not None or namespace(process.pid) != namespace("self"), "the namespace")
        switch("resume")
        switch.wait_until_all(paused=False)
        switch.end(process)


ENDINGS = {
    "return": ("", 0),
    "exit": ("sys.exit(7)", 7),
    "left": ("os._exit(8)", 8),
    "raise": ("raise ValueError('mine')", 1),
    "daemon": ("threading.Thread(target=lambda: [work(), threading.Event().wait()], daemon=True).start()", 0),
    "signal": ("os.kill(os.getpid(), 9)", -9),
    "exec": ("os.execv(sys.executable, [sys.executable, '-c', 'raise SystemExit(9)'])", 9),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_ends_while_it_is_paused_as_always(switch, ending):
    what, status = ENDINGS[ending]
    body = f"""\
        import atexit
        atexit.register(lambda: [work() for _ in range(10)])
        pathlib.Path('up_first').touch()
        work_until('end')
        {what}
        """
    prefix = ["env", "PYTHONWARNINGS=error", "PYTHONDEVMODE=1"]
    with switch.running(source=python(body), up=["first"], prefix=prefix) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (switch.sandbox.path / "end").touch()
        error = process.communicate(timeout=60)[1]
        assert process.returncode == status
        assert ("mine" in error) if ending == "raise" else (error == "" or ending == "signal")
    if ending not in ("signal", "left"):
        assert calls(switch.report())


def test_forks_while_paused_warn_of_no_thread(switch):
    """From CPython 3.12 on, `fork` warns if the process has other threads; ours is none of the program's."""
    body = """\
        import warnings
        warnings.simplefilter('error')
        pathlib.Path('up_first').touch()
        work_until('fork')
        for _ in range(200):
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        pathlib.Path('forked').touch()
        work_until('go')
        """
    with switch.running(source=python(body), up=["first"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (switch.sandbox.path / "fork").touch()
        wait_for(lambda: (switch.sandbox.path / "forked").exists() or process.poll() is not None, "the forks")
        switch("resume")
        switch.wait_until_all(paused=False)
        switch.wait_until_all_record()
        switch.end(process)


def test_garbage_in_the_block_changes_nothing(switch):
    with switch.running(source=python("pathlib.Path('up_first').touch()\nwork_until('go')"), up=["first"]) as process:
        (session,) = switch.sessions()
        (block,) = blocks(session)
        for garbage in (b"\xff" * 736, b"\x07" + bytes(735), b"\x03\x01\x02\x04" * 184):
            with block.open("r+b") as file:
                file.seek(288)
                file.write(garbage)
            switch.wait_until_all_record()
            switch.wait_until_all(paused=False)
        block.chmod(0o644)  # not ours alone any more
        with block.open("r+b") as file:
            file.seek(288)
            file.write(b"\x01" + bytes(735))
        switch.wait_until_all_record()
        block.chmod(0o600)
        switch.wait_until_all(paused=True)
        switch("resume")
        switch.wait_until_all(paused=False)
        os.truncate(block, 100)
        switch.wait_until_all_record()
        block.unlink()
        switch.wait_until_all_record()
        switch.end(process)
    assert len(calls(switch.report())) > 0


def is_lost(pid):
    return f"viztracer: process {pid} stays paused as long as it cannot read the control block of its session: "


def test_a_process_stays_paused_as_long_as_the_block_is_gone(switch):
    with switch.running(source=python("pathlib.Path('up_first').touch()\nwork_until('go')"), up=["first"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (session,) = switch.sessions()
        (block,) = blocks(session)
        content = block.read_bytes()
        block.unlink()
        refused = switch("resume", status=1)
        assert f"session {session['id']} has no control block" in refused.stderr
        assert process.stderr.readline().startswith(is_lost(process.pid))
        block.touch(mode=0o600)
        content = bytearray(content)
        content[288:296] = bytes(8)  # record
        block.write_bytes(content)
        switch.wait_until_all(paused=False)
        switch.wait_until_all_record()
        switch.end(process)
    assert calls(switch.report())


@as_root
def test_a_process_that_is_another_user_for_a_time_resumes(switch):
    body = f"""\
        pathlib.Path('up_first').touch()
        work_until('change')
        os.seteuid({NOBODY})
        time.sleep(3)
        os.seteuid(0)
        work_until('go')
        """
    with switch.running(source=python(body), up=["first"]) as process:
        switch("pause")
        switch.wait_until_all(paused=True)
        (switch.sandbox.path / "change").touch()
        status = pathlib.Path(f"/proc/{process.pid}/status")
        wait_for(lambda: f"Uid:\t0\t{NOBODY}\t" in status.read_text(), "the change of the user")
        time.sleep(0.1)
        switch("resume")
        switch.wait_until_all(paused=False)
        switch.wait_until_all_record()
        switch.end(process)


def test_a_process_that_can_have_no_thread_says_once_that_it_cannot_pause(switch):
    body = """\
        import resource
        (size,) = (int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmSize'))
        resource.setrlimit(resource.RLIMIT_AS, ((size + 300) << 10, resource.RLIM_INFINITY))
        pathlib.Path('up_first').touch()
        work_until('lift')
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        work_until('go')
        """
    with switch.running(source=python(body), up=["first"]) as process:
        switch("pause")
        assert process.stderr.readline().startswith(f"viztracer: process {process.pid} cannot pause or resume: ")
        switch.wait_until_all_record()  # some looks later
        switch.wait_until_all_record()
        (switch.sandbox.path / "lift").touch()
        switch.wait_until_all(paused=True)
        switch.end(process)


def test_the_program_switches_its_tracer_while_the_session_is_paused(switch):
    """`start` counts as started, `enable` stays what the program has set, and `save` works."""
    body = """\
        from viztracer import VizTracer
        tracer = VizTracer(verbose=0, output_file='inline.json')
        tracer.start()
        pathlib.Path('up_first').touch()
        work_until('change')
        assert tracer.enable
        tracer.stop()
        assert not tracer.enable
        tracer.start()
        assert tracer.enable
        tracer.log_instant('not recorded')
        tracer.save('first.json')
        assert tracer.enable
        pathlib.Path('changed').touch()
        work_until('go')
        tracer.stop()
        tracer.save()
        """
    script = switch.sandbox.script(python(body), "inline.py")
    path = switch.sandbox.path
    with subprocess.Popen([sys.executable, script], cwd=path, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for((path / "up_first").exists, "start")
            switch("pause")
            switch.wait_until_all(paused=True)
            (path / "change").touch()
            wait_for(lambda: (path / "changed").exists() or process.poll() is not None, "change")
            assert process.poll() is None, process.stderr.read()
            switch.wait_until_all(paused=True)  # what it began after the save is another session, in the same state
            switch("resume")
            switch.wait_until_all(paused=False)
            switch.wait_until_all_record()
            (path / "go").touch()
            assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
        finally:
            process.kill()
    first, last = (json.loads((path / name).read_text())["traceEvents"] for name in ("first.json", "inline.json"))
    assert calls(first) and calls(last) and not instants(first, "not recorded")


def test_a_stopped_session_records_nothing_more_and_has_its_report(switch):
    with switch.running(source=TREE, up=UP) as process:
        switch.wait_until_all_record()
        switch("pause")
        switch.wait_until_all(paused=True, count=4)
        switch("resume")
        switch.wait_until_all(paused=False, count=4)
        assert switch("stop").stdout.endswith(": stopped\n")
        files = lambda: switch.json("status")["sessions"][0]["ring_files"]  # noqa: E731
        wait_for(lambda: all(file["state"] == "sealed" for file in files()), "all close their files")
        before = [file["events"] for file in files()]
        assert len(before) == 4 and [file["events"] for file in files()] == before
        assert switch.state() == "stopped"
        for command in ("pause", "resume", "mark x"):
            assert "has stopped; its files are closed" in switch(*command.split(), status=1).stderr
        assert switch("stop").stdout.endswith(": stopped already\n")
        switch.end(process)
    events = switch.report()
    assert len({call["pid"] for call in calls(events)}) == 4


def test_a_program_stops_its_tracer_after_its_session_was_stopped(switch):
    body = """\
        import gc
        from viztracer import VizTracer
        own = print
        tracer = VizTracer(verbose=0, log_print=True, log_gc=True, output_file='inline.json')
        tracer.start()
        assert print is not own and gc.callbacks
        pathlib.Path('up_first').touch()
        work_until('go')
        tracer.stop()
        assert print is own and not gc.callbacks
        tracer.save()
        """
    script = switch.sandbox.script(python(body), "inline.py")
    path = switch.sandbox.path
    with subprocess.Popen([sys.executable, script], cwd=path, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for((path / "up_first").exists, "start")
            switch("stop")
            wait_for(lambda: not switch.processes(), "the file is sealed")
            (path / "go").touch()
            assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
        finally:
            process.kill()


def test_a_paused_session_stops(switch):
    with switch.running(source=TREE, up=UP) as process:
        switch("pause")
        switch.wait_until_all(paused=True, count=4)
        switch("stop")
        files = lambda: switch.json("status")["sessions"][0]["ring_files"]  # noqa: E731
        wait_for(lambda: all(file["state"] == "sealed" for file in files()), "all close their files")
        switch.end(process)
    assert len({call["pid"] for call in calls(switch.report())}) == 4


def test_a_mark_has_the_same_time_in_all_processes(switch):
    with switch.running(source=TREE, up=UP) as process:
        assert switch("mark", "versión 2").stdout.endswith(": marked 'versión 2'\n")
        switch.wait_until_all_record()
        switch("pause")
        switch.wait_until_all(paused=True, count=4)
        switch("mark", "while paused")
        switch("resume")
        switch.wait_until_all(paused=False, count=4)
        switch.wait_until_all_record()
        for number in range(10):  # processes follow every 20 ms, and the block holds 8
            switch("mark", f"number {number}")
        switch.wait_until_all_record()
        switch.end(process)
    events = switch.report()
    pids = {event["pid"] for event in calls(events)}
    for name in ("versión 2", "while paused", "number 9"):
        found = instants(events, name)
        assert set(found) == pids and len(pids) == 4, name
        times = [time for (time,) in found.values()]
        assert max(times) - min(times) < 1000, times  # us; each process has its own clock readings


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_marks_need_a_short_name(switch, name):
    assert "the name of a mark has 1 to 64 bytes" in switch("mark", name, status=2).stderr


def test_what_cannot_be_switched_is_said(switch):
    assert "no living session; runs with --pid_suffix" in switch("pause", status=1).stderr
    assert "no session begins with abc" in switch("resume", "abc", status=1).stderr
    dead = switch.killed()
    assert f"session {dead['id']} is dead" in switch("stop", dead["id"], status=1).stderr
    with switch.running() as first, switch.running() as second:
        assert "2 sessions live: name one of" in switch("pause", status=1).stderr
        ids = [session["id"] for session in switch.sessions() if session["state"] == "living"]
        assert switch.json("pause", ids[0]) == {"id": ids[0], "switch": "paused", "changed": True}
        shown = {session["id"]: session["switch"] for session in switch.sessions() if session["id"] in ids}
        assert shown == {ids[0]: "paused", ids[1]: "recording"}
        kill(first), kill(second)


def test_printed_text_is_printed_while_paused(switch):
    body = """\
        pathlib.Path('up_first').touch()
        work_until('print')
        print('printed', flush=True)
        pathlib.Path('printed').touch()
        work_until('go')
        """
    script = switch.sandbox.script(python(body), "busy.py")
    command = [BIN / "viztracer", "--quiet", "--log_print", "-o", "out.json", script]
    path = switch.sandbox.path
    with subprocess.Popen(command, cwd=path, stdout=subprocess.PIPE, text=True) as process:
        wait_for((path / "up_first").exists, "start")
        switch("pause")
        switch.wait_until_all(paused=True)
        (path / "print").touch()
        wait_for((path / "printed").exists, "print")
        (path / "go").touch()
        assert process.communicate(timeout=60)[0] == "printed\n"
    assert not any("control" in path.name for path in SHARED_MEMORY.iterdir())
