"""Programs that keep a journal: a line for each completed call of a function marked `@witnessed`, from all processes.

A run under the tracer must behave as one without it, and its report must hold the calls that its journal holds.
"""

import re
import sys
from collections import Counter

import tree
from conftest import BIN

MODULE = """
import functools, os
JOURNAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "journal")

def witnessed(function):
    @functools.wraps(function)
    def call(*arguments):
        result = function(*arguments)
        descriptor = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND)  # for each line: programs close what they can
        os.write(descriptor, f"{os.getpid()} {function.__name__}\\n".encode())
        os.close(descriptor)
        return result
    return call
"""
IMPORT = "import os, sys\nfrom witness import witnessed\n"

CHILD = IMPORT + "@witnessed\ndef in_the_child(): pass\nin_the_child()\nprint('child', *sys.argv[1:], flush=True)\n"


class Witness:
    """Runs programs in a sandbox, twice: as they are, and traced."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.journal = sandbox.path / "journal"
        self.journal.touch()
        sandbox.script(MODULE, "witness.py")
        sandbox.script(CHILD, "child.py")

    def bare(self, source, **options):
        """The program without tracing: what `subprocess.run` returns, and the journal: {(pid, name): calls}."""
        self.sandbox.script(IMPORT + source)
        return self._run([sys.executable, "script.py"], {**options})

    def traced(self, source, *arguments, **options):
        """The same with `viztracer ARGUMENTS`."""
        self.sandbox.script(IMPORT + source)
        return self._run([BIN / "viztracer", "--quiet", *arguments, "--", "script.py"], {**options})

    def same(self, source, *arguments, stderr="", **options):
        """Run the program with and without tracing; stderr may differ by this pattern. Return the journal."""
        bare, expected = self.bare(source, **options)
        done, journal = self.traced(source, *arguments, **options)
        assert (done.stdout, done.returncode) == (bare.stdout, bare.returncode)
        assert re.fullmatch(re.escape(bare.stderr) + stderr, done.stderr), done.stderr
        assert names(journal) == names(expected)
        return journal

    def report(self, source, **options):
        """Runs the program both ways and returns the report, which holds what the journal holds."""
        journal = self.same(source, "-o", "report.json", **options)
        assert sorted(path.name for path in self.sandbox.path.glob("report*")) == ["report.json"]
        report = self.sandbox.report("report.json")
        (self.sandbox.path / "report.json").unlink()
        assert calls(report, journal) == journal
        return report

    def rings(self, source, **options):
        """The same by way of ring files, for programs whose first process cannot write a report."""
        journal = self.same(source, "--pid_suffix", "--output_dir", "rings", **options)
        assert not [path for path in (self.sandbox.path / "rings").iterdir() if path.suffix != ".bin"]
        report = self.sandbox.merge("rings")
        assert calls(report, journal) == journal
        return report

    def _run(self, command, options):
        """`options` are those of `subprocess.run`, and `prefix`: words to put before the command."""
        self.journal.write_bytes(b"")
        self.journal.chmod(0o666)
        done = self.sandbox.run(*options.pop("prefix", ()), *command, **options)
        lines = self.journal.read_text().splitlines()
        return done, Counter((int(pid), name) for pid, name in map(str.split, lines))


def names(journal):
    """What was called how often, in whichever process."""
    return Counter(name for _, name in journal.elements())


def calls(report, journal):
    """How often each function of the journal was called in each process, by the report."""
    witnessed = {name for _, name in journal}
    spans = ((event["pid"], event["name"].partition(" (")[0]) for event in tree.spans(report))
    return Counter((pid, name) for pid, name in spans if name in witnessed)
