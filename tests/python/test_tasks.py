"""--log_async: every task has its own track, with its name and exactly the calls that it made."""

import json
import re
import signal
import sys
from collections import defaultdict

import pytest
import tree
from conftest import library, program

SCENARIOS = [
    "gather",
    "group",
    "cancelled",
    "raises",
    "generators",
    "callbacks",
    "blocking",
    "eager",
    "manual",
    "loops_in_threads",
    "python_tasks",
    "uvloop",
    "trio",
    "anyio",
]
NEEDS = {"group": (3, 11), "eager": (3, 12)}
FIRST_TASK = 1 << 24


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_call_is_on_the_track_of_its_task(sandbox, scenario):
    if scenario in ("uvloop", "trio", "anyio"):
        library(scenario)
    if sys.version_info < NEEDS.get(scenario, (3, 10)):
        pytest.skip("asyncio of this version has no such thing")
    path = program("tasks.py")
    done = sandbox.viztracer("--quiet", "--log_async", "-o", "traced.json", path, scenario)
    assert done.returncode == 0, done.stderr

    noted = defaultdict(list)
    for owner, function in json.loads(done.stdout):
        noted[owner].append(function)
    assert on_tracks(sandbox.report("traced.json"), path) == {owner: sorted(names) for owner, names in noted.items()}


def on_tracks(report, path):
    """The functions that write down their owner, by the name of the track they are on; tracks of one name together.

    Also checks that each of them is where its caller is: no track begins with one.
    """
    names = tree.names(report, "thread_name")
    wanted = re.compile(rf"(?:\w+\.<locals>\.)*(before|between|after) \({re.escape(path)}:")
    tracks = defaultdict(list)
    for thread, calls in tree.trees(report).items():
        for call in calls:
            if found := wanted.match(call.name):
                tracks[names[thread]].append(found[1])
                assert call.depth > 0
    return {name: sorted(calls) for name, calls in tracks.items()}


def test_steps_of_a_task_stand_side_by_side(sandbox):
    """The article's example: tasks that wait overlap, tasks that block follow each other."""
    script = sandbox.script(
        "import asyncio, sys, time\n"
        "async def io_task():\n"
        "    if sys.argv[1] == 'block':\n"
        "        time.sleep(0.05)\n"
        "    await asyncio.sleep(0.05)\n"
        "async def main():\n"
        "    await asyncio.gather(*(asyncio.create_task(io_task(), name=f'io {n}') for n in range(3)))\n"
        "asyncio.run(main())\n"
    )

    def extents(mode):
        report = sandbox.trace("--log_async", script, mode)
        names = tree.names(report, "thread_name")
        tracks = defaultdict(list)
        for event in tree.spans(report):
            if event["name"].startswith("io_task "):
                tracks[names[event["pid"], event["tid"]]].append(tree.nanoseconds(event))
        assert sorted(tracks) == ["io 0", "io 1", "io 2"]
        assert all(len(steps) == 2 for steps in tracks.values())
        return [sorted(steps) for _, steps in sorted(tracks.items())]

    first, second, third = extents("wait")
    assert max(first[0][1], second[0][1], third[0][1]) <= min(first[1][0], second[1][0], third[1][0])
    first, second, third = extents("block")
    assert first[0][1] <= second[0][0] and second[0][1] <= third[0][0]
    assert all(steps[0][1] - steps[0][0] >= 50_000_000 for steps in (first, second, third))


def test_a_new_name_is_the_one_that_is_shown(sandbox):
    script = sandbox.script(
        "import asyncio\n"
        "async def work():\n"
        "    await asyncio.sleep(0)\n"
        "    asyncio.current_task().set_name('renamed ☃')\n"
        "async def main():\n"
        "    task = asyncio.create_task(work(), name='first')\n"
        "    await task\n"
        "asyncio.run(main())\n"
    )
    names = set(tree.names(sandbox.trace("--log_async", script), "thread_name").values())
    assert "renamed ☃" in names and "first" not in names


def test_tracks_are_numbered_beyond_threads(sandbox):
    report = sandbox.trace("--log_async", program("tasks.py"), "gather")
    names = tree.names(report, "thread_name")
    tasks = {tid for (_, tid), name in names.items() if name.startswith("worker")}
    assert len(tasks) == 5 and min(tasks) > FIRST_TASK


def test_without_the_option_tasks_are_on_their_thread(sandbox):
    names = set(tree.names(sandbox.trace(program("tasks.py"), "gather"), "thread_name").values())
    assert names == {"MainThread"}


def test_no_task_lives_longer_for_it(sandbox):
    script = sandbox.script(
        "import asyncio, gc\n"
        "async def work():\n"
        "    await asyncio.sleep(0)\n"
        "async def main():\n"
        "    done = asyncio.create_task(work())\n"
        "    await done\n"
        "asyncio.run(main())\n"
        "gc.collect()\n"
        "print(sum(isinstance(thing, asyncio.Task) for thing in gc.get_objects()))\n"
    )
    done = sandbox.viztracer("--quiet", "--log_async", script)
    assert done.stdout.split() == ["0"], done.stderr


def test_ten_thousand_tasks_in_a_small_ring(sandbox):
    """Task tracks stay right when the ring has gone over the marks: those of the newest calls are all there."""
    script = sandbox.script(
        "import asyncio\n"
        "def leaf(): pass\n"
        "async def work(n):\n"
        "    leaf()\n"
        "    await asyncio.sleep(0)\n"
        "    leaf()\n"
        "async def main():\n"
        "    for first in range(0, 10_000, 100):\n"
        "        tasks = [asyncio.create_task(work(n), name=f'task {n}') for n in range(first, first + 100)]\n"
        "        await asyncio.gather(*tasks)\n"
        "asyncio.run(main())\n"
    )
    report = sandbox.trace("--log_async", "--tracer_entries", "5000", script)
    names = tree.names(report, "thread_name")
    leaves = [names[event["pid"], event["tid"]] for event in tree.spans(report) if event["name"].startswith("leaf ")]
    assert len(leaves) > 50
    assert all(name.startswith("task 99") for name in leaves)
    shown = [name for name in names.values() if name.startswith("task ")]
    assert set(leaves) <= set(shown) and len(shown) <= 300
    tree.check_nesting(report)


def test_a_killed_process_shows_the_task_it_was_in(sandbox):
    script = sandbox.script(
        "import asyncio, os, signal\n"
        "def dies(): os.kill(os.getpid(), signal.SIGKILL)\n"
        "async def inner(): dies()\n"
        "async def fatal():\n"
        "    await asyncio.sleep(0)\n"
        "    await inner()\n"
        "async def main():\n"
        "    await asyncio.create_task(fatal(), name='the last one')\n"
        "asyncio.run(main())\n"
    )
    done = sandbox.viztracer("--log_async", "--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == -signal.SIGKILL
    report = sandbox.merge("rings")
    names = tree.names(report, "thread_name")
    unfinished = defaultdict(list)
    for event in tree.spans(report):
        if (event.get("args") or {}).get("unfinished"):
            unfinished[names[event["pid"], event["tid"]]].append(event["name"].split(" ")[0])
    assert unfinished["the last one"] == ["fatal", "inner", "dies", "posix.kill"]
    assert "<module>" in unfinished["MainThread"]


def test_a_fork_inside_a_task(sandbox):
    script = sandbox.script(
        "import asyncio, os\n"
        "def leaf(): pass\n"
        "async def work():\n"
        "    await asyncio.sleep(0)\n"
        "    child = os.fork()\n"
        "    leaf()\n"
        "    if not child: os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "    await asyncio.sleep(0)\n"
        "    leaf()\n"
        "async def main():\n"
        "    await asyncio.create_task(work(), name='forking')\n"
        "asyncio.run(main())\n"
    )
    report = sandbox.trace("--log_async", script)
    names = tree.names(report, "thread_name")
    leaves = [names[event["pid"], event["tid"]] for event in tree.spans(report) if event["name"].startswith("leaf ")]
    assert leaves.count("forking") == 2 and len(leaves) == 3
    tree.check_nesting(report)


def test_the_depth_limit_counts_calls_alone(sandbox):
    """The mark of a task on the stack is not a call: depths are the same as without tasks."""
    script = sandbox.script(
        "import asyncio\n"
        "def deep(n): return deep(n - 1) if n else None\n"
        "async def work(): deep(300)\n"
        "async def main(): await asyncio.create_task(work(), name='deep')\n"
        "asyncio.run(main())\n"
    )
    plain = sandbox.trace("--max_stack_depth", "200", script)
    tasks = sandbox.trace("--log_async", "--max_stack_depth", "200", script)

    def count(report):
        return sum(event["name"].startswith("deep ") for event in tree.spans(report))

    assert count(plain) == count(tasks) > 100


def test_an_inline_tracer(sandbox):
    script = sandbox.script(
        "import asyncio\n"
        "from viztracer import VizTracer\n"
        "async def work(): await asyncio.sleep(0)\n"
        "async def main(): await asyncio.create_task(work(), name='worker')\n"
        "with VizTracer(log_async=True, output_file='inline.json', verbose=0):\n"
        "    asyncio.run(main())\n"
    )
    assert sandbox.python(script).returncode == 0
    assert "worker" in tree.names(sandbox.report("inline.json"), "thread_name").values()


def test_descendants_do_the_same(sandbox):
    child = sandbox.script(
        "import asyncio\n"
        "async def work(): await asyncio.sleep(0)\n"
        "async def main(): await asyncio.create_task(work(), name='worker')\n"
        "asyncio.run(main())\n",
        "child.py",
    )
    script = sandbox.script(f"import subprocess, sys\nsubprocess.run([sys.executable, {child!r}], check=True)\n")
    assert "worker" in tree.names(sandbox.trace("--log_async", script), "thread_name").values()


def test_perfetto_takes_it(sandbox, perfetto):
    sandbox.trace("--log_async", program("tasks.py"), "loops_in_threads")
    assert perfetto(sandbox.path / "traced.json")["errors"] == []


MANY = """
import asyncio, os, sys
async def step(n): await asyncio.sleep(0)
async def work(n): await step(n)
async def main():
    for count in map(int, sys.argv[1:]):
        for n in range(count):
            await asyncio.gather(work(n), work(n))
        print(max(os.path.getsize(os.path.join("rings", name)) for name in os.listdir("rings")))
asyncio.run(main())
"""


def test_names_of_ended_tasks_take_no_room_for_good(sandbox):
    """The file is as long after 40,000 tasks as after 10,000, and all that is in it has its task's name."""
    script = sandbox.script(MANY)
    arguments = [
        "--log_async",
        "--pid_suffix",
        "--output_dir",
        "rings",
        "--tracer_entries",
        10_000,
        script,
        5_000,
        15_000,
    ]
    done = sandbox.viztracer(*arguments)
    assert done.returncode == 0, done.stderr
    sizes = [int(line) for line in done.stdout.splitlines()[:2]]
    assert sizes[0] == sizes[1] < 1_000_000
    report = sandbox.merge("rings")
    names = tree.names(report, "thread_name")
    works = [event for event in tree.spans(report) if event["name"] == f"work ({script}:4)"]
    assert len(works) > 100
    shown = {names[event["pid"], event["tid"]] for event in works}
    assert all(re.fullmatch(r"Task-\d+", name) for name in shown) and len(shown) > 50
    assert max(int(name[5:]) for name in shown) == 40_001


def test_nothing_is_kept_of_tasks_that_have_ended(sandbox):
    """Weak references of the tracer's are let go of with their tasks, not when recording stops."""
    script = sandbox.script(
        "import asyncio, gc, weakref\n"
        "def memory():\n"
        "    return next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('RssAnon'))\n"
        "def references(): return sum(type(one) is weakref.ref for one in gc.get_objects())\n"
        "async def work(): await asyncio.sleep(0)\n"
        "async def main():\n"
        "    for n in range(30_001):\n"
        "        await asyncio.create_task(work())\n"
        "        if n == 5000: before = memory(), references()\n"
        "    print(memory() - before[0], references() - before[1])\n"
        "asyncio.run(main())\n"
    )
    done = sandbox.viztracer("--quiet", "--log_async", "-o", "report.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    kilobytes, references = map(int, done.stdout.split())
    assert kilobytes < 1024 and references < 2048


def test_a_task_whose_name_ends_the_recording(sandbox):
    """`get_name` is the program's own code, and runs inside of a hook."""
    script = sandbox.script(
        "import asyncio, asyncio.tasks\n"
        "from viztracer import VizTracer\n"
        "class Task(asyncio.tasks._PyTask):\n"
        "    def get_name(self):\n"
        "        if armed: armed.pop(); tracer.save(); tracer.stop(); tracer.start()\n"
        "        return super().get_name()\n"
        "armed = []\n"
        "async def work():\n"
        "    for n in range(3): await asyncio.sleep(0)\n"
        "async def main():\n"
        "    asyncio.get_running_loop().set_task_factory(lambda loop, coroutine, **rest: Task(coroutine, loop=loop,"
        " **rest))\n"
        "    for n in range(20):\n"
        "        armed.append(n)\n"
        "        await asyncio.gather(*(asyncio.ensure_future(work()) for n in range(3)))\n"
        "tracer = VizTracer(verbose=0, log_async=True, tracer_entries=2000)\n"
        "tracer.start()\n"
        "asyncio.run(main())\n"
        "tracer.stop(); tracer.save()\n"
    )
    assert sandbox.python(script).returncode == 0
