"""Workers of libraries and of programs join the run that started them, with `init_kwargs` if needed."""

import json
import os
import pickle
import re
from collections import Counter
from pathlib import Path

import pytest
import tree
from conftest import library

# What a worker does by itself, wherever it is: the recipe of VizTracer's documentation.
RECIPE = """
def join(init_kwargs):
    from viztracer import VizTracer
    tracer = VizTracer(**init_kwargs)
    tracer.register_exit()
    tracer.start()
"""


def calls(report, name, path):
    """How often each process called a function of the program.

    A function that was sent by value has its file's name, or with cloudpickle from 3.1.3 on `<dynamic-code>`.
    """
    wanted = re.compile(rf"{name} \((?:{re.escape(path)}|<dynamic-code>):\d+\)")
    of_name = [event for event in tree.spans(report) if event["name"].startswith(name)]
    return Counter(event["pid"] for event in of_name if wanted.fullmatch(event["name"]))


def told(printed):
    """What a program printed of itself as JSON, in its last such line."""
    return json.loads(next(line for line in reversed(printed.splitlines()) if line.startswith("{")))


# --- loky and joblib, as they are ---

WORK = """
import json, os, time
def work(n):
    deadline = time.monotonic() + 120
    open(f"here_{os.getpid()}", "w").close()
    while len([name for name in os.listdir(".") if name.startswith("here_")]) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    return os.getpid()
if __name__ == "__main__":
    BODY
    print(json.dumps({pid: pids.count(pid) for pid in pids}))
"""
BODIES = {
    "loky": "import loky; pids = list(loky.get_reusable_executor(max_workers=2).map(work, range(8)))",
    "joblib": "from joblib import Parallel, delayed\n"
    "    pids = Parallel(n_jobs=2, backend='loky')(delayed(work)(n) for n in range(8))",
    "loky, inline": "import loky; from viztracer import VizTracer\n"
    "    with VizTracer(output_file='report.json', verbose=0), loky.get_reusable_executor(max_workers=2) as executor:\n"
    "        pids = list(executor.map(work, range(8)))",
}


@pytest.fixture(params=["loky", "joblib"])
def pool(request, sandbox):
    """A program that has two workers share eight calls, and prints how many each did."""
    library(request.param)
    return sandbox.script(WORK.replace("BODY", BODIES[request.param]))


def assert_all_work_is_there(report, script, printed):
    by_worker = {int(pid): count for pid, count in told(printed).items()}
    assert len(by_worker) == 2 and sum(by_worker.values()) == 8
    assert calls(report, "work", script) == by_worker
    names = tree.names(report, "process_name")
    assert all(re.fullmatch(r"LokyProcess-\d+", names[pid]) for pid in by_worker)
    assert set(names) - set(by_worker) == {pid for pid in names if names[pid] == "MainProcess"}
    tree.check_nesting(report)


def test_workers_of_loky(sandbox, pool):
    """The report is there when the program has ended: its idle workers end with it, its trackers are not waited for."""
    done = sandbox.viztracer("-o", "report.json", pool)
    assert (done.returncode, done.stderr) == (0, "")
    assert_all_work_is_there(sandbox.report("report.json"), pool, done.stdout)


def test_workers_of_loky_with_a_ring_each(sandbox, pool):
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", pool)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((sandbox.path / "rings").glob("*.bin"))) == 3
    assert_all_work_is_there(sandbox.merge("rings"), pool, done.stdout)


def test_workers_of_loky_join_by_its_initializer_alone(sandbox, pool):
    """With --ignore_multiprocess no process joins by the environment, but a worker can join with `init_kwargs`."""
    done = sandbox.viztracer("--ignore_multiprocess", "-o", "report.json", pool)
    assert (done.returncode, done.stderr) == (0, "")
    assert_all_work_is_there(sandbox.report("report.json"), pool, done.stdout)


def test_workers_of_loky_under_an_inline_tracer(sandbox):
    library("loky")
    script = sandbox.script(WORK.replace("BODY", BODIES["loky, inline"]))
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert_all_work_is_there(sandbox.report("report.json"), script, done.stdout)


# --- the recipe ---

WORKER = (
    RECIPE
    + """
import json, os, pickle, sys
def work(): pass
with open("init_kwargs", "rb") as file:
    init_kwargs = pickle.load(file)
init_kwargs |= {"verbose": 0}
join(init_kwargs)
for n in range(5): work()
print(json.dumps({os.getpid(): 5}))
"""
)

# How a program starts the worker in an environment that names no run.
START = """
import os, pickle, subprocess, sys
def start_worker(init_kwargs):
    with open("init_kwargs", "wb") as file:
        pickle.dump(init_kwargs, file)
    subprocess.run([sys.executable, "worker.py"], env={"PATH": os.environ["PATH"]}, check=True)
"""
FROM_INSIDE = START + "from viztracer import get_tracer\nstart_worker(get_tracer().init_kwargs)\n"


@pytest.fixture
def worker(sandbox):
    return sandbox.script(WORKER, "worker.py")


@pytest.mark.parametrize("options", [[], ["--ignore_multiprocess"]])
def test_worker_with_an_environment_of_its_own(sandbox, worker, options):
    done = sandbox.viztracer(*options, "-o", "report.json", "--", sandbox.script(FROM_INSIDE))
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("report.json")
    assert calls(report, "work", worker) == {int(pid): n for pid, n in told(done.stdout).items()}
    (pid,) = calls(report, "work", worker)
    states = {process["pid"]: process["state"] for process in report["viztracer_metadata"]["processes"]}
    assert states[pid] == "sealed"


def test_worker_that_has_joined_by_itself(sandbox, worker):
    """Then the recipe changes nothing: one file, every call once, and `get_tracer` gives the tracer that records."""
    source = WORKER + "from viztracer import get_tracer\nassert get_tracer().enable\n"
    sandbox.script(source, "worker.py")
    script = sandbox.script(FROM_INSIDE.replace('{"PATH": os.environ["PATH"]}', "None"))
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((sandbox.path / "rings").glob("*.bin"))) == 2
    assert calls(sandbox.merge("rings"), "work", worker) == {int(pid): n for pid, n in told(done.stdout).items()}


INLINE = START + "from viztracer import VizTracer\ntracer = VizTracer(output_file='report.json', verbose=0)\n"


def test_worker_of_an_inline_tracer(sandbox, worker):
    script = sandbox.script(
        INLINE + "tracer.start()\nstart_worker(tracer.init_kwargs)\ntracer.stop()\nrings = tracer.rings.path\n"
        "tracer.save()\ntracer.clear()\nassert not os.path.exists(rings)\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("report.json")
    assert calls(report, "work", worker) == {int(pid): n for pid, n in told(done.stdout).items()}
    assert calls(report, "start_worker", script).total() == 1


def control_blocks(directory):
    """What is left of the shared memory of the process that made a directory of ring files."""
    _, pid, _ = Path(directory).name.split("_")
    return list(Path("/dev/shm").glob(f"viztracer_control_{pid}_*"))


def test_save_tells_of_workers_that_still_run(sandbox):
    """Their calls so far are in the report; a line on stderr prints the command for the rest."""
    worker = sandbox.script(WORKER + "sys.stdout.flush()\nsys.stdin.read()\nwork()\n", "worker.py")
    start = START[: START.index("    subprocess.run")] + (
        "    pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE}\n"
        "    worker = subprocess.Popen([sys.executable, 'worker.py'], env={}, **pipes)\n"
        "    print(worker.stdout.readline().decode())\n"
        "    return worker\n"
    )
    script = sandbox.script(
        INLINE.replace(START, start) + "tracer.start()\nworker = start_worker(tracer.init_kwargs)\ntracer.save()\n"
        "tracer.stop()\nworker.communicate()\n"
    )
    done = sandbox.python(script)
    (pid,) = map(int, told(done.stdout))
    (running,) = done.stderr.splitlines()
    assert f"(pid {pid})" in running
    assert calls(sandbox.report("report.json"), "work", worker) == {pid: 5}
    _, directory, _, output = running.partition("later: ")[2].split()
    assert control_blocks(directory) == []
    assert sandbox.viztracer_merge(directory, "-o", output).returncode == 0
    assert calls(sandbox.report("report.json"), "work", worker) == {pid: 6}
    sandbox.run("rm", "-r", directory)


def test_worker_of_a_run_that_is_over(sandbox, worker):
    """It runs as if untraced and says why; `start` raises nothing that would end it."""
    session = f"{16 * '00'}::{sandbox.path / 'gone' / 'result'}"
    (sandbox.path / "init_kwargs").write_bytes(pickle.dumps({"session": session}))
    done = sandbox.python(worker)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "is not traced" in line and "gone" in line


def test_init_kwargs_are_plain_values(sandbox):
    script = sandbox.script(
        "import json, pickle\n"
        "from viztracer import VizTracer\n"
        "with VizTracer(verbose=0, include_files=['x'], min_duration=2, tracer_entries=5000) as tracer:\n"
        "    kwargs = tracer.init_kwargs\n"
        "assert json.loads(json.dumps(kwargs)) == pickle.loads(pickle.dumps(kwargs)) == kwargs\n"
        "kwargs['output_file'] = 'other.json'\n"
        "assert 'output_file' not in tracer.init_kwargs\n"
        "other = VizTracer(**kwargs)\n"
        "assert (other.min_duration, other.tracer_entries) == (2, 5000)\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")


# --- an inline tracer and its exits ---


FORKS = """
import os, sys
from viztracer import VizTracer
def in_the_child(): pass
def in_the_parent(): pass
tracer = VizTracer(output_file="report.json", verbose=0)
"""


@pytest.mark.parametrize("ending", ["sys.exit()", "os._exit(0)", "tracer.save(); sys.exit()"])
def test_forked_child_of_an_inline_tracer(sandbox, ending):
    script = sandbox.script(
        FORKS + "tracer.start()\n"
        "pid = os.fork()\n"
        f"if not pid: in_the_child(); {ending}\n"
        "in_the_parent()\n"
        "os.waitpid(pid, 0)\n"
        "rings = tracer.rings.path\n"
        "tracer.stop(); tracer.save()\n"
        "print(pid, rings)\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    pid, rings = done.stdout.split()
    report = sandbox.report("report.json")
    assert calls(report, "in_the_child", script) == {int(pid): 1}
    assert calls(report, "in_the_parent", script).total() == 1
    assert not os.path.exists(rings)


def test_both_sides_of_a_fork_leave_the_with_statement(sandbox):
    """The child ends last, and yet the report is the parent's, with the child in it."""
    script = sandbox.script(
        FORKS + "read, write = os.pipe()\n"
        "has_called, tell = os.pipe()\n"
        "with tracer:\n"
        "    pid = os.fork()\n"
        "    if pid: os.close(read); in_the_parent(); os.read(has_called, 1)\n"
        "    else: os.close(write); in_the_child(); os.write(tell, b'.'); os.read(read, 1)\n"
        "if pid: os.close(write); os.waitpid(pid, 0); print(pid)\n"
    )
    done = sandbox.python(script)
    (pid,) = map(int, done.stdout.split())
    (running,) = done.stderr.splitlines()
    assert f"(pid {pid})" in running
    report = sandbox.report("report.json")
    assert calls(report, "in_the_child", script) == {pid: 1}
    assert calls(report, "in_the_parent", script).total() == 1
    directory = running.partition("viztracer-merge ")[2].split()[0]
    assert control_blocks(directory) == []
    sandbox.run("rm", "-r", directory)


def test_child_that_saves_to_a_file_of_its_own(sandbox):
    script = sandbox.script(
        FORKS + "with tracer:\n"
        "    pid = os.fork()\n"
        "    if not pid: in_the_child(); tracer.save('child.json'); os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("child.json", "report.json"):
        assert calls(sandbox.report(name), "in_the_child", script).total() == 1
    only = tree.names(sandbox.report("child.json"), "process_name")
    assert calls(sandbox.report("child.json"), "in_the_child", script).keys() == only.keys()


def test_register_exit_of_an_inline_tracer_saves(sandbox):
    script = sandbox.script(
        FORKS + "tracer.register_exit()\ntracer.start()\nin_the_parent()\nprint(tracer.rings.path)\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert calls(sandbox.report("report.json"), "in_the_parent", script).total() == 1
    assert not os.path.exists(done.stdout.strip())


def test_recording_that_was_never_saved_is_kept_and_told_of(sandbox):
    script = sandbox.script(FORKS + "tracer.start()\nin_the_parent()\nraise SystemExit(3)\n")
    done = sandbox.python(script)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    rest = line.partition("viztracer-merge ")[2].split()
    assert control_blocks(rest[0]) == []
    assert sandbox.viztracer_merge(*rest).returncode == 0
    assert calls(sandbox.report("report.json"), "in_the_parent", script).total() == 1
    sandbox.run("rm", "-r", rest[0])
