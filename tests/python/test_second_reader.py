"""What `viztracer-merge` tells of ring files, against tests/reader: a reader written from format/FORMAT.md alone."""

import json
import os
import random
import struct
import subprocess
import sys
import zlib
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import BIN, ROOT, program

sys.path.insert(0, str(ROOT / "tests" / "reader"))
import compare  # noqa: E402
import ring_reader  # noqa: E402

pytestmark = pytest.mark.merge_only

GOLDEN = sorted((ROOT / "format" / "tests" / "golden").glob("*.bin"))
SEEDS = range(int(os.environ.get("VIZTRACER_READER_SEEDS", "40")))
KILLED = "import os, signal\ndef f(n):\n    return f(n - 1) if n else os.kill(os.getpid(), signal.SIGKILL)\nf(9)\n"
STOPPED = "import viztracer\ndef f():\n    viztracer.get_tracer().stop()\nf()\n"
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
}


@pytest.mark.parametrize("name", TRACES)
def test_real_files(sandbox, name):
    options, command = TRACES[name]
    command = [sandbox.script(command)] if isinstance(command, str) else command
    sandbox.viztracer(*options, "--pid_suffix", "--output_dir", "rings", *command)
    rings = sorted((sandbox.path / "rings").glob("*.bin"))
    assert rings
    assert sum([agree(sandbox, ring.read_bytes()) for ring in rings]) > 0


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
    """Both refuse the file, or tell the same calls and counts of it; returns how many calls."""
    ring_file, report = sandbox.path / "compared.bin", sandbox.path / "compared.json"
    ring_file.write_bytes(content)
    report.unlink(missing_ok=True)
    # It exits with 1 where a part is damaged, and writes the report all the same; with 2 where nothing can be read.
    done = subprocess.run([BIN / "viztracer-merge", "-q", ring_file, "-o", report], capture_output=True, timeout=60)
    assert done.returncode in (0, 1, 2), done.stderr
    try:
        ring = ring_reader.read(content)
    except ring_reader.Refused:
        assert not report.exists()
        return 0
    assert report.exists(), done.stderr
    told = compare.of_report(json.loads(Path(report).read_text(encoding="utf-8"), parse_float=Decimal))
    assert told == compare.of_ring(ring)
    return sum(told[0].values())


def damaged(content, chance):
    """What was done to the file, and its bytes. `others` of segments is left right: no checksum covers it."""
    file = bytearray(content)
    (size,) = struct.unpack_from("<I", file, 16)
    segments = range(4096, len(file) - size + 1, size)
    what = chance.choice(("flip", "segment header", "body", "cut", "zero", "swap"))
    if what == "flip":
        flip(file, [chance.randrange(4096) for _ in range(chance.choice((1, 3)))], chance)
    elif what == "segment header":
        flip(file, [chance.choice((512, *segments)) + chance.randrange(72) for _ in range(3)], chance)
    elif what == "body":
        flip(file, [chance.choice(segments) + 128 + chance.randrange(400) for _ in range(5)], chance)
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
