"""How native.py reads what a program for Windows loads: machines without a wheel for Windows have no such program."""

import struct

import native

HEADER, OPTIONAL_SIZE, ADDRESS, OFFSET = 64, 240, 0x1000, 512


def program(at_once, later):
    """A file that is no more than what names these libraries."""
    tables = {1: b"", 13: b""}
    names = b""
    start = ADDRESS + 20 * (len(at_once) + 1) + 32 * (len(later) + 1)
    for name in at_once:
        tables[1] += struct.pack("<5I", 0, 0, 0, start + len(names), 0)
        names += name.encode() + b"\0"
    for name in later:
        tables[13] += struct.pack("<8I", 1, start + len(names), 0, 0, 0, 0, 0, 0)
        names += name.encode() + b"\0"
    section = tables[1] + bytes(20) + tables[13] + bytes(32) + names
    optional = bytearray(OPTIONAL_SIZE)
    struct.pack_into("<I", optional, 112 + 8, ADDRESS)
    struct.pack_into("<I", optional, 112 + 8 * 13, ADDRESS + len(tables[1]) + 20)
    content = b"MZ".ljust(60, b"\0") + struct.pack("<I", HEADER)
    content += b"PE\0\0" + struct.pack("<HH12xHH", 0x8664, 1, OPTIONAL_SIZE, 0) + optional
    content += b".data".ljust(8, b"\0") + struct.pack("<4I16x", len(section), ADDRESS, len(section), OFFSET)
    return content.ljust(OFFSET, b"\0") + section


def test_libraries_of_windows():
    content = program(["KERNEL32.dll", "libgcc_s_seh-1.dll"], ["libwinpthread-1.dll"])
    part = native.read(content + b"\0not_loaded.dll\0")
    assert (part.format, part.processor) == ("PE", "x86_64")
    assert part.libraries == {"kernel32.dll", "libgcc_s_seh-1.dll", "libwinpthread-1.dll"}
