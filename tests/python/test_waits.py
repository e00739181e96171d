"""Ends of children that the child cannot record itself: the parent learns them by waiting and records them."""

import shutil

import pytest
from conftest import START_METHODS
from test_last_acts import endings, processes

KILLED = "killed by SIGKILL"
SILENT = "ended without a word"

# The child is there (it has been recorded) when `ready` exists; then it waits to be killed.
CHILD = """
import os, signal, subprocess, sys, time
def child():
    open('ready', 'w').close()
    time.sleep(60)
def ready():
    while not os.path.exists('ready'): time.sleep(0.01)
"""


def of_child(report):
    """The ending of the one process that is not the first one."""
    (ending,) = [ending for name, ending in processes(report).items() if name != "MainProcess"]
    return ending


FORKED = CHILD + "pid = os.fork()\nif not pid: child()\nready()\nos.kill(pid, signal.SIGKILL)\n"
UNTIL_IT_IS_DEAD = "while ') Z ' not in open(f'/proc/{pid}/stat').read(): time.sleep(0.01)\n"


@pytest.mark.parametrize(
    "wait",
    [
        "os.wait()[0]",
        "os.waitpid(pid, 0)[0]",
        "os.waitpid(-1, 0)[0]",
        "os.wait3(0)[0]",
        "os.wait3(options=0)[0]",
        "os.wait4(pid, 0)[0]",
        "os.wait4(pid=pid, options=0)[0]",
        "os.waitid(os.P_PID, pid, os.WEXITED).si_pid",
        "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_pid; os.wait()",
    ],
)
@pytest.mark.parametrize("options", [[], ["--ignore_c_function"]])
def test_every_way_to_wait(sandbox, wait, options):
    script = sandbox.script(FORKED + f"seen = {wait}\nassert seen == pid\n")
    done = sandbox.viztracer("--quiet", *options, "-o", "r.json", script)
    assert done.returncode == 0, done.stderr
    assert of_child(sandbox.report("r.json")) == KILLED


def test_a_child_that_nobody_waits_for(sandbox):
    done = sandbox.viztracer("--quiet", "-o", "r.json", sandbox.script(f"{FORKED}{UNTIL_IT_IS_DEAD}os._exit(0)\n"))
    assert done.returncode == 0
    assert of_child(sandbox.report("r.json")) == SILENT


@pytest.mark.parametrize(
    ("end", "ending"),
    [
        ("ctypes.CDLL(None)._exit(3)", "exited with status 3 without a word"),
        ("ctypes.CDLL(None)._exit(0)", "exited with status 0 without a word"),
        ("os._exit(3)", "left by os._exit"),
        ("sys.exit(3)", "exited"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "ended by SIGTERM"),
        # The default action, put back in C: our handler is not asked.
        ("ctypes.CDLL(None).signal(15, 0); os.kill(os.getpid(), signal.SIGTERM)", "ended by SIGTERM"),
        ("ctypes.CDLL(None).signal(11, 0); ctypes.string_at(0)", "crashed by SIGSEGV"),
    ],
)
def test_its_own_word_goes_first(sandbox, end, ending):
    script = sandbox.script(f"import ctypes, os, signal, sys\nif pid := os.fork(): os.waitpid(pid, 0)\nelse: {end}\n")
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert done.returncode == 0, done.stderr
    assert of_child(sandbox.report("r.json")) == ending


CHILD_PROGRAM = CHILD + "child()\n"


@pytest.mark.parametrize(
    "parent",
    [
        "p = subprocess.Popen([sys.executable, 'child.py']); ready(); p.kill(); assert p.wait() == -9",
        "p = subprocess.Popen([sys.executable, 'child.py']); ready(); p.kill()\n"
        "while p.poll() is None: time.sleep(0.01)",
        "with subprocess.Popen([sys.executable, 'child.py'], stdout=-1) as p: ready(); p.kill(); p.communicate()",
        "p = os.posix_spawn(sys.executable, [sys.executable, 'child.py'], os.environ); ready(); os.kill(p, 9); "
        "os.wait()",
    ],
)
def test_subprocess(sandbox, parent):
    sandbox.script(CHILD_PROGRAM, "child.py")
    done = sandbox.viztracer("--quiet", "-o", "r.json", sandbox.script(CHILD + parent + "\n"))
    assert done.returncode == 0, done.stderr
    assert of_child(sandbox.report("r.json")) == KILLED


@pytest.mark.parametrize("method", START_METHODS)
def test_multiprocessing(sandbox, method):
    script = sandbox.script(
        CHILD + "import multiprocessing as mp\n"
        "if __name__ == '__main__':\n"
        f"    process = mp.get_context({method!r}).Process(target=child, name='victim')\n"
        "    process.start(); ready(); process.kill(); process.join()\n"
        "    assert process.exitcode == -9\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert done.returncode == 0, done.stderr
    # The fork server is the parent of its processes, and has no ring file.
    assert processes(sandbox.report("r.json"))["victim"] == (SILENT if method == "forkserver" else KILLED)


@pytest.mark.parametrize("watcher", ["", "asyncio.set_child_watcher(asyncio.ThreadedChildWatcher())"])
def test_asyncio(sandbox, watcher):
    """Its watchers wait in a thread, or for a descriptor of the process."""
    sandbox.script(CHILD_PROGRAM, "child.py")
    script = sandbox.script(
        CHILD + "import asyncio, warnings\nwarnings.simplefilter('ignore')\n"
        f"if hasattr(asyncio, 'set_child_watcher'): {watcher or 'pass'}\n"
        "async def main():\n"
        "    process = await asyncio.create_subprocess_exec(sys.executable, 'child.py')\n"
        "    await asyncio.to_thread(ready)\n"
        "    process.kill()\n"
        "    assert await process.wait() == -9\n"
        "asyncio.run(main())\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert done.returncode == 0, done.stderr
    assert of_child(sandbox.report("r.json")) == KILLED


def test_what_is_no_end(sandbox):
    """A child that is stopped, one that goes on, one that has not ended yet. Later it is killed, and not waited for."""
    script = sandbox.script(
        CHILD + "pid = os.fork()\n"
        "if not pid: child()\n"
        "ready()\n"
        "print(os.waitpid(pid, os.WNOHANG), os.wait4(pid, os.WNOHANG)[:2],\n"
        "      os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG))\n"
        "os.kill(pid, signal.SIGSTOP)\n"
        "print(os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]))\n"
        "os.kill(pid, signal.SIGCONT)\n"
        "print(os.WIFCONTINUED(os.waitpid(pid, os.WCONTINUED)[1]))\n"
        "os.kill(pid, signal.SIGSTOP)\n"
        "print(os.waitid(os.P_PID, pid, os.WSTOPPED).si_code == os.CLD_STOPPED)\n"
        "os.kill(pid, signal.SIGKILL)\n"
        "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert (done.returncode, done.stdout) == (0, "(0, 0) (0, 0) None\nTrue\nTrue\nTrue\n"), done.stderr
    assert of_child(sandbox.report("r.json")) == SILENT


SEEN = """
import os, signal, time
functions = (os.wait, os.waitpid, os.wait3, os.wait4, os.waitid)
pairs = [(f, f.__name__, f.__self__.__name__, f.__text_signature__) for f in functions]
print([(repr(f), *rest) for f, *rest in pairs])
class Index:
    def __index__(self): return -1
def attempt(call):
    try: print(call())
    except BaseException as error: print(repr(error))
for call in (lambda: os.wait(), lambda: os.wait(1), lambda: os.wait(x=1), lambda: os.waitpid(), lambda: os.waitpid(-1,
'x'),
             lambda: os.waitpid(pid=1, options=0), lambda: os.waitpid(Index(), 0), lambda: os.waitpid(1 << 80, 0),
             lambda: os.wait3(), lambda: os.wait3(1, 2), lambda: os.wait3(bogus=1), lambda: os.wait4(-1),
             lambda: os.wait4(1, 0), lambda: os.waitid(os.P_ALL, 0), lambda: os.waitid(os.P_ALL, 0, os.WEXITED),
             lambda: os.waitid(os.P_ALL, 0, 'x'), lambda: os.waitid(77, 0, os.WEXITED)):
    attempt(call)
class Told(Exception): pass
def handler(*_): raise Told('signal')
def heard(*_): print('heard'); os.write(write, b'.')
read, write = os.pipe()
parent = os.getpid()
def interrupt():
    os.read(read, 1)  # the parent is about to wait, and then sleeps
    while open(f'/proc/{parent}/stat').read().rpartition(')')[2].split()[0] != 'S': time.sleep(0.001)
    os.kill(parent, signal.SIGALRM)
pid = os.fork()
if not pid:
    interrupt(), interrupt()
    os.read(read, 1)
    os._exit(7)
for action, wait in ((handler, os.waitpid), (heard, os.wait4)):
    signal.signal(signal.SIGALRM, action)
    os.write(write, b'.')
    attempt(lambda: wait(pid, 0)[1])
print(type(os.waitid_result))
"""


def test_functions_are_as_before(sandbox):
    """Names, errors and signals: also for one that raises while it waits, and one after which it goes on to wait."""
    script = sandbox.script(SEEN)
    bare, done = sandbox.python(script), sandbox.viztracer("--quiet", script)
    assert (done.stdout, done.stderr, done.returncode) == (bare.stdout, bare.stderr, bare.returncode)
    assert "Told" in done.stdout and "heard" in done.stdout


INLINE = """
import os, time, signal, viztracer
tracer = viztracer.VizTracer(verbose=0, output_file='r.json')
def kill_one():
    pid = os.fork()
    if not pid:
        open(f'up_{os.getpid()}', 'w').close()
        time.sleep(60)
    while not os.path.exists(f'up_{pid}'): time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]
print(kill_one())
tracer.start()
pid = os.fork()
if not pid: kill_one(); os._exit(0)
print(os.waitpid(pid, 0)[1])
tracer.stop()
print(kill_one())
tracer.save()
print(kill_one())
"""


def test_while_nothing_is_recorded(sandbox):
    done = sandbox.python("-W", "ignore", sandbox.script(INLINE))
    assert (done.returncode, done.stdout, done.stderr) == (0, "9\n0\n9\n9\n", "")


SUB_INTERPRETER = """
import os, sys, signal, time
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
pid = os.fork()
if not pid:
    open('ready', 'w').close()
    time.sleep(60)
while not os.path.exists('ready'): time.sleep(0.01)
os.kill(pid, signal.SIGKILL)
one = interpreters.create()
interpreters.run_string(one, f"import os; assert os.waitpid({pid}, 0)[1] == 9")
interpreters.destroy(one)
"""


def test_another_interpreter_waits(sandbox):
    done = sandbox.viztracer("--quiet", "-o", "r.json", sandbox.script(SUB_INTERPRETER))
    assert done.returncode == 0, done.stderr
    assert of_child(sandbox.report("r.json")) == KILLED


def test_a_grandchild(sandbox):
    """Its parent is a forked process, whose first act is to wait."""
    script = sandbox.script(
        CHILD + "if pid := os.fork():\n    os.waitpid(pid, 0)\n    os._exit(0)\n"
        "if pid := os.fork():\n    ready(); os.kill(pid, 9); os.waitpid(pid, 0); os._exit(0)\nchild()\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "r.json", script)
    assert done.returncode == 0, done.stderr
    assert sorted(endings(sandbox.report("r.json"))) == [KILLED, "left by os._exit", "left by os._exit"]


@pytest.fixture
def killed(sandbox):
    """Ring files of a program whose child was killed, and the two pids."""
    script = sandbox.script(FORKED + "os.waitpid(pid, 0)\nprint(os.getpid(), pid)\n")
    done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    return [int(pid) for pid in done.stdout.split()]


def test_reports_say_so(sandbox, killed):
    _, pid = killed
    words = sandbox.viztracer_merge("--last_words", "rings").stdout
    assert f"(pid {pid}) killed by SIGKILL\n" in words
    assert "its parent:  knew of the end " in words and "for at least" in words
    assert KILLED in sandbox.viztracer_merge("--info", "rings").stdout
    strict = sandbox.viztracer_merge("--strict", "rings", "-o", "r.json")
    assert strict.returncode != 0 and KILLED in strict.stderr
    sandbox.report("r.json")
    again = sandbox.viztracer_merge("r.json", "-o", "again.json")
    assert again.returncode == 0 and endings(sandbox.report("again.json")) == endings(sandbox.report("r.json"))
    assert f"(pid {pid}) killed by SIGKILL\n" in sandbox.viztracer_merge("--last_words", "again.json").stdout
    dump = sandbox.viztracer_merge("--dump", next((sandbox.path / "rings").glob(f"result_{killed[0]}.bin"))).stdout
    assert f"  CHILD {pid} killed by SIGKILL, waited for at " in dump


def test_a_child_without_its_parents_file(sandbox, killed):
    _, pid = killed
    shutil.copy(sandbox.path / "rings" / f"result_{pid}.bin", sandbox.path / "alone.bin")
    assert endings(sandbox.merge("alone.bin")) == [SILENT]


def test_many_children_take_bounded_room(sandbox):
    """A server that forks all the time: what is known of its children takes half a megabyte, the rest is counted."""
    script = sandbox.script(
        "import os\nfor _ in range(4200):\n"
        "    pid = os.posix_spawn('/bin/true', ['true'], {})\n"
        "    assert os.waitpid(pid, 0) == (pid, 0)\n"
    )
    done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    (ring,) = (sandbox.path / "rings").glob("*.bin")
    dump = sandbox.viztracer_merge("--dump", ring).stdout
    assert dump.count("\n  CHILD ") == 4096
    assert "forgotten_children 104\n" in dump
