"""Commands, programs and output in the documents work as shown, and the options in them exist."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import BIN, ROOT, Sandbox, heed_interrupts, library
from viztracer.command_line.missing_options import NEVER, NOT_NEEDED

pytestmark = pytest.mark.one_version

DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
# Documents about parts of the repository.
OTHERS = ["format/FORMAT.md", "merge/README.md", "merge/viewer/README.md", "merge/fuzz/README.md", "benches/README.md",
          "tests/storm/README.md", "CHANGELOG.md", "ARCHITECTURE.md", "COMPATIBILITY.md"]  # fmt: skip
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# By the begin of a line: the reason why it does not run here.
NOT_RUN = {
    "make demo": "installs the project from the source; `make test` runs what the demonstration runs",
    "make test": "is what runs this test",
    "make wheels": "builds for many minutes; `make check-wheels` tests what it builds",
    "pip install": "needs the file of a wheel; tests/wheels installs each",
    "make bench": "takes the whole machine for an hour",
    "benches/run": "the same",
    "viztracer --attach": "needs a process that runs already; test_attach.py runs it",
    "viztracer --uninstall": "the same",
    "viztracer-ctl snapshot": "needs a session that runs; test_snapshot.py runs it",
    **dict.fromkeys((f"viztracer-ctl {verb}" for verb in ("pause", "resume", "stop", "mark")), "test_control_switch.py"),
    "viztracer --tracer_entries 4000000 server.py": "is to run for days",
    "viztracer --keep_snapshot_at": "the same",
    "viztracer --max_overhead": "the same",
    "viztracer-merge host_a host_b host_c --barrier": "needs files of three machines; test_ranks.py makes some",
    "python tests/storm/storm.py": "takes hours; test_storm.py runs it for less long",
}
# The exit statuses that a command may have, if not only 0. A selection of nothing is no report: the run that is merged here
# is shorter than 2 s, and has ended when the test began, which may be 5 s ago.
STATUS = {
    "viztracer-merge temp_dir --since 2s --until 3s": {1},
    "viztracer-merge temp_dir --as_of now --last 5s": {0, 1},
}
# By the first line: the content of a block of text that is not the output of a command.
PICTURES = {
    "[default]": "a file; test_conformance_command_line.py has such files read",
    "6 tasks, ": "the output for another program, with times; test_coroutines.py checks such lines",
    "0.40s call": "a part of a longer output, with a time; test_pytest_plugin.py checks such lines",
    "process 4711": "the path of the data",
    "the traced process": "the same, with the modules of the code",
    "63               40 39":  "the bits of a slot; document.rs compares the numbers with the code",
    "0                 4096": "the parts of a file; document.rs compares the numbers with the code",
    "63                              24": "the bits of a record; the same",
    "check = 0": "an algorithm; the second reader uses it, and is compared with the merge",
    "shift       the largest": "a formula; the second reader uses it, and is compared with the merge",
    '<script type="text/plain"': "the parts of a page; merge/viewer/tests reads pages of that kind",
}
# A browser that follows the redirect once, and records the size of the page.
BROWSER = """
import os, re, sys, urllib.parse, urllib.request
get = lambda url: urllib.request.urlopen(url, timeout=120).read().decode("utf-8", "replace")
lead = re.search(r'content="0; url=([^"]*)"', get(sys.argv[1]))[1].replace("&amp;", "&")
if "ui.perfetto.dev" in lead: lead = urllib.parse.unquote(re.search("url=([^&]*)", lead)[1])
size = len(get(lead))
with open("visits", "w") as file: print(size, file=file)
os.rename("visits", "visited")
"""
# The program that the commands trace, instead of the reader's own programs.
PROGRAM = """
import subprocess, sys
def handle_request(n): return sum(range(n))
def work(): return [handle_request(n) for n in range(100)]
work()
if __name__ == "__main__" and len(sys.argv) < 3:
    subprocess.run([sys.executable, "-c", "len('a child')"], check=True)
"""
# A program that dies as in docs/after-a-crash.md.
DIES = """
import multiprocessing, os, time
def parse():
    open("parses", "w").close()
    time.sleep(1000)
def is_asleep(pid):
    return os.path.exists("parses") and open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "S"
if __name__ == "__main__":
    worker = multiprocessing.get_context("fork").Process(target=parse, name="worker")
    worker.start()
    while not is_asleep(worker.pid): time.sleep(0.01)
    worker.kill()
    worker.join()
"""


def blocks(document, *languages):
    """Return the code blocks of a document in these languages."""
    return [text for language, text in FENCE.findall((ROOT / document).read_text("utf-8")) if language in languages]


class Scene(Sandbox):
    """A directory with the files that the documents assume. Their commands run in it one after the other."""

    def __init__(self, directory):
        super().__init__(directory)
        self.script(PROGRAM, "prog.py")
        self.script(BROWSER, "browser.py")
        (directory / "tests").mkdir()
        self.script("def test_it(): assert len('a') == 1\n", "tests/test_it.py")
        # A command on PATH, since Flask may not be installed.
        flask = Path(self.script(f"#!{sys.executable}\nprint('serves')\n", "flask"))
        flask.chmod(0o755)
        self.env = os.environ | {
            "PATH": f"{BIN}:{directory}:{os.environ['PATH']}",
            "BROWSER": f"{sys.executable} {directory}/browser.py %s",
            "SUMMARY": "summary.md",
            "PYTHONUNBUFFERED": "1",
        }
        for command in (
            "viztracer --quiet --pid_suffix --output_dir temp_dir prog.py",
            "viztracer-merge -q temp_dir -o monday.json.gz -o a.json -o b.json -o result.json -o trace.json.gz",
            "cp temp_dir/*.bin .",
            "cp -r temp_dir base",
            "cp -r temp_dir head",
            "viztracer-merge -q temp_dir -o system.pftrace",
        ):
            self.shell(command)
        self.script(DIES, "app.py")
        self.shell("viztracer --quiet --pid_suffix --output_dir crashed app.py")

    def shell(self, line, statuses=frozenset({0})):
        """Run a line, check its exit status, and return its output."""
        done = self.run("bash", "-c", line, env=self.env, preexec_fn=heed_interrupts)
        assert done.returncode in statuses, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def visited(self, line):
        """Run a line that serves a browser until it is interrupted, and return its output."""
        seen = self.path / "visited"
        seen.unlink(missing_ok=True)
        command = ["bash", "-c", f"exec {line}"]
        options = {"cwd": self.path, "env": self.env, "stdin": subprocess.DEVNULL, "preexec_fn": heed_interrupts}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options) as process:
            deadline = time.monotonic() + 120
            while not seen.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            if not {"--open", "--once"} & {*line.split()}:  # which end by themselves
                process.send_signal(signal.SIGINT)
            printed = process.communicate(timeout=120)[0].decode()
        assert seen.exists() and int(seen.read_text().split()[0]) > 1000, f"{line}\n{printed}"
        assert process.returncode == 0, f"{line}\n{printed}"
        return printed

    def command(self, line):
        """Run a line of a document and return its output. Placeholders are replaced by files of this directory."""
        # Of the two processes, the documents mean the one that handles requests.
        (file,) = (path for path in self.path.glob("result_*.bin") if b"handle_request" in path.read_bytes())
        pid = file.stem.split("_")[1]
        line = line.replace("DIRECTORY", "crashed" if "last_words" in line else "temp_dir").replace("4711", pid)
        is_viewer = shlex.split(line, comments=True)[0] == "vizviewer" or " --open " in line
        bare = line.split(" #")[0].strip()
        return self.visited(bare) if is_viewer else self.shell(line, STATUS.get(bare, {0}))


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def lines_of(document):
    lines = [line for block in blocks(document, "sh") for line in block.splitlines() if line.strip()]
    prose = FENCE.sub("", (ROOT / document).read_text("utf-8"))
    # `man|bash` are several commands in one.
    for command in re.findall(r"`((?:viztracer|viztracer-merge|vizviewer) [^`]*)`", prose):
        *words, last = command.split(" ")
        lines += [" ".join([*words, one]) for one in last.split("|")]
    return [line for line in lines if not any(line.startswith(begin) for begin in NOT_RUN)]


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if lines_of(name)])
def test_commands_run(scene, document):
    """Run them one after the other, as a reader does. Each must have its exit status."""
    if document == "docs/after-a-crash.md":
        scene.script("import os\nos.kill(os.getpid(), 9)\n", "killed.py")
        scene.shell("viztracer killed.py", {-signal.SIGKILL})
    printed = [scene.command(line) for line in lines_of(document)]
    assert document != "docs/after-a-crash.md" or re.search(r"dead .*killed\.py", printed[0])


def test_every_block_is_run_or_listed():
    """No block is skipped: the test must know how to run each kind of block."""
    for document in [*DOCUMENTS, *OTHERS]:
        text = (ROOT / document).read_text("utf-8")
        found = FENCE.findall(text)
        assert len(found) * 2 == len(re.findall("^ *```", text, re.MULTILINE)), f"{document}: a block has no end"
        for language, block in found:
            assert language in ("sh", "python", "text", "hex", "yaml"), f"{document}: what is {language!r}?"
            assert language != "yaml" or document == "docs/ci.md", f"{document}: only test_action.py runs jobs"
            assert language != "hex" or document == "format/FORMAT.md", f"{document}: only document.rs reads hex lines"
            assert language != "python" or block in {*PRELUDES_OF, *QUERIES}, f"{document}: no test runs\n{block}"
            if language == "sh" and document in OTHERS:
                listed = [any(line.startswith(begin) for begin in NOT_RUN) for line in block.splitlines()]
                assert all(listed), f"{document}: no test runs\n{block}"
            if language == "text":
                is_picture = any(block.lstrip().startswith(begin) for begin in PICTURES)
                assert is_picture or (document, block) in OUTPUTS, f"{document}: no test compares\n{block}"


# --- output ---

CRASHED = "docs/after-a-crash.md"
OUTPUTS = {(CRASHED, block): "viztracer-merge crashed -o out.json" for block in blocks(CRASHED, "text")}


def masked(line):
    return re.sub(r"\d+", "9", line)


@pytest.mark.parametrize(("document", "block"), OUTPUTS)
def test_output_looks_as_it_is_shown(scene, document, block):
    printed = [masked(line) for line in scene.shell(OUTPUTS[document, block]).splitlines()]
    for line in block.splitlines():
        assert masked(line) in printed, f"{document}: {line}\n" + "\n".join(printed)


# --- programs ---

# Code before each program in a document, the command that runs it, and its report.
WORK = "def work(): return len('a part')\n"
PRELUDES = {
    "with VizTracer(": (WORK, "python", "result.json"),
    'tracer = VizTracer(output_file="part.json"': (WORK, "python", "part.json"),
    "viztracer.snapshot(": ("seconds = 1\n", "viztracer", "result.json"),
    "kwargs = get_tracer().init_kwargs": ("", "viztracer", "result.json"),
    "tracer.log_instant(": (WORK, "viztracer", "result.json"),
    "# !viztracer: log": ("", "viztracer --magic_comment", "result.json"),
}
# What the report of a program must have, besides a function `work`.
RECORDED = {
    block: {"load", "ready", "ratio", "queue", "order"} if "log_event" in block else {"begin", "total"}
    for block in blocks("docs/values-and-events.md", "python")
}
# Queries, which read the ring files and tables of a `Scene`.
QUERIES = blocks("docs/calls-as-data.md", "python")
PRELUDES_OF = {
    block: prelude
    for document in DOCUMENTS
    for block in blocks(document, "python")
    for begin, prelude in PRELUDES.items()
    if begin in block
}


@pytest.mark.parametrize("block", PRELUDES_OF, ids=lambda block: block.splitlines()[-1])
def test_programs_run(sandbox, block):
    before, command, report = PRELUDES_OF[block]
    sandbox.script(before + block, "shown.py")
    _, *options = command.split()
    done = sandbox.python("shown.py") if command == "python" else sandbox.viztracer(*options, "shown.py")
    assert (done.returncode, done.stderr) == (0, "")
    names = {event["name"].split(" ")[0] for event in sandbox.report(report)["traceEvents"]}
    assert names >= RECORDED.get(block, {"work"} if command == "python" else set())


@pytest.mark.parametrize("block", QUERIES, ids=lambda block: block.splitlines()[-1])
def test_queries_run(scene, block):
    for name in ("duckdb", "polars", "pandas", "pyarrow"):
        library(name)
    for line in blocks("docs/calls-as-data.md", "sh")[0].splitlines():
        scene.command(line)
    done = scene.python(scene.script(block, "query.py"))
    assert (done.returncode, done.stderr) == (0, "")


# --- options ---

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z_-]*")
# Options of other programs.

OF_OTHERS = {
    "--target": "pip's", "--force-reinstall": "pip's", "--no-deps": "pip's", "--path": "cargo's", "--test": "node's",
    "--python": "of benches/run", "--runs": "the same",
    "--deaths": "of storm.py", "--seed": "the same", "--minutes": "the same",
    "--family": "the same", "--run": "another way to write --", "--p": "a part of a name",
    "--trace_self": "hidden, as with VizTracer",
}  # fmt: skip
# VizTracer's options that our help does not name: some are refused, others have no effect, since they ask for what is
# done in any case. tests/python/test_conformance_command_line.py runs them.
NOT_NAMED = {f"--{name}" for kind in (NEVER, NOT_NEEDED) for name in kind}


@pytest.fixture(scope="module")
def options():
    """Return the options in the help of our commands, and of pytest, of which the package has a plugin."""
    control = ([BIN / "viztracer-ctl", verb] for verb in ("list", "status", "snapshot", "clean"))
    merge = ([BIN / "viztracer-merge"], [BIN / "viztracer-merge", "compare"], [BIN / "viztracer-merge", "calls"])
    commands = ([BIN / "viztracer"], *merge, [BIN / "vizviewer"], [BIN / "pytest"], *control)
    helps = [subprocess.run([*command, "--help"], capture_output=True, text=True).stdout for command in commands]
    assert all(len(OPTION.findall(text)) > 1 for text in helps)
    return {option for text in helps for option in OPTION.findall(text)}


@pytest.mark.parametrize("document", [*DOCUMENTS, *OTHERS])
def test_options_exist(options, document):
    named = set(OPTION.findall((ROOT / document).read_text("utf-8")))
    assert named - options - OF_OTHERS.keys() - NOT_NAMED == set()
