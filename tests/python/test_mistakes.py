"""Common mistakes on the command line cause one helpful line. Nothing runs or is overwritten.

The exit status is 2. What VizTracer itself refuses is refused in its words, on stdout, with its status 1.
"""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import BIN, VERSION

PROGRAM = "import sys\nprint('ran', sys.argv[1:])\n"
REPORT = '{"traceEvents":[]}'


@pytest.fixture
def place(sandbox):
    """The sandbox with a program in it."""
    sandbox.script(PROGRAM, "prog.py")
    return sandbox


def refused(sandbox, *arguments, **options):
    """The one line that `viztracer` says to these arguments, before anything has run."""
    before = contents(sandbox)
    done = sandbox.viztracer(*arguments, **options)
    output = done.stdout + done.stderr
    assert done.returncode == (1 if done.stdout else 2), output
    assert output.count("\n") == 1, output
    assert "ran" not in output.split()
    assert contents(sandbox) == before
    return output


def contents(sandbox):
    """All files with what is in them."""
    return {path.name: path.read_bytes() for path in sandbox.path.iterdir() if path.is_file()}


def says(sandbox, words, *arguments, **options):
    line = refused(sandbox, *arguments, **options)
    assert words in line


HIDE = """
import importlib.util, sys
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "objprint" else find_spec(name, package)
from viztracer.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("option", ["--log_func_args", "--quiet"])
def test_package_that_is_missing(place, option):
    before = contents(place)
    done = place.python("-c", HIDE, "--log_func_with_objprint", option, "prog.py")
    words = "viztracer: --log_func_with_objprint needs the package objprint: pip install objprint\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words)
    assert contents(place) == before


@pytest.mark.parametrize("option", ["--patch_only", "--subprocess_child"])
def test_option_that_viztracer_uses_between_its_processes(place, option):
    says(place, f"viztracer: {option} is not supported: it is for processes that VizTracer starts;", option, "prog.py")


def test_options_of_a_program_are_its_own(place):
    """Those after its name, or after -m and its name, unless we have them too; after -- whatever they are called."""
    for arguments in (["prog.py", "--print"], ["-m", "prog", "--print"], ["--", "prog.py", "--print"]):
        done = place.viztracer("--quiet", *arguments)
        assert (done.returncode, done.stdout) == (0, "ran ['--print']\n")
    assert place.viztracer("--quiet", "--", "prog.py", "--patch_only").stdout == "ran ['--patch_only']\n"
    says(place, "--patch_only is not supported", "prog.py", "--patch_only")


def test_options_that_are_not_needed_are_taken(place):
    done = place.viztracer("--quiet", "--log_exit", "--minimize_memory", "--sanitize_function_name", "prog.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran []\n", "")


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("--output-file=x.json", "did you mean --output_file?"),
        ("--outputfile", "did you mean --output_file?"),
        ("--ouput_dir", "did you mean --output_dir?"),
        ("--ignore_c_functions", "did you mean --ignore_c_function?"),
        ("--min-duration", "did you mean --min_duration?"),
        ("--log_prints", "did you mean --log_print?"),
        ("--nothing_like_it", "see viztracer --help"),
        ("-x", "see viztracer --help"),
    ],
)
def test_option_that_is_misspelt(place, option, meant):
    says(place, meant, option, "prog.py")


def test_ambiguous_option(place):
    says(place, "options of the program come after --", "prog.py", "--output", "x")


def test_report_as_a_program(place):
    for name in ("a.html", "a.json.gz", "a.pftrace", "a.pftrace.gz"):
        (place.path / name).write_text("x")
        says(place, f"{name} is a report, not a program; to open it: vizviewer {name}\n", name)
    for name in ("a.csv", "a.parquet", "a.folded"):
        (place.path / name).write_text("x")
        says(place, f"{name} is a report, not a program\n", name)
    (place.path / "a.json").write_text(REPORT)
    says(place, 'viztracer can\'t run json file, did you mean "vizviewer a.json"?\n', "a.json")


def test_ring_file_as_a_program(place, small_trace):
    shutil.copy(small_trace, place.path / "a.bin")
    says(place, "a.bin is a ring file, not a program; to merge it: viztracer-merge a.bin\n", "a.bin")


@pytest.mark.parametrize("name", ["python", "python3", sys.executable])
def test_python_before_the_program(place, name):
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    says(place, f"without {name}: viztracer prog.py 'a b'\n", name, "prog.py", "a b", env=env)


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["-m", "prog", "a b"], "-m prog 'a b'"),
        (["-m", "prog", "-x"], "-m prog -x"),
        (["-mprog"], "-mprog"),
        (["-c", "print(1)"], "-c 'print(1)'"),
    ],
)
def test_python_before_a_module_or_code(place, arguments, written):
    advice = f"without python3: viztracer {written}\n"
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    says(place, advice, "--quiet", "python3", *arguments, env=env)
    says(place, advice, "--quiet", "--", "python3", *arguments, env=env)


def test_python_as_an_argument_of_a_module(place):
    for arguments in (["-m", "prog", "python"], ["--output_dir", "python", "-m", "prog", "python"]):
        done = place.viztracer("--quiet", *arguments)
        assert (done.returncode, done.stdout) == (0, "ran ['python']\n")


def test_time_to_attach_for_without_a_process(place):
    done = place.viztracer("--quiet", "-t", "5", "prog.py")
    assert (done.returncode, done.stdout) == (0, "ran []\n")
    assert done.stderr == "viztracer: -t has no effect without --attach or --attach_installed\n"


def test_program_that_is_no_python(place):
    says(place, "cat is no Python program", "cat", "prog.py")


@pytest.mark.parametrize("option", ["--include_files", "--exclude_files"])
def test_program_swallowed_by_an_option(place, option):
    says(place, f"write: viztracer {option} ./ -- prog.py\n", option, "./", "prog.py")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--include_files", "FILE"), ("--log_var", "RE"), ("--log_audit", "RE"), ("--plugins", "PLUGIN")],
)
def test_program_swallowed_as_the_only_value(place, option, value):
    says(place, f"write: viztracer {option} {value} -- prog.py\n", option, "prog.py")


@pytest.mark.parametrize("option", ["--include_files", "--log_func_entry", "--keep_snapshot_at", "--plugins"])
def test_option_with_many_values_that_has_none(place, option):
    says(place, f"argument {option}: expected at least one argument\n", option, "--", "prog.py")


def test_audit_events_need_no_name(place):
    done = place.viztracer("--quiet", "--log_audit", "--", "prog.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran []\n", "")


@pytest.mark.parametrize("time", ["long", "20usx", "5m", "-5", "1e999", "nan", "inf", "1_0", "5 minutes", "1,5", ""])
def test_time_that_is_none(place, time):
    if time:
        says(
            place,
            f"Can't convert {time} to time. Format should be 0.3ms or 13us\n",
            f"--min_duration={time}",
            "prog.py",
        )


def test_times(place):
    for time in ("20", "20us", "0.3ms", "1e3", "1e3us", "5min", "0.1h", ".5", "5.", "1 ms", "100ns", "0"):
        done = place.viztracer("--quiet", "--min_duration", time, "prog.py")
        assert (done.returncode, done.stdout, done.stderr) == (0, "ran []\n", "")


def test_numbers(place):
    for number in ("1e4", "10_000", "10000"):
        done = place.viztracer("--quiet", "--tracer_entries", number, "prog.py")
        assert (done.returncode, done.stdout, done.stderr) == (0, "ran []\n", "")
    for number in ("many", "1.5", "1e999", "nan", "1k"):
        says(place, f"invalid int value: '{number}'", "--tracer_entries", number, "prog.py")
    for number in ("0", "-1"):
        says(place, "tracer_entries must be at least 1\n", "--tracer_entries", number, "prog.py")
    says(place, "keep_snapshots must be at least 0, not -1\n", "--keep_snapshots", "-1", "prog.py")


# --- outputs ---


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.html", "x.folded", "x.json.gz", "x.pftrace", "x.parquet"])
def test_file_that_is_no_report_is_not_replaced(place, name):
    """The program also has an option -o, and the user meant that one."""
    (place.path / name).write_text("my,data\n1,2 and more\nand more\n")
    says(place, f"{name} is not replaced, since it does not look like a report", "prog.py", "-o", name)
    assert (place.path / name).read_text() == "my,data\n1,2 and more\nand more\n"


def test_default_output_that_is_no_report_is_not_replaced(place):
    (place.path / "result.json").write_text('{"my": "data"}')
    says(place, "result.json is not replaced", "prog.py")


OUTPUTS = ("x.json", "x.json.gz", "x.html", "x.csv", "x.folded", "x.pftrace", "x.pftrace.gz", "x.parquet",
           "x.speedscope.json")  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
def test_report_is_replaced(place, name):
    for _ in range(2):
        done = place.viztracer("--quiet", "-o", name, "prog.py")
        assert (done.returncode, done.stderr) == (0, "")


def test_empty_file_is_replaced(place):
    (place.path / "x.json").touch()
    assert place.viztracer("--quiet", "-o", "x.json", "prog.py").returncode == 0
    assert place.report("x.json")["traceEvents"]


def test_trace_of_others_is_replaced(place):
    for text in (REPORT, '[{"name": "a", "ph": "X", "ts": 1, "dur": 1, "pid": 1, "tid": 1}]', '{"traceEvents": []}'):
        (place.path / "x.json").write_text(text)
        assert place.viztracer("--quiet", "-o", "x.json", "prog.py").returncode == 0


def test_output_that_is_a_directory(place):
    (place.path / "x.json").mkdir()
    says(place, "x.json: it is a directory\n", "-o", "x.json", "prog.py")


def test_directory_that_is_a_file(place):
    (place.path / "file").touch()
    says(place, "file: File exists\n", "--output_dir", "file", "prog.py")
    says(place, "file: File exists\n", "-o", "file/x.json", "prog.py")
    says(place, "Not a directory\n", "-o", "file/in/x.json", "prog.py")


AS_NOBODY = """
import os, sys
from viztracer.commands.precaution import refusal
os.setuid(65534)
for output in sys.argv[1:]:
    print(refusal(output))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root may")
def test_directory_that_cannot_be_written(sandbox, request):
    """As a user who may write nothing in it."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))  # the sandbox is not readable for the other user
    request.addfinalizer(lambda: shutil.rmtree(directory))
    directory.chmod(0o755)
    (directory / "file").touch()
    new = directory / "new"
    done = sandbox.python(
        "-c", AS_NOBODY, directory / "x.json", new / "x.json", directory / "file" / "x.json", "/dev/null"
    )
    assert done.stdout.splitlines() == [
        f"can't write the report to the directory {directory}: Permission denied",
        f"can't make the directory {new}: Permission denied",
        f"can't make the directory {directory / 'file'}: File exists",
        "None",
    ]


def test_program_that_cannot_be_read(place):
    (place.path / "link.py").symlink_to("nowhere.py")
    done = place.viztracer("link.py")
    assert (done.returncode, done.stdout, done.stderr) == (1, "No such file as link.py\n", "")


# --- the configuration file ---


def test_rcfile(place):
    text = (
        "[default]\noutput_file = mine.json\ntracer_entries = 1000\nignore_c_function = yes\nquiet = True\n"
        "exclude_files = a b\n"
    )
    (place.path / ".viztracerrc").write_text(text)
    done = place.viztracer("prog.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran []\n", "")
    events = place.report("mine.json")["traceEvents"]
    assert any("<module>" in event["name"] for event in events)
    assert not any(event["name"] == "builtins.print" for event in events)


def test_command_line_goes_before_the_rcfile(place):
    (place.path / ".viztracerrc").write_text("[default]\noutput_file = mine.json\n")
    assert place.viztracer("--quiet", "-o", "other.json", "prog.py").returncode == 0
    assert sorted(path.name for path in place.path.glob("*.json")) == ["other.json"]


@pytest.mark.parametrize("arguments", [["--rcfile", "my.conf"], ["--rcfile=my.conf"], ["--rc", "my.conf"]])
def test_rcfile_by_name(place, arguments):
    (place.path / "my.conf").write_text("[default]\noutput_file = mine.json\nquiet = no\n")
    done = place.viztracer(*arguments, "prog.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert (place.path / "mine.json").exists() and "vizviewer" in done.stdout


def test_rcfile_with_options_that_are_missing(place):
    """It says so in one line, and goes on."""
    (place.path / ".viztracerrc").write_text("[default]\nsubprocess_child = True\nquiet = True\npatch_only = x\n")
    done = place.viztracer("prog.py")
    assert (done.returncode, done.stdout) == (0, "ran []\n")
    assert done.stderr == "viztracer: .viztracerrc: not supported: subprocess_child, patch_only\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("output_file = x.json\n", "no section headers"),
        ("[other]\noutput_file = x.json\n", "no section [default]"),
        ("[default]\ntracer_entries = many\n", "invalid int value: 'many'"),
        ("[default]\noutput_file = x.txt\n", "Only these kinds of report are supported"),
        ("[default]\nquiet = perhaps\n", "quiet is yes or no, not 'perhaps'"),
        ("[default]\nmin_duration = 20usx\n", "Can't convert 20usx to time"),
    ],
)
def test_rcfile_that_makes_no_sense(place, text, words):
    (place.path / ".viztracerrc").write_text(text)
    says(place, words, "prog.py")


def test_rcfile_that_is_missing(place):
    says(place, "can't read my.conf: No such file or directory\n", "--rcfile", "my.conf", "prog.py")


# --- inputs of --combine ---


def test_inputs_of_the_wrong_kind(place):
    (place.path / "a.html").write_text("<!DOCTYPE html>\n<html>\n")
    done = place.viztracer("--combine", "a.html", "prog.py", "-o", "x.json")
    assert done.returncode == 2
    assert re.search("a.html.*\n.*prog.py", done.stdout + done.stderr)
    assert not (place.path / "x.json").exists()


# --- where the package is ---


def test_package_found_by_pythonpath_alone(place, tmp_path_factory):
    """New interpreters do not join the run there, which one line says."""
    elsewhere = tmp_path_factory.mktemp("target")
    package = Path(shutil.which("viztracer", path=str(BIN))).parents[1]
    (installed,) = package.glob("lib/python3*/site-packages/viztracer")
    shutil.copytree(installed, elsewhere / "viztracer")
    place.script("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)\n", "prog.py")
    base = Path(sys.base_prefix) / "bin" / f"python{VERSION}"
    env = os.environ | {"PYTHONPATH": str(elsewhere)}
    done = place.run(base, "-m", "viztracer", "prog.py", env=env)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1 and "started anew are not traced" in done.stderr
    for option in ("--quiet", "--ignore_multiprocess"):
        assert place.run(base, "-m", "viztracer", option, "prog.py", env=env).stderr == ""
    assert place.viztracer("prog.py").stderr == ""
