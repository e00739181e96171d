"""Storage errors: the program does not notice, one line on stderr reports them, and the recorded calls are merged."""

import os
import re
import resource
import shlex
import shutil
import subprocess

import pytest
import tree
from conftest import BIN, program

BURST = ["100000"]  # calls of `leaf`: a ring of them takes more than a MiB
OUTPUT = "50000\n"
STATUS = 7


@pytest.fixture
def mounted(tmp_path):
    """mounted(options) -> a tmpfs of its own. Only root may mount: elsewhere than in CI the test is skipped without."""
    points = []

    def mount(options):
        if os.geteuid() != 0 and os.environ.get("CI") != "true":
            pytest.skip("mounting a file system needs root")
        point = tmp_path / "mounted"
        point.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", point], check=True)
        points.append(point)
        return point

    yield mount
    for point in points:
        subprocess.run(["umount", point], check=True)


def assert_program_is_untouched(done):
    assert done.returncode == STATUS
    assert done.stdout.startswith(OUTPUT)


def assert_one_line_says(done, where, why):
    (line,) = done.stderr.splitlines()
    assert line.startswith("viztracer: ")
    assert str(where) in line
    assert re.search(why, line)


def leaves(report):
    return sum(event["name"].startswith("leaf (") for event in tree.spans(report))


def test_disk_fills_up(sandbox, mounted):
    disk = mounted("size=1m")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", disk, program("burst.py"), *BURST)
    assert_program_is_untouched(done)
    assert_one_line_says(done, disk, "No space left on device")
    report = sandbox.merge(disk)
    assert leaves(report) > 10_000
    assert report["viztracer_metadata"]["overflow"] is True
    ((thread,),) = [process["threads"] for process in report["viztracer_metadata"]["processes"]]
    assert leaves(report) + thread["overwritten"] + thread["lost"] >= 100_000


def test_disk_is_full_from_the_start(sandbox, mounted):
    disk = mounted("size=64k")
    subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filler", "bs=4k"], capture_output=True)
    done = sandbox.viztracer("--pid_suffix", "--output_dir", disk, program("burst.py"), *BURST)
    assert_program_is_untouched(done)
    assert_one_line_says(done, disk, "No space left on device")


def test_directory_is_read_only(sandbox, mounted):
    disk = mounted("ro")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", disk, program("burst.py"), *BURST)
    assert_program_is_untouched(done)
    assert_one_line_says(done, disk, "Read-only file system")


def test_directory_disappears(sandbox):
    rings = sandbox.path / "rings"
    rings.mkdir()
    done = sandbox.viztracer("--pid_suffix", "--output_dir", rings, program("removes_directory.py"), rings)
    assert done.returncode == 0
    assert done.stdout.startswith("came to its end\n")
    assert_one_line_says(done, rings, "No such file or directory|disappeared|removed|gone")


def test_file_size_is_limited(sandbox):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    rings = sandbox.path / "rings"
    done = sandbox.viztracer("--pid_suffix", "--output_dir", rings, program("burst.py"), *BURST, preexec_fn=limit)
    assert_program_is_untouched(done)
    assert_one_line_says(done, rings, "File too large")
    report = sandbox.merge(rings)
    assert leaves(report) > 1_000
    assert report["viztracer_metadata"]["overflow"] is True


@pytest.mark.one_version
@pytest.mark.parametrize("output", ["report.json", "report.json.gz", "report.pftrace", "report.pftrace.gz"])
@pytest.mark.parametrize("proc", [True, False])
def test_a_merge_without_room_for_its_report(sandbox, mounted, output, proc):
    """The report of before stays what it was; the same where a file cannot be without a name."""
    disk = mounted("size=64k")
    sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", program("burst.py"), *BURST)
    (disk / output).write_text("the old one")
    merge = shlex.join([str(BIN / "viztracer-merge"), "rings", "-q", "-o", str(disk / output)])
    prefix = "" if proc else "mount -t tmpfs tmpfs /proc; "
    done = sandbox.run("unshare", "--mount", "sh", "-c", prefix + merge)
    expected = f"viztracer-merge: {disk / output}: cannot write the report: No space left on device\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)
    assert os.listdir(disk) == [output] and (disk / output).read_text() == "the old one"
    (disk / output).unlink()
    done = sandbox.run("unshare", "--mount", "sh", "-c", prefix + merge)
    assert (done.returncode, os.listdir(disk)) == (2, [])


def test_report_cannot_be_written(sandbox, mounted):
    """Without --pid_suffix too, the exit status is the program's own."""
    disk = mounted("size=1m")
    done = sandbox.viztracer("-o", disk / "result.json", program("burst.py"), *BURST)
    assert_program_is_untouched(done)
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    rings = re.search(r"Remove the cause, or name another file behind -o. Ring files kept in (\S+); merge them with: viztracer-merge ", done.stderr)[1]
    assert leaves(sandbox.merge(rings)) == 100_000
    shutil.rmtree(rings)
