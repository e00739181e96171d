"""Names with control characters or line ends do no harm in printed output and in files with lines."""

import csv
import io
import os
import re
import unicodedata

import pytest
from conftest import BIN

HOSTILE = "x\x1b[2J\x07\u202egnp\u2066|`<b>\r\nviztracer: all is well"
# Functions, a thread, and a process, which kills itself while two calls are open.
PROGRAM = f"""
import multiprocessing, os, signal, sys, threading
HOSTILE = {HOSTILE!r}
QUALIFIED = sys.version_info >= (3, 11)
def named(name, body="pass"):
    scope = {{}}
    exec(compile(f"def f(g=None): {{body}}", HOSTILE + ".py", "exec"), globals(), scope)
    scope["f"].__code__ = scope["f"].__code__.replace(co_name=name, **({{"co_qualname": name}} if QUALIFIED else {{}}))
    return scope["f"]
def work():
    named(HOSTILE)()
    named("=HYPERLINK(1)")()
    thread = threading.Thread(target=named(HOSTILE + "2"), name=HOSTILE)
    thread.start()
    thread.join()
    named(HOSTILE + "3", "g()")(lambda: os.kill(os.getpid(), signal.SIGKILL))
process = multiprocessing.get_context("fork").Process(target=work, name=HOSTILE)
process.start()
process.join()
"""


def harmless(text):
    """Whether it holds nothing but lines of characters that are seen."""
    return not [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") and char != "\n"]


@pytest.fixture
def hostile(sandbox):
    """A directory of this name with two ring files of this name in it, one of a process that was killed."""
    sandbox.script(PROGRAM)
    rings = sandbox.path / HOSTILE.replace("/", "_")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", rings, "--", "script.py", HOSTILE)
    assert done.returncode == 0, done.stderr
    for number, ring in enumerate(sorted(rings.glob("*.bin"))):
        ring.rename(rings / f"{number}{HOSTILE.replace('/', '_')}.bin")
    assert len(list(rings.iterdir())) == 2
    return rings


@pytest.mark.parametrize("option", ["--top=999", "--top=999 --markdown", "--info", "--dump", "--last_words"])
def test_what_is_printed(sandbox, hostile, option):
    done = sandbox.viztracer_merge(*option.split(), hostile)
    assert done.returncode == 0, done.stderr
    assert harmless(done.stdout) and harmless(done.stderr)
    assert r"\x1b[2J" in done.stdout and r"\u202egnp" in done.stdout
    assert not re.search("^viztracer: all is well", done.stdout, re.MULTILINE)
    if "--markdown" in option:
        rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {9}
        assert "<b>" not in re.sub("`` .*? ``|`[^`]*`", "", "\n".join(rows))


@pytest.mark.parametrize("ending", ["csv", "folded"])
def test_reports_of_lines(sandbox, hostile, ending):
    done = sandbox.viztracer_merge(hostile, "-o", f"out.{ending}", "--strict")
    assert done.returncode == 1  # for the one that was killed
    text = (sandbox.path / f"out.{ending}").read_bytes().decode("utf-8")
    assert harmless(text) and harmless(done.stderr)
    assert done.stderr.count("\n") == len(done.stderr.splitlines())
    if ending == "csv":
        rows = list(csv.reader(io.StringIO(text)))
        assert {len(row) for row in rows} == {len(rows[0])}
        assert any(row[2] == "'=HYPERLINK(1)" for row in rows)
        assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@")]
    else:
        assert all(re.fullmatch(r".* \d+", line) for line in text.splitlines())


def test_messages(sandbox, small_trace, hostile):
    """Of inputs that cannot be read, outputs that cannot be written, and arguments that mean nothing."""
    bad = sandbox.path / f"bad{HOSTILE.replace('/', '_')}.bin"
    bad.write_bytes(small_trace.read_bytes()[:5000])
    no_text = os.fsencode(sandbox.path) + b"/\xff\x1b.bin"
    with open(no_text, "wb") as file:
        file.write(b"nothing")
    for arguments in (
        [bad, no_text, small_trace, "-o", "out.json"],
        [small_trace, "-o", f"no/{HOSTILE}.json"],
        [small_trace, "-o", HOSTILE],
        [small_trace, "--offset", f"{HOSTILE}=1s"],
        [small_trace, "--source_root", f"no/{HOSTILE}"],
        [f"--{HOSTILE}", small_trace],
        [small_trace, "--func", f"({HOSTILE}"],
        [f"{HOSTILE}[*.bin"],
    ):
        done = sandbox.run(BIN / "viztracer-merge", *map(os.fsdecode, arguments))
        assert done.returncode in (1, 2)
        assert done.stderr and harmless(done.stderr), done.stderr
    assert r"\xff\x1b.bin" in sandbox.run(BIN / "viztracer-merge", os.fsdecode(no_text)).stderr


def test_what_a_run_says(sandbox):
    """Paths of the report, of the ring files, and the command that merges them, which a shell takes as it is."""
    directory = sandbox.path / "a\x1b[2J \u202eb\n'c'"
    directory.mkdir()
    sandbox.script("def f(): pass\nf()\n")
    done = sandbox.viztracer("-o", directory / "r.json", "script.py")
    assert done.returncode == 0 and harmless(done.stdout) and harmless(done.stderr)
    assert (directory / "r.json").exists()
    quoted = done.stdout.splitlines()[-1].removeprefix("vizviewer ")
    assert sandbox.run("bash", "-c", f"printf %s {quoted}").stdout == str(directory / "r.json")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", directory / "rings", "script.py")
    assert done.returncode == 0 and harmless(done.stdout) and harmless(done.stderr)
    merge = done.stdout.splitlines()[-1].replace("viztracer-merge", str(BIN / "viztracer-merge"), 1)
    merged = sandbox.run("bash", "-c", merge + " -q")
    assert (merged.returncode, merged.stderr) == (0, "")
    assert (directory / "rings" / "result.json").exists()
