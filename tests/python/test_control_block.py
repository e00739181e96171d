"""The control block of a run: untraced processes are reported, late ones are not traced, no block is left."""

import os
import subprocess
import time
from pathlib import Path

import pytest
import tree
from conftest import BIN

SHARED_MEMORY = Path("/dev/shm")


def control_blocks(pid):
    """The blocks of the run whose first process had this id."""
    return [*SHARED_MEMORY.glob(f"viztracer_control_{pid}_*")]


def test_a_descendant_that_cannot_record_is_told_of(sandbox):
    script = sandbox.script(
        "import resource, subprocess, sys\n"
        "def no_files(): resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "subprocess.run([sys.executable, '-c', 'pass'], check=True)\n"
        "subprocess.run([sys.executable, '-c', 'pass'], check=True, preexec_fn=no_files)\n"
    )
    done = sandbox.viztracer("-o", "traced.json", script)
    assert done.returncode == 0
    assert "1 of 2 descendants could not be traced" in done.stderr
    assert len(tree.names(sandbox.report("traced.json"), "process_name")) == 3  # what it forked to start it, too


def test_who_comes_after_the_merge_is_not_traced(sandbox):
    """A daemon outlives the run and starts an interpreter when that is over."""
    sandbox.script("open('late.txt', 'w')", "late.py")
    script = sandbox.script(
        "import os, pathlib, subprocess, sys, time\n"
        "print(os.getpid(), flush=True)\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    os.closerange(0, 3)\n"
        "    while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
        "    subprocess.run([sys.executable, 'late.py'], check=True)\n"
        "    pathlib.Path('done').touch()\n"
        "    os._exit(0)\n"
    )
    done = sandbox.viztracer("--no_wait", "-o", "traced.json", script)
    assert done.returncode == 0, done.stderr
    kept = Path(done.stderr.split("viztracer-merge ")[1].split(" ")[0])
    files = {path.name for path in kept.iterdir()}
    assert not control_blocks(int(done.stdout.split()[0]))
    (sandbox.path / "go").touch()
    wait_for(sandbox.path / "done")
    assert (sandbox.path / "late.txt").exists()
    assert {path.name for path in kept.iterdir()} == files
    sandbox.run("rm", "-r", kept)


def test_a_run_without_shared_memory_does_without(sandbox):
    """As in a container that has none: here the block is taken away while the program runs."""
    script = sandbox.script(
        "import os, subprocess, sys\n"
        "block = next(f for f in os.environ['VIZTRACER_RING_SESSION'].split(':') if "
        "f.startswith('viztracer_control_'))\n"
        "os.unlink('/dev/shm/' + block)\n"
        "print(subprocess.run([sys.executable, '-c', 'print(1)'], check=True, capture_output=True).stdout)\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "traced.json", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "b'1\\n'\n", "")
    assert len(tree.names(sandbox.report("traced.json"), "process_name")) == 1


def test_the_block_goes_with_the_run(sandbox):
    tells = "import glob, os; print(os.getpid(), len(glob.glob(f'/dev/shm/viztracer_control_{os.getpid()}_*')))"
    script = sandbox.script(f"import subprocess, sys\n{tells}\nsubprocess.run([sys.executable, '-c', 'pass'])")
    inline = f"from viztracer import VizTracer\nwith VizTracer(verbose=0):\n    {tells}\n"
    for done, expected in [
        (sandbox.viztracer("--quiet", script), "1"),
        (sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", script), "0"),
        (sandbox.python("-c", inline), "1"),
    ]:
        pid, blocks = done.stdout.split()
        assert (done.returncode, blocks, control_blocks(pid)) == (0, expected, [])


@pytest.mark.skipif(os.getuid() != 0, reason="pid namespaces of one's own need root")
def test_runs_in_two_pid_namespaces_share_memory(sandbox):
    """Two containers: the pid of one's first process means nothing in the other."""
    child = "def child_func(): return 1\nchild_func()"
    script = sandbox.script(
        "import pathlib, subprocess, sys, time\n"
        "pathlib.Path('up').touch()\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
        f"subprocess.run([sys.executable, '-c', {child!r}])\n"
    )
    command = ["unshare", "-p", "-f", "--mount-proc", "sh", "-c"]
    run = f"{BIN / 'viztracer'} --quiet -o {{}}.json {script}; exit $?"
    others = "for n in 1 2 3; do /bin/true; done; "  # so that no process of the second has the pid of the first one's
    with subprocess.Popen([*command, others + run.format("first")], cwd=sandbox.path) as first:
        wait_for(sandbox.path / "up")
        for block in SHARED_MEMORY.glob("viztracer_control_*"):
            os.utime(block, (0, 0))  # as if it had been there for long
        (sandbox.path / "go").touch()
        second = sandbox.run(*command, run.format("second"))
        assert (second.returncode, first.wait(120)) == (0, 0), second.stderr
    for report in ("first.json", "second.json"):
        assert any(event["name"].startswith("child_func") for event in tree.spans(sandbox.report(report)))


def test_a_descriptor_is_what_it_would_be(sandbox):
    """The lowest free descriptor is the program's: in the first process and in descendants."""
    show = "import os; print(os.open('/dev/null', os.O_RDONLY))"
    script = sandbox.script(f"{show}\nimport subprocess, sys\nsubprocess.run([sys.executable, '-c', {show!r}])\n")
    untraced = sandbox.python(script).stdout
    assert sandbox.viztracer("--quiet", script).stdout == untraced


def wait_for(path, seconds=120):
    give_up = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < give_up, path
        time.sleep(0.01)
