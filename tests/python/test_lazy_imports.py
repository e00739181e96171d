"""Lazy imports (PEP 810) are resolved when they are without tracing, with and without source instrumentation."""

import os
import sys

import pytest
import tree
from conftest import BIN

pytestmark = pytest.mark.skipif(sys.version_info < (3, 15), reason="lazy imports are new in 3.15")

PROGRAM = """
import sys

lazy import json
lazy from colorsys import rgb_to_hsv as converted
lazy import package.inner
lazy import missing

def loaded():
    print([name for name in ("json", "colorsys", "package", "package.inner", "eager") if name in sys.modules])
    print([type(globals()[name]).__name__ for name in ("json", "converted", "package")])

def use(value):
    color = converted(1, 1, value)
    loaded()
    print(json.dumps([color, package.inner.value]))

def refuse(importer, name, names):
    print("filter", importer, name, names)
    return False

loaded()
use(1)
loaded()
try:
    missing.name
except ImportError as error:
    print(repr(error), repr(error.__cause__))
if sys.argv[1] == "set":
    sys.set_lazy_imports("all")
import eager
loaded()
print(eager.value)
if sys.argv[1] == "filter":
    sys.set_lazy_imports_filter(refuse)
    import refused
    lazy import refused_too
    print("refused_too" in sys.modules)
    sys.set_lazy_imports_filter(None)
"""
MODULES = {
    "package/__init__.py": "print('imported', __name__)\n",
    "package/inner.py": "lazy import graphlib\nvalue = graphlib.TopologicalSorter({}).is_active.__name__\n",
    "eager.py": "import sys, sched\nprint('imported', __name__, 'sched' in sys.modules)\nvalue = 7\n",
    "refused.py": "print('imported', __name__)\n",
    "refused_too.py": "print('imported', __name__)\n",
}


@pytest.fixture
def script(sandbox):
    (sandbox.path / "package").mkdir()
    for name, source in MODULES.items():
        sandbox.script(source, name)
    return sandbox.script(PROGRAM)


@pytest.mark.parametrize("mode", [None, "normal", "all"])
@pytest.mark.parametrize("argument", ["", "set", "filter"])
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--log_func_args", "--log_func_retval"),
        ("--log_var", ".*"),
        ("--log_attr", ".*", "--log_exception", "--magic_comment"),
        ("--log_func_exec", ".*"),
    ],
    ids=lambda options: " ".join(options) or "no options",
)
def test_program_sees_the_same(sandbox, script, mode, argument, options):
    environment = os.environ | ({"PYTHON_LAZY_IMPORTS": mode} if mode else {})
    expected = sandbox.python(script, argument, env=environment)
    assert expected.returncode == 0, expected.stderr
    command = [BIN / "viztracer", "--quiet", "-o", "report.json", *options, "--", script, argument]
    done = sandbox.run(*command, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, expected.stdout, expected.stderr)
    names = [event["name"].partition(" (")[0] for event in tree.spans(sandbox.report("report.json"))]
    assert names.count("use") == 1 and names.count("loaded") == 4


def test_child_processes_that_import_lazily(sandbox):
    """They join the run, whose package is imported lazily, too."""
    script = sandbox.script(
        "import multiprocessing, os, subprocess, sys\n"
        "def work(n): return n + 1\n"
        "def child():\n"
        "    pid = os.fork()\n"
        "    if not pid: work(1); os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "if __name__ == '__main__':\n"
        "    child()\n"
        "    subprocess.run([sys.executable, '-c', 'def work(n): return n\\nwork(1)'], check=True)\n"
        "    for method in 'fork', 'spawn', 'forkserver':\n"
        "        with multiprocessing.get_context(method).Pool(1) as pool: assert pool.map(work, [1]) == [2]\n"
    )
    command = [BIN / "viztracer", "--quiet", "-o", "report.json", script]
    done = sandbox.run(*command, env=os.environ | {"PYTHON_LAZY_IMPORTS": "all"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    working = {event["pid"] for event in tree.spans(sandbox.report("report.json")) if event["name"].startswith("work")}
    assert len(working) == 5
