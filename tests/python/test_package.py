"""The installed package: its modules and what a traced process imports of them, its commands, its notices."""

import ast
import graphlib
import importlib.metadata
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BIN, ROOT, VERSION
from viztracer import missing_extension, snaptrace

PACKAGE = ROOT / "tracer/python/viztracer"
# What makes the start of every traced process slower, as `benches/run startup` shows.
SLOW = {"argparse", "ast", "dataclasses", "inspect", "re", "shlex", "shutil", "tempfile", "typing"}


def module_name(path):
    return ".".join(("viztracer", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


class Imports(ast.NodeVisitor):
    """The modules of the package that a module imports, at its beginning, later, or for a type checker alone."""

    def __init__(self, name):
        self.package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
        self.found = set()

    def visit_ImportFrom(self, node):
        if not node.level:
            return
        base = ".".join(self.package.split(".")[: -(node.level - 1) or None] + ([node.module] if node.module else []))
        names = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
        self.found |= names or ({base} & MODULES.keys())


def imports(name):
    visitor = Imports(name)
    visitor.visit(ast.parse(MODULES[name].read_text()))
    return visitor.found


def test_no_module_imports_one_that_leads_back_to_it():
    graph = {name: imports(name) for name in MODULES}
    assert {"viztracer.tracer.options", "viztracer.process.this_process"} <= graph["viztracer.viztracer"]
    assert "viztracer.commands.run" in graph["viztracer.main"]
    graphlib.TopologicalSorter(graph).prepare()  # raises if there is a circle


def test_a_traced_process_imports_nothing_slow(sandbox):
    code = (
        "import sys; before = set(sys.modules)\n"
        "import viztracer.session, viztracer.commands.finish\n"
        "print(*(sys.modules.keys() - before))\n"
    )
    done = sandbox.python("-S", "-c", f"sys = __import__('sys'); sys.path[:] = {sys.path!r}\n" + code)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "viztracer.tracer.options" in loaded and not SLOW & loaded


def test_other_libraries_keep_the_space_for_static_thread_local_variables():
    """The C library keeps little space for those of libraries that come later. A program may need all of it."""
    image = Path(snaptrace.__file__).read_bytes()
    (table,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    segments = [struct.unpack_from("<II6Q", image, table + index * size) for index in range(count)]
    pt_dynamic, dt_flags, df_static_tls = 2, 30, 0x10
    ((start, length),) = [(offset, in_file) for kind, _, offset, _, _, in_file, *_ in segments if kind == pt_dynamic]
    flags = dict(struct.iter_unpack("<QQ", image[start : start + length])).get(dt_flags, 0)
    assert not flags & df_static_tls


FREE_THREADED = "import sysconfig; sysconfig.get_config_var = lambda name: 1"
# What another interpreter says of itself, and how the message names it.
OTHERS = {
    "sys.implementation.name = 'pypy'": "PyPy {version}",
    "sys.implementation.name = 'graalpy'": "GraalPy {version}",
    "sys.version_info = (3, 9, 18)": "CPython 3.9",
    "sys.version_info = (3, 16, 0)": "CPython 3.16",
    "sys.gettotalrefcount = None": "a debug build of CPython {version}",
    f"{FREE_THREADED}; sys.version_info = (3, 13, 5)": "free-threaded CPython 3.13",
}
NEEDED = "viztracer-ring needs CPython 3.10 to 3.15, free-threaded from 3.14 on"


@pytest.mark.parametrize("pretence", OTHERS)
def test_another_interpreter_is_refused_by_its_name(sandbox, pretence):
    """Without an extension of its own it imports only what says so."""
    shutil.copytree(PACKAGE, sandbox.path / "viztracer", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    done = sandbox.python("-S", "-c", f"import sys; sys.path.insert(0, '.'); {pretence}; import viztracer")
    name = OTHERS[pretence].format(version=VERSION)
    expected = f"{NEEDED}, and {sys.executable} is {name}: use another"
    assert done.returncode == 1 and f"ImportError: {expected}" in done.stderr, done.stderr
    assert "During handling" not in done.stderr


@pytest.mark.parametrize(
    "pretence, name",
    [
        ("pass", f"CPython {VERSION}"),
        (f"{FREE_THREADED}; sys.version_info = (3, 14, 0)", "free-threaded CPython 3.14"),
    ],
)
def test_a_supported_interpreter_without_the_extension_shows_how_to_install_it(sandbox, pretence, name):
    shutil.copytree(PACKAGE, sandbox.path / "viztracer", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    done = sandbox.python("-S", "-c", f"import sys; sys.path.insert(0, '.'); {pretence}; import viztracer")
    expected = f"the extension of viztracer-ring for {name} is missing: install viztracer-ring again, with "
    expected += f"{sys.executable} -m pip"
    assert done.returncode == 1 and f"ImportError: {expected}" in done.stderr, done.stderr


@pytest.mark.one_version
def test_the_versions_that_are_tested_are_the_same_everywhere():
    make = re.search(r"^TESTED +:= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    project = (ROOT / "pyproject.toml").read_text()
    assert re.findall(r"Python :: (3\.\d+)", project) == make[::-1]
    oldest, newest = (tuple(map(int, version.split("."))) for version in (make[-1], make[0]))
    assert f'requires-python = ">={make[-1]},<{newest[0]}.{newest[1] + 1}"' in project
    assert (missing_extension.OLDEST, missing_extension.NEWEST) == (oldest, newest)
    build = (ROOT / "tracer/build/interpreter.rs").read_text()
    free_threaded = missing_extension.OLDEST_FREE_THREADED
    assert f"OLDEST_FREE_THREADED: (u8, u8) = {free_threaded};" in build
    assert f"OLDEST: (u8, u8) = {oldest};" in build and f"NEWEST: (u8, u8) = {newest};" in build
    benches = (ROOT / "benches/environments.py").read_text()
    assert "VERSIONS = ({})".format(", ".join(f'"{version}"' for version in make[::-1])) in benches
    span = f"CPython {make[-1]} to {make[0]}"
    for document in ("README.md", "CHANGELOG.md", "Makefile"):
        assert span in (ROOT / document).read_text("utf-8"), document


def test_the_merge_is_a_native_program_of_the_package():
    package = importlib.metadata.distribution("viztracer-ring")
    (program,) = (file for file in package.files if file.name == "viztracer-merge")
    assert program.locate().resolve() == BIN / "viztracer-merge"
    assert program.read_binary().startswith(b"\x7fELF")
    commands = package.entry_points.select(group="console_scripts")
    assert {command.name for command in commands} == {"viztracer", "viztracer-ctl", "vizviewer"}
    assert [(plugin.group, plugin.name) for plugin in package.entry_points if plugin not in commands] == [
        ("pytest11", "viztracer")
    ]


@pytest.mark.one_version
def test_the_notices_are_those_of_the_linked_crates():
    script = ROOT / "packaging/licenses/notices.py"
    notices = (script.parent / "THIRD-PARTY-NOTICES.txt").read_text("utf-8")
    printed = subprocess.run([sys.executable, script], capture_output=True, encoding="utf-8", check=False)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == notices, "run packaging/licenses/notices.py > packaging/licenses/THIRD-PARTY-NOTICES.txt"
