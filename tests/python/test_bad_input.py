"""Damaged input: a message that names the file and the reason, never a panic; good files among bad ones are merged.

Exit status of `viztracer-merge`: 0 all was well, 1 a report was written but some input was bad, 2 there is no report.
"""

import json
import re

import pytest
import tree


def assert_plain_words(stderr, *mentioned):
    assert not re.search(r"panicked|Traceback|RUST_BACKTRACE", stderr)
    for words in mentioned:
        assert str(words) in stderr


BAD = {
    "empty": b"",
    "one_byte": b"V",
    "garbage": bytes(range(256)) * 64,
    "zeros": bytes(100_000),
    "json": b'{"traceEvents": []}',
    "text": "naïve ☃\n".encode() * 1000,
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_file_that_is_none_of_ours(sandbox, content):
    (sandbox.path / "bad.bin").write_bytes(content)
    done = sandbox.viztracer_merge("bad.bin", "-o", "merged.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert_plain_words(done.stderr, "bad.bin")
    assert not (sandbox.path / "merged.json").exists()


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_good_files_among_bad_ones_are_merged(sandbox, small_trace, content):
    (sandbox.path / "good.bin").write_bytes(small_trace.read_bytes())
    (sandbox.path / "bad.bin").write_bytes(content)
    done = sandbox.viztracer_merge("bad.bin", "good.bin", "-o", "merged.json")
    assert done.returncode == 1
    assert_plain_words(done.stderr, "bad.bin")
    assert sum(event["name"].startswith("f (") for event in tree.spans(sandbox.report("merged.json"))) == 20


def test_a_message_names_the_offset(sandbox, small_trace):
    content = bytearray(small_trace.read_bytes())
    content[0] ^= 0xFF
    (sandbox.path / "bad.bin").write_bytes(content)
    done = sandbox.viztracer_merge("bad.bin", "-o", "merged.json")
    assert done.returncode == 2
    assert_plain_words(done.stderr, "bad.bin", "offset 0")


def test_a_file_that_does_not_exist(sandbox):
    done = sandbox.viztracer_merge("missing.bin", "-o", "merged.json")
    assert done.returncode == 2
    assert_plain_words(done.stderr, "missing.bin", "No such file or directory")


def test_a_directory_without_traces(sandbox):
    (sandbox.path / "empty").mkdir()
    done = sandbox.viztracer_merge("empty", "-o", "merged.json")
    assert done.returncode == 2
    assert_plain_words(done.stderr, "empty")
    assert not (sandbox.path / "merged.json").exists()


def test_a_directory_is_searched_for_ring_files_only(sandbox, small_trace):
    (sandbox.path / "rings").mkdir()
    (sandbox.path / "rings" / "good.bin").write_bytes(small_trace.read_bytes())
    (sandbox.path / "rings" / "notes.txt").write_text("not a trace")
    assert tree.spans(sandbox.merge("rings"))


def test_output_that_cannot_be_written(sandbox, small_trace):
    done = sandbox.viztracer_merge(small_trace, "-o", "no/such/place/merged.json")
    assert done.returncode == 2
    assert_plain_words(done.stderr, "no/such/place/merged.json")


def test_output_of_an_unknown_kind(sandbox, small_trace):
    done = sandbox.viztracer_merge(small_trace, "-o", "merged.txt")
    assert done.returncode == 2
    assert_plain_words(done.stderr, "merged.txt")
    assert not (sandbox.path / "merged.txt").exists()


def test_a_file_given_twice_is_merged_once(sandbox, small_trace):
    once, twice = sandbox.merge(small_trace), sandbox.merge(small_trace, small_trace)
    assert tree.trees(once) == tree.trees(twice)


# The many: one process merges thousands of damaged files, as `viztracer --combine` does.
LOOP = """
import os, sys
from pathlib import Path
from viztracer.snaptrace import combine

good = Path(sys.argv[1]).read_bytes()
stderr = os.open("stderr", os.O_RDWR | os.O_CREAT)
terminal = os.dup(2)

def damaged():
    if sys.argv[2] == "cut":
        # Every length of the header page and around every 4 KiB after it; elsewhere every 67th.
        lengths = {*range(4200), *range(0, len(good), 67)}
        lengths |= {page + off for page in range(4096, len(good), 4096) for off in (-1, 0, 1, 15, 16, 17)}
        for length in sorted(lengths):
            if length < len(good):
                yield length, good[:length]
    else:
        flip = {"all": 0xFF, "lowest": 0x01, "highest": 0x80}[sys.argv[2]]
        for position in range(4096):
            content = bytearray(good)
            content[position] ^= flip
            yield position, bytes(content)

def merge():
    os.ftruncate(stderr, 0)
    os.lseek(stderr, 0, os.SEEK_SET)
    os.dup2(stderr, 2)
    try:
        return combine(["bad.bin"], "merged.json")
    finally:
        os.dup2(terminal, 2)

for number, content in damaged():
    Path("merged.json").unlink(missing_ok=True)
    Path("bad.bin").write_bytes(content)
    status = merge()
    words = Path("stderr").read_text()
    assert status in (0, 1, 2), (number, status)
    assert Path("merged.json").exists() == (status != 2), (number, status)
    assert status == 0 or "bad.bin" in words, (number, words)
    assert "panicked" not in words and "Traceback" not in words, (number, words)
    print(number, status)
"""


@pytest.mark.one_version
@pytest.mark.parametrize("damage", ["cut", "all", "lowest", "highest"])
def test_damage_anywhere(sandbox, small_trace, damage):
    done = sandbox.python("-c", LOOP, small_trace, damage, timeout=600)
    assert done.returncode == 0, done.stderr
    statuses = dict(tuple(map(int, line.split())) for line in done.stdout.splitlines())
    assert len(statuses) >= 4096
    assert {2} == {status for position, status in statuses.items() if position < 8}  # the magic number
    if damage == "cut":
        assert all(statuses[length] == 2 for length in range(4096))  # no file without a whole header
        json.loads((sandbox.path / "merged.json").read_text())
