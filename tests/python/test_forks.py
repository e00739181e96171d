"""Forks and execs of all kinds: the calls of each process image are in the report."""

import sys
from collections import Counter

import pytest
import tree
from witness import Witness, calls

FUNCTIONS = """
import warnings
warnings.simplefilter('ignore')  # of forks of processes with threads
@witnessed
def before(): pass
@witnessed
def in_parent(): pass
@witnessed
def in_child(): pass
@witnessed
def after(): pass
def wait():
    print("status", os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
before()
"""

FORKS = {
    "to the end of the program": """
        pid = os.fork()
        in_parent() if pid else in_child()
        if pid: wait()
        after()
    """,
    "to os._exit": """
        if not os.fork():
            in_child()
            os._exit(3)
        wait()
        after()
    """,
    "to sys.exit": """
        if not os.fork():
            in_child()
            sys.exit(3)
        wait()
        after()
    """,
    "to an exception": """
        sys.stderr.flush()
        if not os.fork():
            in_child()
            os.close(2)
            raise ValueError
        wait()
        after()
    """,
    "in a thread, which ends": """
        import threading
        def run():
            if not os.fork():
                return in_child()
            wait()
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        after()
    """,
    "in a thread, which calls sys.exit": """
        import threading
        def run():
            if not os.fork():
                in_child()
                sys.exit(3)
            wait()
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        after()
    """,
    "in a bare thread": """
        import _thread
        done = _thread.allocate_lock()
        done.acquire()
        def run():
            if not os.fork():
                return in_child()
            wait()
            done.release()
        _thread.start_new_thread(run, ())
        done.acquire()
        after()
    """,
    "with threads that go on in the parent": """
        import threading
        go_on = threading.Event()
        threads = [threading.Thread(target=lambda: (go_on.wait(), in_parent())) for _ in range(3)]
        for thread in threads: thread.start()
        if not os.fork():
            in_child()
            os._exit(0)
        wait()
        go_on.set()
        for thread in threads: thread.join()
        after()
    """,
    "of a fork of a fork": """
        for generation in range(3):
            pid = os.fork()
            if pid:
                in_parent()
                wait()
                break
            in_child()
        after()
    """,
    "many at once": """
        for _ in range(20):
            if not os.fork():
                in_child()
                os._exit(0)
        for _ in range(20): wait()
        after()
    """,
    "in a signal handler": """
        import signal
        def handler(*arguments):
            if os.fork():
                in_parent()
                return wait()
            in_child()
        signal.signal(signal.SIGUSR1, handler)
        os.kill(os.getpid(), signal.SIGUSR1)
        after()
    """,
    "in a generator": """
        def generator():
            yield before()
            yield os.fork()
            yield after()
        steps = generator()
        next(steps)
        if not next(steps): in_child()
        else: wait()
        next(steps)
    """,
    "in a finaliser": """
        class Object:
            def __del__(self):
                if not os.fork():
                    in_child()
                    os._exit(0)
                wait()
        Object()
        after()
    """,
    "with handlers of its own": """
        os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)
        if not os.fork():
            os._exit(0)
        wait()
        after()
    """,
    "in C, with the lock of the interpreter": """
        import ctypes
        if not ctypes.PyDLL(None).fork():
            in_child()
            os._exit(0)
        wait()
        after()
    """,
    "to a pseudo-terminal": """
        import pty
        pid, terminal = pty.fork()
        if not pid:
            in_child()
            os._exit(3)
        wait()
        after()
    """,
}


@pytest.fixture
def witness(sandbox):
    return Witness(sandbox)


def states(report):
    """(pid, how the recording ended) of each file."""
    return sorted((process["pid"], process["state"]) for process in report["viztracer_metadata"]["processes"])


def lines(source):
    """A block of a triple-quoted string, without its indentation."""
    body = source.strip("\n").splitlines()
    indent = len(body[0]) - len(body[0].lstrip())
    return "".join(line[indent:] + "\n" for line in body)


@pytest.mark.parametrize("way", FORKS)
def test_fork(witness, way):
    if way == "in a bare thread" and sys.version_info < (3, 12):
        witness.same(FUNCTIONS + lines(FORKS[way]), "-o", "report.json")
        pytest.skip("before 3.12 the interpreter tells no tracer of bare threads")
    report = witness.report(FUNCTIONS + lines(FORKS[way]))
    tree.check_nesting(report)
    assert {state for _, state in states(report)} <= {"sealed", "crashed"}


# --- daemons ---

DAEMON = """
import time
@witnessed
def works(): pass
def become_daemon():
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.umask(0)
    {close}
    for descriptor in range(3):
        assert os.open(os.devnull, os.O_RDWR) == descriptor
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
else:
    become_daemon()
    works()
    time.sleep(0.2)  # time enough to be taken for dead
    for n in range(100_000): abs(n)
    for n in range(300): works()
    {end}
"""
CLOSES = {
    "all at once": "os.closerange(0, 65536)",
    "one by one": "for n in range(4096):\n        try: os.close(n)\n        except OSError: pass",
}


@pytest.mark.parametrize("end", ["pass", "os._exit(0)"])
@pytest.mark.parametrize("close", CLOSES)
def test_daemon(witness, close, end):
    """It closes the descriptor of its ring file, too, and the run waits for it all the same."""
    done, journal = witness.traced(DAEMON.format(close=CLOSES[close], end=end), "-o", "report.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [*journal.values()] == [301]
    report = witness.sandbox.report("report.json")
    assert calls(report, journal) == journal


# --- exec ---

SETUP = FUNCTIONS + '''
PYTHON, NAME = sys.executable, os.path.basename(sys.executable)
os.environ["PATH"] = os.path.dirname(PYTHON) + os.pathsep + os.environ["PATH"]
ENV = dict(os.environ)
AGAIN = """
import os, sys
n = int(sys.argv[1])
os.execv(sys.executable, [*sys.orig_argv[:-1], str(n - 1)] if n else [sys.executable, 'child.py', 'a b'])
"""
'''

EXECS = {
    "execv": "os.execv(PYTHON, [PYTHON, 'child.py', 'a b'])",
    "execve": "os.execve(PYTHON, [PYTHON, 'child.py', 'a b'], ENV)",
    "execvp": "os.execvp(NAME, [NAME, 'child.py', 'a b'])",
    "execvpe": "os.execvpe(NAME, [NAME, 'child.py', 'a b'], ENV)",
    "execl": "os.execl(PYTHON, PYTHON, 'child.py', 'a b')",
    "execle": "os.execle(PYTHON, PYTHON, 'child.py', 'a b', ENV)",
    "execlp": "os.execlp(NAME, NAME, 'child.py', 'a b')",
    "execlpe": "os.execlpe(NAME, NAME, 'child.py', 'a b', ENV)",
    "in C": (
        "import ctypes\n"
        "ctypes.CDLL(None).execv(PYTHON.encode(), (ctypes.c_char_p * 4)(PYTHON.encode(), b'child.py', b'a b', None))"
    ),
    "in a thread": (
        "import threading\n"
        "threading.Thread(target=os.execv, args=(PYTHON, [PYTHON, 'child.py', 'a b'])).start()\n"
        "threading.Event().wait()"
    ),
    "of a shell that execs": "os.execv('/bin/sh', ['sh', '-c', f'exec {PYTHON} child.py a\\\\ b'])",
    "many times": "os.execv(PYTHON, [PYTHON, '-c', AGAIN, '5'])",
}


@pytest.mark.parametrize("way", EXECS)
def test_exec_in_a_child(witness, way):
    """The pid has two files or more: what was before the exec is in the first, the rest in the others."""
    report = witness.report(SETUP + f"if os.fork():\n    wait()\n    sys.exit()\nin_child()\n{EXECS[way]}\n")
    child, files = Counter(pid for pid, _ in states(report)).most_common(1)[0]  # its pid may be the lower one
    assert files >= 2
    assert [state for pid, state in states(report) if pid == child].count("sealed") == 1


@pytest.mark.parametrize("way", EXECS)
def test_exec_in_the_first_process(witness, way):
    report = witness.rings(SETUP + EXECS[way] + "\n")
    (pid,) = {pid for pid, _ in states(report)}
    images = [state for _, state in states(report)]
    assert len(images) >= 2 and images.count("sealed") == 1


NOT_PYTHON = {
    "a program": "os.execv('/bin/echo', ['echo', 'one'])",
    "a shell": "os.execlp('sh', 'sh', '-c', 'echo one; exit 3')",
    "nothing": "try: os.execv('/does/not/exist', ['it'])\nexcept OSError: after()",
}


@pytest.mark.parametrize("way", NOT_PYTHON)
def test_exec_of_something_else(witness, way):
    report = witness.rings(SETUP + NOT_PYTHON[way] + "\n")
    ((_, state),) = states(report)
    assert state == ("sealed" if way == "nothing" else "crashed")


STARTS = {
    "pty.spawn": "import pty\nprint(pty.spawn([PYTHON, 'child.py', 'a b']))",
    "posix_spawn": "os.posix_spawn(PYTHON, [PYTHON, 'child.py', 'a b'], os.environ)\nwait()",
    "posix_spawnp": "os.posix_spawnp(NAME, [NAME, 'child.py', 'a b'], os.environ)\nwait()",
    "posix_spawn of a session": (
        "os.posix_spawn(PYTHON, [PYTHON, 'child.py', 'a b'], os.environ, setsigmask=[1], setpgroup=0)\nwait()"
    ),
    "spawnv": "print(os.spawnv(os.P_WAIT, PYTHON, [PYTHON, 'child.py', 'a b']))",
    "spawnve": "print(os.spawnve(os.P_WAIT, PYTHON, [PYTHON, 'child.py', 'a b'], ENV))",
    "spawnvp": "print(os.spawnvp(os.P_WAIT, NAME, [NAME, 'child.py', 'a b']))",
    "spawnvpe": "print(os.spawnvpe(os.P_WAIT, NAME, [NAME, 'child.py', 'a b'], ENV))",
    "spawnl": "print(os.spawnl(os.P_WAIT, PYTHON, PYTHON, 'child.py', 'a b'))",
    "spawnle": "print(os.spawnle(os.P_WAIT, PYTHON, PYTHON, 'child.py', 'a b', ENV))",
    "spawnlp": "print(os.spawnlp(os.P_WAIT, NAME, NAME, 'child.py', 'a b'))",
    "spawnlpe": "print(os.spawnlpe(os.P_WAIT, NAME, NAME, 'child.py', 'a b', ENV))",
    "without waiting": "os.spawnv(os.P_NOWAIT, PYTHON, [PYTHON, 'child.py', 'a b'])\nwait()",
    "_posixsubprocess": (
        "import multiprocessing.util\nmultiprocessing.util.spawnv_passfds(PYTHON.encode(), "
        "[PYTHON.encode(), b'child.py', b'a b'], [])\nwait()"
    ),
}


@pytest.mark.parametrize("way", STARTS)
def test_start(witness, way):
    report = witness.report(SETUP + STARTS[way] + "\nafter()\n")
    assert [state for _, state in states(report)].count("sealed") == 2


# --- the depth limit ---


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("depth", [0, 20])
def test_the_depth_in_a_process_of_multiprocessing(sandbox, depth, limit):
    """As deep as in a process that begins there: `run` and, with a limit of 5, four calls of `work`."""
    script = sandbox.script(
        "import multiprocessing\n"
        "def work(n):\n"
        "    if n: work(n - 1)\n"
        "def nested(n):\n"
        "    if n: return nested(n - 1)\n"
        "    process = multiprocessing.get_context('fork').Process(target=work, args=(9,))\n"
        "    process.start(); process.join()\n"
        f"nested({depth})\n"
    )
    report = sandbox.trace("--max_stack_depth", str(limit), script)
    assert sum(event["name"].startswith("work (") for event in tree.spans(report)) == limit - 1
    assert all("unmatched" not in process for process in report["viztracer_metadata"]["processes"])


FORKED_DEEP = """
import os, sys
pid = 0
def after(): work(9)
def work(n):
    if n: work(n - 1)
def nested(n):
    global pid
    if n:
        nested(n - 1)
        return None if pid else work(n)
    pid = os.fork()
    if pid: os.waitpid(pid, 0)
    else: work(9)
nested({depth})
after()
"""


@pytest.mark.parametrize(
    "depth, limit, expected",
    [(0, 5, [3, 6]), (20, 5, [3, 9]), (20, 2, []), (3, 3, [1, 2]), (2, 4, [2, 5])],
)
def test_the_depth_in_a_child_of_os_fork(sandbox, depth, limit, expected):
    """It goes on: what the child returns to counts, whether it is recorded or too deep. The numbers are VizTracer's."""
    script = sandbox.script(FORKED_DEEP.format(depth=depth))
    report = sandbox.trace("--ignore_c_function", "--max_stack_depth", str(limit), script)
    work = Counter(event["pid"] for event in tree.spans(report) if event["name"].startswith("work ("))
    assert sorted(work.values()) == expected
    assert all("unmatched" not in process for process in report["viztracer_metadata"]["processes"])


def test_the_depth_in_a_child_of_a_child(sandbox):
    """A process that `multiprocessing` starts, 20 deep, forks itself."""
    script = sandbox.script(
        "import multiprocessing, os\n"
        "def work(n):\n"
        "    if n: return work(n - 1)\n"
        "    pid = os.fork()\n"
        "    if not pid: deeper(9); os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "def deeper(n):\n"
        "    if n: deeper(n - 1)\n"
        "def nested(n):\n"
        "    if n: return nested(n - 1)\n"
        "    process = multiprocessing.get_context('fork').Process(target=work, args=(1,))\n"
        "    process.start(); process.join()\n"
        "nested(20)\n"
    )
    report = sandbox.trace("--max_stack_depth", "5", script)
    assert sum(event["name"].startswith("deeper (") for event in tree.spans(report)) == 2
    assert all("unmatched" not in process for process in report["viztracer_metadata"]["processes"])
