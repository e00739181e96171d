"""What is in the wheels of `make wheels` and `make foreign-wheels`. These tests run no code of a wheel, so they check
the wheels of all platforms on one machine."""

import re
import stat
import zipfile

import native
import pytest
from conftest import PLATFORMS, ROOT, WHEELS

SIZE_MAX = 5_600_000  # bytes; ARCHITECTURE.md says what a wheel weighs, and of what

# The platform tags of each target, and the end of an extension's name.
TAGS = {
    "x86_64-unknown-linux-gnu": ("manylinux2014_x86_64.manylinux_2_17_x86_64", "x86_64-linux-gnu.so"),
    "aarch64-unknown-linux-gnu": ("manylinux2014_aarch64.manylinux_2_17_aarch64", "aarch64-linux-gnu.so"),
    "x86_64-unknown-linux-musl": ("musllinux_1_2_x86_64", "x86_64-linux-musl.so"),
    "aarch64-unknown-linux-musl": ("musllinux_1_2_aarch64", "aarch64-linux-musl.so"),
    "x86_64-apple-darwin": ("macosx_10_12_x86_64", "darwin.so"),
    "aarch64-apple-darwin": ("macosx_11_0_arm64", "darwin.so"),
    "x86_64-pc-windows-gnu": ("win_amd64", "win_amd64.pyd"),
}
GLIBC_MAX = (2, 17)  # what manylinux2014 promises
# The libraries that every machine of a kind has, as far as the native parts may need them.
GLIBC = {"libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "librt.so.1"}
MACOS = {f"/usr/lib/lib{name}.dylib" for name in ("System.B", "iconv.2", "charset.1")}
MACOS |= {"/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"}
WINDOWS = {"advapi32", "bcrypt", "bcryptprimitives", "kernel32", "msvcrt", "ntdll", "ucrtbase", "userenv", "ws2_32"}
LIBRARIES = {
    "x86_64-unknown-linux-gnu": GLIBC | {"ld-linux-x86-64.so.2"},
    "aarch64-unknown-linux-gnu": GLIBC | {"ld-linux-aarch64.so.1"},
    "x86_64-unknown-linux-musl": {"libc.so", "libc.musl-x86_64.so.1"},
    "aarch64-unknown-linux-musl": {"libc.so", "libc.musl-aarch64.so.1"},
    "x86_64-apple-darwin": MACOS,
    "aarch64-apple-darwin": MACOS,
    "x86_64-pc-windows-gnu": {f"{name}.dll" for name in WINDOWS},
}
WINDOWS_PARTS = "api-ms-win-"  # how Windows names libraries that stand for a part of another one
# Crates in Rust's standard library, which the notices name as a whole. Their paths are in the native parts if the
# library was compiled for the wheel.
STANDARD = {"addr2line", "adler2", "gimli", "hashbrown", "libc", "memchr", "miniz_oxide", "object", "rustc-demangle"}
# What starts programs; one that is linked statically has none.
LOADERS = {
    "x86_64-unknown-linux-gnu": {"/lib64/ld-linux-x86-64.so.2"},
    "aarch64-unknown-linux-gnu": {"/lib/ld-linux-aarch64.so.1"},
    "x86_64-unknown-linux-musl": {"/lib/ld-musl-x86_64.so.1"},
    "aarch64-unknown-linux-musl": {"/lib/ld-musl-aarch64.so.1"},
}
FORMATS = {"linux": "ELF", "apple": "Mach-O", "pc": "PE"}
PACKAGE = ROOT / "tracer/python"
BESIDE = ROOT / "tracer/data/purelib"


class Wheel:
    """A wheel, opened, with the target that its tag belongs to."""

    def __init__(self, path):
        self.path = path
        self.python, self.abi, self.platforms = path.name.removesuffix(".whl").split("-")[2:]
        (self.target,) = (target for target, (platforms, _) in TAGS.items() if platforms == self.platforms)
        self.archive = zipfile.ZipFile(path)
        self.names = set(self.archive.namelist())

    def distribution(self, part):
        """The name of a file in the wheel's .dist-info or .data folder."""
        (folder,) = {name.split("/")[0] for name in self.names if ".dist-info/" in name}
        return folder.replace(".dist-info", part)

    def text(self, name):
        return self.archive.read(self.distribution(f".dist-info/{name}")).decode()

    @property
    def extension(self):
        (name,) = (name for name in self.names if name.endswith((".so", ".pyd")))
        return name

    @property
    def program(self):
        return self.distribution(f".data/scripts/viztracer-merge{'.exe' if 'windows' in self.target else ''}")

    def parts(self):
        """The native parts, by their names, as bytes."""
        return {name: self.archive.read(name) for name in (self.extension, self.program)}


def label(path):
    return "-".join(path.name.removesuffix(".whl").split("-")[2::2]) if path else "none"


@pytest.fixture(params=WHEELS or [None], ids=label)
def wheel(request):
    assert request.param, "there are no wheels: `make wheels` and `make foreign-wheels` build them"
    opened = Wheel(request.param)
    yield opened
    opened.archive.close()


def test_the_platforms_are_those_of_the_table():
    assert {platform["target"] for platform in PLATFORMS} <= TAGS.keys()


def test_tag(wheel):
    assert wheel.python == wheel.abi
    tags = re.findall(r"^Tag: (.*)$", wheel.text("WHEEL"), re.MULTILINE)
    assert set(tags) == {f"{wheel.python}-{wheel.abi}-{platform}" for platform in wheel.platforms.split(".")}


def test_native_parts_are_of_the_platform(wheel):
    processor, vendor = wheel.target.split("-")[:2]
    for name, content in wheel.parts().items():
        part = native.read(content)
        assert part.processor == processor, name
        assert part.format == FORMATS["linux" if "linux" in wheel.target else vendor], name
        interpreter = {f"python{wheel.python.removeprefix('cp')}.dll"} if part.format == "PE" else set()
        libraries = {library for library in part.libraries if not library.startswith(WINDOWS_PARTS)}
        assert libraries <= LIBRARIES[wheel.target] | interpreter, name
        assert part.loader is None or part.loader in LOADERS[wheel.target], name
        assert not part.search, f"{name} looks for libraries in {part.search}"
        if part.format == "Mach-O":
            least = tuple(map(int, re.match(r"macosx_(\d+)_(\d+)_", wheel.platforms).groups()))
            assert part.macos is not None and part.macos <= least, name


def test_native_parts_need_no_newer_glibc(wheel):
    for name, content in wheel.parts().items():
        versions = {tuple(map(int, version)) for version in re.findall(rb"GLIBC_(\d+)\.(\d+)", content)}
        assert bool(versions) == wheel.target.endswith("-gnu") or "windows" in wheel.target, name
        assert max(versions, default=(0, 0)) <= GLIBC_MAX, (name, versions)


def test_native_parts_unwind_stacks_with_the_library_of_glibc(wheel):
    """An unwinder of their own crashes in `pthread_exit` of glibc, see `test_daemon_threads_at_the_end`."""
    if not wheel.target.endswith("-linux-gnu"):
        pytest.skip("only glibc ends threads by unwinding their stacks")
    for name, content in wheel.parts().items():
        assert b"\0libgcc_s.so.1\0" in content and b"\0_Unwind_Resume\0" in content, name


def test_contents(wheel):
    version = wheel.python.removeprefix("cp")
    prefix = f"cp{version}" if "windows" in wheel.target else f"cpython-{version}"
    assert wheel.extension == f"viztracer/snaptrace.{prefix}-{TAGS[wheel.target][1]}"
    sources = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*") if path.suffix in (".py", ".pyi")}
    sources |= {"viztracer/py.typed", wheel.extension, wheel.program}
    sources |= {wheel.distribution(f".data/purelib/{path.name}") for path in BESIDE.iterdir() if path.is_file()}
    assert {name for name in wheel.names if ".dist-info/" not in name} == sources
    if "windows" not in wheel.target:  # a file there has no such mode, so a wheel that was built there has none
        mode = wheel.archive.getinfo(wheel.program).external_attr >> 16
        assert mode & stat.S_IXUSR and mode & stat.S_IXOTH
    commands, plugin = wheel.text("entry_points.txt").split("[pytest11]")
    assert re.findall(r"^([\w-]+) *=", commands, re.MULTILINE) == ["viztracer", "viztracer-ctl", "vizviewer"]
    assert re.findall(r"^([\w-]+) *=", plugin, re.MULTILINE) == ["viztracer"]


def test_size(wheel):
    assert wheel.path.stat().st_size <= SIZE_MAX


def test_licences(wheel):
    files = re.findall(r"^License-File: (.*)$", wheel.text("METADATA"), re.MULTILINE)
    notices = "packaging/licenses/THIRD-PARTY-NOTICES.txt"
    assert files == ["LICENSE", notices] and "\nLicense-Expression: Apache-2.0\n" in wheel.text("METADATA")
    for file in files:
        assert wheel.text(f"licenses/{file}") == (ROOT / file).read_text("utf-8")
    # Messages in the native parts contain the paths of the crates that they link.
    content = b"".join(wheel.parts().values())
    of_crate = rb"[/\\]registry[/\\]src[/\\][\w.-]+[/\\]([\w-]+-\d[\w.+-]*)[/\\]"
    linked = {path.decode() for path in re.findall(of_crate, content)}
    listed = (ROOT / notices).read_text("utf-8")
    assert len(linked) > 10
    missing = {crate for crate in linked if f"\n{' '.join(crate.rsplit('-', 1))}, " not in listed}
    assert {crate.rsplit("-", 1)[0] for crate in missing} <= STANDARD
