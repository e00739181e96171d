"""Outputs of `viztracer-merge`: several reports, standard output, `--strict`."""

import gzip
import os
import pty
import re
import shutil
import subprocess

import pytest
from conftest import BIN

pytestmark = pytest.mark.one_version


# What bash does when Tab is pressed behind `viztracer-merge --str`.
COMPLETE = """
source ./bash
how=$(complete -p viztracer-merge)
function=${how##*-F }
COMP_WORDS=(viztracer-merge --str)
COMP_CWORD=1
${function%% *} viztracer-merge --str ''
echo ${COMPREPLY[*]}
"""


@pytest.fixture
def ring(sandbox, small_trace):
    (sandbox.path / "small.bin").write_bytes(small_trace.read_bytes())
    return "small.bin"


def test_standard_output(sandbox, ring):
    sandbox.merge(ring)
    expected = (sandbox.path / "merged.json").read_text(encoding="utf-8")
    done = sandbox.viztracer_merge(ring, "-o", "-")
    assert (done.returncode, done.stdout) == (0, expected)
    assert re.search(r"\nstandard output: \d+ events of 1 file\n", done.stderr)
    done = sandbox.viztracer_merge(ring, "-o", "-", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")
    done = sandbox.viztracer_merge(ring, "-o", "-", "-q", "--format", "json.gz", encoding=None, input=None)
    assert gzip.decompress(done.stdout).decode() == expected
    assert sorted(os.listdir(sandbox.path)) == ["merged.json", "small.bin"]


def test_a_terminal_gets_no_bytes_that_are_no_text(sandbox, ring):
    master, terminal = pty.openpty()
    command = [BIN / "viztracer-merge", ring, "-q", "-o", "-", "--format", "json.gz"]
    done = subprocess.run(command, cwd=sandbox.path, stdout=terminal, stderr=subprocess.PIPE, timeout=120)
    os.close(terminal)
    os.close(master)
    hint = b"redirect standard output, or ask for --format json"
    expected = b"viztracer-merge: a terminal cannot show this kind of report: " + hint + b"\n"
    assert (done.returncode, done.stderr) == (2, expected)


def test_a_reader_of_the_report_who_goes_away(sandbox, ring):
    read, write = os.pipe()
    os.close(read)
    command = [BIN / "viztracer-merge", ring, "-q", "-o", "-"]
    done = subprocess.run(command, cwd=sandbox.path, stdout=write, stderr=subprocess.PIPE, timeout=120)
    os.close(write)
    expected = b"viztracer-merge: standard output: cannot write the report: Broken pipe\n"
    assert (done.returncode, done.stderr) == (2, expected)


def test_several_reports_of_one_reading(sandbox, ring):
    done = sandbox.viztracer_merge(ring, "-o", "1.json", "-o", "2.json.gz", "-o", "-")
    assert done.returncode == 0
    text = (sandbox.path / "1.json").read_text(encoding="utf-8")
    assert done.stdout == text
    assert gzip.decompress((sandbox.path / "2.json.gz").read_bytes()).decode() == text
    told = [line for line in done.stderr.splitlines() if "events of 1 file" in line]
    assert [line.split(":")[0] for line in told] == ["1.json", "2.json.gz", "standard output"]
    assert done.stderr.count("small.bin") == 1


def test_a_report_that_fails_does_not_lose_the_others(sandbox, ring):
    done = sandbox.viztracer_merge(ring, "-q", "-o", "1.json", "-o", "/dev/full", "-o", "no/2.json", "-o", "3.json")
    expected = (
        "viztracer-merge: /dev/full: cannot write the report: No space left on device\n"
        "viztracer-merge: no/2.json: cannot write the report: No such file or directory\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)
    assert sandbox.report("1.json") == sandbox.report("3.json")
    assert sorted(os.listdir(sandbox.path)) == ["1.json", "3.json", "small.bin"]


@pytest.mark.parametrize("options", [["-o", "-"], ["--top", "5"], ["--info"], ["--last_words"]], ids=" ".join)
@pytest.mark.parametrize("name", ["small.bin", "a.json"])
def test_nothing_is_printed_into_an_input(sandbox, ring, name, options):
    assert sandbox.viztracer_merge(ring, "-q", "-o", "a.json").returncode == 0
    before = (sandbox.path / name).read_bytes()
    with open(sandbox.path / name, "ab") as file:
        command = [BIN / "viztracer-merge", "-q", "a.json", ring, *options]
        done = subprocess.run(command, cwd=sandbox.path, stdout=file, stderr=subprocess.PIPE, timeout=120)
    what = b"is one of the inputs, which are never written to: give the report another name"
    expected = b"viztracer-merge: standard output: " + what + b"\n"
    assert (done.returncode, done.stderr) == (2, expected)
    assert (sandbox.path / name).read_bytes() == before


def test_paths_are_shortened(sandbox, small_trace):
    sandbox.script("def f(): pass\nf()\n")
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "script.py").returncode == 0
    done = sandbox.viztracer_merge("rings", "-q", "-o", "merged.json", "--strip_prefix", sandbox.path)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("merged.json")
    assert "f (script.py:1)" in {event["name"] for event in report["traceEvents"]}
    assert report["file_info"]["files"]["script.py"] == ["def f(): pass\nf()\n", 2]
    assert report["file_info"]["functions"]["f (script.py:1)"] == ["script.py", 1]
    assert str(sandbox.path) not in (sandbox.path / "merged.json").read_text(encoding="utf-8")


def test_no_source(sandbox, ring):
    for option in ("--no_source", "--no-source"):
        assert sandbox.viztracer_merge(ring, "-q", "-o", "merged.json", option).returncode == 0
        assert "file_info" not in sandbox.report("merged.json")


def test_strict(sandbox, ring):
    done = sandbox.viztracer_merge(ring, "-q", "-o", "merged.json", "--strict")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    sandbox.script("import os, signal\ndef f(): pass\nfor _ in range(999): f()\nos.kill(os.getpid(), signal.SIGKILL)\n")
    sandbox.viztracer("--pid_suffix", "--tracer_entries", "10", "--output_dir", "rings", "script.py")
    assert sandbox.viztracer_merge("rings", "-q", "-o", "merged.json").returncode == 0
    done = sandbox.viztracer_merge("rings", "-q", "-o", "merged.json", "--strict")
    assert (done.returncode, done.stdout) == (1, "")
    expected = (
        r"viztracer-merge: strict: rings/result_\d+.bin: [\d,]+ overwritten, \d unfinished, ended without a word\n"
    )
    assert re.fullmatch(expected, done.stderr)
    assert sandbox.report("merged.json")["traceEvents"]


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_fits_the_terminal(sandbox, columns, option):
    done = sandbox.viztracer_merge(option, env=os.environ | {"COLUMNS": str(columns)})
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= columns
    for word in ("--output", "--strict", "--info", "--dump", "Exit status:", "130"):
        assert word in done.stdout


def test_completions_and_the_manual_page(sandbox):
    for shell in ("bash", "zsh", "fish"):
        done = sandbox.viztracer_merge("--generate", shell)
        assert (done.returncode, done.stderr) == (0, "")
        assert "strip_prefix" in done.stdout
        (sandbox.path / shell).write_text(done.stdout, encoding="utf-8")
        if shutil.which(shell) or os.environ.get("CI") == "true":
            assert sandbox.run(shell, "-n", shell).returncode == 0
    done = sandbox.run("bash", "-c", COMPLETE)
    assert done.stdout == "--strip_prefix --strict\n", done.stderr
    done = sandbox.viztracer_merge("--generate", "man")
    assert (done.returncode, done.stderr) == (0, "")
    for part in (".TH viztracer-merge 1", ".SH SYNOPSIS", "strip_prefix", "Exit status"):
        assert part in done.stdout
