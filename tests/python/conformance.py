"""The same command, or the same program, under VizTracer and under ours: what comes out of each, made comparable.

A case belongs to one row of COMPATIBILITY.md. Where the row says "same", nothing may differ. Where it says anything
else, something must differ, and what ours gives is as the case says.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import tree
from conftest import BIN, VIZTRACER_PYTHON, ROOT

SAME, BETTER, DIFFERENT = "same", "better", "different on purpose"
ROW = re.compile(r"^\| (?P<feature>[^|]+) \| (?P<verdict>same|better|different on purpose) \|(?P<why>[^|]*)\|$")
PROGRAM = "import sys\ndef f(n): return len(str(n))\nf(3)\nprint('ran', sys.argv[1:])\n"
SECONDS = 300
# What says nothing about the behaviour: colors, and what the next text on the same line replaces on a terminal.
COLOR = re.compile(r"\x1b\[\d*m")
REPLACED = re.compile(r"^[^\n]*\r", re.MULTILINE)
USAGE = re.compile(r"^usage: .*?^(?=\S+.*: error: )", re.DOTALL | re.MULTILINE)
PREFIX = re.compile(r"^(python -m viztracer: error: |viztracer: |vizviewer: error: |\S+: error: )", re.MULTILINE)
AMBIGUOUS = re.compile(r"(could match )([-\w, ]+)")
VARYING = re.compile(r"0x[0-9a-f]+|(?<=\"collected\": )\d+")  # where an object is, and how many there were
OURS_ALONE = ("raised", "unfinished")  # see the rows about these
UNIQUE = re.compile(r"(?<=[_.])\d{8}_\d{6}_\d+(?=\.)|(?<=_)\d+(?=\.)")


def rows():
    """The rows of COMPATIBILITY.md: verdicts by feature."""
    text = (ROOT / "COMPATIBILITY.md").read_text("utf-8")
    return {found["feature"]: found["verdict"] for found in map(ROW.match, text.splitlines()) if found}


ROWS = rows()


@dataclass(frozen=True)
class Case:
    """One comparison.

    Args:
        feature: the row of COMPATIBILITY.md.
        arguments: of the command; DIR stands for the directory that it runs in.
        ours: for rows that are not "same": what ours gives, by aspect; a text is a regular expression for all of it,
            and a function says whether it is right.
        files: to be there before, by name. `prog.py` is always there.
        command: which command is run.
        aspects: what is compared, if not everything.
        setup: commands that run before, in the same directory.
    """

    feature: str
    arguments: tuple[str, ...]
    ours: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    command: str = "viztracer"
    aspects: tuple[str, ...] = ("status", "stdout", "stderr", "files", "events")
    setup: tuple[tuple[str, ...], ...] = ()
    env: dict = field(default_factory=dict)

    @property
    def name(self):
        return " ".join([self.command, *self.arguments]).replace("\n", " ")[:80]


def case(feature, *arguments, **options):
    """A case as a parameter of pytest."""
    made = Case(feature, arguments, **options)
    return pytest.param(made, id=made.name)


@dataclass(frozen=True)
class Outcome:
    """What a command did.

    Args:
        status: its exit status.
        stdout: what a terminal would show; the help is one word.
        stderr: the same; of a traceback the last line.
        files: names of the files that are there afterwards, and were not before.
        events: how often each event is in the report: kind, name, arguments; of calls only the program's own.
        report: the report itself, if there is one in JSON.
    """

    status: int
    stdout: str
    stderr: str
    files: tuple[str, ...]
    events: Counter
    report: dict | None = None


def both(directory, one_case):
    """What the case gives under VizTracer and under ours. They run at the same time."""
    with ThreadPoolExecutor(2) as pool:
        theirs = pool.submit(_run, directory / "theirs", VIZTRACER_PYTHON.parent, one_case)
        ours = pool.submit(_run, directory / "ours", BIN, one_case)
        return theirs.result(), ours.result()


def differences(theirs, ours, aspects):
    """The aspects in which two outcomes are not alike."""
    different = {}
    for aspect in aspects:
        pair = getattr(theirs, aspect), getattr(ours, aspect)
        if aspect in ("stdout", "stderr"):  # ours may add advice
            pair = pair[0], "".join(f"{line.split('; ')[0]}\n" for line in pair[1].splitlines())
        if pair[0] != pair[1]:
            different[aspect] = pair
    return different


def check(directory, one_case):
    """See that the case differs if and only if its row says so, and then as it says."""
    assert one_case.feature in ROWS, f"COMPATIBILITY.md has no row for {one_case.feature!r}"
    theirs, ours = both(directory, one_case)
    different = differences(theirs, ours, one_case.aspects)
    if ROWS[one_case.feature] == SAME:
        assert different == {}
        return
    assert different, f"nothing differs any more: {theirs}"
    assert one_case.ours, "a case that differs says what ours gives"
    for aspect, expected in one_case.ours.items():
        value = getattr(ours, aspect)
        assert _fits(value, expected), f"{aspect}: {value!r} is not {expected!r}"


def _fits(value, expected):
    if callable(expected):
        return expected(value)
    return re.fullmatch(expected, value, re.DOTALL) if isinstance(expected, str) else value == expected


def _run(directory, commands, one_case):
    directory.mkdir()
    for name, text in ({"prog.py": PROGRAM} | one_case.files).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    # Not in the virtual environment's activated state: the command has to find its own interpreter.
    env = os.environ | {"COLUMNS": "100"} | {name: _in(directory, text) for name, text in one_case.env.items()}
    options = {"cwd": directory, "env": env, "stdin": subprocess.DEVNULL, "timeout": SECONDS}
    for command in one_case.setup:
        subprocess.run([commands / command[0], *command[1:]], capture_output=True, check=True, **options)
    before = _files(directory)
    command = [commands / one_case.command, *(_in(directory, word) for word in one_case.arguments)]
    done = subprocess.run(command, capture_output=True, **options)
    report = _report(directory, before)
    return Outcome(
        done.returncode,
        _plain(done.stdout.decode(), directory),
        _message(_plain(done.stderr.decode(), directory)),
        tuple(sorted({UNIQUE.sub("N", name) for name in _files(directory) - before})),
        Counter() if report is None else _events(report, directory),
        report,
    )


def _in(directory, word):
    return word.replace("DIR", str(directory))


def _files(directory):
    files = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    return {name for name in files if "__pycache__" not in name}


def _report(directory, before):
    new = [name for name in sorted(_files(directory) - before) if name.endswith(".json")]
    try:
        return json.loads((directory / new[0]).read_text("utf-8")) if len(new) == 1 else None
    except ValueError:
        return None


def _plain(text, directory):
    text = REPLACED.sub("", COLOR.sub("", text)).replace(str(directory), "DIR")
    text = re.sub(r"(?<=Total Entries: )\d+", "N", text)
    text = UNIQUE.sub("N", text)
    return "HELP\n" if re.match(r"usage: (?!.*: error: )", text, re.DOTALL) else text


def _message(text):
    if re.search(r'^ +File "', text, re.MULTILINE):
        return f"{text.splitlines()[-1]}\n"
    text = PREFIX.sub("", USAGE.sub("", text))
    return AMBIGUOUS.sub(lambda found: found[1] + ", ".join(sorted(found[2].split(", "))), text)


def _events(report, directory):
    """How often each event is there. Of calls, only those of the directory's programs and the C functions they call."""
    where = f"{directory}/"
    # VizTracer rounds times so that a call may outlive its caller by a nanosecond.
    calls = (call for calls in tree.trees(report, slack=1).values() for call in tree.own(calls, where, "<string>:"))
    events = Counter(("X", call.name.replace(where, "")) for call in calls)
    for event in report["traceEvents"]:
        if event["ph"] in "XB":
            arguments = {name: value for name, value in (event.get("args") or {}).items() if name not in OURS_ALONE}
            if arguments and (where in event["name"] or "(<string>:" in event["name"]):
                events["args", event["name"].replace(where, ""), json.dumps(arguments, sort_keys=True)] += 1
        else:
            arguments = VARYING.sub("N", json.dumps(event.get("args"), sort_keys=True).replace(where, ""))
            name = VARYING.sub("N", event["name"].replace(where, ""))
            events[event["ph"], name, arguments, event.get("s")] += 1
    return events


# --- many facts of one process ---


def facts(directory, source, *arguments):
    """What a program finds under VizTracer and under ours: it prints a JSON object, whose values are by feature."""

    def run(name, python):
        where = directory / name
        where.mkdir()
        (where / "facts.py").write_text(source, encoding="utf-8")
        command = [python, "facts.py", *arguments]
        options = {"cwd": where, "stdin": subprocess.DEVNULL, "timeout": SECONDS, "encoding": "utf-8"}
        done = subprocess.run(command, capture_output=True, **options)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        return json.loads(done.stdout.replace(f"{where}/", "").splitlines()[-1])

    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.submit(run, "theirs", VIZTRACER_PYTHON), pool.submit(run, "ours", sys.executable)
        return theirs.result(), ours.result()


def facts_by_row(directory, prelude, expressions):
    """By row of COMPATIBILITY.md: its expressions, each with what VizTracer and what ours says.

    Args:
        prelude: source that each program begins with.
        expressions: by row, Python expressions.
    """
    pairs = [(row, expression) for row, several in expressions.items() for expression in several]
    lines = [prelude, "found = []"]
    for _row, expression in pairs:
        lines += ["try:", f"    value = {expression}", "except BaseException as error:", "    value = repr(error)"]
        lines += ["found.append(repr(value))"]
    lines += ["print(json.dumps(found))"]
    theirs, ours = facts(directory, "\n".join(lines))
    rows = {row: [] for row in expressions}
    for (row, expression), left, right in zip(pairs, theirs, ours, strict=True):
        rows[row].append((expression, left, right))
    return rows


def check_facts(row, found):
    """See that all of a row's facts differ if the row says so, and none otherwise."""
    assert row in ROWS, f"COMPATIBILITY.md has no row for {row!r}"
    different = [fact for fact in found if fact[1] != fact[2]]
    if ROWS[row] == SAME:
        assert different == []
    else:
        assert different == found, "what differs, and nothing else, is under such a row"


# --- the options of a command as such ---

OPTIONS_OF = """\
import argparse, importlib, json, sys

class Found(Exception):
    pass

def found(parser, *arguments, **options):
    if len(parser._actions) < 5:  # a parser of something else
        return original(parser, *arguments, **options)
    raise Found(parser)

original = argparse.ArgumentParser.parse_known_args
argparse.ArgumentParser.parse_known_args = found
module, function = sys.argv.pop().split(":")
try:
    getattr(importlib.import_module(module), function)()
except Found as stop:
    (parser,) = stop.args
spellings = [spelling for action in parser._actions for spelling in action.option_strings if spelling[:2] == "--"]
beginnings = {spelling[:end] for spelling in spellings for end in range(3, len(spelling))}
meant = {beginning: sorted(found[1] for found in parser._get_option_tuples(beginning)) for beginning in beginnings}
options = [[a.option_strings, a.dest, a.nargs, a.default] for a in parser._actions if a.dest != "help"]
print(json.dumps([options, meant]))
"""


def _options_of(sandbox, python, main):
    """What the options of a command are: for each spelling the name, the number of values, and the default; and which
    spellings each beginning of one may stand for."""
    done = sandbox.run(python, "-c", OPTIONS_OF, main)
    assert done.returncode == 0, done.stderr
    options = {}
    described, meant = json.loads(done.stdout)
    for spellings, name, values, default in described:
        values = {"?": 1, None: 1, "+": "*"}.get(values, values)  # one without a value is a matter of its own
        for spelling in spellings or ["positional"]:
            default = None if default in ("0", 0, []) else default
            options[spelling] = {"name": name, "values": values, "default": default}
    return options, meant


def different_options(sandbox, main):
    """What is different about the options of a command: spelling and aspect. Ours may have more of them."""
    (theirs, meant), (ours, ours_meant) = (
        _options_of(sandbox, python, main) for python in (VIZTRACER_PYTHON, sys.executable)
    )
    assert len(theirs) > 5
    assert theirs.keys() - ours.keys() == set()
    assert len(meant) > 20
    differently = {beginning for beginning in meant if meant[beginning] != ours_meant[beginning]}
    return _options_that_differ(theirs, ours) | {(beginning, "abbreviation") for beginning in differently}


def _options_that_differ(theirs, ours):
    return {
        (spelling, aspect)
        for spelling, option in theirs.items()
        for aspect, value in option.items()
        if value != ours[spelling][aspect]
    }
