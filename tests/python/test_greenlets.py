"""Greenlets switch stacks inside a thread: recording goes on, every call is there once, and calls nest."""

import json
import re
from collections import Counter

import pytest
import tree
from conftest import library

LOGGED = """
import atexit, collections, functools, json, sys
log = collections.Counter()
def logged(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        log[function.__name__] += 1
        return function(*arguments)
    return wrapper
@logged
def leaf(n): return n
def write_log():
    with open("log", "w") as file: json.dump(log, file)
"""
END = """
leaf("the last call")
def after(): pass
after()
write_log()
"""

TOLD = r"viztracer: this program switches greenlets, and those of a thread share one track here: .*\n"

GREENLETS = {
    "ping-pong": """
from greenlet import greenlet, getcurrent
main = getcurrent()
@logged
def player(n):
    for round in range(300): leaf(main.switch(round))
@logged
def referee():
    players = [greenlet(player) for n in range(3)]
    for round in range(300):
        for each in players: leaf(each.switch(round))
referee()
""",
    "exceptions": """
from greenlet import greenlet, getcurrent
main = getcurrent()
@logged
def inner(n):
    leaf(n)
    main.switch(n)
    raise KeyError(n)
@logged
def outer(n):
    try: inner(n)
    except KeyError: main.switch(leaf(n))
    raise ValueError(n)
@logged
def survives(each):
    try: each.switch()
    except ValueError as error: leaf(error)
greenlets = [greenlet(outer) for n in range(200)]
for n, each in enumerate(greenlets): each.switch(n)
for each in greenlets: each.switch()
for each in greenlets[::-1]: survives(each)
""",
    "thrown into and killed": """
from greenlet import greenlet, getcurrent, GreenletExit
main = getcurrent()
@logged
def waits(n):
    try: main.switch(leaf(n))
    except KeyError: leaf(n)
    finally: leaf(n)
greenlets = [greenlet(waits) for n in range(300)]
for n, each in enumerate(greenlets): each.switch(n)
for n, each in enumerate(greenlets[:200]): each.throw(KeyError if n % 2 else GreenletExit)
del greenlets, each
""",
    "at random": """
import random
from greenlet import greenlet, getcurrent
choose = random.Random(5)
main, living = getcurrent(), []
@logged
def step(depth):
    leaf(depth)
    if depth < 4 and choose.random() < 0.6: step(depth + 1)
    others = [each for each in living if each is not getcurrent() and not each.dead]
    if choose.random() < 0.5 and others: choose.choice(others).switch()
    elif choose.random() < 0.3: main.switch()
    if choose.random() < 0.1: raise KeyError(depth)
@logged
def lives():
    for n in range(20):
        try: step(0)
        except KeyError: leaf("caught")
living += [greenlet(lives) for n in range(10)]
while any(not each.dead for each in living):
    for each in living:
        if not each.dead: each.switch()
""",
    "in threads": """
import threading
from greenlet import greenlet, getcurrent
@logged
def plays(main):
    for round in range(200): main.switch(leaf(round))
def thread():
    players = [greenlet(plays) for n in range(2)]
    for each in players: each.switch(getcurrent())
    for round in range(200):
        for each in players: each.switch()
threads = [threading.Thread(target=thread, name=f"thread-{n}") for n in range(4)]
lock = threading.Lock()
for each in threads: each.start(); each.join()
""",
    "gevent": """
import gevent, gevent.queue
queue = gevent.queue.Queue()
@logged
def produces(n):
    for round in range(100): queue.put(leaf(round)); gevent.sleep(0)
@logged
def consumes():
    for round in range(500): leaf(queue.get())
@logged
def fails():
    gevent.sleep(0)
    raise KeyError
failing = gevent.spawn(fails)
gevent.get_hub().exception_stream = None
gevent.joinall([gevent.spawn(produces, n) for n in range(5)] + [gevent.spawn(consumes), failing])
killed = gevent.spawn(gevent.sleep, 1000)
gevent.sleep(0)
killed.kill()
assert isinstance(failing.exception, KeyError)
""",
    "gevent, patched": """
import gevent.monkey
gevent.monkey.patch_all()
import threading, time
@logged
def sleeps(n):
    for round in range(50): time.sleep(0); leaf(round)
threads = [threading.Thread(target=sleeps, args=(n,)) for n in range(5)]
for each in threads: each.start()
for each in threads: each.join()
""",
}


@pytest.fixture(params=GREENLETS)
def switching(request, sandbox):
    library("gevent" if "gevent" in request.param else "greenlet")
    return sandbox.script(LOGGED + GREENLETS[request.param] + END)


def logged_calls(sandbox):
    return Counter(sandbox.report("log"))


def own_calls(report, path):
    wanted = re.compile(rf"(\w+) \({re.escape(path)}:\d+\)")
    found = (wanted.fullmatch(event["name"]) for event in tree.spans(report))
    return Counter(match[1] for match in found if match)


def test_every_call_is_there_once(sandbox, switching):
    done = sandbox.viztracer("-o", "report.json", "--", switching)
    assert done.returncode == 0
    assert re.fullmatch(TOLD, done.stderr)
    report = sandbox.report("report.json")
    calls = own_calls(report, switching)
    log = logged_calls(sandbox)
    assert {name: calls[name] for name in log} == log
    assert calls["after"] == 1
    tree.check_nesting(report)
    assert report["viztracer_metadata"]["processes"][0]["threads"][0]["name"] == "MainThread"


def test_program_runs_as_it_does_untraced(sandbox, switching):
    """What it prints, how it ends and what it logs is the same."""
    ends = []
    for run in (sandbox.python, lambda path: sandbox.viztracer("--quiet", path)):
        done = run(switching)
        ends.append((done.returncode, done.stdout, done.stderr, logged_calls(sandbox)))
    assert ends[0] == ends[1]


def test_start_and_stop_on_different_greenlets(sandbox):
    library("greenlet")
    path = sandbox.script(
        "from greenlet import greenlet, getcurrent\n"
        "from viztracer import VizTracer\n"
        "def work(): pass\n"
        "main = getcurrent()\n"
        "tracer = VizTracer(verbose=0, output_file='report.json')\n"
        "def starts(): tracer.start(); work(); main.switch(); work()\n"
        "def stops(): work(); main.switch(); work(); tracer.stop(); work()\n"
        "first, second = greenlet(starts), greenlet(stops)\n"
        "first.switch(); second.switch(); first.switch(); second.switch()\n"
        "tracer.save()\n"
    )
    done = sandbox.python(path)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("report.json")
    assert own_calls(report, path)["work"] == 4
    tree.check_nesting(report)


def test_a_call_that_waited_in_a_greenlet_has_no_wrong_duration_without_a_word(sandbox):
    """The end of `leaf_c` is not seen as such: it is marked, and a line says why."""
    pytest.importorskip("gevent")
    script = sandbox.script(
        "import gevent, json, time\n"
        "inside, around = {}, {}\n"
        "def measured(times, name, function, *arguments):\n"
        "    begin = time.monotonic()\n"
        "    function(*arguments)\n"
        "    times[name] = (time.monotonic() - begin) * 1e6\n"
        "def sleeps(name, seconds): measured(inside, name, gevent.sleep, seconds)\n"
        "def leaf_a(): sleeps('leaf_a', 0.3)\n"
        "def leaf_b(): sleeps('leaf_b', 0.1)\n"
        "def leaf_c(): sleeps('leaf_c', 0.2)\n"
        "gevent.joinall([gevent.spawn(measured, around, f.__name__, f) for f in (leaf_a, leaf_b, leaf_c)])\n"
        "print(json.dumps([inside, around]))\n"
    )
    done = sandbox.viztracer("-o", "report.json", script)
    assert done.returncode == 0 and "switches greenlets" in done.stderr
    inside, around = json.loads(done.stdout.splitlines()[0])
    leaves = [event for event in tree.spans(sandbox.report("report.json")) if re.match("leaf_.", event["name"])]
    assert len(leaves) == 3
    for event in leaves:
        name = event["name"].partition(" ")[0]
        is_right = inside[name] - 1000 <= event["dur"] <= around[name] + 1000
        assert is_right or event["args"]["abandoned"]


# Every end fits some begin here, although it is mostly another one's.
ALL_IN_ONE_FUNCTION = {
    "gevent": "import gevent\n"
    "def sleeps(seconds): gevent.sleep(seconds)\n"
    "gevent.joinall([gevent.spawn(sleeps, seconds) for seconds in (0.03, 0.01, 0.02)])\n",
    "called before": "from greenlet import greenlet, getcurrent\n"
    "main = getcurrent()\n"
    "def leaves(): getcurrent() is main or main.switch()\n"
    "leaves()\n"
    "first, second = greenlet(leaves), greenlet(leaves)\n"
    "first.switch(); second.switch(); first.switch(); second.switch()\n",
}


@pytest.mark.parametrize("way", ALL_IN_ONE_FUNCTION)
def test_greenlets_that_all_run_one_function_are_told_of(sandbox, way):
    library("greenlet" if way == "called before" else way)
    done = sandbox.viztracer("-o", "report.json", sandbox.script(ALL_IN_ONE_FUNCTION[way]))
    assert done.returncode == 0 and re.fullmatch(TOLD, done.stderr)
    assert " 0 ends of calls" not in done.stderr


def test_a_run_of_several_processes_is_told_of_once(sandbox):
    library("greenlet")
    forks = "import os\npids = []\nwhile len(pids) < 3 and all(pids): pids.append(os.fork())\n"
    waits = "[os.waitpid(pid, 0) for pid in pids if all(pids)]\n"
    script = sandbox.script(forks + ALL_IN_ONE_FUNCTION["called before"] + waits)
    done = sandbox.viztracer("-o", "report.json", script)
    assert done.returncode == 0 and re.fullmatch(TOLD, done.stderr)
    assert len(sandbox.report("report.json")["viztracer_metadata"]["processes"]) == 4


def test_a_program_that_only_has_greenlets_is_not_told_of(sandbox):
    """Neither one that imports the library nor functions without a caller in threads and at the exit."""
    library("gevent")
    script = sandbox.script(
        "import atexit, gevent.greenlet, threading\n"
        "from greenlet import getcurrent\n"
        "def work(): return getcurrent()\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "atexit.register(lambda: work())\n"
    )
    done = sandbox.viztracer("-o", "report.json", script)
    assert (done.returncode, done.stderr) == (0, "")
