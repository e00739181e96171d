"""The command line is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise.

Sections of the surface: parsing, options, order of the modes, configuration file, ways to name a program, exit status.
"""

import os
import sys

import conformance
import pytest
from conformance import PROGRAM, ROWS, SAME, case, check

DATA = "import sys; print(__name__, sys.argv)\n"
FAILS = "import sys\ndef f(): raise KeyError('mine')\nf()\n"
RC = "[default]\n"
FUNCTIONS = "def a(): b()\ndef b(): c()\ndef c(): len('x')\na()\n"
REPORT = '{"traceEvents": [{"ph": "X", "name": "f", "ts": 1, "dur": 2, "pid": 1, "tid": 1}], "viztracer_metadata": {}}'
TWO = {"a.json": REPORT, "b.json": REPORT.replace('"pid": 1', '"pid": 2')}
NO_VALUE = {"status": 2, "stdout": "", "stderr": "argument .*: expected one argument.*"}
NO_VALUES = {"status": 2, "stdout": "", "stderr": "argument .*: expected at least one argument.*", "files": ()}
MANY_VALUES = ("--combine", "--align_combine", "--include_files", "--exclude_files", "--plugins", "--log_var")

STRING = ("X", "<module> (<string>:1)")
NO_EVENTS = ("status", "stdout", "stderr", "files")
OUTCOME = ("status", "files", "events")

PARSING = [
    case("order of options and program", "-o", "x.json", "--", "prog.py", "-o", "y.json"),
    case("order of options and program", "-o", "x.json", "--run", "prog.py", "-o", "y.json"),
    case("order of options and program", "-o", "x.json", "--run", "prog.py", "-o", "y.json", "--", "z"),
    case("order of options and program", "prog.py", "-o", "x.json", "arg", "--quiet"),
    case("order of options and program", "prog.py", "--unknown", "-x", "arg"),
    case("order of options and program", "-m", "json.tool", "--help"),
    case("order of options and program", "--quiet", "--", "prog.py", "--help"),
    case("abbreviated options", "--quie", "--log_mul", "--ignore_c", "prog.py"),
    case("abbreviated options", "--output_f", "x.json", "--max_s=3", "--", "prog.py"),
    case("abbreviated options", "--log_func", "prog.py"),
    case("abbreviated options", "--output", "x.json", "prog.py"),
    case("abbreviated options", "--log_f", "--", "prog.py"),
    case("errors of the command line", "--tracer_entries", "many", "prog.py"),
    case("errors of the command line", "--max_stack_depth", "1.5", "prog.py"),
    case("errors of the command line", "-u", "-o", "x.json", "prog.py"),
    case("errors of the command line", "--foo", "--", "prog.py"),
    case(
        "an option that does not exist", "--foo", "prog.py", ours={"status": 2, "stderr": "there is no option --foo.*"}
    ),
    *(
        case("an option without its value", option, ours=NO_VALUE)
        for option in ("-o", "-c", "-m", "--rcfile", "--min_duration", "--tracer_entries", "--max_stack_depth")
    ),
    *(case("an option without its value", option, ours=NO_VALUE) for option in ("--compress", "--decompress")),
    *(case("an option without its value", option, ours=NO_VALUE) for option in ("--attach", "--uninstall", "-t")),
    case("an option without its value", "prog.py", "-o", ours=NO_VALUE | {"files": ()}),
    *(case("an option without its value", option, "-o", "x.json", ours=NO_VALUES) for option in MANY_VALUES),
    case(
        "an option with many values that takes the program",
        "--include_files",
        "prog.py",
        ours={"status": 2, "stderr": ".*-- prog.py\n"},
    ),
    case("help", "--help"),
    case("help"),
    case("help", "--quiet"),
    case("help", "--open", "-o", "x.json"),
    case("`--version`", "--version", ours={"status": 0, "stdout": r"\d+\.\d+\.\d+\S*\n"}),
]

OUTPUTS = [
    case("`-o`, `--output_file`", "-o", "x.html", "prog.py"),
    case("`-o`, `--output_file`", "-o", "x.json.gz", "prog.py"),
    case("`-o`, `--output_file`", "-o", "x.gz", "prog.py"),
    case("`-o`, `--output_file`", "prog.py", "--output_file=deep.er/x.json", files={"deep.er/there": ""}),
    case(
        "kinds of report",
        "-o",
        "x.txt",
        "prog.py",
        ours={"status": 1, "stdout": "Only these kinds of report are supported: .json, .*", "stderr": "", "files": ()},
    ),
    case("`-u`, `--unique_output_file`", "-u", "prog.py"),
    case("`-u`, `--unique_output_file`", "-u", "a.b.py", files={"a.b.py": PROGRAM}),
    case("`-u`, `--unique_output_file`", "-u", "-c", "pass"),
    case("`-u`, `--unique_output_file`", "-u", "-m", "prog", aspects=NO_EVENTS),
    case(
        "`-u` beside a file's `output_file`",
        "-u",
        "prog.py",
        files={".viztracerrc": RC + "output_file = rc.json\n"},
        ours={"status": 0, "files": ("prog_N.json",)},
    ),
    case("`--output_dir`", "--output_dir", "out", "prog.py"),
    case("`--output_dir`", "--output_dir", "out", "-u", "prog.py"),
    case("`--output_dir`", "--output_dir", "out", "-o", "x.json", "prog.py", files={"out/there": ""}),
    case(
        "`--output_dir` more than one level deep",
        "--output_dir",
        "a/b",
        "prog.py",
        ours={"status": 0, "files": ("a/b/result.json",)},
    ),
    case(
        "directories of the report",
        "-o",
        "DIR/none/x.json",
        "prog.py",
        ours={"status": 0, "files": ("none/x.json",)},
    ),
    case(
        "a report that cannot be written",
        "-o",
        "prog.py/x.json",
        "-c",
        "print('ran')",
        ours={"status": 2, "stdout": "", "stderr": "can't make the directory DIR/prog.py: File exists\n", "files": ()},
    ),
    case(
        "a report that cannot be written after all",
        "-o",
        "out/x.json",
        "-c",
        "import os; os.rename('out', 'gone'); open('out', 'w'); os.chdir('/')",
        files={"out/there": ""},
        ours={"status": 1, "stderr": ".*viztracer-merge.*"},
    ),
    case("`--pid_suffix`", "--pid_suffix", "-o", "x.json", "prog.py"),
    case("`--pid_suffix`", "--pid_suffix", "-o", "x.html", "--output_dir", "out", "prog.py"),
    case(
        "`--pid_suffix` and two extensions",
        "--pid_suffix",
        "-o",
        "x.json.gz",
        "prog.py",
        ours={"status": 0, "files": ("x_N.json.gz",)},
    ),
    case(
        "`--pid_suffix` without `-o`",
        "--pid_suffix",
        "prog.py",
        ours={"status": 0, "files": ("result_N.bin",), "stdout": ".*viztracer-merge.*"},
    ),
    case("`--quiet`", "--quiet", "prog.py"),
    case("`--quiet`", "prog.py", "--quiet", "-o", "x.html"),
]

FILTERS = [
    case("`--max_stack_depth`", "--max_stack_depth", "5", "prog.py", files={"prog.py": FUNCTIONS}),
    case("`--max_stack_depth`", "--max_stack_depth", "-1", "prog.py", files={"prog.py": FUNCTIONS}),
    case("`--min_duration`", "--min_duration", "1s", "prog.py"),
    case("`--min_duration`", "--min_duration", "0.5ms", "slow.py", files={"slow.py": "import time\ntime.sleep(0.1)\n"}),
    case("`--min_duration`", "--min_duration", "long", "prog.py"),
    case(
        "`--min_duration` with something behind the time",
        "--min_duration",
        "5xyz",
        "prog.py",
        ours={"status": 1, "stdout": "Can't convert 5xyz to time. Format should be 0.3ms or 13us\n", "files": ()},
    ),
    case("`--ignore_c_function`", "--ignore_c_function", "prog.py", files={"prog.py": FUNCTIONS}),
    case("`--ignore_frozen`", "--ignore_frozen", "prog.py", files={"prog.py": "import this\n"}),
    case("`--include_files`, `--exclude_files`", "--include_files", "prog.py", "--", "prog.py"),
    case("`--include_files`, `--exclude_files`", "--exclude_files", "DIR/other.py", "x", "--quiet", "prog.py"),
    case(
        "`--include_files` beside `--exclude_files`",
        "--include_files",
        "a",
        "--exclude_files",
        "b",
        "--",
        "prog.py",
        ours={"status": 1, "stdout": "include_files and exclude_files can't be both specified!\n", "files": ()},
    ),
    case(
        "functions that an excluded function calls",
        "--ignore_frozen",
        "prog.py",
        files={"prog.py": "import this_is_new\n", "this_is_new.py": ""},
        ours={"status": 0},
    ),
    case(
        "functions that an excluded function calls",
        "--exclude_files",
        "lib.py",
        "--",
        "prog.py",
        files={"prog.py": "import lib\ndef inner(): abs(1)\nlib.outer(inner)\n", "lib.py": "def outer(f):\n    f()\n"},
        ours={"status": 0},
    ),
    case("`--tracer_entries`", "--tracer_entries", "1000", "prog.py"),
    case(
        "`--tracer_entries` below 1",
        "--tracer_entries",
        "0",
        "prog.py",
        ours={"status": 1, "stdout": "tracer_entries must be at least 1\n", "files": ()},
    ),
    case(
        "`--tracer_entries` below 1",
        "--tracer_entries",
        "-1",
        "prog.py",
        ours={"status": 1, "stdout": "tracer_entries must be at least 1\n", "files": ()},
    ),
    case("`--keep_leftovers`", "--keep_leftovers", "1GiB", "prog.py", ours={"status": 0}),
    case("`--keep_snapshots`", "--keep_snapshots", "3", "prog.py", ours={"status": 0}),
    case("`--max_overhead`", "--max_overhead", "5%", "--", "prog.py", ours={"status": 0}),
    case("`--keep_snapshot_at`", "--keep_snapshot_at", "exception", "--", "prog.py", ours={"status": 0}),
]


# Hidden, deprecated, or without an effect that a report shows.
NO_EFFECT = "options that change nothing"
OTHERS = [
    case(NO_EFFECT, "--quiet", "--file_info", "--dump_raw", "--sanitize_function_name", "--minimize_memory", "prog.py"),
    case(NO_EFFECT, "--log_multiprocess", "prog.py"),
    case(NO_EFFECT, "--log_subprocess", "--quiet", "prog.py"),
    case(NO_EFFECT, "--log_exit", "--log_async", "--ignore_multiprocess", "prog.py"),
    case("`--trace_self`", "--trace_self", "--quiet", "prog.py"),
    *(
        case("`--patch_only`, `--subprocess_child`", option, "prog.py", ours={"status": 2, "stderr": f"{option} is .*"})
        for option in ("--patch_only", "--subprocess_child")
    ),
]

MODES = [
    case("`-c`", "-c", DATA, "a", "b"),
    case("`-c`", "-c", "lst=[]; lst.append(1)"),
    case("`-c`", "--cmd_string", "len('x')"),
    case(
        "`-m`",
        "-m",
        "package",
        "a",
        "b",
        files={"package/__init__.py": "", "package/__main__.py": PROGRAM},
        aspects=NO_EVENTS,
    ),
    case("`-m`", "--module", "prog", "a", aspects=NO_EVENTS),
    case("what `-m` records", "-m", "prog", ours={"status": 0, "events": lambda events: STRING not in events}),
    case("`-m`", "-m", "there_is_no_such_module", aspects=("status", "stdout", "files")),
    case("a program by its path", "prog.py", "a", "b"),
    case(
        "a program by its path",
        "sub/prog.py",
        files={"sub/prog.py": "import beside\n", "sub/beside.py": "print('beside')"},
    ),
    case("a program by its path", "noext", "a", files={"noext": PROGRAM}),
    case("a program by its path", "missing.py"),
    case("a program by its path", "missing.json"),
    case(
        "an entry point by its name",
        "greets",
        "run",
        files={"bin/greets": f"#!{sys.executable}\n{PROGRAM}"},
        env={"PATH": f"DIR/bin{os.pathsep}{os.environ['PATH']}"},
    ),
    case("`python -m viztracer`, `python -m viztracer.viewer`", "-m", "viztracer", "prog.py", "a", command="python"),
    case("`python -m viztracer`, `python -m viztracer.viewer`", "-m", "viztracer", "missing.py", command="python"),
    case(
        "`python -m viztracer`, `python -m viztracer.viewer`", "-m", "viztracer.viewer", "none.json", command="python"
    ),
    case("a report as a program", "r.json", files={"r.json": REPORT}),
    case("order of the modes", "-c", "print('c')", "-m", "prog"),
    case("order of the modes", "-m", "prog", "--combine", "r.json", files={"r.json": REPORT}, aspects=NO_EVENTS),
    case("order of the modes", "prog.py", "--combine", "r.json", files={"r.json": REPORT}),
    case("exit status of the program", "-c", "import sys; sys.exit(3)"),
    case("exit status of the program", "-c", "import sys; sys.exit('a reason')"),
    case("exit status of the program", "prog.py", files={"prog.py": "import sys\nsys.exit(4)\n"}),
    case("exit status of the program", "prog.py", files={"prog.py": "raise SystemExit\n"}),
    # From 3.13 on, Python code of the interpreter prints the traceback, and ours still records then.
    case("exit status of the program", "prog.py", files={"prog.py": FAILS}, aspects=NO_EVENTS),
    case("exit status of the program", "prog.py", files={"prog.py": "def f(:\n"}, aspects=("status", "stderr")),
    case(
        "`SIGTERM`",
        "prog.py",
        files={"prog.py": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n"},
        ours={"status": -15, "files": ("result.json",)},
    ),
    case(
        "`os._exit`",
        "--quiet",
        "prog.py",
        files={"prog.py": "import os\nos._exit(5)\n"},
        ours={"status": 5, "files": ("result.json",)},
    ),
]

CONFIGURATION = [
    case("the configuration file", "prog.py", files={".viztracerrc": RC + "output_file = rc.json\nquiet = True\n"}),
    case(
        "the configuration file", "prog.py", "-o", "mine.json", files={".viztracerrc": RC + "output_file = rc.json\n"}
    ),
    case(
        "the configuration file",
        "--rcfile",
        "my.rc",
        "prog.py",
        files={"my.rc": RC + "max_stack_depth = 4\nquiet =1\n"},
    ),
    case("the configuration file", "--rcfile=my.rc", "prog.py", files={"my.rc": RC + "ignore_c_function = True\n"}),
    case(
        "the configuration file",
        "prog.py",
        files={".viztracerrc": RC + "exclude_files = lib.py\n    other.py\nmin_duration = 0us\n", "lib.py": ""},
    ),
    case(
        "a flag that the configuration file sets to `False`",
        "prog.py",
        files={".viztracerrc": RC + "quiet = False\n"},
        ours={"status": 0, "stdout": ".*Total Entries: N\n.*"},
    ),
    *(
        case("a configuration file that cannot be read", *arguments, files=files, ours={"status": 2, "stderr": message})
        for arguments, files, message in (
            (("--rcfile", "none.rc", "prog.py"), {}, "can't read none.rc: No such file or directory\n"),
            (("prog.py",), {".viztracerrc": "[other]\n"}, r".viztracerrc has no section \[default\]\n"),
            (("prog.py",), {".viztracerrc": "quiet = True\n"}, "can't read .viztracerrc: File contains no section.*"),
        )
    ),
]

COMBINE = [
    case("`--combine`, `--align_combine`", "--combine", "a.json", "b.json", "-o", "x.json", files=TWO, aspects=OUTCOME),
    case(
        "`--combine`, `--align_combine`",
        "--align_combine",
        "a.json",
        "b.json",
        "-o",
        "x.html",
        files=TWO,
        aspects=OUTCOME,
    ),
    case(
        "what `--combine` prints",
        "--combine",
        "a.json",
        "b.json",
        files=TWO,
        ours={"stdout": "Use the following command to open the report:\nvizviewer DIR/result.json\n"},
    ),
    case(
        "inputs of `--combine`",
        "--combine",
        "missing.json",
        ours={"status": 2, "stderr": "viztracer-merge: missing.json: .*", "files": ()},
    ),
    case("attaching to a process that is not there", "--attach", "99999999"),
    case("attaching to a process that is not there", "--attach_installed", "99999999"),
    case("attaching to a process that is not there", "--uninstall", "99999999"),
    case(
        "`--combine` of one pid",
        "--combine",
        "a.json",
        "b.json",
        files={"a.json": REPORT, "b.json": REPORT},
        ours={"status": 0, "files": ("result.json",)},
    ),
]

PLUGIN = """
from viztracer.vizplugin import VizPluginBase
class Plugin(VizPluginBase):
    def support_version(self):
        return "0.10.0"
    def message(self, m_type, payload):
        print(m_type, sorted(payload.items()))
        return {"success": True}
def get_vizplugin(text):
    print("made of", text)
    return Plugin()
"""
COMPRESSED = (("viztracer", "--quiet", "prog.py"), ("viztracer", "--compress", "result.json"))
COMPRESS = [
    case("`--compress`, `--decompress`", "--compress", "none.json"),
    case("`--compress`, `--decompress`", "--compress", "prog.py"),
    case("`--compress`, `--decompress`", "--compress", "result.json", setup=COMPRESSED[:1]),
    case("`--compress`, `--decompress`", "--compress", "result.json", "-o", "x.y", "--quiet", setup=COMPRESSED[:1]),
    case("`--compress`, `--decompress`", "--decompress", "none.cvf"),
    case("`--compress`, `--decompress`", "--decompress", "result.cvf", "-o", "back.json", setup=COMPRESSED),
    case(
        "`--output_dir` beside `--decompress`",
        "--decompress",
        "result.cvf",
        "--output_dir",
        "out",
        setup=COMPRESSED,
        ours={"status": 0, "stdout": "", "files": ("out/result.json",)},
    ),
    case(
        "a file that cannot be compressed or decompressed",
        "--decompress",
        "prog.py",
        ours={"status": 1, "stdout": "", "stderr": "prog.py: .*", "files": ()},
    ),
    case(
        "a file that cannot be compressed or decompressed",
        "--compress",
        "bad.json",
        files={"bad.json": "{"},
        ours={"status": 1, "stdout": "", "stderr": "bad.json: .*", "files": ()},
    ),
    case(
        "`--plugins`", "--plugins", "my_plugin with words", "--quiet", "--", "prog.py", files={"my_plugin.py": PLUGIN}
    ),
    case("`--plugins`", "--plugins", "no_such_plugin", "--quiet", "--", "prog.py"),
    case("`--plugins`", "--plugins", "empty", "--quiet", "--", "prog.py", files={"empty.py": ""}),
]

CASES = [*COMPRESS, *PARSING, *OUTPUTS, *FILTERS, *OTHERS, *MODES, *CONFIGURATION, *COMBINE]
# What is different about an option as such: by option and aspect the row that says so.
OPTION_ROWS = {("--tracer_entries", "default"): "`--tracer_entries` by default"}
FEATURES = {one_case.values[0].feature for one_case in CASES} | {*OPTION_ROWS.values()}


@pytest.mark.parametrize("one_case", CASES)
def test_command_line(tmp_path, one_case):
    check(tmp_path, one_case)


# --- the options as such ---


def test_options(sandbox):
    assert conformance.different_options(sandbox, "viztracer.main:main") == OPTION_ROWS.keys()
    assert all(ROWS[feature] != SAME for feature in OPTION_ROWS.values())
