"""`VizTracer` inside a program: start, stop, save, with, get_tracer, again and again."""

import pytest
import tree


@pytest.fixture
def run(sandbox):
    """Runs the source, which must end well, and returns what it printed."""

    def run(source):
        done = sandbox.python(sandbox.script(source))
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def called(report):
    return [event["name"].partition(" (")[0] for event in sorted(tree.spans(report), key=lambda event: event["ts"])]


def test_start_stop_save(sandbox, run):
    run(
        """
from viztracer import VizTracer

def before(): pass
def f(): return len("x")
def after(): pass

before()
tracer = VizTracer(verbose=0)
tracer.start()
f()
tracer.stop()
after()
tracer.save()
"""
    )
    report = sandbox.report("result.json")
    assert called(report) == ["f", "builtins.len"]
    assert sorted(path.name for path in sandbox.path.iterdir()) == ["result.json", "script.py"]


def test_with(sandbox, run):
    run(
        """
from viztracer import VizTracer

def f(): pass

with VizTracer(output_file="with.json", verbose=0):
    f()
"""
    )
    assert called(sandbox.report("with.json")) == ["f"]


def test_with_saves_after_an_exception_too(sandbox):
    script = sandbox.script(
        """
from viztracer import VizTracer

def fails(): raise KeyError("mine")

with VizTracer(verbose=0):
    fails()
"""
    )
    done = sandbox.python(script)
    assert done.returncode == 1 and done.stderr.endswith("KeyError: 'mine'\n")
    (event,) = tree.spans(sandbox.report("result.json"))
    assert (event["name"], event["args"]) == (f"fails ({script}:4)", {"raised": True})


def test_get_tracer(run):
    printed = run(
        """
from viztracer import VizTracer, get_tracer

print(get_tracer())
tracer = VizTracer(verbose=0)
print(get_tracer() is tracer)
"""
    )
    assert printed == "None\nTrue\n"


def test_restart_continues_the_same_recording(sandbox, run):
    run(
        """
from viztracer import VizTracer

def first(): pass
def between(): pass
def second(): pass

tracer = VizTracer(verbose=0)
tracer.start(); first(); tracer.stop()
between()
tracer.start(); second(); tracer.stop()
tracer.save()
"""
    )
    assert called(sandbox.report("result.json")) == ["first", "second"]


def test_second_save_holds_only_what_came_after_the_first(sandbox, run):
    run(
        """
from viztracer import VizTracer

def first(): pass
def second(): pass

tracer = VizTracer(verbose=0)
tracer.start(); first(); tracer.stop(); tracer.save("first.json")
tracer.start(); second(); tracer.stop(); tracer.save("second.json")
"""
    )
    assert called(sandbox.report("first.json")) == ["first"]
    assert called(sandbox.report("second.json")) == ["second"]


def test_start_and_stop_twice_in_a_row_are_harmless(sandbox, run):
    run(
        """
from viztracer import VizTracer

def f(): pass

tracer = VizTracer(verbose=0)
tracer.stop()
tracer.start(); tracer.start(); f(); tracer.stop(); tracer.stop()
tracer.save()
"""
    )
    assert called(sandbox.report("result.json")) == ["f"]


def test_calls_open_at_the_stop_are_begun_and_not_ended(sandbox, run):
    run(
        """
from viztracer import VizTracer

def outer(): inner()
def inner():
    finished()
    tracer.stop()
def finished(): pass

tracer = VizTracer(verbose=0)
tracer.start()
outer()
tracer.save()
"""
    )
    report = sandbox.report("result.json")
    by_name = {event["name"].partition(" (")[0]: event for event in tree.spans(report)}
    assert by_name.keys() == {"outer", "inner", "finished"}
    assert {name: event["ph"] for name, event in by_name.items()} == {"outer": "B", "inner": "B", "finished": "X"}
    assert by_name["outer"]["args"] == by_name["inner"]["args"] == {"unfinished": True}
    assert called(report) == ["outer", "inner", "finished"]


def test_calls_open_at_the_start_do_not_disturb(sandbox, run):
    """The tracer starts three calls deep; their returns match no call that was seen, and what follows is recorded."""
    run(
        """
from viztracer import VizTracer

def deep(n):
    if n: deep(n - 1)
    else: tracer.start()
    below()

def below(): pass
def after(): pass

tracer = VizTracer(verbose=0)
deep(3)
after()
tracer.stop()
tracer.save()
"""
    )
    names = [name for name in called(sandbox.report("result.json")) if name not in ("deep", "<module>")]
    assert names == ["below"] * 4 + ["after"]


def test_generator_begun_before_the_start_is_resumed_after(sandbox, run):
    run(
        """
from viztracer import VizTracer

def numbers():
    yield 1
    yield 2

suspended = numbers()
next(suspended)
tracer = VizTracer(verbose=0, ignore_c_function=True)
tracer.start()
list(suspended)
tracer.stop()
tracer.save()
"""
    )
    assert called(sandbox.report("result.json")) == ["numbers", "numbers"]


def test_our_own_functions_are_not_shown(sandbox, run):
    run(
        """
from viztracer import VizTracer, get_tracer

def f(): pass

with VizTracer(verbose=0) as tracer:
    get_tracer()
    f()
"""
    )
    assert called(sandbox.report("result.json")) == ["f"]


@pytest.mark.parametrize("name", ["saved.json", "deep/er/saved.json", "saved.json.gz"])
def test_save_to(sandbox, run, name):
    run(
        f"""
from viztracer import VizTracer

def f(): pass

tracer = VizTracer(verbose=0)
tracer.start(); f(); tracer.stop()
tracer.save({name!r})
"""
    )
    assert called(sandbox.report(name)) == ["f"]


def test_a_tracer_inside_a_traced_run_leaves_the_run_alone(sandbox):
    script = sandbox.script(
        "from viztracer import VizTracer\n"
        "def inside(): pass\n"
        "def after(): pass\n"
        "with VizTracer(output_file='inner.json'):\n"
        "    inside()\n"
        "after()\n"
    )
    done = sandbox.viztracer("--quiet", "-o", "outer.json", script)
    assert done.returncode == 0
    assert "No report is saved to inner.json: another tracer records this process" in done.stderr
    assert not (sandbox.path / "inner.json").exists()
    names = [event["name"].partition(" (")[0] for event in sandbox.report("outer.json")["traceEvents"]]
    assert names.count("inside") == names.count("after") == 1


def test_refused_arguments(run):
    printed = run(
        """
from viztracer import VizTracer

for keywords in ({"pid_suffix": 1}, {"max_stack_depth": "3"}, {"include_files": "a.py"}, {"ignore_c_function": 1}):
    try:
        VizTracer(**keywords)
    except (TypeError, ValueError) as error:
        print(type(error).__name__)
try:
    VizTracer(include_files=["a"], exclude_files=["b"]).start()
except Exception as error:
    print(error)
"""
    )
    assert printed.splitlines() == [
        "ValueError",
        "TypeError",
        "TypeError",
        "TypeError",
        "include_files and exclude_files can't be both specified!",
    ]


def test_wrong_calls_of_the_constructor(run):
    printed = run(
        """
import inspect
from viztracer import VizTracer

class Own(VizTracer):
    def __init__(self, name):
        super().__init__(1000, process_name=name)

assert list(inspect.signature(Own).parameters) == ["name"] and Own("a").tracer_entries == 1000
for positional, named in (((1,) * 8, {}), ((1,), {"tracer_entries": 1}), ((), {"nonsense": 1})):
    try:
        VizTracer(*positional, **named)
    except TypeError as error:
        print(error)
"""
    )
    assert printed.splitlines() == [
        "VizTracer() takes at most 7 positional arguments but 8 were given",
        "VizTracer() got multiple values for argument 'tracer_entries'",
        "VizTracer() got an unexpected keyword argument 'nonsense'",
    ]


def test_attributes_are_checked_again(run):
    """They may have been changed since the tracer was made."""
    printed = run(
        """
from viztracer import VizTracer

for name, value in {"min_duration": "1", "tracer_entries": 0, "include_files": "a.py", "log_async": 1}.items():
    tracer = VizTracer()
    setattr(tracer, name, value)
    try:
        tracer.start()
    except (TypeError, ValueError) as error:
        print(error)
"""
    )
    assert printed.splitlines() == [
        "min_duration must be int or float, not str",
        "tracer_entries must be at least 1",
        "include_files must be list or None, not str",
        "log_async must be bool, not int",
    ]


def test_every_option_is_an_argument_and_an_attribute(run):
    """In the signature that `help` shows, and in the docstring, with the defaults of the command line."""
    run(
        """
import argparse, inspect
from viztracer import VizTracer
from viztracer.command_line.arguments import add_recording_options, recording_options
from viztracer.tracer.options import OPTIONS, Options

parameters = inspect.signature(VizTracer).parameters
assert list(parameters) == list(OPTIONS)
assert str(parameters["include_files"]) == "include_files: 'list[str] | None' = None"
assert parameters["ignore_frozen"].kind == inspect.Parameter.POSITIONAL_OR_KEYWORD
assert parameters["log_async"].kind == inspect.Parameter.KEYWORD_ONLY
tracer = VizTracer()
for name, parameter in parameters.items():
    assert f"\\n    {name}: " in Options.__doc__
    assert name in ("register_global", "session") or getattr(tracer, name) == parameter.default
parser = argparse.ArgumentParser()
add_recording_options(parser)
for name, value in recording_options(parser.parse_args([])).items():
    assert value == parameters[name].default, name
"""
    )


def test_the_version_of_the_interpreter(sandbox):
    """That of the file is `sys.hexversion`, an alpha's or a candidate's, too."""
    script = sandbox.script("import sys\nprint(hex(sys.hexversion))\n")
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "--quiet", script)
    (ring,) = (sandbox.path / "rings").iterdir()
    assert hex(int.from_bytes(ring.read_bytes()[128:132], "little")) == done.stdout.strip()
