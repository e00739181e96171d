"""Every Python process that descends from a traced one is in the report, however it was started."""

import os
import sys
import venv
from pathlib import Path

import pytest
import tree
import viztracer
from conftest import BIN, START_METHODS

CHILD = """
import os
def in_the_child(): print("child", os.getpid(), flush=True)
in_the_child()
"""

# How the program starts `child.py`. PYTHON is the interpreter that runs the program itself.
STARTS = {
    "a list": "subprocess.run([PYTHON, 'child.py'])",
    "a string": "subprocess.run(f'{PYTHON} child.py', shell=True)",
    "quotes and a pipe": """subprocess.run(f'"{PYTHON}" "child.py" | cat', shell=True)""",
    "bytes and a path": "subprocess.run([os.fsencode(PYTHON), pathlib.Path('child.py')])",
    "a positional bufsize": "subprocess.Popen([PYTHON, 'child.py'], 0).wait()",
    "a heredoc": "subprocess.run(f'{PYTHON} - <<EOF\\n{CHILD}\\nEOF', shell=True)",
    "bash -c": "subprocess.run(['bash', '-c', f'{PYTHON} child.py; true'])",
    "env": "subprocess.run(['env', 'ANYTHING=1', PYTHON, 'child.py'])",
    "a script with a shebang": "subprocess.run(['./child'])",
    "os.system": "os.system(f'{PYTHON} child.py')",
    "os.popen": "print(os.popen(f'{PYTHON} child.py').read())",
    "os.posix_spawn": "os.waitpid(os.posix_spawn(PYTHON, [PYTHON, 'child.py'], os.environ), 0)",
    "os.spawnv": "os.spawnv(os.P_WAIT, PYTHON, [PYTHON, 'child.py'])",
    "asyncio": "asyncio.run(asynchronously())",
    "-c": "subprocess.run([PYTHON, '-c', CHILD])",
    "-m": "subprocess.run([PYTHON, '-m', 'child'])",
    "-E": "subprocess.run([PYTHON, '-E', 'child.py'])",
    "-I": "subprocess.run([PYTHON, '-I', 'child.py'])",
    "standard input": "subprocess.run([PYTHON], input=CHILD.encode())",
    "a grandchild": "subprocess.run(['sh', '-c', f'sh -c \"{PYTHON} child.py; true\"; true'])",
    "fork and exec": "os.fork() or os.execv(PYTHON, [PYTHON, 'child.py'])\nos.wait()",
    "env python": (
        "os.environ['PATH'] = f'{BIN}:' + os.environ['PATH']\n"
        "subprocess.run('env python child.py', shell=True)"
    ),
    "quotes in quotes": """subprocess.run(f"{PYTHON} -c 'print(1, \\\"2;3\\\")' && {PYTHON} child.py", shell=True)""",
    "bytes with a shell": "subprocess.run(os.fsencode(PYTHON) + b' child.py', shell=True)",
    "redirections and pipes": "subprocess.run(f'{PYTHON} child.py 2>&1 | cat | cat', shell=True)",
    "asyncio and a shell": "asyncio.run(asynchronously(shell=True))",
    "a module of a package": "subprocess.run([PYTHON, '-m', 'package'])",
    "a directory": "subprocess.run([PYTHON, 'package'])",
    "-s -u -B -O": "subprocess.run([PYTHON, '-s', '-u', '-B', '-OO', '-X', 'utf8', '-W', 'ignore', 'child.py'])",
    "a script on standard input": "subprocess.run([PYTHON, '-'], input=CHILD.encode())",
    "a session of its own": "subprocess.run([PYTHON, 'child.py'], start_new_session=True)",
    "another directory": "subprocess.run([PYTHON, os.path.abspath('child.py')], cwd='/')",
    "closed streams": "subprocess.run(f'{PYTHON} child.py >out <&- 2>&-', shell=True)\nprint(open('out').read())",
    "an environment that is a copy": "subprocess.run([PYTHON, 'child.py'], env=dict(os.environ, MORE='1'))",
    "xargs": "subprocess.run(f'echo child.py | xargs {PYTHON}', shell=True)",
}

PROGRAM = """
import asyncio, os, pathlib, subprocess, sys
PYTHON = sys.executable
BIN = os.path.dirname(PYTHON)
CHILD = pathlib.Path("child.py").read_text()
async def asynchronously(shell=False):
    if shell:
        await (await asyncio.create_subprocess_shell(f"{PYTHON} child.py")).wait()
    else:
        await (await asyncio.create_subprocess_exec(PYTHON, "child.py")).wait()
"""


@pytest.fixture
def start(sandbox):
    """Traces a program that starts a child in a certain way; gives what was printed and the report."""

    def start(source, *options):
        os.chmod(sandbox.script(f"#!{sys.executable}\n{CHILD}", "child"), 0o755)
        sandbox.script(CHILD, "child.py")
        (sandbox.path / "package").mkdir()
        sandbox.script(CHILD, "package/__main__.py")
        done = sandbox.viztracer(*options, "-o", "report.json", "--", sandbox.script(PROGRAM + source + "\n"))
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout, sandbox.report("report.json")

    return start


def called_in(report, pid):
    return [event["name"].partition(" (")[0] for event in tree.spans(report) if event["pid"] == pid]


def child_pid(printed):
    (line,) = [line for line in printed.splitlines() if line.startswith("child ")]
    return int(line.split()[1])


@pytest.mark.parametrize("how", STARTS)
def test_started_by(start, how):
    printed, report = start(STARTS[how])
    pid = child_pid(printed)
    assert called_in(report, pid).count("in_the_child") == 1
    assert "<module>" in called_in(report, pid)
    states = {process["pid"]: process["state"] for process in report["viztracer_metadata"]["processes"]}
    assert states[pid] == "sealed"


def test_calls_from_before_the_recording_are_no_loss(sandbox):
    """A new interpreter is recorded from the middle of its start, and a tracer begins in the middle of a call."""
    start = "import viztracer\nt = viztracer.VizTracer(verbose=0)\ndef within(): t.start()\nwithin()\nt.stop()\n"
    script = sandbox.script("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'pass'])\n")
    done = sandbox.viztracer("-o", "r.json", script)
    assert (done.returncode, done.stderr) == (0, "")
    sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    strict = sandbox.viztracer_merge("--strict", "rings", "-o", "s.json")
    assert strict.returncode == 0, strict.stderr
    done = sandbox.python(sandbox.script(f"{start}print(t.ring_unmatched)\nt.save()\n"))
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_exec_in_place_leaves_two_files_of_one_pid(sandbox):
    sandbox.script(CHILD, "child.py")
    script = sandbox.script(
        "import os, sys\ndef before(): pass\nbefore()\nos.execv(sys.executable, [sys.executable, 'child.py'])\n"
    )
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    pid = child_pid(done.stdout)
    assert sorted(file.name for file in (sandbox.path / "rings").iterdir()) == [
        f"result_{pid}.bin",
        f"result_{pid}_1.bin",
    ]
    names = called_in(sandbox.merge("rings"), pid)
    assert {"before", "in_the_child"} <= set(names)


def test_each_image_of_a_process_gets_its_own_report(sandbox):
    sandbox.script(CHILD, "child.py")
    script = sandbox.script(
        "import os, sys\nif not os.fork(): os.execv(sys.executable, [sys.executable, 'child.py'])\nos.wait()\n"
    )
    done = sandbox.viztracer("--pid_suffix", "-o", "each.json", script)
    pid = child_pid(done.stdout)
    reports = sorted(file.name for file in sandbox.path.glob("each*.json"))
    assert len(reports) == 3 and {f"each_{pid}.json", f"each_{pid}_1.json"} < set(reports)
    assert "in_the_child" in called_in(sandbox.report(f"each_{pid}_1.json"), pid)


def test_options_are_inherited(start):
    printed, report = start(STARTS["a list"], "--ignore_c_function")
    assert not any(name.startswith("builtins.") for name in called_in(report, child_pid(printed)))


def test_other_processes_can_be_left_alone(start):
    printed, report = start(STARTS["a list"], "--ignore_multiprocess")
    assert called_in(report, child_pid(printed)) == []


def test_the_environment_is_clean_after_the_run(sandbox):
    script = sandbox.script(
        "import atexit, os, viztracer\natexit.register(lambda: print('VIZTRACER_RING_SESSION' in os.environ))\n"
    )
    assert sandbox.viztracer("--quiet", script).stdout == "True\n"
    assert "VIZTRACER_RING_SESSION" not in sandbox.python("-c", "import os; print(*os.environ)").stdout


MULTIPROCESSING = """
import multiprocessing, os, concurrent.futures
def work(n):
    return os.getpid()
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    {body}
"""
BODIES = {
    "Process": "p = context.Process(target=work, args=(1,)); p.start(); p.join(); print('child', p.pid)",
    "Pool": "pool = context.Pool(1); print('child', pool.apply(work, (1,))); pool.close(); pool.join()",
    "executor": (
        "executor = concurrent.futures.ProcessPoolExecutor(1, mp_context=context)\n"
        "    print('child', executor.submit(work, 1).result()); executor.shutdown()"
    ),
}


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.parametrize("body", BODIES)
def test_multiprocessing(sandbox, method, body):
    script = sandbox.script(MULTIPROCESSING.format(method=method, body=BODIES[body]))
    done = sandbox.viztracer("-o", "report.json", script)
    assert done.returncode == 0, done.stderr
    report = sandbox.report("report.json")
    pid = child_pid(done.stdout)
    assert called_in(report, pid).count("work") == 1
    if body == "Process":
        assert tree.names(report, "process_name")[pid].endswith("Process-1")
    tree.check_nesting(report)


def test_a_child_that_outlives_the_program_is_waited_for_or_left(sandbox):
    """It goes on until it reads the end of a pipe whose other end the program holds until it is gone."""
    sandbox.script("import sys\nprint('begun', flush=True)\nsys.stdin.read()\n", "child.py")
    script = sandbox.script(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, 'child.py'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print('child', child.pid)\n"
    )
    done = sandbox.viztracer("--no_wait", "-o", "report.json", script)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert f"(pid {child_pid(done.stdout)})" in line and "viztracer-merge" in line
    rest = line.partition("viztracer-merge ")[2].split()
    assert sandbox.viztracer_merge(*rest).returncode == 0
    sandbox.run("rm", "-r", rest[0])


def test_commands_of_ours_are_not_traced(sandbox):
    script = sandbox.script(f"import subprocess\nsubprocess.run([{str(BIN / 'viztracer')!r}, '--version'])\n")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0
    assert len(list((sandbox.path / "rings").iterdir())) == 1


# --- command lines ---

TELLS = "import sys\nprint(sys.argv, sys.orig_argv, open('/proc/self/cmdline').read().split('\\0'), __name__)\n"
COMMANDS = {
    "a script": "[PYTHON, 'tells.py', 'a b', '', '-o', \"'\"]",
    "bytes and a path": "[os.fsencode(PYTHON), pathlib.Path('tells.py'), b'a b']",
    "code": "[PYTHON, '-c', TELLS, '-m', 'x']",
    "a module": "[PYTHON, '-m', 'tells', '--', '-c']",
    "options": "[PYTHON, '-sEB', '-Wignore', '-X', 'utf8', 'tells.py', '--help']",
    "isolated": "[PYTHON, '-I', 'tells.py']",
    "without site": "[PYTHON, '-S', 'tells.py', '1']",
    "a name of its own": "['another', 'tells.py']",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_lines_stay_as_they_were_written(sandbox, command):
    sandbox.script(TELLS, "tells.py")
    script = sandbox.script(
        f"import os, pathlib, subprocess, sys\nPYTHON, TELLS = sys.executable, {TELLS!r}\n"
        f"print(subprocess.run({COMMANDS[command]}, executable=PYTHON).returncode, flush=True)\n"
    )
    bare, done = sandbox.python(script), sandbox.viztracer("--quiet", script)
    if "No module named 'encodings'" in bare.stderr:
        pytest.skip("this interpreter finds its library by its own name only")
    assert bare.stdout.count("tells.py") + bare.stdout.count("-c") > 0
    assert (done.stdout, done.stderr, done.returncode) == (bare.stdout, bare.stderr, bare.returncode)


# --- processes that do not join the run: they run as without tracing ---

NOT_FOUND = {
    "-S": "subprocess.run([PYTHON, '-S', 'child.py'])",
    "an empty environment": "subprocess.run([PYTHON, 'child.py'], env={})",
    "an environment of its own": "subprocess.run([PYTHON, 'child.py'], env={'PATH': os.environ['PATH'], 'A': '1'})",
    "env -i": "subprocess.run(['env', '-i', PYTHON, 'child.py'])",
    "a virtual environment without the package": "subprocess.run([BARE, 'child.py'])",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The Python of a new virtual environment, without any package."""
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, symlinks=True)
    return directory / "bin" / "python"


@pytest.mark.parametrize("how", NOT_FOUND)
def test_not_found(start, environment, how):
    printed, report = start(f"BARE = {str(environment)!r}\n{NOT_FOUND[how]}")
    assert called_in(report, child_pid(printed)) == []
    assert len(report["viztracer_metadata"]["processes"]) == 1


def test_another_virtual_environment_that_has_the_package(start, tmp_path_factory):
    directory = tmp_path_factory.mktemp("with_package")
    venv.create(directory, symlinks=True)
    (packages,) = directory.glob("lib/python*/site-packages")
    for installed in (Path(viztracer.__file__).parent, Path(viztracer.__file__).parents[1] / "viztracer_ring.pth"):
        (packages / installed.name).symlink_to(installed)
    printed, report = start(f"subprocess.run([{str(directory / 'bin' / 'python')!r}, 'child.py'])")
    assert called_in(report, child_pid(printed)).count("in_the_child") == 1
