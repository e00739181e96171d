"""The last action of a process: its ring file records it, and the run has a report or prints how to get one."""

import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
import venv
from contextlib import suppress
from pathlib import Path

import pytest
import tree
from conftest import BIN, START_METHODS, heed_interrupts, library

HANGS = 120  # seconds


def processes(report):
    """{name: ending} of the processes of a report."""
    return {process["name"]: process["ending"] for process in report["viztracer_metadata"]["processes"]}


def endings(report):
    return [process["ending"] for process in report["viztracer_metadata"]["processes"]]


def called(report):
    return [event["name"].partition(" (")[0] for event in tree.spans(report)]


def left():
    """What runs have left in shared memory."""
    return set(Path("/dev/shm").glob("viztracer_*"))


def start(sandbox, *command, **popen):
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    settings = {"text": True, "cwd": sandbox.path, "preexec_fn": heed_interrupts, "start_new_session": True, **pipes}
    return subprocess.Popen([BIN / "viztracer", *command], **settings | popen)


def end(run):
    with suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def wait_until(condition):
    give_up = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def has_child(pid):
    """Whether the main thread of a process has started another one."""
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def waits_for_a_reader(pid):
    """Whether the main thread of a process sleeps (in `nanosleep` or `clock_nanosleep`).

    It does between two attempts to open a report that is a pipe.
    """
    return Path(f"/proc/{pid}/syscall").read_text().split()[0] in ("35", "230")


# --- signals ---

RERAISED = """
import os, signal, time
def serve():
    stop = []
    former = signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    os.kill(os.getpid(), signal.SIGTERM)
    while not stop: time.sleep(0.01)
    signal.signal(signal.SIGTERM, former)
    signal.raise_signal(signal.SIGTERM)
serve()
"""


@pytest.mark.parametrize("options", [[], ["--ignore_c_function"]])
def test_a_signal_that_the_program_handles_and_raises_again(sandbox, options):
    """As uvicorn and hypercorn do."""
    done = sandbox.viztracer(*options, "-o", "r.json", sandbox.script(RERAISED))
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
    assert "serve" in called(sandbox.report("r.json"))
    assert endings(sandbox.report("r.json")) == ["ended by SIGTERM"]


def test_what_the_program_sees_of_signals(sandbox):
    script = sandbox.script(
        "import os, signal\n"
        "print([signal.getsignal(n) for n in signal.valid_signals()])\n"
        "print(os._exit, os._exit.__name__, os._exit.__self__, signal.signal(signal.SIGUSR1, signal.SIG_DFL))\n"
        "for call in (lambda: os._exit('x'), lambda: os._exit(1 << 80), lambda: os._exit(), lambda: os.execv('/no',"
        " ['a']),\n"
        "             lambda: os.execve('/no', ['a'], {}), lambda: signal.signal(0, 0), lambda: os.execv(),\n"
        "             lambda: os._exit(bogus=1), lambda: os._exit(1, status=2), lambda: os.execv('/tmp', ['a'])):\n"
        "    try: call()\n"
        "    except Exception as error: print(repr(error))\n"
    )
    bare, done = sandbox.python(script), sandbox.viztracer("--quiet", script)
    assert (done.stdout, done.stderr, done.returncode) == (bare.stdout, bare.stderr, bare.returncode)
    assert endings(sandbox.report("result.json")) == ["exited"]


def test_a_handler_that_raises_while_the_report_is_written(sandbox):
    """As one for SIGTERM that calls sys.exit, when SIGTERM comes again."""
    source = (
        "import signal, viztracer.commands.finish as finish\n"
        "def f(): pass\n"
        "def handler(*_): raise SystemExit(3)\n"
        "signal.signal(signal.SIGTERM, handler)\n"
        "finish.Ending.come = lambda *_, **__: signal.raise_signal(signal.SIGTERM)\n"
        "f()\n"
    )
    done = sandbox.viztracer("-o", "r.json", sandbox.script(source))
    assert done.returncode == 0 and done.stderr.count("\n") == 1, done.stderr
    assert "f" in called(merge_by_line(sandbox, done.stderr))


def test_a_call_lasts_until_the_signal(sandbox):
    sandbox.script("import time\ndef hangs(): open('up', 'w'); time.sleep(1000)\nhangs()\n", "prog.py")
    with start(sandbox, "-o", "r.json", "prog.py") as run:
        wait_until((sandbox.path / "up").exists)
        time.sleep(0.7)
        run.terminate()
        run.communicate(timeout=HANGS)
    (call,) = [event for event in tree.spans(sandbox.report("r.json")) if event["name"].startswith("hangs")]
    assert call["dur"] > 0.6e6


def test_a_report_that_nobody_reads(sandbox):
    """The second signal ends it, with a line."""
    sandbox.script("import time\nopen('up', 'w')\nwhile True: time.sleep(0.1)\n", "prog.py")
    os.mkfifo(sandbox.path / "out.json")
    with start(sandbox, "-o", "out.json", "prog.py") as run:
        try:
            wait_until((sandbox.path / "up").exists)
            run.terminate()
            wait_until(lambda: has_child(run.pid))  # which writes the report
            time.sleep(1.5)  # within a second it would be the same request
            assert run.poll() is None
            run.send_signal(signal.SIGHUP)
            stderr = run.communicate(timeout=HANGS)[1]
        finally:
            end(run)
    assert run.returncode == -signal.SIGTERM
    merge_by_line(sandbox, stderr)


def test_a_report_at_a_normal_end_that_nobody_reads(sandbox):
    sandbox.script("open('up', 'w')\n", "prog.py")
    os.mkfifo(sandbox.path / "out.json")
    with start(sandbox, "-o", "out.json", "prog.py") as run:
        try:
            wait_until((sandbox.path / "up").exists)
            wait_until(lambda: waits_for_a_reader(run.pid))
            run.send_signal(signal.SIGINT)
            stderr = run.communicate(timeout=HANGS)[1]
        finally:
            end(run)
    assert run.returncode == 0
    merge_by_line(sandbox, stderr)


def merge_by_line(sandbox, stderr):
    """Run the command in the line on stderr, with another output; remove the ring files."""
    (line,) = stderr.splitlines()
    command = shlex.split(line.partition("merge them with: ")[2])
    assert line.startswith("viztracer: ") and command[0] == "viztracer-merge"
    assert sandbox.viztracer_merge(command[1], "-o", "merged.json").returncode == 0
    shutil.rmtree(command[1])
    return sandbox.report("merged.json")


# --- ends that are not errors ---


@pytest.mark.parametrize("status", ["3", "status=3"])
@pytest.mark.parametrize("options", [[], ["--ignore_c_function"]])
def test_the_first_process_leaves(sandbox, options, status):
    """As mypy does."""
    script = sandbox.script(f"import os\ndef f(): pass\nf()\nos._exit({status})\n")
    done = sandbox.viztracer(*options, "-o", "r.json", script)
    assert (done.returncode, done.stderr) == (3, "")
    report = sandbox.report("r.json")
    assert "f" in called(report) and endings(report) == ["left by os._exit"]


@pytest.mark.parametrize(("end", "status"), [("os._exit(3)", 3), ("os.kill(os.getpid(), 15)", -15), ("os.abort()", -6)])
def test_a_tracer_inside_of_a_program_that_ends(sandbox, end, status):
    script = f"import os, viztracer\ndef f(): pass\nt = viztracer.VizTracer(verbose=0)\nt.start()\nf()\n{end}\n"
    done = sandbox.python(sandbox.script(script))
    assert done.returncode == status
    assert "f" in called(merge_by_line(sandbox, done.stderr))
    assert sandbox.python(sandbox.script(script.replace(end, f"t.stop(); t.save(); {end}"))).stderr == ""


@pytest.mark.parametrize("options", [[], ["--ignore_c_function"]])
def test_a_child_that_runs_something_before_exec_is_no_alarm(sandbox, options):
    script = sandbox.script("import subprocess, os\nprint(subprocess.run(['true'], preexec_fn=os.setsid).returncode)\n")
    done = sandbox.viztracer(*options, "-o", "r.json", script)
    assert (done.returncode, done.stderr) == (0, "") and "pid" not in done.stdout
    assert set(endings(sandbox.report("r.json"))) <= {"exited", "became another program (exec)"}


UVLOOP = """
import asyncio, uvloop
async def main():
    for run in asyncio.create_subprocess_exec, asyncio.create_subprocess_shell:
        print(await (await run("true")).wait())
uvloop.run(main())
"""


@pytest.mark.parametrize("options", [[], ["--ignore_c_function"]])
def test_a_child_that_uvloop_forks_and_executes_is_no_alarm(sandbox, options):
    library("uvloop")
    done = sandbox.viztracer(*options, "-o", "r.json", sandbox.script(UVLOOP))
    assert (done.returncode, done.stderr) == (0, "") and "pid" not in done.stdout
    exec_ = "became another program (exec)"
    assert sorted(endings(sandbox.report("r.json"))) == [exec_, exec_, "exited"]


@pytest.mark.parametrize("method", START_METHODS)
def test_workers_that_their_pool_ends_are_no_alarm(sandbox, method):
    """Neither are those of a server that forks them, which has no file. It is the default from CPython 3.14 on."""
    script = sandbox.script(
        "import multiprocessing, sys\ndef w(i): return i\n"
        "if __name__ == '__main__':\n    mp = multiprocessing.get_context(sys.argv[1])\n"
        "    for _ in range(3):\n        with mp.Pool(2) as p: p.map(w, range(10))\n"
    )
    done = sandbox.viztracer("-o", "r.json", "--", script, method)
    assert (done.returncode, done.stderr) == (0, "") and "Worker" not in done.stdout
    for name, ending in processes(sandbox.report("r.json")).items():
        assert ending in ({"exited"} if name == "MainProcess" else {"exited", "ended by SIGTERM"})


def test_a_program_that_stops_its_tracer(sandbox):
    before = left()
    script = sandbox.script("import viztracer\ndef f(): pass\nf()\nviztracer.get_tracer().stop()\n")
    done = sandbox.viztracer("-o", "r.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert "f" in called(sandbox.report("r.json"))
    assert left() == before


# --- exec of the first process ---


def test_the_first_process_becomes_another_python(sandbox):
    """The other program ends the run instead."""
    before = left()
    sandbox.script("def after(): pass\nafter()\n", "after.py")
    script = sandbox.script(
        "import os, sys\ndef f(): pass\nf()\nos.execv(sys.executable, [sys.executable, 'after.py'])\n"
    )
    done = sandbox.viztracer("-o", "r.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("r.json")
    assert {"f", "after"} <= set(called(report))
    assert processes(report) == {"MainProcess": "became another program (exec)", "after.py": "exited"}
    assert left() == before


@pytest.mark.parametrize("line", [sys.executable, f"/usr/bin/env {Path(sys.executable).name}"])
def test_the_first_process_becomes_a_script_of_the_same_python(sandbox, line):
    """As `jupyter nbconvert` does. The script ends the run."""
    before = left()
    sandbox.script(f"#!{line}\ndef after(): pass\nafter()\n", "after")
    script = sandbox.script("import os\nos.chmod('after', 0o755)\ndef f(): pass\nf()\nos.execv('./after', ['x'])\n")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = sandbox.viztracer("-o", "r.json", script, env=os.environ | {"PATH": path})
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("r.json")
    assert {"f", "after"} <= set(called(report))
    assert processes(report) == {"MainProcess": "became another program (exec)", "after": "exited"}
    assert left() == before


def test_the_first_process_becomes_a_shell_that_becomes_python(sandbox):
    """Nobody knows that before, so the line says what happens in either case."""
    before = left()
    sandbox.script(f"#!/bin/sh\nexec {sys.executable} after.py\n", "after")
    sandbox.script("def after(): pass\nafter()\n", "after.py")
    script = sandbox.script("import os\nos.chmod('after', 0o755)\nos.execv('./after', ['x'])\n")
    done = sandbox.viztracer("-o", "r.json", script)
    assert done.returncode == 0
    assert "becomes another program, './after', so no report is written, unless that program" in done.stderr
    assert "after" in called(sandbox.report("r.json"))
    assert left() == before


@pytest.mark.parametrize("is_script", [False, True])
def test_the_first_process_becomes_the_python_of_another_environment(sandbox, is_script):
    """It is the same binary, but finds no tracer, so nothing would write the report."""
    venv.create(sandbox.path / "other", symlinks=True)
    python = sandbox.path / "other" / "bin" / "python"
    sandbox.script(f"#!{python}\nprint('after')\n", "after")
    call = "'./after', ['after']" if is_script else f"{str(python)!r}, [{str(python)!r}, 'after']"
    script = sandbox.script(f"import os\nos.chmod('after', 0o755)\ndef f(): pass\nf()\nos.execv({call})\n")
    done = sandbox.viztracer("-o", "r.json", script)
    assert (done.returncode, done.stdout) == (0, "after\n")
    report = merge_by_line(sandbox, done.stderr)
    assert "f" in called(report) and endings(report) == ["became another program (exec)"]


@pytest.mark.parametrize("call", ["os.execvp('true', ['true'])", "os.execve('/bin/true', ['true'], {})"])
def test_the_first_process_becomes_something_else(sandbox, call):
    done = sandbox.viztracer("-o", "a 'name'.json", sandbox.script(f"import os\ndef f(): pass\nf()\n{call}\n"))
    assert done.returncode == 0
    assert shlex.quote(str(sandbox.path / "a 'name'.json")) in done.stderr
    report = merge_by_line(sandbox, done.stderr)
    assert "f" in called(report) and endings(report) == ["became another program (exec)"]


# --- runs below runs, and children at the end ---

REEXEC = """
import os, subprocess, sys
def business(n): return sum(range(n))
if os.environ.get("RUN_MAIN"):
    business(100)
else:
    sys.exit(subprocess.call([sys.executable, *sys.orig_argv[1:]], env={**os.environ, "RUN_MAIN": "1"}))
"""


@pytest.mark.parametrize("options", [["-o", "r.json"], [], ["--pid_suffix", "--output_dir", "rings"]])
def test_a_command_that_starts_itself_again_joins(sandbox, options):
    """As Flask's reloader does."""
    done = sandbox.viztracer(*options, sandbox.script(REEXEC))
    assert (done.returncode, done.stderr) == (0, "")
    if "rings" in options:
        report = sandbox.merge("rings")
    else:
        assert done.stdout.count("Total Entries") == 1
        report = sandbox.report("r.json" if options else "result.json")
    assert "business" in called(report) and processes(report) == {"MainProcess": "exited", "script": "exited"}


def test_a_command_that_names_another_report_is_a_run_of_its_own(sandbox):
    sandbox.script("def inner(): pass\ninner()\n", "inner.py")
    run = f"[{str(BIN / 'viztracer')!r}, '--quiet', '-o', 'inner.json', 'inner.py']"
    done = sandbox.viztracer(
        "-o", "outer.json", sandbox.script(f"import subprocess\nsubprocess.run({run}, check=True)\n")
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "inner" in called(sandbox.report("inner.json")) and "inner" not in called(sandbox.report("outer.json"))


LAST_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "def last(): pass\\nlast()"])
print("child", child.pid, flush=True)
"""


def test_a_child_that_is_still_starting_is_waited_for(sandbox):
    patience = "import viztracer.commands.finish as finish\nfinish.START = 120\n"  # on a busy machine it starts slowly
    done = sandbox.viztracer("-o", "r.json", sandbox.script(patience + LAST_CHILD))
    assert (done.returncode, done.stderr) == (0, "")
    assert "last" in called(sandbox.report("r.json"))


def test_a_child_that_is_not_waited_for_is_named(sandbox):
    done = sandbox.viztracer("--no_wait", "-o", "r.json", sandbox.script(LAST_CHILD))
    pid = re.search(r"child (\d+)", done.stdout)[1]
    late = f"not in the report, since it was still starting: {sys.executable} -c "
    assert late in done.stderr and f"(pid {pid})" in done.stderr or "still running: " in done.stderr


def test_others_that_inherit_the_environment_are_not_waited_for(sandbox):
    script = sandbox.script(
        "import subprocess\nprint(subprocess.Popen(['sleep', '1000'], stdout=-3, stderr=-3).pid, flush=True)\n"
    )
    done = sandbox.viztracer("-o", "r.json", script)
    os.kill(int(done.stdout.split()[0]), signal.SIGKILL)  # it lives still
    assert (done.returncode, done.stderr) == (0, "")


# --- names ---


def test_names_tell_processes_apart(sandbox):
    script = sandbox.script(
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import   sys\\nsys.exit()'])\n"
        "subprocess.run([sys.executable, '-c', 'x = 1;' * 100])\n"
        "if os.fork(): os.wait()\n"
    )
    assert sorted(processes(sandbox.trace(script))) == [
        "MainProcess",
        "fork of MainProcess",
        "python -c import sys sys.exit()",
        "python -c x = 1;x = 1;x = 1;x = 1;x = 1;x = 1;x...",
    ]


def test_a_title_is_a_name(sandbox):
    """What setproctitle does: the title replaces the arguments."""
    script = sandbox.script(
        "import ctypes, os\n"
        "if pid := os.fork(): os.waitpid(pid, 0)\n"
        "else:\n"
        "    fields = open('/proc/self/stat').read().rpartition(')')[2].split()\n"
        "    begin = int(fields[45])\n"
        "    ctypes.memset(begin, 0, int(fields[46]) - begin)\n"
        "    ctypes.memmove(begin, b'app: worker 1', 13)\n"
    )
    assert set(processes(sandbox.trace(script))) == {"MainProcess", "app: worker 1"}


# --- a ring file that is truncated ---


@pytest.mark.parametrize("length", [0, 4096, 100_000])
def test_a_ring_file_that_is_cut_does_not_end_the_program(sandbox, length):
    script = sandbox.script(
        "import glob, os, sys\n"
        "def f(x): return len(x)\n"
        "def many():\n"
        "    for _ in range(300_000): f('abc')\n"
        "many()\n"
        f"os.truncate(glob.glob('rings/*.bin')[0], {length})\n"
        "many()\n"
        "pid = os.fork()\n"
        "if pid: print(os.waitpid(pid, 0)[1])\n"
        "else: f('abc')\n"
        "print('end', flush=True)\n"
    )
    done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", script)
    assert (done.returncode, done.stdout) == (0, "end\n0\nend\n")
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(r"viztracer: .*/result_\d+.bin was cut while the program ran: what was recorded is lost", line)


def test_another_bus_error_is_the_programs(sandbox):
    script = sandbox.script(
        "import mmap\n"
        "with open('x', 'wb+') as file:\n"
        "    file.truncate(4096)\n"
        "    mapped = mmap.mmap(file.fileno(), 4096)\n"
        "    file.truncate(0)\n"
        "    mapped[0]\n"
    )
    done = sandbox.viztracer("-o", "r.json", script)
    assert done.returncode == -signal.SIGBUS
    assert endings(sandbox.report("r.json")) == ["crashed by SIGBUS"]


# --- exits and execs that are not what they look like ---


@pytest.mark.parametrize("call", ["os._exit(Index())", "os._exit(status=Index())"])
def test_an_exit_status_that_is_only_like_an_integer(sandbox, call):
    """It is asked for its value once, as without us, and the run has its report."""
    script = sandbox.script(
        "import os\ndef f(): pass\nf()\nclass Index:\n    def __index__(self): os.write(1, b'asked\\n'); return 3\n"
        + call
    )
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert (done.returncode, done.stdout, done.stderr) == (3, "asked\n", "")
    report = sandbox.report("r.json")
    assert "f" in called(report) and endings(report) == ["left by os._exit"]


def test_exit_statuses_that_raise(sandbox):
    script = sandbox.script(
        "import os\nclass Bad:\n    def __index__(self): raise KeyError('bad')\n"
        "class Text:\n    def __index__(self): return 'x'\n"
        "class Large:\n    def __index__(self): return 1 << 80\n"
        "for status in (Bad(), Text(), Large(), 1.5, None, object(), 1 << 31):\n"
        "    try: os._exit(status)\n    except BaseException as error: print(repr(error))\n"
    )
    bare, done = sandbox.python(script), sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, bare.stdout, "")
    assert endings(sandbox.report("r.json")) == ["exited"]


FAILING = {
    "no format": ("open('x', 'w').write('neither')", "os.execv('./x', ['x'])"),
    "no interpreter": ("open('x', 'w').write('#!/no/such\\n')", "os.execv('./x', ['x'])"),
    "empty": ("open('x', 'w').close()", "os.execve('./x', ['x'], {})"),
    "one text too long": ("", "os.execv('/bin/true', ['true', 'x' * (1 << 20)])"),
    "too many texts": ("", "os.execv('/bin/true', ['true'] + ['x' * 1000] * 20000)"),
    "environment too large": ("", "os.execve('/bin/true', ['true'], {str(n): 'x' * 1000 for n in range(20000)})"),
    "not there": ("", "os.execv('/bin/no such', ['x'])"),
    "no arguments": ("", "os.execv('/bin/true', [])"),
    "wrong arguments": ("", "os.execv('/bin/true', 'true')"),
}


@pytest.mark.parametrize("way", FAILING)
def test_an_exec_that_fails_is_none(sandbox, way):
    before, call = FAILING[way]
    script = sandbox.script(
        f"import os\n{before}\nif os.path.exists('x'): os.chmod('x', 0o755)\n"
        f"try: {call}\nexcept Exception as error: print(repr(error))\ndef after(): pass\nafter()\n"
    )
    bare, done = sandbox.python(script), sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, bare.stdout, "")
    report = sandbox.report("r.json")
    assert "after" in called(report) and endings(report) == ["exited"]


def test_an_exec_that_fails_against_all_expectation(sandbox):
    """What was said about it is taken back."""
    sandbox.script("\x7fELF and nothing else", "x")
    source = "import os\nos.chmod('x', 0o755)\ntry: os.execv('./x', ['x'])\nexcept OSError: print('goes on')\n"
    script = sandbox.script(source)
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    becomes, goes_on = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (0, "goes on\n") and "becomes another program, './x'" in becomes
    assert goes_on == "viztracer: exec failed: the process goes on, and so does its recording"
    assert endings(sandbox.report("r.json")) == ["exited"]


LEGACY = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    one = interpreters.create('legacy')
else:
    import _xxsubinterpreters as interpreters
    one = interpreters.create(isolated=False)
interpreters.run_string(one, "import os; os.execv('/bin/echo', ['echo', 'echoed'])")
"""


def test_exec_in_another_interpreter(sandbox):
    done = sandbox.viztracer("-o", "r.json", sandbox.script(LEGACY))
    assert (done.returncode, done.stdout) == (0, "echoed\n")
    assert endings(merge_by_line(sandbox, done.stderr)) == ["became another program (exec)"]


# --- faults that others have a word about, or for which there is no stack ---

FAULT = "import ctypes\ndef f(): ctypes.string_at(0)\nf()\n"


@pytest.mark.parametrize("environment", [{"PYTHONFAULTHANDLER": "1"}, {"PYTHONDEVMODE": "1"}, {}])
def test_faulthandler_has_its_word_and_we_have_ours(sandbox, environment):
    source = FAULT if environment else "import faulthandler\nfaulthandler.enable()\n" + FAULT
    script = sandbox.script(source)
    env = os.environ | environment
    bare, done = sandbox.python(script, env=env), sandbox.viztracer("--quiet", "-o", "r.json", script, env=env)
    assert done.returncode == bare.returncode == -signal.SIGSEGV
    assert done.stderr.startswith("Fatal Python error: Segmentation fault") and "in f\n" in done.stderr
    assert endings(sandbox.report("r.json")) == ["crashed by SIGSEGV"]


def test_faulthandler_in_a_child(sandbox):
    sandbox.script(FAULT, "child.py")
    script = sandbox.script(
        "import subprocess, sys\n"
        "child = subprocess.run([sys.executable, '-X', 'faulthandler', 'child.py'], stderr=-1)\n"
        "print(child.returncode, child.stderr.splitlines()[0])\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert (done.returncode, done.stdout) == (0, "-11 b'Fatal Python error: Segmentation fault'\n")
    assert processes(sandbox.report("r.json")) == {"MainProcess": "exited", "child.py": "crashed by SIGSEGV"}


FULL_STACK = """
import ctypes, sys, threading
sys.setrecursionlimit(10 ** 6)
@ctypes.CFUNCTYPE(None)
def deeper(): deeper()
"""


IN_A_THREAD = "threading.stack_size(1 << 17); t = threading.Thread(target=deeper); t.start(); t.join()"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the interpreter raises RecursionError before it is full")
@pytest.mark.parametrize("where", ["deeper()", IN_A_THREAD])
def test_a_full_stack(sandbox, where):
    def small_stack():
        heed_interrupts()
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 18, resource.getrlimit(resource.RLIMIT_STACK)[1]))

    script = sandbox.script(FULL_STACK + where + "\n")
    bare = sandbox.python(script, preexec_fn=small_stack)
    done = sandbox.viztracer("--quiet", "-o", "r.json", script, preexec_fn=small_stack)
    assert (bare.returncode, done.returncode, done.stdout) == (-signal.SIGSEGV, -signal.SIGSEGV, "")
    report = sandbox.report("r.json")
    assert endings(report) == ["crashed by SIGSEGV"] and "deeper" in called(report)


# --- few descriptors, other stdouts, names ---


@pytest.mark.parametrize("limit", [4, 5, 6, 7, 8, 12])
def test_few_descriptors(sandbox, limit):
    """Traced, or not with a line; the program runs wherever the interpreter itself can start."""
    script = sandbox.script("import json\ndef f(): pass\nf()\nprint('ran')\n")

    def few():
        heed_interrupts()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    bare = sandbox.python(script, preexec_fn=few)
    done = sandbox.viztracer("--quiet", "-o", "r.json", script, preexec_fn=few)
    assert done.stdout == bare.stdout, done.stderr
    if bare.returncode:
        assert done.returncode == bare.returncode and "init_import_site" in bare.stderr
    elif done.stderr:
        (line,) = done.stderr.splitlines()
        assert line.startswith("viztracer: ") and line.endswith("; the program runs without tracing")
        assert done.returncode == 1
    else:
        assert done.returncode == 0 and "f" in called(sandbox.report("r.json"))


@pytest.mark.parametrize(("end", "status"), [("", 1), ("sys.exit(0)", 1), ("sys.exit(5)", 5)])
def test_ring_that_is_too_large(sandbox, end, status):
    """There is no report, so 0 becomes 1; a forked child ends as it would."""
    source = "import os, sys\nif not os.fork(): sys.exit(0)\nprint(os.wait()[1])\n"
    script = sandbox.script(source + end)
    done = sandbox.viztracer("--tracer_entries", 10**14, script)
    assert (done.returncode, done.stdout) == (status, "0\n")
    assert re.fullmatch(
        r"viztracer: cannot map .*: reduce tracer_entries; the program runs without tracing\n", done.stderr
    )
    assert not list(sandbox.path.glob("result*"))


def test_lines_of_the_command_go_where_it_began(sandbox):
    """celery replaces sys.stdout by its log."""
    script = sandbox.script("import sys\nsys.stdout = open('log', 'w')\nprint('logged')\n")
    done = sandbox.viztracer("-o", "r.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Total Entries: " in done.stdout and (sandbox.path / "log").read_text() == "logged\n"


def test_lines_of_a_tracer_inside_go_where_the_program_prints(sandbox):
    script = sandbox.script(
        "import io, sys, viztracer\nout, sys.stdout = sys.stdout, io.StringIO()\n"
        "with viztracer.VizTracer(output_file='r.json'): pass\n"
        "out.write(str('Total Entries' in sys.stdout.getvalue()))\nsys.stdout = out\n"
    )
    assert sandbox.python(script).stdout == "True"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["-X", "faulthandler", "-c", "x = 1"], "python -c x = 1"),
        (["-Xfaulthandler", "-W", "ignore", "prog.py", "-c"], "prog.py"),
        (["-Wignore", "prog.py"], "prog.py"),
        (["--check-hash-based-pycs", "never", "prog.py"], "prog.py"),
        (["-Bc", "x = 2"], "python -c x = 2"),
        (["-cx = 3"], "python -c x = 3"),
        (["-um", "prog"], "python -m prog"),
        (["-BuWignore", "-mprog", "a"], "python -m prog"),
        (["-OO", "-X", "utf8", "./prog.py", "-m", "x"], "prog.py"),
        (["-", "argument"], "python"),
        ([], "python"),
    ],
)
def test_names_by_command_lines(sandbox, arguments, name):
    sandbox.script("", "prog.py")
    script = sandbox.script(
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, *{arguments!r}], stdin=subprocess.DEVNULL, check=True)\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(processes(sandbox.report("r.json"))) == sorted(["MainProcess", name])
