"""What the native parts of a wheel are made for: the processor, and the libraries that they load. Reads the formats of
Linux (ELF), macOS (Mach-O) and Windows (PE), so that wheels of all platforms can be checked on one machine."""

import struct
from dataclasses import dataclass

PROCESSORS = {
    "ELF": {62: "x86_64", 183: "aarch64"},
    "Mach-O": {0x01000007: "x86_64", 0x0100000C: "aarch64"},
    "PE": {0x8664: "x86_64", 0xAA64: "aarch64"},
}
# Load commands of Mach-O that name a library: LC_LOAD_DYLIB, and weak, re-exported and lazily loaded ones.
LOADS_LIBRARY = {0xC, 0x80000018, 0x8000001F, 0x20}
LC_BUILD_VERSION, LC_VERSION_MIN_MACOSX, LC_RPATH = 0x32, 0x24, 0x8000001C
DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 1, 5, 15, 29
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
# The tables of libraries in PE, loaded at once and later: which directory, the size of an entry, where its name is.
IMPORTS = ((1, 20, 12), (13, 32, 4))
PE_DIRECTORIES = 112  # where the directories are in the optional header of 64 bits


@dataclass
class Native:
    """A program or a library."""

    format: str
    processor: str
    libraries: set[str]
    # The program that loads it, and the directories that libraries are looked for in besides the usual ones.
    loader: str | None = None
    search: tuple[str, ...] = ()
    # The oldest macOS that it says it runs on.
    macos: tuple[int, int] | None = None


def read(content):
    """The native part in these bytes."""
    if content.startswith(b"\x7fELF\x02\x01"):
        return elf(content)
    if content.startswith(b"\xcf\xfa\xed\xfe"):
        return mach_o(content)
    if content.startswith(b"MZ"):
        return pe(content)
    raise ValueError(f"neither ELF nor Mach-O nor PE of 64 bits: {content[:4]!r}")


def text_at(content, offset):
    return content[offset : content.index(b"\0", offset)].decode()


def elf(content):
    processor, start = struct.unpack_from("<H12xQ", content, 18)
    size, count = struct.unpack_from("<HH", content, 54)
    # type, flags, offset, address, address, size in the file, size in memory, alignment
    segments = [struct.unpack_from("<II6Q", content, start + size * n) for n in range(count)]

    def offset_of(address):
        (segment,) = (s for s in segments if s[0] == PT_LOAD and s[3] <= address < s[3] + s[5])
        return address - segment[3] + segment[2]

    (loader,) = [text_at(content, segment[2]) for segment in segments if segment[0] == PT_INTERP] or [None]
    entries = [
        struct.unpack_from("<QQ", content, at)
        for segment in segments
        if segment[0] == PT_DYNAMIC
        for at in range(segment[2], segment[2] + segment[5], 16)
    ]
    texts = [offset_of(value) for tag, value in entries if tag == DT_STRTAB]
    named = {wanted: [text_at(content, texts[0] + value) for tag, value in entries if tag == wanted]
             for wanted in (DT_NEEDED, DT_RPATH, DT_RUNPATH)}  # fmt: skip
    search = (*named[DT_RPATH], *named[DT_RUNPATH])
    return Native("ELF", PROCESSORS["ELF"][processor], set(named[DT_NEEDED]), loader, search)


def mach_o(content):
    processor, _, _, count = struct.unpack_from("<IIII", content, 4)
    native = Native("Mach-O", PROCESSORS["Mach-O"][processor], set())
    at = 32
    for _ in range(count):
        command, size = struct.unpack_from("<II", content, at)
        if command in LOADS_LIBRARY:
            (name,) = struct.unpack_from("<I", content, at + 8)
            native.libraries.add(text_at(content, at + name))
        elif command == LC_RPATH:
            (name,) = struct.unpack_from("<I", content, at + 8)
            native.search += (text_at(content, at + name),)
        elif command in (LC_BUILD_VERSION, LC_VERSION_MIN_MACOSX):
            (version,) = struct.unpack_from("<I", content, at + (12 if command == LC_BUILD_VERSION else 8))
            native.macos = version >> 16, version >> 8 & 0xFF
        at += size
    return native


def pe(content):
    (header,) = struct.unpack_from("<I", content, 60)
    processor, count = struct.unpack_from("<HH", content, header + 4)
    (size,) = struct.unpack_from("<H", content, header + 20)
    optional = header + 24
    # size in memory, address, size in the file, offset
    sections = [struct.unpack_from("<4I", content, optional + size + 40 * n + 8) for n in range(count)]

    def offset_of(address):
        (section,) = (s for s in sections if s[1] <= address < s[1] + max(s[0], s[2]))
        return address - section[1] + section[3]

    libraries = set()
    for directory, step, name in IMPORTS:
        (table,) = struct.unpack_from("<I", content, optional + PE_DIRECTORIES + 8 * directory)
        at = offset_of(table) if table else None
        while at is not None and (address := struct.unpack_from("<I", content, at + name)[0]):
            libraries.add(text_at(content, offset_of(address)).lower())
            at += step
    return Native("PE", PROCESSORS["PE"][processor], libraries)
