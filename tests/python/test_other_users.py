"""Another user of the machine, `nobody`, can neither read through a merge nor inject data into one."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from conftest import Sandbox

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user, nobody")


@pytest.fixture
def sandbox():
    """A directory into which every user can go."""
    directory = Path(tempfile.mkdtemp(prefix="other_users_", dir="/tmp"))
    directory.chmod(0o755)
    yield Sandbox(directory)
    shutil.rmtree(directory)


@pytest.fixture
def shared(sandbox):
    """A directory like /tmp."""
    directory = sandbox.path / "shared"
    directory.mkdir()
    directory.chmod(0o1777)
    return directory


def as_nobody(sandbox, *command):
    """Run a system command as `nobody`, who has no access to the interpreter of these tests."""
    done = sandbox.run(*command, user=NOBODY, group=NOBODY, extra_groups=[])
    assert done.returncode == 0, done.stderr


def give(path):
    """A file that `nobody` made."""
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def trace(sandbox, source, directory="rings"):
    """The ring file of a program with this source."""
    script = sandbox.script(source)
    done = sandbox.viztracer("--pid_suffix", "--output_dir", directory, "script.py")
    assert done.returncode == 0, done.stderr
    (ring,) = (sandbox.path / directory).glob("*.bin")
    return script, ring


def test_a_ring_file_of_nobody_names_what_only_root_may_read(sandbox):
    secret = sandbox.path / "secret.py"
    secret.write_text("PASSWORD = 1234\n", encoding="utf-8")
    secret.chmod(0o600)
    claim = f"exec(compile('def claimed(): pass', {str(secret)!r}, 'exec')); claimed()\n"
    script, ring = trace(sandbox, claim)
    assert sandbox.viztracer_merge(ring, "-q", "-o", "own.json").returncode == 0
    own = sandbox.report("own.json")["file_info"]["files"].keys()
    assert own >= {script, str(secret)}
    give(ring)
    for output in ("out.json", "out.html"):
        done = sandbox.viztracer_merge(ring, "-o", output)
        assert done.returncode == 0
        assert f"{len(own)} that no ring file of yours vouches for" in done.stderr
    assert sandbox.report("out.json")["file_info"] == {
        "files": {},
        "functions": {},
        "left_out": {"not_vouched": len(own)},
    }
    assert 'class="source"' not in (sandbox.path / "out.html").read_text(encoding="utf-8")


def test_a_source_of_nobody_is_left_out(sandbox):
    script, ring = trace(sandbox, "def f(): pass\nf()\n")
    give(script)
    assert sandbox.viztracer_merge(ring, "-q", "-o", "out.json").returncode == 0
    assert sandbox.report("out.json")["file_info"]["left_out"] == {"foreign": 1}


def test_a_planted_file_does_not_choose_who_may_read_the_report(sandbox, small_trace, shared):
    report = shared / "out.json"
    as_nobody(sandbox, "touch", report)
    as_nobody(sandbox, "chmod", "666", report)
    assert sandbox.viztracer_merge(small_trace, "-q", "-o", report, umask=0o077).returncode == 0
    found = report.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o600)
    report.chmod(0o640)
    assert sandbox.viztracer_merge(small_trace, "-q", "-o", report, umask=0o022).returncode == 0
    assert stat.S_IMODE(report.stat().st_mode) == 0o640


@pytest.mark.parametrize("ending", ["json", "html", "pftrace", "csv", "folded", "speedscope.json"])
def test_a_planted_link_is_not_followed(sandbox, small_trace, shared, ending):
    victim = sandbox.path / f"victim.{ending}"
    victim.write_text("mine", encoding="utf-8")
    report = shared / f"out.{ending}"
    as_nobody(sandbox, "ln", "-s", victim, report)
    done = sandbox.viztracer_merge(small_trace, "-q", "-o", report)
    reason = "another user has put a link or a pipe there, where everybody may"
    assert (done.returncode, done.stderr) == (2, f"viztracer-merge: {report}: cannot write the report: {reason}\n")
    assert victim.read_text(encoding="utf-8") == "mine"
    report.unlink()
    report.symlink_to(victim)  # one's own is followed
    assert sandbox.viztracer_merge(small_trace, "-q", "-o", report).returncode == 0
    assert victim.read_bytes() != b"mine" and report.is_symlink()


def test_a_planted_pipe_or_device_is_not_written_to(sandbox, small_trace, shared):
    report = shared / "out.json"
    as_nobody(sandbox, "mkfifo", report)
    done = sandbox.viztracer_merge(small_trace, "-q", "-o", report)
    assert (done.returncode, done.stderr.count("another user has put")) == (2, 1)
    report.unlink()
    as_nobody(sandbox, "ln", "-s", "/dev/full", report)
    done = sandbox.viztracer_merge(small_trace, "-q", "-o", report)
    assert (done.returncode, done.stderr.count("another user has put")) == (2, 1)


def test_what_nobody_puts_into_a_directory_that_root_merges(sandbox, small_trace, shared):
    """Pipes, links to what never ends, and ring files that are none cost the rest nothing."""
    (shared / "good.bin").write_bytes(small_trace.read_bytes())
    as_nobody(sandbox, "mkfifo", shared / "pipe.bin", shared / "pipe.json")
    for name, target in {"zero.bin": "/dev/zero", "loop.bin": "loop.bin", "up": "/", "pipe2.bin": "pipe.bin"}.items():
        as_nobody(sandbox, "ln", "-s", target, shared / name)
    done = sandbox.viztracer_merge(shared, "-q", "-o", "out.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(sandbox.report("out.json")["viztracer_metadata"]["processes"]) == 1
    for name in ("pipe.bin", "zero.bin", "pipe.json", "pipe2.bin"):
        done = sandbox.viztracer_merge(shared / name, "-o", "out.json")
        assert done.returncode == 2 and "not a regular file" in done.stderr, done.stderr


def test_a_run_that_records_into_a_directory_of_everybody(sandbox, shared):
    """What lies beside its ring files is neither waited for nor merged; the ring files are root's alone."""
    sandbox.script("def f(): pass\nf()\n")
    as_nobody(sandbox, "mkfifo", shared / "result_1.bin")
    as_nobody(sandbox, "ln", "-s", sandbox.path / "victim", shared / "result_2.bin")
    for options in ([], ["-o", "out.json"]):
        done = sandbox.viztracer("--output_dir", shared, *options, "script.py", timeout=120)
        assert done.returncode == 0, done.stderr
    assert not (sandbox.path / "victim").exists()
    done = sandbox.viztracer("--pid_suffix", "--output_dir", shared, "script.py", timeout=120)
    assert done.returncode == 0, done.stderr
    rings = [path for path in shared.glob("*.bin") if path.is_file() and not path.is_symlink()]
    assert rings and {(path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) for path in rings} == {(0, 0o600)}


def test_scratch_directories_are_closed_to_others(sandbox):
    listing = "for name in os.listdir('/dev/shm'): print(name, oct(os.stat('/dev/shm/' + name).st_mode))"
    sandbox.script(f"import os\n{listing}\n")
    done = sandbox.viztracer("-o", "out.json", "script.py", umask=0)
    modes = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("viztracer_")]
    assert modes and all(mode.endswith("00") for mode in modes), done.stdout
