"""`viztracer-merge` agrees with tests/reader, a reader that was written from format/FORMAT.md only."""

import fcntl
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
import zlib
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import BIN, ROOT, program

sys.path.insert(0, str(ROOT / "tests" / "reader"))
import compare  # noqa: E402
import ring_reader  # noqa: E402

pytestmark = pytest.mark.one_version

GOLDEN = sorted((ROOT / "format" / "tests" / "golden").glob("*.bin"))
SEEDS = range(int(os.environ.get("VIZTRACER_READER_SEEDS", "50")))
KILLED = "import os, signal\ndef f(n):\n    return f(n - 1) if n else os.kill(os.getpid(), signal.SIGKILL)\nf(9)\n"
LOGGED = """
import viztracer
t = viztracer.get_tracer()
t.stop()
t.log_func_args = t.log_func_retval = True
t.start()
def f(n):
    if n % 7 == 0: raise ValueError(n)
    return [n]
for n in range(1000):
    begin = t.getts()
    try: f(n)
    except ValueError: t.add_instant(f"event {n}", {"n": n}, "gpt"[n % 3])
    t.add_counter("n", {"n": n})
    t.add_raw({"ph": "X", "name": "turn", "ts": begin, "dur": t.getts() - begin, "args": {"n": n}})
    t.add_raw({"ph": "X", "name": "early", "ts": begin, "dur": 0.5})
    t.add_raw({"ph": "b", "name": "async", "id": n})
"""
STOPPED = "import viztracer\ndef f():\n    viztracer.get_tracer().stop()\nf()\n"
OPEN = """
import os, signal, sys
def f(n, text, **more):
    if n: return f(n - 1, text * 2, **more, **{"k" + str(n): n})
    if sys.argv[1:]: os.kill(os.getpid(), signal.SIGKILL)
    import viztracer
    viztracer.get_tracer().add_func_args("a", [1])
    viztracer.get_tracer().add_func_args("a", [1, 2])
    viztracer.get_tracer().stop()
f(11, "ü")
"""
# Threads pass the rest of their payload segments on, and some threads fill several.
LOGGED_IN_THREADS = """
import os, threading
def f(n, text): return text * (n % 50)
def work(n):
    for k in range(n): f(k, "text")
def generation(n):
    threads = [threading.Thread(target=work, args=(k * 7 % 90,)) for k in range(n, n + 8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
for n in range(0, 240, 8): generation(n)
if not os.fork():
    generation(0)
else:
    os.wait()
    generation(0)
"""
WITH_VALUES = ("--log_func_args", "--log_func_retval")
TRACES = {
    "threads": ((), [program("threads.py")]),
    "small ring": (("--tracer_entries", "1000"), [program("threads.py")]),
    "tasks": (("--log_async",), [program("tasks.py"), "gather"]),
    "tasks in a small ring": (("--log_async", "--tracer_entries", "1000"), [program("tasks.py"), "gather"]),
    "forks": ((), [program("fork.py")]),
    "long calls": (("--min_duration", "20us"), [program("threads.py")]),
    "open frames": ((), [program("frames_open_at_stop.py")]),
    "killed": ((), KILLED),
    "stopped": ((), STOPPED),
    "logged": ((), LOGGED),
    "open calls with arguments": (("--log_func_args",), OPEN),
    "killed with arguments": (("--log_func_args",), OPEN.replace("sys.argv[1:]", "True")),
    "logged in a small ring": (("--tracer_entries", "1000"), LOGGED),
    "logged in threads": (WITH_VALUES, LOGGED_IN_THREADS),
    "logged in threads in a small ring": ((*WITH_VALUES, "--tracer_entries", "3000"), LOGGED_IN_THREADS),
}


@pytest.mark.parametrize("name", TRACES)
def test_real_files(sandbox, name):
    options, command = TRACES[name]
    command = [sandbox.script(command)] if isinstance(command, str) else command
    sandbox.viztracer(*options, "--pid_suffix", "--output_dir", "rings", *command)
    rings = sorted((sandbox.path / "rings").glob("*.bin"))
    assert rings
    assert sum([agree(sandbox, ring.read_bytes()) for ring in rings]) > 0
    assert [ring_reader.read(ring.read_bytes()).damage for ring in rings] == [0] * len(rings)


@pytest.fixture
def of_calls(sandbox):
    """A ring file whose calls have arguments, and the places of their PAYLOAD records, by CALLS segment."""
    sandbox.viztracer("--log_func_args", "--pid_suffix", "--output_dir", "rings", sandbox.script(LOGGED_IN_THREADS))
    ring = max((sandbox.path / "rings").glob("*.bin"), key=lambda path: path.stat().st_size)
    file, places = bytearray(ring.read_bytes()), {}
    for segment in range(4096, len(file), ring_reader.read(bytes(file)).segment_size):
        if file[segment + 8] == ring_reader.CALLS:
            records = range(segment + 128, segment + 128 + struct.unpack_from("<Q", file, segment + 64)[0], 16)
            places[segment] = [at for at in records if file[at] == 0x22]
    return file, {segment: of_payloads for segment, of_payloads in places.items() if of_payloads}


def with_payload(ring):
    return sum(call.payload is not None for call in ring.calls)


def test_events_that_share_a_payload(sandbox, of_calls):
    """A segment of calls that refers to one payload many times shows it once."""
    file, places = of_calls
    honest = ring_reader.read(bytes(file))
    for first, *others in places.values():
        for at in others:
            file[at : at + 16] = file[first : first + 16]
    repair(file)
    shared = ring_reader.read(bytes(file))
    payloads = [with_payload(honest), with_payload(shared)]
    assert payloads[0] > 100 * len(places) and payloads[1] == len(places)
    assert len(shared.calls) + shared.damage == len(honest.calls) and shared.damage == payloads[0] - len(places)
    agree(sandbox, bytes(file))


def test_segments_that_share_a_payload(sandbox, of_calls):
    """A file of which all segments of calls refer to the same bytes shows no more bytes than it has."""
    file, places = of_calls
    honest = ring_reader.read(bytes(file))
    generation, body = max(honest.payloads.items(), key=lambda item: len(item[1]))
    for first, *_ in places.values():
        struct.pack_into("<QQ", file, first, generation << 8 | 0x22, len(body) << 32)
    repair(file)
    shared = ring_reader.read(bytes(file))
    assert len(places) > 2
    assert [call.payload for call in shared.calls].count(body) == 1
    shown = sum(len(call.payload) for call in shared.calls if isinstance(call.payload, bytes))
    assert shown <= sum(map(len, honest.payloads.values()))
    assert len(shared.calls) + shared.damage == len(honest.calls)
    agree(sandbox, bytes(file))


def test_payloads_that_the_header_denies(sandbox, of_calls):
    """Readers need not look for payloads where the header of a segment says that there are none."""
    file, places = of_calls
    honest, sealed = ring_reader.read(bytes(file)), [at for at in places if file[at + 63] >> 7]
    for segment in sealed:
        file[segment + 72 : segment + 76] = file[segment + 76 : segment + 80]
    denied = ring_reader.read(bytes(file))
    assert denied.damage == len(honest.calls) - len(denied.calls) == sum(len(places[segment]) for segment in sealed) > 0
    agree(sandbox, bytes(file))


BUSY = """
import asyncio, os, sys, threading
def leaf(n): return len("abc")
def work(n):
    for k in range(n % 40): leaf(k)
async def step(n):
    await asyncio.sleep(0)
    work(n)
async def steps(): await asyncio.gather(*(step(n) for n in range(30)))
def starts():
    while True:
        thread = threading.Thread(target=work, args=(37,))
        thread.start()
        thread.join()
threading.Thread(target=starts, daemon=True).start()
print("ready", flush=True)
while True: asyncio.run(steps())
"""


def test_living_files(sandbox):
    """A process that is stopped anywhere: its ring goes round, and threads and tasks come and go."""
    options = ("--quiet", "--log_async", "--tracer_entries", "2000", "--pid_suffix", "--output_dir", "rings")
    command = [BIN / "viztracer", *options, sandbox.script(BUSY)]
    chance, states = random.Random(1), set()
    with subprocess.Popen(command, cwd=sandbox.path, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            (ring,) = (sandbox.path / "rings").glob("*.bin")
            turns, give_up = 0, time.monotonic() + 120
            while (turns := turns + 1) <= 25 or (True, True) not in states:
                assert time.monotonic() < give_up, states
                time.sleep(chance.random() / 20)
                process.send_signal(signal.SIGSTOP)
                wait_until_stopped(process.pid)
                assert compare_files(sandbox, ring, living=True) > 1000
                read = ring_reader.read(ring.read_bytes(), living=True)
                states.add((read.forgotten_threads > 0, read.forgotten_tasks > 0))
                process.send_signal(signal.SIGCONT)
        finally:
            process.kill()
    assert compare_files(sandbox, ring, living=False) > 1000


def wait_until_stopped(pid):
    """Until all of its threads are."""
    deadline = time.monotonic() + 120
    while any(task.joinpath("stat").read_text().rpartition(")")[2].split()[0] not in "Tt" for task in tasks(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def tasks(pid):
    return list(Path(f"/proc/{pid}/task").iterdir())


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_golden_files(sandbox, golden):
    agree(sandbox, golden.read_bytes())


@pytest.mark.parametrize("golden", [*GOLDEN, None], ids=lambda path: path.stem if path else "recorded")
def test_damaged_files(sandbox, small_trace, golden):
    content = (golden or small_trace).read_bytes()
    for seed in SEEDS:
        what, bad = damaged(content, random.Random(seed))
        try:
            agree(sandbox, bad)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {what}") from error


def agree(sandbox, content):
    """Check that both readers reject the file or agree about it. Return the number of calls."""
    return [agree_on(sandbox, content, living) for living in (False, True)][0]


def agree_on(sandbox, content, living):
    ring_file = sandbox.path / "compared.bin"
    ring_file.write_bytes(content)
    with ring_file.open() as file:
        if living:  # as its writer does
            fcntl.flock(file, fcntl.LOCK_EX)
        return compare_files(sandbox, ring_file, living)


def compare_files(sandbox, ring_file, living):
    """Compare both readers on the current file."""
    content, report = ring_file.read_bytes(), sandbox.path / "compared.json"
    report.unlink(missing_ok=True)
    # It exits with 1 where a part is damaged, and writes the report all the same; with 2 where nothing can be read.
    command = [BIN / "viztracer-merge", "-q", ring_file]
    done = subprocess.run([*command, "-o", report], capture_output=True, timeout=120)
    dump = subprocess.run([*command, "--dump"], capture_output=True, timeout=120).stdout.decode()
    assert done.returncode in (0, 1, 2), done.stderr
    return compared(content, living, report, dump, done)


def compared(content, living, report, dump, done):
    try:
        ring = ring_reader.read(content, living)
    except ring_reader.Refused:
        assert not report.exists()
        return 0
    assert report.exists(), done.stderr
    report = json.loads(Path(report).read_text(encoding="utf-8"), parse_float=Decimal)
    told = compare.of_report(report)
    assert told == compare.of_ring(ring)
    assert compare.process_of_report(report) == compare.process_of_ring(ring)
    assert compare.sources_of_dump(dump) == compare.sources_of_ring(ring)
    return sum(told[0].values())


def damaged(content, chance):
    """What was done to the file, and its bytes. `others` of segments is left right: no checksum covers it."""
    file = bytearray(content)
    (size,) = struct.unpack_from("<I", file, 16)
    segments = range(4096, len(file) - size + 1, size)
    whole = ("flip", "status", "cut", "zero")
    what = chance.choice((*whole, "segment header", "body", "swap", "payload") if segments else whole)
    if what == "flip":
        flip(file, [chance.randrange(4096) for _ in range(chance.choice((1, 3)))], chance)
    elif what == "status":
        for word in range(4, 16):  # all but the state and the close
            if chance.random() < 0.5:
                value = chance.choice((0, 1, 2, 3, 4 | chance.randrange(256) << 8, chance.randrange(1 << 32), 1 << 63))
                struct.pack_into("<Q", file, 512 + 8 * word, value)
    elif what == "segment header":
        flip(file, [chance.choice((512, *segments)) + chance.randrange(72) for _ in range(3)], chance)
    elif what == "body":
        flip(file, [chance.choice(segments) + 128 + chance.randrange(400) for _ in range(5)], chance)
    elif what == "payload":
        records = [at for segment in segments for at in range(segment + 128, segment + size, 16) if file[at] == 0x22]
        for at in chance.sample(records, min(3, len(records))):
            source = chance.choice(records)
            file[at : at + 16] = file[source : source + 16]
    elif what == "cut":
        del file[chance.randrange(len(file)) :]
    elif what == "zero":
        page = chance.randrange(len(file) // 4096) * 4096
        file[page : page + 4096] = bytes(4096)
    else:
        a, b = chance.choice(segments), chance.choice(segments)
        file[a : a + size], file[b : b + size] = file[b : b + size], file[a : a + size]
    if len(file) >= 4096 and chance.random() < 0.6:
        repair(file)
        what += ", checksums repaired"
    return what, bytes(file)


def flip(file, places, chance):
    for place in places:
        file[place] ^= 1 << chance.randrange(8)


def repair(file):
    """Makes the checksums and `others` right again, as who crafts a file would."""
    arguments = bytes(file[1024 : 1024 + min(3072, struct.unpack_from("<I", file, 132)[0])])
    struct.pack_into("<I", file, 508, zlib.crc32(arguments, zlib.crc32(bytes(file[:508]))))
    (size,) = struct.unpack_from("<I", file, 16)
    if size not in (4096, 8192, 16384, 32768, 65536):
        return
    for at in range(4096, len(file) - size + 1, size):
        seal, committed = struct.unpack_from("<QQ", file, at + 56)
        if seal >> 63 and committed <= size - 128:
            if file[at + 8] == ring_reader.CALLS:
                kinds = [byte & 63 for byte in file[at + 128 : at + 128 + committed : 16]]
                struct.pack_into("<II", file, at + 72, sum(kind >= 32 for kind in kinds), kinds.count(32))
            struct.pack_into("<Q", file, at + 56, 1 << 63 | zlib.crc32(bytes(file[at + 128 : at + 128 + committed])))
