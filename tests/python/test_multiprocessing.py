"""`multiprocessing` and libraries that use it: every worker is in the report, with its name and all its calls.

Workers keep a log of their own: a line with pid and name per call of `work`.
"""

import re
import sys
from collections import Counter

import pytest
import tree
from conftest import IS_WINDOWS, START_METHODS

PROGRAM = """
import atexit, multiprocessing, os, sys, time
from concurrent.futures import ProcessPoolExecutor

METHOD = sys.argv[1]
context = multiprocessing.get_context(METHOD)

def work(n):
    with open("log", "a") as log:
        log.write(f"{os.getpid()} {multiprocessing.current_process().name}\\n")
    return n

def run(**options):
    process = context.Process(target=work, args=(1,), **options)
    process.start()
    process.join()
"""

# What the program does with them, on top of that.
WAYS = {
    "Process": "run(); run()",
    "a named Process": "run(name='chosen ☃')",
    "a name chosen late": (
        "process = context.Process(target=work, args=(1,))\n    process.name = 'late'; process.start(); process.join()"
    ),
    "Process subclass": "process = Subclass(); process.start(); process.join()",
    "Process of a Process": "process = context.Process(target=nests); process.start(); process.join()",
    "Pool, closed": "pool = context.Pool(2); pool.map(work, range(20), 1); pool.close(); pool.join()",
    "Pool, terminated": "with context.Pool(2) as pool: pool.map(work, range(20), 1)",
    "Pool, maxtasksperchild": "with context.Pool(2, maxtasksperchild=2) as pool: pool.map(work, range(8), 1)",
    "Pool, never ended": "pool = context.Pool(2); pool.map(work, range(20), 1)",
    "Queue": (
        "queue = context.Queue()\n"
        "    process = context.Process(target=feeds, args=(queue,)); process.start()\n"
        "    assert [queue.get() for n in range(5)] == list(range(5)); process.join()"
    ),
    "executor": "with ProcessPoolExecutor(2, mp_context=context) as pool: list(pool.map(work, range(20)))",
    "executor, never ended": "pool = ProcessPoolExecutor(2, mp_context=context); pool.submit(work, 1).result()",
    "daemon": (
        "ours, its = context.Pipe()\n"
        "    context.Process(target=goes_on, args=(its,), daemon=True).start(); ours.recv()"
    ),
}
TARGETS = """
class Subclass(context.Process):
    def run(self): work(1)

def nests():
    run()
    run(name="inner")
    work(1)

def feeds(queue):
    for n in range(5): queue.put(work(n))

def goes_on(connection):
    work(1)
    connection.send("working")
    connection.recv()
"""


def script(sandbox, way):
    return sandbox.script(f"{PROGRAM}{TARGETS}\nif __name__ == '__main__':\n    {way}\n")


def assert_all_work_is_there(sandbox, path, report, method, others=()):
    """Every line of the log is a call in the report, in the process that wrote it and under the name in the log."""
    lines = [line.split(" ", 1) for line in (sandbox.path / "log").read_text(encoding="utf-8").splitlines()]
    wanted = re.compile(rf"work \({re.escape(path)}:\d+\)")
    calls = (e for e in tree.spans(report) if e["name"].startswith("work (") and wanted.fullmatch(e["name"]))
    assert Counter(event["pid"] for event in calls) == Counter(int(pid) for pid, _ in lines)
    names = tree.names(report, "process_name")
    told = {int(pid): name for pid, name in lines}
    assert told.items() <= names.items()
    # A worker may have got no work, or have been ended before it had a name: a forked one is then called a fork of its
    # parent, or, ended even before that, by its pid.
    idle = re.compile(
        rf"{method}PoolWorker-\d+|{method}Process-\d+|python -c .*|fork of MainProcess|pid \d+", re.IGNORECASE
    )
    rest = {name for pid, name in names.items() if pid not in told and not idle.fullmatch(name)}
    assert rest == {"MainProcess", *others}
    tree.check_nesting(report)


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.parametrize("way", WAYS)
def test_workers(sandbox, way, method):
    path = script(sandbox, WAYS[way])
    done = sandbox.viztracer("-o", "report.json", "--", path, method)
    assert (done.returncode, done.stderr) == (0, "")
    assert_all_work_is_there(sandbox, path, sandbox.report("report.json"), method)


# Programs that choose no start method: the interpreter's own one is forkserver from 3.14 on, fork before.
DEFAULT_WAYS = {
    "Process": "process = multiprocessing.Process(target=work, args=(1,)); process.start(); process.join()",
    "Pool": "with multiprocessing.Pool(2) as pool: pool.map(work, range(20), 1); pool.close(); pool.join()",
    "executor": "with ProcessPoolExecutor(2) as pool: list(pool.map(work, range(20)))",
}
DEFAULT = "spawn" if IS_WINDOWS else "forkserver" if sys.version_info >= (3, 14) else "fork"


@pytest.mark.parametrize("way", DEFAULT_WAYS)
def test_default_start_method(sandbox, way):
    """All calls of all workers are there, and all of them ended in order."""
    body = PROGRAM.replace("METHOD = sys.argv[1]\ncontext = multiprocessing.get_context(METHOD)\n", "")
    body = body[: body.index("def run(")]
    end = "print(multiprocessing.get_start_method())"
    path = sandbox.script(f"{body}\nif __name__ == '__main__':\n    {DEFAULT_WAYS[way]}\n    {end}\n")
    done = sandbox.viztracer("--quiet", "-o", "report.json", "--", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{DEFAULT}\n", "")
    report = sandbox.report("report.json")
    assert_all_work_is_there(sandbox, path, report, DEFAULT)
    assert (sandbox.path / "log").read_text().count("\n") == (1 if way == "Process" else 20)
    processes = report["viztracer_metadata"]["processes"]
    assert {process["pid"] for process in processes} == set(tree.names(report, "process_name"))
    assert {process["ending"] for process in processes} == {"exited"}


ENDS_A_BUSY_WORKER = """import multiprocessing, time

begun = multiprocessing.get_context("fork").Event()

def work():
    begun.set()
    time.sleep(1000)

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.apply_async(work)
        begun.wait()
"""


@pytest.mark.posix("fork")
def test_a_worker_that_its_pool_ends_is_no_loss(sandbox):
    path = sandbox.script(ENDS_A_BUSY_WORKER)
    assert sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", path).returncode == 0
    done = sandbox.viztracer_merge("--strict", "rings", "-o", "report.json")
    assert (done.returncode, "strict:" in done.stderr) == (0, False), done.stderr
    endings = [process["ending"] for process in sandbox.report("report.json")["viztracer_metadata"]["processes"]]
    assert endings == ["exited", "ended by SIGTERM"]


@pytest.mark.posix("fork")
def test_a_worker_that_its_pool_ends_gets_no_line_in_a_report_of_its_own(sandbox):
    done = sandbox.viztracer("--pid_suffix", "-o", "each.json", sandbox.script(ENDS_A_BUSY_WORKER))
    assert done.returncode == 0 and "SIGTERM" not in done.stdout + done.stderr
    reports = [path.name for path in sandbox.path.glob("each_*.json")]
    (worker,) = [name for name in reports if b"ended by SIGTERM" in (sandbox.path / name).read_bytes()]
    assert len(reports) == 2
    done = sandbox.viztracer_merge("--strict", worker, "-o", "again.json")
    assert (done.returncode, "SIGTERM in" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("method", START_METHODS)
def test_manager(sandbox, method):
    """Its server is a process like any other, and serves each of its clients in a thread."""
    path = script(sandbox, "with context.Manager() as manager: manager.dict()[1] = 2; run()")
    done = sandbox.viztracer("-o", "report.json", "--", path, method)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("report.json")
    assert_all_work_is_there(sandbox, path, report, method, ["SyncManager-1"])
    (server,) = [pid for pid, name in tree.names(report, "process_name").items() if name == "SyncManager-1"]
    assert any("serve_client (" in e["name"] for e in tree.spans(report) if e["pid"] == server)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="max_tasks_per_child is new in 3.11")
@pytest.mark.parametrize("method", START_METHODS[1:])
def test_executor_whose_workers_are_replaced(sandbox, method):
    # One task at a time: CPython's executor hangs where tasks wait for a worker that has done its share.
    way = (
        "with ProcessPoolExecutor(1, context, max_tasks_per_child=2) as pool:\n"
        "        for n in range(6): pool.submit(work, n).result()"
    )
    path = script(sandbox, way)
    done = sandbox.viztracer("-o", "report.json", "--", path, method)
    assert (done.returncode, done.stderr) == (0, "")
    assert_all_work_is_there(sandbox, path, sandbox.report("report.json"), method)


OUTLIVES = """
def outlives(reader):
    if METHOD == "fork": writer.close()
    open("outlives", "w").close()
    try: reader.recv()
    except EOFError: pass
    work(1)

def leaves(reader):
    context.Process(target=outlives, args=(reader,), name="orphan").start()
    os._exit(0)

if __name__ == "__main__":
    reader, writer = context.Pipe(False)
    process = context.Process(target=leaves, args=(reader,))
    process.start()
    process.join()
    while not os.path.exists("outlives"): time.sleep(0.01)
    END
"""


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.posix("process that begins after the end of its parent")
def test_worker_that_outlives_its_parent_and_the_program(sandbox, method):
    """It begins to work when the program has ended; the end of the run waits for it."""
    path = sandbox.script(PROGRAM + OUTLIVES.replace("END", "atexit.register(writer.close)"))
    done = sandbox.viztracer("-o", "report.json", "--", path, method)
    assert (done.returncode, done.stderr) == (0, "")
    assert_all_work_is_there(sandbox, path, sandbox.report("report.json"), method)


@pytest.mark.parametrize("method", START_METHODS[:2])
@pytest.mark.posix("process that begins after the end of its parent")
def test_worker_that_outlives_a_program_that_dies(sandbox, method):
    """Its file has all that it did when it ends, which is when the test's pipe to it has no writer left."""
    path = sandbox.script(PROGRAM + OUTLIVES.replace("END", "os._exit(7)"))
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "--", path, method)
    assert (done.returncode, done.stderr) == (7, "")
    assert_all_work_is_there(sandbox, path, sandbox.merge("rings"), method)


@pytest.mark.parametrize("method", START_METHODS)
def test_status_of_a_worker_is_its_own(sandbox, method):
    way = (
        "codes = []\n"
        "    for end in (sys.exit, os._exit, os.abort, time.sleep):\n"
        "        process = context.Process(target=end, args=() if end is os.abort else (4,)); process.start()\n"
        "        if end is time.sleep: process.terminate()\n"
        "        process.join(); codes.append(process.exitcode)\n"
        "    print(codes)"
    )
    path = script(sandbox, way)
    bare = sandbox.python(path, method).stdout
    assert sandbox.viztracer("--quiet", "--", path, method).stdout == bare
    assert IS_WINDOWS or bare == "[4, 4, -6, -15]\n"
