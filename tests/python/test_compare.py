"""`viztracer-merge compare`: which functions match, what has changed, and which rules are broken."""

import json
import re
import shutil
import subprocess

import pytest
from conftest import BIN, ROOT

pytestmark = pytest.mark.one_version

PROGRAM = """
def leaf(): pass
def parse(times):
    for _ in range(times): leaf()
class Reader:
    def read(self): parse({leaf})
def main():
    for _ in range({read}): Reader().read()
main()
"""
SCHEMA = "viztracer-ring/compare/1"


@pytest.fixture
def record(sandbox):
    """Records a run of a program with so many calls, below blank lines that move it, into a directory."""

    def recorded(directory, program=PROGRAM, *options, name="script.py", above=0, **counts):
        source = "\n" * above + program.format(**{"leaf": 10, "read": 3} | counts)
        script = sandbox.script(source, name)
        done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", directory, *options, script)
        assert done.returncode == 0, done.stderr
        return directory

    return recorded


@pytest.fixture
def compare(sandbox):
    def compared(*arguments, status=0):
        done = sandbox.viztracer_merge("compare", *arguments)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done

    return compared


@pytest.fixture
def document(compare):
    """The document of a comparison, with the program's functions by name."""

    def documented(*arguments, status=0):
        made = json.loads(compare("--json", *arguments, status=status).stdout)
        assert made["schema"] == SCHEMA
        made["named"] = {row["function"]: row for row in made["functions"] if row["file"].endswith(".py")}
        return made

    return documented


def calls(row):
    return row["calls"]["base"]["median"], row["calls"]["head"]["median"]


# --- what matches and what has changed ---


def test_a_run_compared_with_itself_has_no_difference(record, compare, document):
    run = record("base")
    rules = ("--fail_on", "calls>+0%", "--fail_on", "calls<-0%")
    made = document(run, run, *rules)
    rows = [made["program"], *made["functions"]]
    assert len(rows) > 5 and {row["presence"] for row in rows} == {"both"}
    assert {row[metric]["percent"] for row in rows for metric in ("calls", "self_ns")} <= {0.0, None}
    assert [rule["verdict"] for rule in made["rules"]] == ["kept", "kept"]
    lines = compare(run, run, *rules).stdout.splitlines()
    assert [line.split()[1::2][:1] for line in lines if "[program]" in line] == [["="]]
    assert f"{len(made['functions'])} functions with no difference" in lines


def test_moved_lines_match(record, document):
    named = document(record("base"), record("head", above=50))["named"]
    assert {row["presence"] for row in named.values()} == {"both"}
    assert calls(named["leaf"]) == (30, 30)
    assert calls(named["Reader.read" if "Reader.read" in named else "read"]) == (3, 3)
    assert named["leaf"]["line"] == 52


def test_calls_are_counted(record, compare, document):
    base, head = record("base"), record("head", leaf=12)
    row = document(base, head)["named"]["leaf"]
    assert calls(row) == (30, 36)
    assert row["calls"]["percent"] == 20.0
    # The program counts its own functions, those of the start, and what they call.
    table = compare(base, head).stdout
    (line,) = (line for line in table.splitlines() if " leaf (" in line)
    assert line.split()[:5] == ["30", "->", "36", "+20.0", "%"]
    assert table.splitlines().index(line) == 5  # behind [program] it comes first


def test_new_and_gone_functions(record, document, compare):
    base = record("base")
    head = record("head", PROGRAM.replace("leaf()", "leaflet()"))
    named = document(base, head)["named"]
    assert (named["leaf"]["presence"], calls(named["leaf"])) == ("gone", (30, 0))
    assert (named["leaflet"]["presence"], calls(named["leaflet"])) == ("new", (0, 30))
    table = compare(base, head, "--fail_on", "calls>+1000%", status=3).stdout
    assert re.search(r"^ *0 -> 30 +new .* leaflet \(", table, re.MULTILINE)
    assert re.search(r"^ *30 -> 0 +gone .* leaf \(", table, re.MULTILINE)


def test_a_program_in_another_directory_matches(sandbox, record, document, compare):
    for checkout in ("one", "two"):
        (sandbox.path / checkout / "app").mkdir(parents=True)
    base, head = record("base", name="one/app/main.py"), record("head", name="two/app/main.py", leaf=11)
    made = document(base, head)
    assert calls(made["named"]["leaf"]) == (30, 33)
    assert made["base"]["directory"] == str(sandbox.path / "one")
    assert f"Files below {sandbox.path}/one of the base match those below {sandbox.path}/two of the head." in compare(
        base, head
    ).stdout
    prefixes = ("--strip_prefix", sandbox.path / "one", "--strip_prefix", sandbox.path / "two")
    made = document(base, head, *prefixes)
    assert made["base"]["directory"] is None
    assert made["named"]["leaf"]["file"] == "app/main.py"
    assert calls(made["named"]["leaf"]) == (30, 33)


def test_cuts_apply_to_each_run(record, document):
    base, head = record("base"), record("head", leaf=12)
    functions = document(base, head, "--func", "^parse ")["functions"]
    assert {row["function"] for row in functions} == {"parse", "leaf"}
    functions = document(base, head, "--drop_c_functions")["functions"]
    assert functions and all(row["file"] for row in functions)


def test_times_count_from_the_begin_of_a_run(sandbox, document):
    """Also in traces of VizTracer, whose clock does not begin with them."""
    for name, count in (("base.json", 20), ("head.json", 90)):
        call = {"ph": "X", "pid": 1, "tid": 1, "dur": 500, "name": "f (/a.py:1)", "cat": "FEE"}
        events = [call | {"ts": 5_000_000_000 + number * 1000} for number in range(count)]
        (sandbox.path / name).write_text(json.dumps({"traceEvents": events}))
    assert calls(document("base.json", "head.json", "--until", "5ms")["named"]["f"]) == (5, 5)
    assert calls(document("base.json", "head.json", "--since", "5ms")["named"]["f"]) == (15, 85)
    assert calls(document("base.json", "head.json", "--last", "4.5ms")["named"]["f"]) == (5, 5)


# --- runs ---


def test_a_process_in_two_files_counts_once(sandbox, record, compare, document):
    record("base")
    assert sandbox.viztracer_merge("-q", "base", "-o", "base/all.json").returncode == 0
    (ring,) = (sandbox.path / "base").glob("*.bin")
    shutil.copy(ring, sandbox.path / "base" / "copy.bin")
    made = document("base", ring, "--base", "base/all.json")
    assert calls(made["named"]["leaf"]) == (30, 30)
    assert made["base"]["runs"][0]["processes"] == 1
    stderr = compare("base", ring, "--base", "base/all.json").stderr
    assert len(re.findall(r"warning: base/.*: process \d+ is in base/.*\.bin, too, and counts once", stderr)) == 2


def test_several_runs(sandbox, record, document, compare):
    for number in range(4):
        record(f"base_{number}")
        record(f"head_{number}", leaf=20)
    made = document("base_*", "head_*", "--fail_on", "calls>+5% of func ^leaf ", status=3)
    leaf = made["named"]["leaf"]
    assert (leaf["calls"]["base"]["runs"], leaf["calls"]["head"]["runs"]) == ([30] * 4, [60] * 4)
    assert [len(leaf["total_ns"][side]["runs"]) for side in ("base", "head")] == [4, 4]
    assert 2 / 70 <= leaf["total_ns"]["p"] + 1e-9 and leaf["total_ns"]["p"] <= 1
    assert made["warnings"] == []
    assert len({run["session"] for side in ("base", "head") for run in made[side]["runs"]}) == 8
    # The files say which belong to one run, wherever they are.
    (sandbox.path / "all").mkdir()
    for number in range(4):
        for file in (sandbox.path / f"base_{number}").iterdir():
            shutil.copy(file, sandbox.path / "all" / f"{number}_{file.name}")
    assert len(document("all", "head_0")["base"]["runs"]) == 4
    more = ("--base", "base_1", "--head", "head_1", "--head", "head_2")
    made = document("base_0", "head_0", *more)
    assert [len(made[side]["runs"]) for side in ("base", "head")] == [2, 3]
    assert len(document("--base", "base_0", "--head", "head_0")["functions"]) > 5
    header = compare("base_*", "head_*").stdout.splitlines()[3]
    assert header.split() == "calls change self change p total change p function".split()


def test_processes_of_one_run(record, document):
    program = "import os, sys\ndef work(): pass\nif os.fork() == 0:\n    work()\n    sys.exit()\nos.wait()\nwork()\n"
    made = document(record("base", program), record("head", program))
    assert [(len(made[side]["runs"]), made[side]["runs"][0]["processes"]) for side in ("base", "head")] == [(1, 2)] * 2
    assert calls(made["named"]["work"]) == (2, 2)


def test_reports_in_json(sandbox, record, document):
    record("base")
    record("head", leaf=12)
    for name in ("base", "head"):
        assert sandbox.viztracer_merge("-q", name, "-o", f"{name}.json.gz").returncode == 0
    assert calls(document("base.json.gz", "head.json.gz")["named"]["leaf"]) == (30, 36)
    assert calls(document("base.json.gz", "head")["named"]["leaf"]) == (30, 36)
    # One without a session is one run.
    for name, count in (("one.json", 1), ("two.json", 3)):
        call = {"ph": "X", "pid": 1, "tid": 1, "dur": 1, "name": "f (/a.py:1)", "cat": "FEE"}
        events = [call | {"ts": number * 2, "pid": pid} for number in range(count) for pid in (1, 2)]
        (sandbox.path / name).write_text(json.dumps({"traceEvents": events}))
    made = document("one.json", "two.json")
    assert [len(made[side]["runs"]) for side in ("base", "head")] == [1, 1]
    assert calls(made["named"]["f"]) == (2, 6)


# --- rules ---


def test_a_broken_rule_ends_with_status_3(record, compare):
    base, head = record("base"), record("head", leaf=12)
    done = compare(base, head, "--fail_on", "calls>+5%", status=3)
    assert "viztracer-merge: --fail_on 'calls>+5%': broken" in done.stderr
    assert re.search(r"^calls>\+5%: broken", done.stdout, re.MULTILINE)
    for kept in ("calls>+20% of func ^leaf ", "calls>+6 of func ^leaf ", "calls>+1000", "calls>+50% of program"):
        assert compare(base, head, "--fail_on", kept).stderr == ""
    compare(base, head, "--fail_on", "calls>+1000", "--fail_on", "calls>+5 of func ^leaf ", status=3)
    compare(head, base, "--fail_on", "calls<-10% of func ^leaf ", status=3)


def test_times_of_one_run_warn_and_never_fail(record, compare):
    base, head = record("base"), record("head", leaf=3000)
    done = compare(base, head, "--fail_on", "self>+1%", "--fail_on", "total>+1ns of program")
    assert done.stderr.count("warning: --fail_on") == 2 and "no verdict: too few runs to judge times" in done.stderr
    assert "\nwarning: too few runs to judge times (base: 1, head: 1)" in done.stdout
    compare(base, head, "--fail_on", "self>+1%", "--strict", status=1)


def test_times_of_several_runs_can_fail(sandbox, record, compare):
    """A hundred times the work takes more time in each run, however busy the machine is."""
    for number in range(4):
        record(f"base_{number}", leaf=20)
        record(f"head_{number}", leaf=20_000)
    compare("base_*", "head_*", "--fail_on", "total>+50% of func ^parse ", status=3)
    compare("base_*", "base_*", "--fail_on", "total>+50%", "--fail_on", "self>+50%")


def test_a_rule_that_matches_nothing_warns(record, compare):
    run = record("base")
    done = compare(run, run, "--fail_on", "calls>+5% of func ^nobody$")
    assert "warning: --fail_on 'calls>+5% of func ^nobody$': no verdict: no function matches" in done.stderr


@pytest.mark.parametrize("rule", ["calls", "calls>5%", "self>+5", "calls>+5% of func (", "calls>+5% of f", "calls>+5% of func ", "calls>+inf%", ""])
def test_what_is_no_rule(record, compare, rule):
    done = compare("base", "head", "--fail_on", rule, status=2)
    assert "--fail_on" in done.stderr and done.stdout == ""


def test_a_selection_that_matches_nothing_keeps_no_rule(record, compare, document):
    run = record("base")
    options = ("--process_name", "Wroker", "--fail_on", "calls>+0%")
    done = compare(run, run, *options)
    assert "warning: --fail_on 'calls>+0%': no verdict: the base has no calls that are selected" in done.stderr
    assert "\nwarning: the head has no calls that are selected" in done.stdout
    made = document(run, run, *options, "--strict", status=1)
    assert made["rules"][0]["verdict"] == "undecided" and len(made["warnings"]) == 3
    compare(run, run, "--process_name", "Wroker", "--strict", status=1)


# --- what is printed ---


def test_markdown(record, compare):
    base, head = record("base"), record("head", leaf=12)
    done = compare(base, head, "--markdown", "--fail_on", "calls>+5% of func ^leaf ", status=3)
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {8}
    assert rows[0] == "| calls | change | self | change | total | change | function |"
    assert rows[3].startswith("| 30 -> 36 | +20.0 % |") and "| `leaf (" in rows[3]
    assert "\n- `calls>+5% of func ^leaf `: broken by 1 function\n  - `leaf (" in done.stdout


def test_as_many_functions_as_are_asked_for(record, compare, document):
    base, head = record("base"), record("head", leaf=12, read=4)
    lines = compare(base, head, "--top", "1").stdout.splitlines()
    assert "[program]" in lines[4] and " leaf (" in lines[5]
    assert re.fullmatch(r"\.\.\. and \d+ functions more with a difference", lines[6])
    made = document(base, head, "--top", "1", "--sort", "total")
    assert len(made["functions"]) == 1 and made["more_functions"] > 5


HOSTILE = "x\x1b[2J\x07\u202egnp|`<b>\r\nviztracer: all is well"


@pytest.mark.parametrize("kind", ["text", "--markdown", "--json"])
def test_hostile_names_do_no_harm(sandbox, record, compare, kind):
    program = f"exec(compile('def f(): pass', {HOSTILE!r}, 'exec'))\nfor _ in range({{leaf}}): f()\n"
    base, head = record("base", program), record("head", program, leaf=99)
    (sandbox.path / "base").rename(sandbox.path / HOSTILE)
    options = [] if kind == "text" else [kind]
    done = compare(HOSTILE, head, *options, "--fail_on", "calls>+5% of func ^f ", status=3)
    for text in (done.stdout, done.stderr):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)
        assert not re.search("^viztracer: all is well", text, re.MULTILINE)
    if kind == "--json":
        assert any(row["file"] == HOSTILE for row in json.loads(done.stdout)["functions"])
    else:
        assert r"\x1b[2J" in done.stdout and "\u202e" not in done.stdout
    if kind == "--markdown":
        rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}
        assert "<b>" not in re.sub("`` .*? ``|`[^`]*`", "", done.stdout)


def test_a_page_of_both_sides(sandbox, record, compare):
    """tests/viewer/test_difference.py opens such a page."""
    base, head = record("base"), record("head", above=7)
    done = compare(base, head, "-o", "page.html")
    assert "[program]" in done.stdout
    text = (sandbox.path / "page.html").read_text(encoding="utf-8")
    header = json.loads(re.search('<script type="application/json" id="header">(.*?)</script>', text, re.DOTALL)[1])
    assert header["title"] == "Comparison: base (1 run), head (1 run)"
    assert [process["name"].split(":")[0] for process in header["processes"]] == ["base", "head"]
    sides = header["comparison"]
    assert (sides["isHead"], sides["runs"]) == ([False, True], [1, 1])
    first, second = (index for index, name in enumerate(header["names"]) if name == "leaf")
    assert sides["same"][first] == sides["same"][second] == first
    assert 'class="source"' in text
    compare(base, head, "-o", "page.html", "--no_source")
    assert 'class="source"' not in (sandbox.path / "page.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written(sandbox, record, compare):
    base, head = record("base"), record("head", leaf=99)
    assert "ends with .html" in compare(base, head, "-o", "page.json", status=2).stderr
    assert "cannot write the report" in compare(base, head, "-o", "no/page.html", status=2).stderr
    (sandbox.path / "base.html").write_bytes(next((sandbox.path / "base").glob("*.bin")).read_bytes())
    done = compare("base.html", head, "-o", "base.html", "--fail_on", "calls>+1%", status=2)
    assert "is one of the inputs" in done.stderr


# --- inputs that are damaged, or lack calls ---


def test_a_run_that_lost_calls_has_no_certain_numbers(record, compare, document):
    base, head = record("base", PROGRAM, "--tracer_entries", "300", leaf=2000), record("head", leaf=3000)
    made = document(base, head, "--fail_on", "calls>+5% of func ^leaf ")
    assert made["base"]["runs"][0]["overwritten"] > 5000 and not made["base"]["runs"][0]["complete"]
    leaf = made["named"]["leaf"]["calls"]
    assert (leaf["base"]["certain"], leaf["head"]["certain"]) == (False, True)
    assert made["rules"][0]["verdict"] == "undecided"
    done = compare(base, head, "--fail_on", "calls>+5% of func ^leaf ")
    assert re.search(r"^ *>=[\d,]+ -> 9,000 .*\?.* leaf \(", done.stdout, re.MULTILINE)
    assert re.search(r"^base: base/result_\d+\.bin: [\d,]+ overwritten$", done.stdout, re.MULTILINE)
    assert "no verdict: not certain for 1 function, as calls may be missing" in done.stderr
    compare(base, head, "--fail_on", "calls>+5% of func ^leaf ", "--strict", status=1)
    # More calls than the base has, whatever is missing.
    compare(head, base, "--fail_on", "calls>+5% of func ^leaf ")
    few = record("few", leaf=1)
    compare(few, base, "--fail_on", "calls>+5% of func ^leaf ", status=3)


def test_damaged_inputs(sandbox, record, compare):
    base, head = record("base"), record("head")
    (ring,) = (sandbox.path / "head").glob("*.bin")
    (sandbox.path / "head" / "cut.bin").write_bytes(ring.read_bytes()[:5000])
    (sandbox.path / "head" / "none.bin").write_bytes(ring.read_bytes()[:100])
    done = compare(base, head, "--fail_on", "calls>+100% of func ^leaf ", status=1)
    assert "none.bin" in done.stderr and "none.bin: not read" in done.stdout
    assert "Traceback" not in done.stderr and "panicked" not in done.stderr
    done = compare(base, "nothing", status=2)
    assert "nothing: No such file or directory" in done.stderr and done.stdout == ""
    assert "no input of the head could be read, so nothing is compared" in done.stderr
    (sandbox.path / "empty.json").write_text("{}")
    compare(base, "empty.json", status=2)


def test_a_process_that_still_runs_is_named(sandbox, record, compare, document):
    base = record("base")
    program = PROGRAM.format(leaf=10, read=1) + "print('ready', flush=True)\ninput()\n"
    script = sandbox.script(program)
    command = [str(BIN / "viztracer"), "--quiet", "--pid_suffix", "--output_dir", "head", script]
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": sandbox.path}
    process = subprocess.Popen(command, **options)
    try:
        assert process.stdout.readline().strip() == "ready"
        options = ("--fail_on", "calls<-5% of func ^leaf ")
        done = compare(base, "head", *options)
        assert "still running when it was read" in done.stdout and "30 -> >=10" in done.stdout
        made = document(base, "head", *options)
        assert made["rules"][0]["verdict"] == "undecided" and not made["head"]["runs"][0]["complete"]
        assert "strict: " in compare(base, "head", "--strict", status=1).stderr
    finally:
        process.communicate("\n", timeout=120)
    compare(base, "head", *options, status=3)


def test_a_process_that_was_killed_is_named(record, compare, document, sandbox):
    base = record("base")
    program = PROGRAM.format(leaf=10, read=1) + "import os\nos.kill(os.getpid(), 9)\n"
    sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "head", sandbox.script(program))
    options = ("--fail_on", "calls<-5% of func ^leaf ")
    made = document(base, "head", *options, status=3)
    (run,) = made["head"]["runs"]
    assert not run["complete"] and len(run["missing"]) == 1
    assert made["named"]["leaf"]["calls"]["head"]["certain"]
    assert "strict: " in compare(base, "head", "--strict", status=1).stderr


# --- the name of the command ---


def test_an_input_that_has_the_name_of_the_command(sandbox, record):
    record("compare")
    for words in (["./compare"], ["--", "compare"], ["-q", "compare"]):
        done = sandbox.viztracer_merge(*words, "-o", "out.json") if words[0] != "--" else sandbox.viztracer_merge(
            "-o", "out.json", *words
        )
        assert done.returncode == 0, done.stderr
        assert any("leaf" in event["name"] for event in sandbox.report("out.json")["traceEvents"])
    done = sandbox.viztracer_merge("compare", "compare", "compare")
    assert done.returncode == 0
    assert "warning: compare is a command here: to merge what has this name, write ./compare" in done.stderr


def test_the_page_describes_the_document(record, document):
    """Each key of the document is in docs/comparing.md."""
    text = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
    made = document(record("base"), record("head"), "--fail_on", "calls>+1% of func ^leaf ")
    del made["named"]
    keys, values = set(), [made]
    while values:
        value = values.pop()
        keys |= value.keys() if isinstance(value, dict) else set()
        values += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


def test_help(compare):
    done = compare("--help")
    assert "--fail_on" in done.stdout and "Exit status" in done.stdout
    compare(status=2)
    compare("base", status=2)
    compare("base", "head", "--json", "--markdown", status=2)
