"""Threads: each has its own track, with its name and the system's id."""

import json
import re
import sys
from collections import Counter

import pytest
import tree
from conftest import IS_WINDOWS, program


def test_names(sandbox):
    report = sandbox.trace(program("threads.py"))
    names = set(tree.names(report, "thread_name").values())
    expected = {"MainThread", "named", "naïve ☃", "subclass", "outer", "nested", "failing", "pool_0"}
    assert expected | {f"together-{n}" for n in range(4)} <= names
    assert not any(name.startswith("Dummy-") for name in names - bare_thread_names(report))


def bare_thread_names(report):
    """The names given to threads that have no Thread object: any will do."""
    names = tree.names(report, "thread_name")
    return {names[thread] for thread, calls in tree.trees(report).items() if re.search(r"\bbare \(", calls[0].name)}


def test_native_ids(sandbox):
    script = sandbox.script(
        "import os, threading\n"
        "def tell(name):\n"
        "    print(f'{name} {os.getpid()} {threading.get_native_id()}\\n', end='')\n"
        "tell('MainThread')\n"
        "threads = [threading.Thread(target=tell, args=(f'worker-{n}',), name=f'worker-{n}') for n in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "traced.json", script)
    told = {(int(pid), int(tid)): name for name, pid, tid in map(str.split, done.stdout.splitlines())}
    names = tree.names(sandbox.report("traced.json"), "thread_name")
    assert len(told) == 4
    assert told.items() <= names.items()
    ((pid, tid),) = [ids for ids, name in told.items() if name == "MainThread"]
    assert (pid == tid) != IS_WINDOWS


def test_short_lived_threads_keep_their_names_and_calls(sandbox):
    """200 threads of one call each, most of which get a native id that an earlier one had."""
    path = program("short_threads.py")
    report = sandbox.trace(path)
    threads = [thread for process in report["viztracer_metadata"]["processes"] for thread in process["threads"]]
    assert {f"short-{n}" for n in range(200)} <= {thread["name"] for thread in threads}
    assert sum(event["name"] == f"work ({path}:6)" for event in tree.spans(report)) == 200
    tree.check_nesting(report)


@pytest.mark.parametrize("thread_is_inside", ["a call", "a loop of calls"])
def test_threads_that_were_there_before_the_start(sandbox, thread_is_inside):
    """What such a thread calls after the start is recorded, under its name, without its help."""
    loop = {"a call": "go.acquire(); work()", "a loop of calls": "while not go.acquire(False): idle()\n    work()"}
    script = sandbox.script(
        "import threading\n"
        "from viztracer import VizTracer\n"
        "ready, go = threading.Lock(), threading.Lock()\n"
        "ready.acquire(); go.acquire()\n"
        "def idle(): pass\n"
        "def work(): pass\n"
        "def run():\n"
        "    ready.release()\n"
        f"    {loop[thread_is_inside]}\n"
        "tracer = VizTracer(verbose=0)\n"
        "thread = threading.Thread(target=run, name='before')\n"
        "thread.start()\n"
        "ready.acquire()\n"
        "tracer.start()\n"
        "go.release()\n"
        "thread.join()\n"
        "tracer.stop()\n"
        "tracer.save()\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("result.json")
    names = tree.names(report, "thread_name")
    (thread,) = [(e["pid"], e["tid"]) for e in tree.spans(report) if e["name"] == f"work ({script}:6)"]
    assert names[thread] == "before"


def test_every_call_of_every_thread_is_there(sandbox):
    """Eight threads at once, with a switch interval so short that they interrupt each other anywhere."""
    script = sandbox.script(
        "import sys, threading\n"
        "sys.setswitchinterval(1e-6)\n"
        "def leaf(n): return len(range(n))\n"
        "def work():\n"
        "    for n in range(2000): leaf(n)\n"
        "threads = [threading.Thread(target=work, name=f'worker-{n}') for n in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    report = sandbox.trace(script)
    names = tree.names(report, "thread_name")
    workers = {names[thread]: tree.own(calls, script) for thread, calls in tree.trees(report).items()}
    pair = [tree.Call(1, f"leaf ({script}:3)", False), tree.Call(2, "builtins.len", False)]
    for n in range(8):
        assert workers[f"worker-{n}"] == [tree.Call(0, f"work ({script}:4)", False), *pair * 2000]


def calls_by_thread(report, name, path):
    """How often each thread, by its name, called a function of the program."""
    names = tree.names(report, "thread_name")
    wanted = re.compile(rf"{name} \({re.escape(path)}:\d+\)")
    return Counter(names[e["pid"], e["tid"]] for e in tree.spans(report) if wanted.fullmatch(e["name"]))


def test_threads_of_all_kinds(sandbox):
    path = program("threads.py")
    report = sandbox.trace(path)
    calls = calls_by_thread(report, "leaf", path)
    expected = {name: 2 for name in ("named", "naïve ☃", "subclass", "nested", *(f"together-{n}" for n in range(4)))}
    (bare,) = bare_thread_names(report)
    assert calls == expected | {"pool_0": 5, bare: 2}
    assert calls_by_thread(report, "fails", path) == {"failing": 1}
    assert calls_by_thread(report, "starts_another", path) == {"outer": 1}


def test_renamed_threads(sandbox):
    """A thread goes by the name it had last, whether it has ended by then or not."""
    script = sandbox.script(
        "import threading\n"
        "def work(): pass\n"
        "def renames(name):\n"
        "    work(); threading.current_thread().name = name; work()\n"
        "def lives_on(name):\n"
        "    renames(name); renamed.release(); threading.Event().wait()\n"
        "renamed = threading.Lock(); renamed.acquire()\n"
        "threads = [threading.Thread(target=renames, args=(f'new-{n}',), name=f'old-{n}') for n in range(20)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "threading.Thread(target=lives_on, args=('daemon',), daemon=True).start()\n"
        "renamed.acquire()\n"
        "renames('main')\n"
    )
    report = sandbox.trace(script)
    expected = {*(f"new-{n}" for n in range(20)), "daemon", "main"}
    assert calls_by_thread(report, "work", script) == {name: 2 for name in expected}
    assert set(tree.names(report, "thread_name").values()) == expected


def test_daemon_threads(sandbox):
    """They are recorded until the program ends; what they were in is the end of the track."""
    script = sandbox.script(
        "import threading\n"
        "def work(): pass\n"
        "def goes_on():\n"
        "    for n in range(100): work()\n"
        "    done.set(); threading.Event().wait()\n"
        "done = threading.Event()\n"
        "threading.Thread(target=goes_on, name='daemon', daemon=True).start()\n"
        "done.wait()\n"
    )
    report = sandbox.trace(script)
    assert calls_by_thread(report, "work", script) == {"daemon": 100}
    assert calls_by_thread(report, "goes_on", script) == {"daemon": 1}


BARE = """
import _thread, threading
from viztracer import VizTracer
def work(): pass
def runs():
    work(); ready.release(); go.acquire(); work(); done.release()
ready, go, done = (_thread.allocate_lock() for n in range(3))
ready.acquire(); go.acquire(); done.acquire()
tracer = VizTracer(verbose=0)
{before}
ready.acquire()
tracer.start()
{after}
go.release(); done.acquire()
tracer.save()
"""


@pytest.mark.parametrize("start", ["_thread.start_new_thread(runs, ())", "_thread.start_new(runs, ())"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_threads_without_an_object(sandbox, moment, start):
    other = {"before": "after", "after": "before"}[moment]
    script = sandbox.script(BARE.format(**{moment: start, other: "" if other == "after" else "ready.release()"}))
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    calls = calls_by_thread(sandbox.report("result.json"), "work", script)
    assert list(calls.values()) == [1 if moment == "before" else 2]
    assert not any(name.startswith("Dummy") or name == "MainThread" for name in calls)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before, hooks are per thread, and nobody tells of such threads")
@pytest.mark.posix("pthread_create")
def test_threads_that_c_code_makes(sandbox):
    """Threads of pthread_create(3) that call back into Python."""
    script = sandbox.script(
        "import ctypes\n"
        "def work(): pass\n"
        "def called(argument): work()\n"
        "library = ctypes.CDLL(None)\n"
        "callback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(called)\n"
        "threads = [ctypes.c_ulong() for n in range(3)]\n"
        "for thread in threads:\n"
        "    assert library.pthread_create(ctypes.byref(thread), None, callback, None) == 0\n"
        "for thread in threads: library.pthread_join(thread, None)\n"
    )
    report = sandbox.trace(script)
    calls = calls_by_thread(report, "work", script)
    assert list(calls.values()) == [1, 1, 1]
    assert not any(name.startswith("Dummy") or name == "MainThread" for name in calls)


def test_a_hook_of_the_programs_own_for_new_threads_is_called(sandbox):
    """`threading.setprofile` of the program works; before 3.12 it is the only one then."""
    script = sandbox.script(
        "import threading\n"
        "called = []\n"
        "def work(): pass\n"
        "threading.setprofile(lambda frame, event, argument: called.append(frame.f_code.co_name))\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "thread.join()\n"
        "print('work' in called)\n"
    )
    assert sandbox.viztracer("--quiet", script).stdout == "True\n"


SHORT_LIVED = """
import threading
def work(n): return n
def run():
    for n in range(10): work(n)
def memory():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))
def run_threads(count):
    for n in range(count):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
run_threads(1000)
before = memory()
run_threads(9000)
print(memory() - before)
"""


@pytest.mark.posix("/proc")
def test_ten_thousand_threads_one_after_the_other(sandbox):
    """Every call is there; 9,000 threads cost less than 1 MiB of memory, and the file holds but records and names."""
    script = sandbox.script(SHORT_LIVED)
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[0]) < 1024
    (ring,) = (sandbox.path / "rings").iterdir()
    report = sandbox.merge(ring)
    assert sum(calls_by_thread(report, "work", script).values()) == 100_000
    assert calls_by_thread(report, "run", script).keys() == {f"Thread-{n} (run)" for n in range(1, 10_001)}
    (process,) = report["viztracer_metadata"]["processes"]
    events = sum(thread["events"] for thread in process["threads"])
    assert not any(thread["overwritten"] or thread["lost"] for thread in process["threads"])
    # 16 bytes a record, 128 a thread, and a share of their segments' headers; functions, stacks, what is open.
    assert ring.stat().st_size < events * 16.3 + 10_000 * 130 + (1 << 20)


MANY = """
import os, sys, threading
def work(n): return len("abc")
def run_threads(count):
    for n in range(count):
        thread = threading.Thread(target=work, args=(n,))
        thread.start()
        thread.join()
    print(max(os.path.getsize(os.path.join("rings", name)) for name in os.listdir("rings")))
for count in map(int, sys.argv[1:]):
    run_threads(count)
"""


@pytest.mark.posix("limits of files")
def test_names_of_dead_threads_take_no_room_from_the_newest_calls(sandbox):
    """The newest calls are there, with the names of their threads, and older threads do not make the file grow."""

    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))

    script = sandbox.script(MANY)
    counts = [5_000, 10_000, 5_000]
    arguments = ["--pid_suffix", "--output_dir", "rings", "--tracer_entries", 20_000, script, *counts]
    done = sandbox.viztracer(*arguments, preexec_fn=limit)
    assert done.returncode == 0, done.stderr
    sizes = [int(line) for line in done.stdout.splitlines()[:3]]
    assert sizes[0] == sizes[1] == sizes[2] < 1_000_000
    (ring,) = (sandbox.path / "rings").iterdir()
    report = sandbox.merge(ring)
    (process,) = report["viztracer_metadata"]["processes"]
    kept = process["threads"]
    assert sum(thread["events"] for thread in kept) == 20_000
    assert not any(thread["lost"] for thread in kept) and "lost" not in process
    assert len(kept) + process["forgotten_threads"] == 1 + sum(counts)
    (main,) = [thread for thread in kept if thread["name"] == "MainThread"]
    names = [int(re.fullmatch(r"Thread-(\d+) \(work\)", thread["name"])[1]) for thread in kept if thread is not main]
    # The newest threads are there, and perhaps an older one that had to wait while they ran.
    newest = range(sum(counts) - len(names) // 2 + 1, sum(counts) + 1)
    assert len(set(names)) == len(names) > 100 and set(newest) <= set(names)
    # Nearly every thread makes the same calls, but for some where it had to wait: what is missing is counted.
    whole = [thread["events"] for thread in kept if thread is not main and not thread["overwritten"]]
    threads = (len(names) + process["forgotten_threads"]) * Counter(whole).most_common(1)[0][0]
    counted = sum(thread["events"] + thread["overwritten"] for thread in kept if thread is not main)
    assert counted + process["forgotten_events"] == pytest.approx(threads, rel=0.02)
    assert report["viztracer_metadata"]["overflow"] is True


GENERATED = """
import sys
for n in range(int(sys.argv[1])):
    scope = {}
    exec(f"def generated_function_{n}(): pass", scope)
    scope[f"generated_function_{n}"]()
"""


@pytest.mark.posix("limits of files")
def test_names_of_generated_functions_take_no_room_from_the_newest_calls(sandbox):
    """A function without space for its name is counted, and its calls are recorded."""

    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))

    script = sandbox.script(GENERATED)
    arguments = ["--pid_suffix", "--output_dir", "rings", "--tracer_entries", 100_000, script, 100_000]
    done = sandbox.viztracer(*arguments, preexec_fn=limit)
    assert done.returncode == 0, done.stderr
    (ring,) = (sandbox.path / "rings").iterdir()
    report = sandbox.merge(ring)
    (process,) = report["viztracer_metadata"]["processes"]
    assert sum(thread["events"] for thread in process["threads"]) == 100_000
    names = [event["name"] for event in tree.spans(report)]
    assert names.count("unknown function") > 30_000
    (file,) = json.loads(sandbox.viztracer_merge("--info", "--json", ring).stdout)["files"]
    assert file["unnamed"] > 80_000 and file["lost"] == 0


@pytest.mark.posix("/proc")
def test_five_hundred_threads_at_once(sandbox):
    """Every call is there; each living thread takes its own segment, 64 KiB at most, and less than 8 KiB of memory."""
    script = sandbox.script(
        "import threading\n"
        "def work(): pass\n"
        "def run():\n"
        "    for n in range(10): work()\n"
        "    here.wait(); go.wait()\n"
        "    for n in range(10): work()\n"
        "here, go = threading.Barrier(501), threading.Event()\n"
        "threads = [threading.Thread(target=run, name=f'thread-{n}') for n in range(500)]\n"
        "for thread in threads: thread.start()\n"
        "here.wait()\n"
        "status = open('/proc/self/status')\n"
        "print(next(int(line.split()[1]) for line in status if line.startswith('RssAnon')))\n"
        "go.set()\n"
        "for thread in threads: thread.join()\n"
    )
    untraced = int(sandbox.python(script).stdout)
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[0]) < untraced + 8 * 1024 + 500 * 8
    (ring,) = (sandbox.path / "rings").iterdir()
    assert ring.stat().st_size < 500 * 65536 + (16 << 20)
    report = sandbox.merge(ring)
    assert calls_by_thread(report, "work", script) == {f"thread-{n}": 20 for n in range(500)}
    tree.check_nesting(report)
