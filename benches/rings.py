"""Ring files to merge: recorded, and copied with other pids."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

from process import run
from question import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

    from environments import Environment

# Offsets in a file's header, from format/FORMAT.md.
PID, FILE_ID, ARGUMENTS_SIZE, CRC, ARGUMENTS = 56, 112, 132, 508, 1024
FIRST_PID = 100_000


def record(environment: Environment, directory: Path, processes: int, calls: int) -> Path:
    """Record `orders.py` in several processes, one after the other, each with about `calls` calls."""
    entries = str(calls + calls // 20 + 100)
    options: list[str | Path] = ["--pid_suffix", "--output_dir", directory, "--tracer_entries", entries]
    for _ in range(processes):
        run([environment.ours / "viztracer", *options, PROGRAMS / "orders.py", str(calls)])
    return directory


def copies(ring: Path, directory: Path, count: int) -> Path:
    """Copy a ring file `count` times, as if that many processes had written it."""
    directory.mkdir()
    content = bytearray(ring.read_bytes())
    (size,) = struct.unpack_from("<I", content, ARGUMENTS_SIZE)
    for pid in range(FIRST_PID, FIRST_PID + count):
        struct.pack_into("<I", content, PID, pid)
        content[FILE_ID : FILE_ID + 16] = os.urandom(16)
        checksum = zlib.crc32(content[ARGUMENTS : ARGUMENTS + size], zlib.crc32(content[:CRC]))
        struct.pack_into("<I", content, CRC, checksum)
        (directory / f"result_{pid}.bin").write_bytes(content)
    return directory


def calls_in_rings(environment: Environment, directory: Path) -> int:
    """Return how many calls the files hold."""
    answer = subprocess.check_output([environment.ours / "viztracer-merge", "--info", "--json", directory])
    return sum(int(file["events"]) for file in json.loads(answer)["files"])


def size_of(directory: Path) -> int:
    """Return the bytes of all files in it."""
    return sum(path.stat().st_size for path in directory.iterdir())
