"""A report contains the text of files that the interpreter used, and of no other file that an input names."""

import gzip
import json
import os
import re
import threading

import pytest

# A function that says it stands in another file.
CLAIM = """
def claim(path):
    scope = {}
    exec(compile("def claimed(): pass", path, "exec"), scope)
    scope["claimed"]()
"""


def files(sandbox, *inputs, options=()):
    """The source files whose text a merge takes, but those of packages and of threading, which recording needs before
    CPython 3.12; and how many it leaves out, by reason."""
    done = sandbox.viztracer_merge(*inputs, "-q", "-o", "merged.json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    info = sandbox.report("merged.json")["file_info"]
    programs = {
        path: text
        for path, text in info["files"].items()
        if "site-packages" not in path and path != threading.__file__
    }
    return programs, info.get("left_out", {})


def record(sandbox, source, *options, directory="rings"):
    """Traces a program that has this source, into ring files."""
    script = sandbox.script(source)
    done = sandbox.viztracer("--pid_suffix", "--output_dir", directory, *options, "script.py")
    assert done.returncode == 0, done.stderr
    return script


def test_a_program_cannot_name_what_is_no_python(sandbox):
    secret = sandbox.path / "secret"
    secret.write_text("root:secret:1\n", encoding="utf-8")
    paths = ["/etc/passwd", "/proc/self/environ", "/dev/stdin", "/dev/zero", "nothing", "../../../etc/passwd"]
    paths.append(str(secret))
    script = record(sandbox, CLAIM + f"for path in {paths!r}: claim(path)\n")
    taken, left_out = files(sandbox, "rings")
    assert taken.keys() == {script}
    assert sum(left_out.values()) == len(paths)
    assert left_out["not_python"] >= 2
    for output in ("out.json", "out.html"):
        sandbox.viztracer_merge("rings", "-o", output)
        assert "root:" not in (sandbox.path / output).read_text(encoding="utf-8")


def test_a_file_is_there_once_however_it_is_spelled(sandbox):
    text = "x = 1\n" * 1000
    module = sandbox.script(text, "module.py")
    spellings = [os.path.join(os.path.dirname(module), "./" * dots, "module.py") for dots in range(60)]
    script = record(sandbox, CLAIM + f"for path in {spellings!r}: claim(path)\n")
    taken, left_out = files(sandbox, "rings")
    assert (taken.keys(), left_out) == ({script, module}, {"repeated": 59})


def test_a_file_that_changed_since_is_left_out(sandbox):
    script = record(sandbox, "def f(): pass\nf()\n")
    assert files(sandbox, "rings") == ({script: ["def f(): pass\nf()\n", 2]}, {})
    sandbox.script("def g(): pass\n\n\n\nf()\n")
    assert files(sandbox, "rings") == ({}, {"changed": 1})
    done = sandbox.viztracer_merge("rings", "-o", "merged.json")
    assert "1 changed or gone since they were recorded (--source_root DIR" in done.stderr


def test_children_vouch_for_what_they_inherit_and_what_they_import(sandbox):
    module = sandbox.script("def g(): pass\n", "module.py")
    source = """
import os
def f():
    if os.fork() == 0:
        import module
        module.g()
        os._exit(0)
    os.wait()
f()
"""
    script = record(sandbox, source)
    rings = sorted((sandbox.path / "rings").glob("*.bin"))
    assert len(rings) == 2
    for ring in rings:
        taken, _ = files(sandbox, ring)
        assert script in taken
    assert module in files(sandbox, "rings")[0]


@pytest.mark.parametrize("name", ["claimed.json", "claimed.json.gz"])
def test_a_trace_in_json_opens_no_file(sandbox, name):
    text = {"traceEvents": [], "file_info": {"files": {"/x/embedded.py": ["x = 1\n", 1]}}}
    there = sandbox.script("y = 2\n", "there.py")
    paths = [there, "/etc/passwd", "/proc/self/environ", "/dev/stdin", "/x/embedded.py"]
    for number, path in enumerate(paths):
        event = {"ph": "X", "pid": 1, "tid": 1, "ts": number, "dur": 0.5, "name": f"f ({path}:1)"}
        text["traceEvents"].append(event)
    data = json.dumps(text).encode()
    (sandbox.path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    embedded = {"/x/embedded.py": ["x = 1\n", 1]}
    assert files(sandbox, name) == (embedded, {"not_vouched": 4})
    taken, left_out = files(sandbox, name, options=["--source_root", sandbox.path])
    assert (taken, left_out) == (embedded | {there: ["y = 2\n", 1]}, {"not_vouched": 3})
    (sandbox.path / "merged.json").rename(sandbox.path / "again.json")
    assert files(sandbox, "again.json") == (embedded | {there: ["y = 2\n", 1]}, {"not_vouched": 3})


def test_sources_that_are_elsewhere_now(sandbox):
    """As of a container: what was /app is a directory here."""
    app = sandbox.path / "app"
    app.mkdir()
    sandbox.script("import module\nmodule.f()\n", "app/main.py")
    sandbox.script("def f(): pass\n", "app/module.py")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", app / "main.py")
    assert done.returncode == 0, done.stderr
    app.rename(sandbox.path / "here")
    (sandbox.path / "here" / "link.py").symlink_to("/etc/passwd")
    assert files(sandbox, "rings")[0] == {}
    options = ["--strip_prefix", app, "--source_root", "here"]
    taken, left_out = files(sandbox, "rings", options=options)
    assert taken == {"main.py": ["import module\nmodule.f()\n", 2], "module.py": ["def f(): pass\n", 1]}
    assert left_out == {}
    (sandbox.path / "here" / "module.py").write_text("def f(): return 'another version'\n", encoding="utf-8")
    assert files(sandbox, "rings", options=options)[1] == {"changed": 1}


def test_a_directory_for_sources_that_is_none(sandbox, small_trace):
    for name, reason in (("none", "No such file or directory"), (str(small_trace), "not a directory")):
        done = sandbox.viztracer_merge(small_trace, "-o", "merged.json", "--source_root", name)
        expected = f"viztracer-merge: {name}: cannot look for source files in it: {reason}\n"
        assert (done.returncode, done.stderr) == (2, expected)
        assert not (sandbox.path / "merged.json").exists()


def test_the_dump_tells_what_was_vouched_for(sandbox):
    script = record(sandbox, "def f(): pass\nf()\n")
    done = sandbox.viztracer_merge("--dump", "rings")
    stat = os.stat(script)
    identity = f"device {stat.st_dev}, inode {stat.st_ino}, {stat.st_size} bytes, {stat.st_mtime_ns} ns"
    assert done.stdout.splitlines().count(f"  SOURCE {script}: {identity}") == 1
    assert not re.search(r"SOURCE <|SOURCE .*frozen", done.stdout)
