"""The source distribution of `make wheels` builds and works in an empty environment."""

import tarfile
from pathlib import PurePath

import pytest
from conftest import BUILT, environment
from test_wheels import try_commands

# Compile quickly: this test is about what is compiled, not how.
QUICK = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
}


@pytest.fixture
def sdist():
    (path,) = (BUILT / "sdist").glob("*.tar.gz")
    return path


def test_contents(sdist):
    with tarfile.open(sdist) as archive:
        names = [PurePath(name).parts[1:] for name in archive.getnames()]
    files = {"Cargo.lock", "Cargo.toml", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert {name[0] for name in names} == files | {"format", "merge", "packaging", "tracer"}
    assert ("packaging", "licenses", "THIRD-PARTY-NOTICES.txt") in names


def test_build_and_use(sdist, tmp_path):
    empty = environment(tmp_path / "environment")
    empty.pip("install", sdist, env=QUICK)
    assert (empty.bin / "viztracer-merge").read_bytes().startswith(b"\x7fELF")
    try_commands(empty)
    before = {name for name in empty.files() if "viztracer" in name and not name.startswith("demo")}
    empty.pip("uninstall", "--yes", "viztracer-ring")
    assert before and not before & empty.files()
