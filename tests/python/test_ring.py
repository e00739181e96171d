"""A ring that is too small: the newest calls and all open calls are there, and all others are counted exactly."""

import csv
import json
import zlib
from collections import Counter

import pytest
import tree
from conftest import program

ENTRIES = 1_000
CALLS = 1_000_000
NEWEST = 600

BURST = f"""
from viztracer import VizTracer

def old(): pass
def newest(): pass

def outer(): inner()
def inner():
    for _ in range({CALLS - NEWEST}): old()
    for _ in range({NEWEST}): newest()
    tracer.stop()

tracer = VizTracer(tracer_entries={ENTRIES}, ignore_c_function=True, verbose=0)
tracer.start()
outer()
tracer.save()
"""


def test_the_newest_calls_and_every_open_one_survive(sandbox):
    script = sandbox.script(BURST)
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("result.json")
    (calls,) = tree.trees(report).values()
    assert calls == [
        tree.Call(0, f"outer ({script}:7)", False),
        tree.Call(1, f"inner ({script}:8)", False),
        *[tree.Call(2, f"old ({script}:4)", False)] * (ENTRIES - NEWEST),
        *[tree.Call(2, f"newest ({script}:5)", False)] * NEWEST,
    ]
    assert [event["ph"] for event in tree.spans(report)].count("B") == 2

    metadata = report["viztracer_metadata"]
    assert metadata["overflow"] is True
    ((thread,),) = [process["threads"] for process in metadata["processes"]]
    assert thread["name"] == "MainThread"
    counts = {key: thread[key] for key in ("events", "overwritten", "lost", "unfinished")}
    assert counts == {"events": ENTRIES + 2, "overwritten": CALLS - ENTRIES, "lost": 0, "unfinished": 2}


def test_a_ring_that_is_just_full_lost_nothing(sandbox):
    script = sandbox.script(
        "from viztracer import VizTracer\n"
        "def f(): pass\n"
        f"tracer = VizTracer(tracer_entries={ENTRIES}, ignore_c_function=True, verbose=0)\n"
        "tracer.start()\n"
        f"for _ in range({ENTRIES}): f()\n"
        "tracer.stop()\n"
        "tracer.save()\n"
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("result.json")
    assert len(tree.spans(report)) == ENTRIES
    assert report["viztracer_metadata"]["overflow"] is False


@pytest.mark.parametrize("entries", [1, 2, 255, 256, 257, 5_000])
def test_every_call_is_shown_or_counted(sandbox, entries):
    """Whatever the size of the ring: calls shown and calls overwritten are all the calls there were."""
    for name, options in {"small": ["--tracer_entries", str(entries)], "whole": []}.items():
        done = sandbox.viztracer("--quiet", *options, "-o", f"{name}.json", program("burst.py"), "20000")
        assert (done.returncode, done.stdout) == (7, "10000\n")
    small, whole = sandbox.report("small.json"), sandbox.report("whole.json")
    assert total_overwritten(whole) == 0
    assert len(tree.spans(small)) + total_overwritten(small) == len(tree.spans(whole))
    newest = max(tree.spans(whole), key=lambda event: tree.nanoseconds(event)[1])
    assert newest["name"] in {event["name"] for event in tree.spans(small)}  # it ended last


@pytest.mark.parametrize("arguments", ["random_calls.py 1", "tasks.py gather", "threads.py", "primes_processes.py"])
def test_a_smaller_ring_tells_less_and_nothing_wrong(sandbox, arguments):
    """The same run as a ring would have kept it that holds fewer events: no function has more time of its own, and what
    is missing is reported as overwritten, exactly to the nanosecond."""
    options = ("--log_async", "--pid_suffix", "--output_dir", "rings")
    name, *more = arguments.split()
    done = sandbox.viztracer(*options, program(name), *more)
    assert done.returncode == 0, done.stderr
    files = sorted((sandbox.path / "rings").iterdir())
    whole = own_times(sandbox, "whole")
    assert all("[overwritten]" not in function for _, function in whole)
    events = [len(tree.spans(sandbox.merge(file))) for file in files]
    spans = tree.spans(sandbox.merge("rings"))
    for part in (0.9, 0.5, 0.1, 0):
        for file, all_events in zip(files, events):
            keep(file, max(int(all_events * part), 1))
        small = own_times(sandbox, "small")
        losses = losses_of(sandbox.merge("rings"))
        assert losses
        for pid in {pid for pid, _ in whole}:
            gone = small.pop((pid, "[overwritten]"), 0)
            missing = {key: time - small.get(key, 0) for key, time in whole.items() if key[0] == pid}
            assert all(time >= 0 for time in missing.values()), missing
            # Outside of all calls a thread did something as well.
            assert gone == sum(missing.values()) + sum(idle(loss, spans) for loss in losses if loss["pid"] == pid)
        assert small.keys() <= whole.keys()


def own_times(sandbox, name):
    """By pid and function, ns."""
    assert sandbox.viztracer_merge("rings", "-o", f"{name}.csv").returncode == 0
    assert sandbox.viztracer_merge("rings", "-o", f"{name}.folded").returncode == 0
    own = Counter()
    with open(sandbox.path / f"{name}.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            own[int(row["pid"]), f"{row['function']} {row['file']}:{row['line']}".removesuffix(" :0")] += int(
                row["self_ns"]
            )
    with open(sandbox.path / f"{name}.folded", encoding="utf-8") as file:
        stacks = [line.rpartition(" ") for line in file]
    gone = sum(int(time) for stack, _, time in stacks if stack.endswith("[overwritten]"))
    assert gone == own[0, "[overwritten]"]
    del own[0, "[overwritten]"]
    return {key: time for key, time in own.items() if key[0] != 0}


def losses_of(report):
    """The threads of which events were overwritten, each with the pid and the times in ns."""
    processes = report["viztracer_metadata"]["processes"]
    threads = [thread | {"pid": process["pid"]} for process in processes for thread in process["threads"]]
    return [thread for thread in threads if "overwritten_since_ns" in thread]


def idle(loss, spans):
    """The overwritten time of a thread that is in none of these calls, in ns."""
    since, until = loss["overwritten_since_ns"], loss["overwritten_until_ns"]
    of_thread = [
        tree.nanoseconds(event) for event in spans if (event["pid"], event["tid"]) == (loss["pid"], loss["tid"])
    ]
    now, idle = since, 0
    for start, end in sorted(of_thread):
        idle += max(min(start, until) - now, 0)
        now = max(now, end)
    return idle + max(until - now, 0)


def keep(file, entries):
    """Makes of a ring file one of which only so many events count: what the reader cuts off was overwritten."""
    with open(file, "r+b") as ring:
        header = bytearray(ring.read(4096))
        header[40:48] = entries.to_bytes(8, "little")
        size = int.from_bytes(header[132:136], "little")
        header[508:512] = zlib.crc32(header[1024 : 1024 + size], zlib.crc32(header[:508])).to_bytes(4, "little")
        ring.seek(0)
        ring.write(header)


def test_a_large_json_is_told(sandbox):
    script = sandbox.script(
        "from viztracer import VizTracer\nfrom viztracer.output import report\n"
        "report.LARGE = 1 << 20\n"
        "def f(): pass\n"
        "for output in ('small.json', 'large.json', 'large.html'):\n"
        "    with VizTracer(output_file=output):\n"
        "        for _ in range(100 if output == 'small.json' else 16_000): f()\n"
    )
    done = sandbox.python(script)
    assert done.returncode == 0, done.stderr
    small, large, html = done.stdout.split("vizviewer ")[:3]
    assert "\nThe report takes 2 MB; as .html, .json.gz or .pftrace it takes far less.\n" in large
    assert "The report takes" not in small + html


def test_the_default_ring_is_one_constant(sandbox):
    """It holds what a test run of a large project calls: 14,000,000 functions."""
    done = sandbox.python(
        "-c",
        "import inspect, viztracer\n"
        "from viztracer.tracer import options\n"
        "default = inspect.signature(viztracer.VizTracer).parameters['tracer_entries'].default\n"
        "assert default == options.DEFAULT_ENTRIES == viztracer.VizTracer().tracer_entries > 14_000_000\n",
    )
    assert done.returncode == 0, done.stderr
    sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", program("recursion.py"))
    told = sandbox.viztracer_merge("rings", "--info", "--json")
    (file,) = json.loads(told.stdout)["files"]
    assert file["entries"] == 16_000_000
    (ring,) = (sandbox.path / "rings").iterdir()
    assert ring.stat().st_size < 1 << 20  # of which only what is used is there


def test_what_python_learns_of_a_ring_file(sandbox):
    """Nothing that is no ring file is waited for, or taken for one."""
    script = sandbox.script(
        "import os\n"
        "from viztracer import VizTracer\n"
        "from viztracer.snaptrace import RING_MAGIC, await_ring, is_ring_open, ring_session\n"
        "tracer = VizTracer(verbose=0)\n"
        "tracer.start()\n"
        "path, session = tracer.ring_file, tracer.rings.session_id\n"
        "assert is_ring_open(path) and ring_session(path) == session\n"
        "tracer.stop()\n"
        "tracer.seal()\n"
        "await_ring(path)\n"
        "assert not is_ring_open(path) and ring_session(path) == session\n"
        "with open(path, 'rb') as file: page = file.read(4096)\n"
        "os.mkfifo('fifo')\n"
        "for name, data in {'newer': page[:8] + b'\\xff' + page[9:], 'other': b'X' + page[1:],\n"
        "                   'short': page[:511], 'empty': b''}.items():\n"
        "    with open(name, 'wb') as file: file.write(data)\n"
        "assert page.startswith(RING_MAGIC) and ring_session('newer') == session\n"
        "for name in ('fifo', 'other', 'short', 'empty', '.', 'absent'):\n"
        "    await_ring(name)\n"
        "    assert ring_session(name) is None and not is_ring_open(name), name\n"
        "tracer.rings.remove()\n"
    )
    done = sandbox.python(script)
    assert done.returncode == 0, done.stderr


def test_threads_cover_the_same_time(sandbox):
    """An idle thread's old calls go before a busy thread's new ones."""
    script = sandbox.script(
        "import threading\n"
        "def idle(): pass\n"
        "def busy(): pass\n"
        "def run_busy():\n"
        "    for _ in range(100_000): busy()\n"
        "for _ in range(100): idle()\n"
        "thread = threading.Thread(target=run_busy, name='busy')\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    report = sandbox.trace("--tracer_entries", "2000", script)
    names = [event["name"].partition(" (")[0] for event in tree.spans(report)]
    assert "idle" not in names
    assert names.count("busy") > 1_500


def total_overwritten(report):
    processes = report["viztracer_metadata"]["processes"]
    return sum(thread["overwritten"] for process in processes for thread in process["threads"])
