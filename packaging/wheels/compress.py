#!/usr/bin/env python3
"""Compress wheels again, by libdeflate: as zip files that every pip reads, but 4 % smaller than zlib makes them.

    packaging/wheels/compress.py WHEEL...
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import deflate  # type: ignore[import-not-found]

LEVEL = 12  # libdeflate's best


class Compressor:
    """Stands for the compressor of zlib that `zipfile` calls, and compresses a file as a whole."""

    def __init__(self) -> None:
        self.content = bytearray()

    def compress(self, content: bytes) -> bytes:
        self.content += content
        return b""

    def flush(self) -> bytes:
        return bytes(deflate.deflate_compress(bytes(self.content), LEVEL))


def compress(wheel: Path) -> None:
    """Replace the wheel by a smaller one with the same files."""
    smaller = wheel.with_suffix(".tmp")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(smaller, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with new.open(entry, "w") as file:
                file._compressor = Compressor()  # type: ignore[attr-defined]
                file.write(content)
    os.replace(smaller, wheel)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        compress(Path(argument))
