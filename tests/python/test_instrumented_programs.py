"""The program itself, its modules and its children are instrumented, and run as they do without."""

import json
import os
import sys
from pathlib import Path

import pytest
from conftest import BIN

# Lets every process list its own events.
LISTED = """
import builtins, json, sys
from listing_tracer import ListingTracer
tracer = builtins.__viz_tracer__ = ListingTracer()

def show(name):
    values = [event[1].rpartition(" ")[2] for event in tracer.events]
    print(json.dumps([name, values, sys.argv, sys.path[0], __spec__ and __spec__.name]), flush=True)
"""


@pytest.fixture
def run(sandbox):
    """run(*arguments) -> what a process printed that runs the command with these arguments."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}

    def run(*arguments, status=0):
        done = sandbox.viztracer("--quiet", "-o", "out.json", *arguments, env=environment)
        assert done.returncode == status, done.stderr
        return done

    return run


def listed(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_program_and_its_modules(sandbox, run):
    sandbox.script("a = 'module'\n", "module.py")
    sandbox.script(f"{LISTED}\na = 1\nimport module\nassert __name__ == '__main__'\nshow('main')\n")
    done = run("--log_var", "a", "--", "script.py", "x")
    assert listed(done) == [["main", ["1", "'module'"], ["script.py", "x"], str(sandbox.path), None]]
    assert not (sandbox.path / "__pycache__").exists()
    assert "ast.py" not in (sandbox.path / "out.json").read_text(), "what instruments is not in the trace"


def test_program_is_the_outermost_code(sandbox, run):
    sandbox.script("import sys\nassert sys._getframe().f_back is None\nprint(__file__, type(__loader__).__name__)\n")
    done = run("--log_var", "a", "--", "script.py")
    assert done.stdout == f"{sandbox.path}/script.py SourceFileLoader\n"


def test_module_as_the_program(sandbox, run):
    sandbox.script(f"{LISTED}\na = 1\nshow('main')\n", "module.py")
    done = run("--log_var", "a", "-m", "module")
    assert listed(done) == [["main", ["1"], [str(sandbox.path / "module.py")], str(sandbox.path), "module"]]


CHILDREN = f"""{LISTED}
import multiprocessing, subprocess
a = 1

def work(how):
    global a
    a = how
    show("worker")

if __name__ == "__main__":
    if sys.argv[1:]:
        show("child")
    else:
        for command in ([sys.executable, "script.py", "x"], [sys.executable, "-m", "script", "x"]):
            subprocess.run(command, check=True)
        subprocess.run(f"{{sys.executable}} script.py x <&-", shell=True, check=True)
        for how in ("fork", "spawn", "forkserver"):
            process = multiprocessing.get_context(how).Process(target=work, args=(how,))
            process.start()
            process.join()
"""


def test_children_however_they_are_started(sandbox, run):
    path = sandbox.script(CHILDREN)
    processes = listed(run("--log_var", "a", "--", "script.py"))
    directory = str(sandbox.path)
    assert processes[:3] == [
        ["child", ["1"], ["script.py", "x"], directory, None],
        ["child", ["1"], [path, "x"], directory, "script"],
        ["child", ["1"], ["script.py", "x"], directory, None],
    ]
    # From 3.14 on, the server that forks runs the main module first. What it forks lists no more, as it gets a tracer.
    of_server = ["1"] if sys.version_info >= (3, 14) else ["1", "'forkserver'"]
    assert [process[:2] for process in processes[3:]] == [
        ["worker", ["1", "'fork'"]],
        ["worker", ["1", "'spawn'"]],
        ["worker", of_server],
    ]
    report = (sandbox.path / "out.json").read_text()
    assert ("a = 'forkserver'" in report) == (sys.version_info >= (3, 14))
    assert "work (" in report


def test_command_below_a_traced_program(sandbox, run):
    """It joins the run, as reloaders do that start their own command line again."""
    sandbox.script(f"{LISTED}\na = 1\nshow('inner')\n", "inner.py")
    sandbox.script(
        f"import subprocess\nsubprocess.run([{str(BIN / 'viztracer')!r}, '--', 'inner.py'], check=True)\n", "outer.py"
    )
    assert [process[:2] for process in listed(run("--log_var", "a", "--", "outer.py"))] == [["inner", ["1"]]]


@pytest.mark.parametrize(
    "source", ["a = = 1", "a = 1\n\nraise KeyError(a)", "import sys\na = 1\nsys.exit(7)", "\0", "\xff = 1"]
)
def test_ends_are_those_of_the_interpreter(sandbox, run, source):
    """Of the program, and of a child: messages, lines and exit status."""
    (sandbox.path / "script.py").write_bytes(source.encode("latin-1"))
    sandbox.script(
        "import subprocess, sys\nsys.exit(subprocess.run([sys.executable, 'script.py']).returncode)\n", "parent.py"
    )
    plain = sandbox.python("script.py")
    for program in ("script.py", "parent.py"):
        done = run("--log_var", "a", "--log_exception", "--", program, status=plain.returncode)
        assert (done.stdout, lines_of(done.stderr)) == (plain.stdout, lines_of(plain.stderr))


def lines_of(text):
    """The lines of a message, in which the path of the program may be relative or absolute."""
    return [line.rpartition("/")[2].replace('"script.py', "script.py") for line in text.splitlines() if "^" not in line]


def test_other_programs_run_as_they_are(sandbox, run):
    sandbox.script("print('ran')\n", "__main__.py")
    for arguments in (["-c", "print('ran')"], ["--", "."]):
        assert run("--log_var", "a", *arguments).stdout == "ran\n"


def test_interpreter_without_instrumentation_does_not_load_it(sandbox):
    """From 3.14 on, `argparse` imports ast for its colors, and so the command does."""
    code = (
        "import sys; print([name for name in sys.modules if name.startswith('viztracer.instrument')"
        " or name == 'ast' and sys.version_info < (3, 14)])"
    )
    done = sandbox.viztracer("--quiet", "-c", code)
    assert done.stdout == "[]\n"
