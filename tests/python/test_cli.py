"""The command `viztracer`: what it runs, what it writes, what it prints, and how it ends."""

import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest
import tree
from conftest import BIN, heed_interrupts, program

HELLO = "import sys\n\ndef greet(name):\n    print('hello', name)\n\ngreet(' '.join(sys.argv[1:]))\n"


def called(report):
    """The names of the functions that were called, without what is in brackets."""
    return {event["name"].partition(" (")[0] for event in tree.spans(report)}


# --- what it runs ---


def test_script_with_arguments(sandbox):
    sandbox.script(HELLO)
    done = sandbox.viztracer("script.py", "you", "there")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hello you there\n")
    assert {"greet", "<module>", "builtins.exec"} <= called(sandbox.report("result.json"))


def test_script_is_found_on_path(sandbox):
    (sandbox.path / "bin").mkdir()
    sandbox.script(HELLO, "bin/greets")
    path = f"{sandbox.path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = sandbox.viztracer("greets", "you", env=os.environ | {"PATH": path})
    assert done.stdout.startswith("hello you\n")


def test_double_dash_ends_the_options(sandbox):
    sandbox.script(HELLO)
    done = sandbox.viztracer("-o", "mine.json", "--", "script.py", "-o", "yours.json")
    assert done.stdout.startswith("hello -o yours.json\n")
    assert "greet" in called(sandbox.report("mine.json"))


def test_options_are_recognised_after_the_script(sandbox):
    sandbox.script(HELLO)
    done = sandbox.viztracer("script.py", "you", "-o", "mine.json")
    assert done.stdout.startswith("hello you\n")
    assert "greet" in called(sandbox.report("mine.json"))


def test_module(sandbox):
    package = sandbox.path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(HELLO)
    done = sandbox.viztracer("-m", "package", "you")
    assert done.stdout.startswith("hello you\n")
    names = {event["name"] for event in tree.spans(sandbox.report("result.json"))}
    assert f"greet ({package / '__main__.py'}:3)" in names


def test_command_string(sandbox):
    done = sandbox.viztracer("-c", "import sys; print(sys.argv, __name__)", "you")
    assert done.stdout.startswith("['-c', 'you'] __main__\n")


def test_command_string_is_recorded_to_the_last_call(sandbox):
    report = sandbox.trace("-c", "lst=[]; lst.append(1)")
    names = [event["name"] for event in sorted(tree.spans(report), key=lambda event: event["ts"])]
    end = next((index for index, name in enumerate(names) if name.startswith("_shutdown (")), len(names))
    assert names[:end] == ["builtins.exec", "<module> (<string>:1)", "list.append"]
    assert end == len(names) or sys.version_info < (3, 12)  # there, the tracer imports threading, which has an end


def test_main_module_is_the_program(sandbox):
    sandbox.script("import __main__\nclass C: pass\nprint(__main__.C is C, __file__)\n")
    done = sandbox.viztracer("script.py")
    assert done.stdout.startswith(f"True {sandbox.path / 'script.py'}\n")


def test_python_dash_m_viztracer(sandbox):
    sandbox.script(HELLO)
    done = sandbox.python("-m", "viztracer", "script.py", "you")
    assert (done.returncode, done.stdout.partition("\n")[0]) == (0, "hello you")


def test_package_beside_the_script_is_importable(sandbox):
    (sandbox.path / "sub").mkdir()
    sandbox.script("VALUE = 5\n", "sub/beside.py")
    sandbox.script("import beside\nprint(beside.VALUE)\n", "sub/script.py")
    assert sandbox.viztracer("sub/script.py").stdout.startswith("5\n")


# --- what it writes ---


def test_report_has_the_shape_of_a_viztracer_report(sandbox):
    sandbox.script(HELLO)
    report = sandbox.trace("script.py", "you")
    path = str(sandbox.path / "script.py")
    name = f"greet ({path}:3)"
    (event,) = [event for event in tree.spans(report) if event["name"] == name]
    assert {key: type(value) for key, value in event.items()} == {
        "pid": int,
        "tid": int,
        "ts": float,
        "dur": float,
        "ph": str,
        "cat": str,
        "name": str,
    }
    assert event["cat"].upper() == "FEE"
    first, second = report["traceEvents"][:2]
    assert (first["ph"], first["name"], first["args"]) == ("M", "process_name", {"name": "MainProcess"})
    assert (second["ph"], second["name"], second["args"]) == ("M", "thread_name", {"name": "MainThread"})
    assert report["viztracer_metadata"]["overflow"] is False
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", report["viztracer_metadata"]["version"])
    assert report["file_info"]["functions"][name] == [path, 3]
    assert report["file_info"]["files"][path] == [HELLO, HELLO.count("\n")]


def test_output_file_and_gzip(sandbox):
    sandbox.script(HELLO)
    assert sandbox.viztracer("-o", "plain.json", "script.py").returncode == 0
    assert sandbox.viztracer("-o", "packed.json.gz", "script.py").returncode == 0
    with gzip.open(sandbox.path / "packed.json.gz", "rt", encoding="utf-8") as file:
        assert called(json.load(file)) == called(sandbox.report("plain.json"))


def test_output_of_other_kinds(sandbox, perfetto):
    sandbox.script(HELLO)
    outputs = ("report.pftrace", "report.pftrace.gz", "report.folded", "report.html", "report.csv", "a.speedscope.json")
    for output in outputs:
        done = sandbox.viztracer("-o", output, "script.py")
        assert done.returncode == 0, done.stderr
    assert perfetto(sandbox.path / "report.pftrace")["errors"] == []
    for output, expected in {
        "report.folded": ";<module> (",
        "report.html": '"\\u003cmodule>"',
        "report.csv": ",<module>,",
        "a.speedscope.json": '{"name":"<module>",',
    }.items():
        assert expected in (sandbox.path / output).read_text(encoding="utf-8"), output


def test_output_directory_is_made(sandbox):
    sandbox.script(HELLO)
    assert sandbox.viztracer("--output_dir", "out", "-o", "mine.json", "script.py").returncode == 0
    assert [path.name for path in (sandbox.path / "out").iterdir()] == ["mine.json"]


def test_nothing_is_left_but_the_report(sandbox):
    sandbox.script(HELLO)
    sandbox.viztracer("script.py")
    assert sorted(path.name for path in sandbox.path.iterdir()) == ["result.json", "script.py"]


def test_pid_suffix_leaves_ring_files_and_says_how_to_merge_them(sandbox):
    sandbox.script(HELLO)
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "script.py", "you")
    (ring,) = (sandbox.path / "rings").iterdir()
    assert re.fullmatch(r"result_\d+\.bin", ring.name)
    command = done.stdout.splitlines()[-1].strip()
    command = re.sub(r"\x1b\[\d*m", "", command)
    assert command.startswith("viztracer-merge ")
    assert "greet" in called(merged_by(sandbox, command))


def merged_by(sandbox, command):
    """The report that a printed `viztracer-merge` command makes in a shell."""
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    words = shlex.split(command)
    output = words[words.index("-o") + 1] if "-o" in words else "result.json"
    assert sandbox.run("sh", "-c", command, env=env).returncode == 0
    return sandbox.report(output)


def test_pid_suffix_with_an_output_file_gives_one_report_for_each_process(sandbox):
    done = sandbox.viztracer("--pid_suffix", "-o", "each.json", program("fork.py"))
    pids = {int(pid) for pid in re.findall(r"^\d (\d+)$", done.stdout, re.MULTILINE)}
    assert len(pids) == 3
    reports = [sandbox.report(path.name) for path in sandbox.path.glob("each_*.json")]
    assert {path.name for path in sandbox.path.iterdir()} == {f"each_{pid}.json" for pid in pids}
    assert sorted(pid for report in reports for pid in {event["pid"] for event in tree.spans(report)}) == sorted(pids)


def test_unique_output_file(sandbox):
    sandbox.script(HELLO, "my.script.py")
    assert sandbox.viztracer("-u", "my.script.py").returncode == 0
    (report,) = sandbox.path.glob("*.json")
    assert re.fullmatch(r"my_\d{8}_\d{6}_\d+\.json", report.name)


# --- what is recorded ---


def test_ignore_c_function(sandbox):
    report = sandbox.trace("--ignore_c_function", program("c_calls.py"))
    assert {"of_objects", "of_types", "failing"} <= called(report)
    assert all(event["name"].endswith(")") for event in tree.spans(report))  # every function has a file and a line


def test_ignore_frozen(sandbox):
    sandbox.script("import this_module_is_new\nthis_module_is_new.f()\n")
    sandbox.script("def f():\n    pass\n", "this_module_is_new.py")
    everything = {event["name"] for event in tree.spans(sandbox.trace("script.py"))}
    without = {event["name"] for event in tree.spans(sandbox.trace("--ignore_frozen", "script.py"))}
    assert any("(<frozen importlib" in name for name in everything)
    assert not any("(<frozen" in name for name in without)
    # Frozen code calls the new module's own code, which is shown all the same.
    path = sandbox.path / "this_module_is_new.py"
    assert {f"<module> ({path}:1)", f"f ({path}:1)"} <= without


LIBRARY = "def outer(callback):\n    divmod(7, 2)\n    callback()\n"
USES_LIBRARY = "import library\n\ndef inner():\n    abs(1)\n\nlibrary.outer(inner)\n"


@pytest.mark.parametrize("option", [["--exclude_files", "library.py"], ["--include_files", "script.py"]])
def test_excluded_functions_do_not_hide_those_they_call(sandbox, option):
    sandbox.script(LIBRARY, "library.py")
    sandbox.script(USES_LIBRARY)
    names = called(sandbox.trace(*option, "--", "script.py"))
    assert {"inner", "builtins.abs"} <= names
    assert not {"outer", "builtins.divmod"} & names


def test_include_and_exclude_together_are_refused(sandbox):
    sandbox.script(HELLO)
    done = sandbox.viztracer("--include_files", "a.py", "--exclude_files", "b.py", "--", "script.py")
    assert done.returncode == 1
    assert "include_files and exclude_files can't be both specified" in done.stdout + done.stderr
    assert "hello" not in done.stdout


def test_min_duration(sandbox):
    sandbox.script("import time\ndef long(): short(); time.sleep(0.3)\ndef short(): pass\nlong()\n")
    report = sandbox.trace("--min_duration", "250ms", "script.py")
    assert {"long", "time.sleep"} <= called(report)
    assert "short" not in called(report)
    assert all(event["dur"] >= 250_000 for event in tree.spans(report))


def test_max_stack_depth(sandbox):
    report = sandbox.trace("--max_stack_depth", "5", program("recursion.py"))
    (calls,) = tree.trees(report).values()
    assert max(call.depth for call in calls) == 4


def test_tracer_entries(sandbox):
    report = sandbox.trace("--tracer_entries", "100", program("recursion.py"))
    assert report["viztracer_metadata"]["overflow"] is True
    assert len(tree.spans(report)) in range(100, 104)  # the newest 100, and what was open


# --- what it prints ---


def test_it_prints_what_viztracer_prints(sandbox):
    sandbox.script(HELLO)
    done = sandbox.viztracer("script.py", "you")
    assert done.stdout.startswith("hello you\n")
    assert re.search(r"Total Entries: \d+", done.stdout)
    assert "Use the following command to open the report:" in done.stdout
    assert f"vizviewer {sandbox.path / 'result.json'}" in done.stdout


@pytest.mark.parametrize("options", [[], ["--pid_suffix"], ["-o", "x.json", "--pid_suffix"], ["-o", "x.json.gz"]])
def test_quiet_prints_nothing(sandbox, options):
    sandbox.script("pass\n")
    done = sandbox.viztracer("--quiet", *options, "script.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_streams_are_the_programs_own(sandbox):
    done = sandbox.viztracer("--quiet", program("talks.py"), "a b", input="line 1\nline 2 ☃")
    assert (done.returncode, done.stdout, done.stderr) == (0, "line 1\nline 2 ☃", "['a b']\n")


def test_version(sandbox):
    done = sandbox.viztracer("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", done.stdout)


def test_without_a_program_help_is_printed(sandbox):
    done = sandbox.viztracer()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage:")


# --- how it ends ---


@pytest.mark.parametrize(
    ("source", "code", "stderr"),
    [
        ("pass", 0, r""),
        ("import sys; sys.exit(3)", 3, r""),
        ("import sys; sys.exit('a reason')", 1, r"a reason\n"),
        ("raise KeyError('mine')", 1, r"Traceback \(most recent call last\):\n(?s:.*)KeyError: 'mine'\n"),
        ("import os; os._exit(4)", 4, r""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, r""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, r""),
        ("raise KeyboardInterrupt", -signal.SIGINT, r"Traceback(?s:.*)KeyboardInterrupt\n"),
    ],
)
def test_exit_status_is_the_programs_own(sandbox, source, code, stderr):
    sandbox.script(source + "\n")
    bare = sandbox.python("script.py")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "script.py")
    assert bare.returncode == done.returncode == code
    assert re.fullmatch(stderr, done.stderr), done.stderr
    (ring,) = (sandbox.path / "rings").glob("*.bin")
    report = sandbox.merge(ring)
    assert f"<module> ({sandbox.path / 'script.py'}:1)" in {event["name"] for event in tree.spans(report)}


@pytest.mark.parametrize("source", ["import sys; sys.exit(3)", "raise KeyError('mine')", "raise KeyboardInterrupt"])
def test_a_report_is_written_however_the_program_ends(sandbox, source):
    sandbox.script(source + "\n")
    sandbox.viztracer("script.py")
    assert "<module>" in called(sandbox.report("result.json"))


def test_exceptions_leave_a_mark_on_each_call_they_end(sandbox):
    path = program("exits.py")
    done = sandbox.viztracer("--quiet", path)
    assert (done.returncode, done.stdout) == (3, "cleaned up\nat exit\n")
    spans = tree.spans(sandbox.report("result.json"))
    raised = {event["name"] for event in spans if event.get("args") == {"raised": True}}
    assert {"sys.exit", f"inner ({path}:14)", f"outer ({path}:7)"} <= raised
    assert f"cleans_up ({path}:18)" not in raised


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before, an interpreter has one profiler at a time")
def test_a_program_may_profile_itself(sandbox):
    script = sandbox.script("import cProfile\ndef f(): pass\ncProfile.run('f()', 'stats')\nprint('profiled')\n")
    done = sandbox.viztracer("--quiet", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "profiled\n", "")


def test_handlers_of_signals_are_the_programs_own(sandbox):
    sandbox.script("import signal as s\nprint(*map(s.getsignal, (s.SIGTERM, s.SIGHUP, s.SIGUSR1, s.SIGINT)))\n")
    assert sandbox.viztracer("--quiet", "script.py").stdout == sandbox.python("script.py").stdout


def test_interrupt_from_the_terminal(sandbox):
    """SIGINT in the middle of the program: its clean-up runs, and it dies of the signal, as without us."""
    sandbox.script("try:\n    print('ready', flush=True)\n    while True: pass\nfinally:\n    print('cleaned up')\n")
    command = [BIN / "viztracer", "--quiet", "script.py"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "preexec_fn": heed_interrupts}
    with subprocess.Popen(command, cwd=sandbox.path, **options) as running:
        try:
            assert running.stdout.readline() == "ready\n"
            running.send_signal(signal.SIGINT)
            stdout, _ = running.communicate(timeout=120)
        finally:
            running.kill()
    assert (stdout, running.returncode) == ("cleaned up\n", -signal.SIGINT)
    assert "<module>" in called(sandbox.report("result.json"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.py"], 1, "No such file as missing.py\n"),
        (["--", "-m", "there"], 1, "No such file as -m; options of viztracer, -m and -c too, come before --\n"),
        (["--unknown", "script.py"], 2, "viztracer: there is no option --unknown: see viztracer --help\n"),
        (["-o", "report.txt", "script.py"], 1, "Only these kinds of report are supported: .json, .json.gz, "),
        (["-m", "there_is_no_such_module"], 1, "No module named there_is_no_such_module\n"),
        (["--tracer_entries", "many", "script.py"], 2, "invalid int value: 'many'\n"),
        (["-u", "-o", "report.json", "script.py"], 2, "not allowed with argument"),
        (["--unknown", "--", "script.py"], 2, "unrecognized arguments: --unknown"),
        (["script.py", "--", "script.py"], 2, "the program and its arguments come after --"),
    ],
)
def test_refusals(sandbox, arguments, code, message):
    sandbox.script("print('ran')\n")
    done = sandbox.viztracer(*arguments)
    assert done.returncode == code
    assert message in done.stdout + done.stderr
    assert "ran\n" not in done.stdout.splitlines(keepends=True)


def test_missing_script_leaves_no_file(sandbox):
    done = sandbox.viztracer("missing.py")
    assert "Traceback" not in done.stdout + done.stderr
    assert [*sandbox.path.iterdir()] == []


def test_idle_interpreter_imports_nothing_of_ours(sandbox):
    done = sandbox.python("-X", "importtime", "-c", "pass")
    assert "viztracer" not in done.stderr
