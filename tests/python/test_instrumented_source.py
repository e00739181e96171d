"""Source instrumentation records what code assigns, raises and enters, and changes nothing else."""

import ast
import os
import re
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from conftest import VIZTRACER_PYTHON
from listing_tracer import ListingTracer
from viztracer.code_monkey import CodeMonkey
from viztracer.instrument.compiler import Compiler
from viztracer.instrument.imports import is_own
from viztracer.instrument.options import InstrumentOptions


@pytest.fixture
def tracer(monkeypatch):
    tracer = ListingTracer()
    monkeypatch.setattr("builtins.__viz_tracer__", tracer, raising=False)
    return tracer


def compiled(source, filename="f.py", **options):
    complaints = []
    code = Compiler(InstrumentOptions(**options), complaints.append).compile(source, filename, "exec")
    assert complaints == []
    return code


def run(tracer, source, **options):
    """Run instrumented code; return the names of its instant events, and its namespace."""
    namespace = {"__name__": "program"}
    exec(compiled(source, **options), namespace)
    return [event[1] for event in tracer.events], namespace


def values(tracer, source, *patterns):
    """Run code; return the values that were recorded of variables, as ``name = value``."""
    names, _ = run(tracer, source, log_var=patterns)
    assert all(name.startswith("Variable Assign - ") for name in names)
    return [name.removeprefix("Variable Assign - ") for name in names]


STATEMENTS = {
    "plain": ("a = 1", ["a = 1"]),
    "chain": ("a = b = 1", ["a = 1", "b = 1"]),
    "tuple": ("a, (b, *c) = 1, (2, 3)", ["a = 1", "b = 2", "c = [3]"]),
    "list": ("[a, b] = 'xy'", ["a = 'x'", "b = 'y'"]),
    "augmented": ("a = [1]\na += [2]", ["a = [1]", "a = [1, 2]"]),
    "annotated": ("a: int = 5", ["a = 5"]),
    "annotation alone": ("a: int\nb = 1", ["b = 1"]),
    "subscript": ("a = {}\na['k'] = 1\na['k'] += 1", ["a = {}", "a = {'k': 1}", "a = {'k': 2}"]),
    "for": ("for a in 'xy': pass", ["a = 'x'", "a = 'y'"]),
    "for of tuples": ("for a, (b, c) in [(1, (2, 3))]: pass\nelse: a = 4", ["a = 1", "b = 2", "c = 3", "a = 4"]),
    "walrus": ("if (a := 5) and [b := a]: pass", ["a = 5", "b = 5"]),
    "walrus in a comprehension": (
        "def f(): return [(a := x) for x in 'y'], a\nassert f() == (['y'], 'y')",
        ["a = 'y'"],
    ),
    "with": (
        "from contextlib import nullcontext as n\nwith n(1) as a, n((2, 3)) as (b, c): b = 4",
        ["a = 1", "b = 2", "c = 3", "b = 4"],
    ),
    "except": ("try: raise KeyError(1)\nexcept KeyError as b: b = 2", ["b = KeyError(1)", "b = 2"]),
    "match": (
        "match {'k': [1, 2, 3], 'z': 0}:\n case {'k': [a, *b], **c} if a: pass",
        ["a = 1", "b = [2, 3]", "c = {'z': 0}"],
    ),
    "match as": ("match 5:\n case str() | int() as a: pass", ["a = 5"]),
    "parameters": (
        "def f(a, /, b=2, *c, d, **e): 'doc'; return a\nassert f(1, d=4, x=5) == 1 and f.__doc__ == 'doc'",
        ["a = 1", "b = 2", "c = ()", "d = 4", "e = {'x': 5}"],
    ),
    "lambda": ("f = lambda a, *, b=2: a + b\nassert f(1) == 3", ["a = 1", "b = 2"]),
    "lambda that yields": ("assert list((lambda a: (yield a))(1)) == [1]", ["a = 1"]),
    "comprehension": ("assert [a for a in 'xyz' if a != 'y'] == ['x', 'z']", ["a = 'x'", "a = 'y'", "a = 'z'"]),
    "two loops": ("assert {a: b for a in 'x' for b in (1, 2)} == {'x': 2}", ["a = 'x'", "b = 1", "b = 2"]),
    "class body": ("class C:\n 'doc'\n a = 1\n __b = 2\n b = __b\nassert C.__doc__ == 'doc'", ["a = 1", "b = 2"]),
    "global": ("def f():\n global a\n a = 1\nf()\nassert a == 1", ["a = 1"]),
    "nonlocal": (
        "def f():\n a = 1\n def g():\n  nonlocal a\n  a += 1\n g()\n return a\nassert f() == 2",
        ["a = 1", "a = 2"],
    ),
    "coroutine": (
        "import asyncio\nasync def f(a):\n async with asyncio.Lock() as c: b = a\n return b\n"
        "assert asyncio.run(f(1)) == 1",
        ["a = 1", "c = None", "b = 1"],
    ),
    "async for": (
        "import asyncio\nasync def g():\n yield 1\nasync def f():\n async for a in g(): pass\n"
        " return [b async for b in g()]\nassert asyncio.run(f()) == [1]",
        ["a = 1", "b = 1"],
    ),
    "generator": ("def f(a):\n a = yield a\n return a\nassert list(f(1)) == [1]", ["a = 1", "a = None"]),
    "one line": ("if True: a = 1; b = 2", ["a = 1", "b = 2"]),
    "try": ("try: a = 1\nfinally: b = 2", ["a = 1", "b = 2"]),
    "future": ("'doc'\nfrom __future__ import annotations\na: nothing = 1\nassert __doc__ == 'doc'", ["a = 1"]),
    "deleted": ("a = 1\ndel a\ntry: a\nexcept NameError: b = 2", ["a = 1", "b = 2"]),
}
if sys.version_info >= (3, 11):
    STATEMENTS["except star"] = (
        "try: raise ExceptionGroup('g', [KeyError(1)])\nexcept* KeyError as a: pass",
        ["a = ExceptionGroup('g', [KeyError(1)])"],
    )


@pytest.mark.parametrize("form", STATEMENTS)
def test_variables_in_every_form_of_statement(tracer, form):
    source, expected = STATEMENTS[form]
    assert values(tracer, source, "[a-e]") == expected


def test_patterns_match_whole_names(tracer):
    assert values(tracer, "a = ab = b1 = 1", "a", r"b\d") == ["a = 1", "b1 = 1"]
    with pytest.raises(ValueError, match=r"'\(' is no regular expression"):
        InstrumentOptions(log_var=["("])


def test_lines_stay(tracer):
    source = (
        "'text\\\n'\na = 1\ndef f(a):\n    'doc'\n    for a in [1]:\n        raise KeyError(\n            a)\nf(2)\n"
    )
    every = [".*"]
    lines = []
    for options in (
        {},
        dict.fromkeys(("log_var", "log_attr", "log_func_exec", "log_func_entry"), every) | {"log_exception": True},
    ):
        with pytest.raises(KeyError) as error:
            run(tracer, source, **options)
        lines.append([entry.lineno for entry in error.traceback if str(entry.path).endswith("f.py")])
    assert lines[0] == lines[1] and len(lines[0]) == 2


def test_numbers_are_counters_and_the_program_may_assign_others(tracer):
    run(tracer, "a = 1\na = 2.5\na = True\na = 'text'", log_number=["a"])
    name = "Variable Assign - a"
    assert tracer.events == [
        *(("C", name, {name: number}) for number in (1, 2.5, True)),
        ("i", f"{name} = 'text'", None, "p"),
    ]


ATTRIBUTES = """
class C:
    def __init__(self):
        self.a = 1
        self.__a = 2
        self.b: int = 3
        self.only_written = 4
        self.other = 5

    @property
    def only_written(self):
        raise AttributeError

    @only_written.setter
    def only_written(self, value):
        pass

made = 0

def make():
    global made
    made += 1
    return c

c = C()
c.a += 1
c.c = d = [c]
c.c[0].a, c.b = 5, 6
make().a = 7
make().a += 1
for c.a in [9]:
    pass
assert made == 2
"""


def test_attributes(tracer):
    names, _ = run(tracer, ATTRIBUTES, log_attr=["a", "__a", "b", "only_written"])
    assert [name.removeprefix("Attribute Assign - ") for name in names] == [
        "self.a = 1",
        "self.__a = 2",
        "self.b = 3",
        "c.a = 2",
        "c.c[0].a = 5",
        "c.b = 6",
        "make().a = 7",
        "make().a = '(not read, since that would run code a second time)'",
        "c.a = 9",
    ]


def test_assignments_of_functions_are_steps_of_their_calls(tracer):
    source = (
        "def f(n):\n    'doc'\n    a, b = n, 1\n    for i in range(2):\n        a += i\n"
        "    if (c := a):\n        pass\n    def inner():\n        d = 1\n    inner()\n    return a\n"
        "def other():\n    e = 1\nf(1)\nother()\n"
    )
    run(tracer, source, log_func_exec=["f"])
    steps = ["(3) a = 1", "(3) b = 1", "(5) a = 1", "(5) a = 2", "(6) c = 2"]
    assert tracer.open_call == {"exec_steps": steps} and tracer.events == []


def test_entries_of_functions(tracer):
    source = (
        "import asyncio\nclass C:\n    def f(self): 'doc'\nasync def g(): pass\ndef h(): pass\n"
        "C().f()\nasyncio.run(g())\nh()"
    )
    names, _ = run(tracer, source, log_func_entry=["f", "g"])
    assert names == ["Function Entry - f = 'f is called'", "Function Entry - g = 'g is called'"]


def test_exceptions_are_made_once(tracer):
    source = (
        "made = []\ndef E(n): made.append(n); return KeyError(n)\n"
        "try: raise E(1) from None\nexcept KeyError as error: assert error.__cause__ is None\n"
        "try:\n    try: raise TypeError\n    except TypeError: raise\nexcept TypeError: pass\nassert made == [1]\n"
    )
    names, _ = run(tracer, source, log_exception=True)
    assert names == [
        "Exception - E() = KeyError(1)",
        "Exception - TypeError = <class 'TypeError'>",
        "Exception = TypeError()",
    ]


COMMENTS = '''"""doc"""
from __future__ import annotations
# !viztracer: log_instant("begin", {"k": 1}, scope="p")
a = 0  # !viztracer: log
for i in range(3):  # !viztracer: log
    a = i  # !viztracer: log if i == 1
    # !viztracer: log_var("twice", a * 2) if a == 2
else:
    # !viztracer: log_instant("else")
    pass
a += 1  # !viztracer: log
d = {"=": 1}; d["k"] = (
    a)  # !viztracer: log
if a == 3:  # !viztracer: log
    len("==")  # !viztracer: log
def f(x):
    """doc"""
    # !viztracer: log_instant("in f")
    if x:
        return x  # !viztracer: log
    # !viztracer: log_instant("before the end")
    raise KeyError  # !viztracer: log
    # !viztracer: log_instant("never")
f(1)
try: f(0)
except KeyError: pass
with open(__import__("os").devnull) as file:  # !viztracer: log if False
    pass
text = "# !viztracer: log_instant('no comment')"
# !viztracer: log_instant("end")
'''


def test_comments(tracer):
    _, namespace = run(tracer, COMMENTS, magic_comment=True)
    assert namespace["__doc__"] == "doc" and namespace["f"].__doc__ == "doc"
    shown = [
        (event[1], *event[2].values()) if event[0] == "C" else event[1] + (str(event[2]) if event[2] else "")
        for event in tracer.events
    ]
    assert shown == [
        "begin{'k': 1}",
        ("a", 0),
        ("i", 0),
        ("i", 1),
        ("a", 1),
        ("i", 2),
        ("twice", 4),
        "else",
        ("a", 3),
        ('d["k"]', 3),
        "if a == 3:",
        'len("==")',
        "in f",
        "return x",
        "in f",
        "before the end",
        "raise KeyError",
        "end",
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# !viztracer: log_instant('alone')", ["alone"]),
        ("if 1:\n    # !viztracer: log_instant('outer')\n    if 0: pass\n", ["outer"]),
        ("if 0:\n    a = 1\n    # !viztracer: log_instant('never')\nelse:\n    pass\n", []),
        ("if 0:\n    if 1:\n        pass\n    # !viztracer: log_instant('never')\n", []),
        ("if 0:\n    pass\n# !viztracer: log_instant('after')\n", ["after"]),
        ("try: pass\nfinally:\n    # !viztracer: log_instant('finally')\n    pass\n", ["finally"]),
        ("match 1:  # !viztracer: log\n    case 2: pass\n    case 1:\n        a = 5\n", ["match 1:"]),
        (
            "match 1:\n    case 2:\n        pass\n    case 1:\n        # !viztracer: log_instant('1')\n        pass\n",
            ["1"],
        ),
        ("é = 'é'; a = 2  # !viztracer: log\n", [("a", 2)]),
        ("b = {}\nb['é'], a = 1, 2  # !viztracer: log\n", ["b['é'], a"]),
    ],
)
def test_comments_belong_to_the_block_around_them(tracer, source, expected):
    run(tracer, source, magic_comment=True)
    shown = [(event[1], *event[2].values()) if event[0] == "C" else event[1] for event in tracer.events]
    assert shown == expected


NOT_UNDERSTOOD = "this !viztracer comment is not understood, so it has no effect"


def test_comments_inside_of_a_statement_are_named(tracer):
    complaints = []
    compiler = Compiler(InstrumentOptions(magic_comment=True), complaints.append)
    source = "def f():\n    pass\na = [\n    # !viztracer: log_instant('a')\n    1]\n"
    exec(compiler.compile(source, "f.py", "exec"), {})
    assert complaints == [f"f.py:4: {NOT_UNDERSTOOD}"] and tracer.events == []


def test_time_for_comments_does_not_grow_with_the_length_of_the_file(tracer):
    source = "def f():\n    # !viztracer: log_instant('x')\n    a = 1  # !viztracer: log\n" * 2000
    begin = time.process_time()
    run(tracer, source, magic_comment=True)
    assert time.process_time() - begin < 30, "it was a minute and a half"



@pytest.mark.parametrize(
    "comment", ["log_nonsense()", "log_var(", "", "log_event('x')", "exit()", "log if", "log or 1"]
)
def test_comments_that_say_nothing_known_are_named(tracer, comment):
    complaints = []
    compiler = Compiler(InstrumentOptions(magic_comment=True), complaints.append)
    for source in (f"a = 1\n# !viztracer: {comment}\n", f"\na = 1  # !viztracer: {comment}"):
        exec(compiler.compile(source, "f.py", "exec"), {})
    assert complaints == [f"f.py:2: {NOT_UNDERSTOOD}"] * 2 and tracer.events == []


def test_without_a_recording_the_program_runs_the_same(monkeypatch):
    every = [".*"]
    options = {name: every for name in ("log_var", "log_number", "log_attr", "log_func_exec", "log_func_entry")}
    for tracer in (None, ListingTracer()):
        monkeypatch.setattr("builtins.__viz_tracer__", tracer, raising=False)
        if tracer:
            tracer.enable = False
        for source in (*(source for source, _ in STATEMENTS.values()), ATTRIBUTES, COMMENTS):
            exec(compiled(source, **options, log_exception=True, magic_comment=True), {"__name__": "n"})


def test_values_that_cannot_be_shown_do_not_harm_the_program(tracer):
    source = (
        "class C:\n    def __repr__(self):\n        self.shown = 1\n        raise KeyError\n"
        "    def __getattr__(self, name): raise ValueError\n    def __setattr__(self, name, value): pass\n"
        "c = C()\nc.x = 1\n"
    )
    names, _ = run(tracer, source, log_var=["c"], log_attr=[".*"])
    assert names == ["Variable Assign - c = Not Displayable"] * 2


def test_all_forms_together_change_no_result(tracer):
    """The interpreter's tests of its own grammar pass when all of it is instrumented, as they do without."""
    directory = Path(os.__file__).parent / "test"
    if not (directory / "test_grammar.py").exists():
        pytest.skip("this Python has no test package")
    script = (
        "import builtins, io, sys, types, unittest, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from listing_tracer import ListingTracer\n"
        "from viztracer.instrument.compiler import Compiler\n"
        "from viztracer.instrument.options import InstrumentOptions\n"
        "builtins.__viz_tracer__ = ListingTracer()\n"
        "every = ['.*']\n"
        "options = InstrumentOptions(every, every, every, every, every, True, True)\n"
        "compiler = Compiler(options, lambda text: sys.exit(text))\n"
        "for name in ('test_grammar', 'test_named_expressions', 'test_scope', 'test_with', 'test_unpack_ex'):\n"
        f"    path = {str(directory)!r} + f'/{{name}}.py'\n"
        "    module = sys.modules['test.' + name] = types.ModuleType('test.' + name)\n"
        "    exec(compiler.compile(open(path, 'rb').read(), path, 'exec'), module.__dict__)\n"
        "    tests = unittest.defaultTestLoader.loadTestsFromModule(module)\n"
        "    result = unittest.TextTestRunner(stream=io.StringIO()).run(tests)\n"
        "    print(name, result.testsRun, [str(failed[0]) + failed[1] for failed in result.failures + result.errors])\n"
        "assert len(builtins.__viz_tracer__.events) > 3000\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parent, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert all(line.endswith(" []") for line in done.stdout.splitlines()), done.stdout


@pytest.mark.parametrize("kind", ["log_var", "log_number", "log_attr", "log_func_exec", "log_func_entry"])
def test_class_of_viztracer_takes_the_same_kinds(tracer, kind):
    monkey = CodeMonkey("f.py")
    monkey.add_instrument(kind, {"patterns": ["a", "f"]})
    source = "from types import SimpleNamespace as S\ndef f():\n    a = 1\n    S().a = a\nf()\n"
    exec(monkey.compile(source, "f.py", "exec"), {})
    assert tracer.events or tracer.open_call


def test_class_of_viztracer_compiles_as_the_builtin_does(tracer):
    monkey = CodeMonkey("f.py")
    monkey.add_instrument("log_exception", {})
    monkey.add_source_processor()
    with pytest.raises(ValueError, match="nothing is not supported"):
        monkey.add_instrument("nothing", {})
    assert eval(monkey.compile("1 + 1", "f.py", "eval")) == 2
    assert isinstance(monkey.compile("1", "f.py", "exec", ast.PyCF_ONLY_AST), ast.Module)
    for source in ("a =", "\0", "return"):
        errors = []
        for compile_it in (compile, monkey.compile):
            with pytest.raises((SyntaxError, ValueError)) as error:
                compile_it(source, "f.py", "exec")
            errors.append((type(error.value), str(error.value)))
        assert errors[0] == errors[1]
    exec(monkey.compile("# coding: latin-1\nassert len('é') == 2\n".encode(), "f.py", "exec"), {})
    tree = ast.parse("raise KeyError")
    before = ast.dump(tree)
    monkey.compile(tree, "f.py", "exec")
    assert ast.dump(tree) == before


def test_program_s_own_modules(tmp_path):
    assert is_own(__file__) and is_own(str(tmp_path / "x.py")) and is_own("relative.py")
    others = (os.__file__, pytest.__file__, sys.modules["viztracer"].__file__, "<string>", "<frozen os>")
    assert not any(map(is_own, others))


IMPORTS = """
import builtins, os, sys
from listing_tracer import ListingTracer
from viztracer.command_line.source_options import instrument

builtins.__viz_tracer__ = tracer = ListingTracer()
options = {"log_var": ["a"]}
assert instrument({}) is None
assert instrument(options) is not None
instrument(options)
import my_module, my_package.inner, json, runpy
assert my_module.__file__ == os.path.abspath("my_module.py")
assert my_module.f.__code__.co_flags & 0x1000000, "what the module imports from the future counts"
import inspect
assert "def f" in inspect.getsource(my_module.f)
import importlib
importlib.reload(my_module)
runpy.run_path("my_module.py")
exec(compile("a = 5", os.path.abspath("made.py"), "exec"))
exec(compile("a = 6", "<made>", "exec"))
try:
    compile("a: int = 1 if", "x.py", "exec")
except SyntaxError as error:
    assert error.filename == "x.py"
print([event[1].rpartition(" ")[2] for event in tracer.events])
print(sorted(os.listdir("__pycache__")) if os.path.exists("__pycache__") else None)
"""


def test_imported_modules_are_instrumented(sandbox):
    sandbox.script("from __future__ import annotations\na = 1\ndef f(): pass\n", "my_module.py")
    (sandbox.path / "my_package").mkdir()
    sandbox.script("", "my_package/__init__.py")
    sandbox.script("a = 2\n", "my_package/inner.py")
    path = sandbox.script(IMPORTS)
    environment = os.environ | {"PYTHONPATH": f"{Path(__file__).parent}:{sandbox.path}"}
    done = sandbox.python(path, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['1', '2', '1', '1', '5']", "None"]


COMPARED_PROGRAM = '''
"""doc"""
class C:
    a = 1

    def __init__(self):
        self.a = 1
        self.b = [1, 2]

    def method(self, a, *, b=2):
        self.a += a
        self.b[0] = b
        return a

def f(a, b=1):
    a = a + 1
    b += 1
    c = d = 7
    for k in range(2):
        c += k
    return a

a, (b, *c) = 1, (2, 3)
a += 1
d: int = 4
for a, b in [(1, 2), (3, 4)]:
    pass
c = C()
c.method(5)
c.b, c.a = 1, 2
f(1)
try:
    raise ValueError("x" + str(1))
except ValueError:
    pass
try:
    raise KeyError
except KeyError:
    pass
'''


@pytest.mark.parametrize(
    "options",
    [
        ("log_var", "a", "b", "d"),
        ("log_number", "k", "d"),
        ("log_attr", "a", "b"),
        ("log_func_exec", "f", "method"),
        ("log_func_entry", "f", "method"),
        ("log_exception",),
    ],
    ids=lambda options: options[0],
)
def test_events_are_those_of_viztracer(sandbox, tracer, options):
    """For the forms of statements that VizTracer knows.

    From 3.15 on, VizTracer's `compile` refuses an argument of the import system. So the first run caches what it
    imports.
    """
    path = sandbox.script(COMPARED_PROGRAM)
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(sandbox.path / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [VIZTRACER_PYTHON, "-m", "viztracer", "--quiet", "-o", "viztracer.json"]
    for instrumented in ((), (f"--{options[0]}", *options[1:])):
        done = sandbox.run(*command, *instrumented, "--", path, env=environment)
        assert done.returncode == 0, done.stderr
    theirs = [
        (event["ph"], event["name"], event["args"] if event["ph"] == "C" else None)
        for event in sandbox.report("viztracer.json")["traceEvents"]
        if event["ph"] in "iC"
    ]
    calls = [event.get("args") or {} for event in sandbox.report("viztracer.json")["traceEvents"] if event["ph"] == "X"]
    steps = [arguments["exec_steps"] for arguments in calls if "exec_steps" in arguments]

    monkey = CodeMonkey(path)
    monkey.add_instrument(options[0], {"patterns": list(options[1:])})
    module = types.ModuleType("__main__")
    exec(monkey.compile(COMPARED_PROGRAM, path, "exec"), module.__dict__)
    ours = [(event[0], event[1], event[2] if event[0] == "C" else None) for event in tracer.events]
    assert without_addresses(ours) == without_addresses(theirs)
    assert bool(ours) or options[0] == "log_func_exec"
    if options[0] == "log_func_exec":
        shown = without_addresses(tracer.open_call["exec_steps"])
        assert shown == without_addresses([step for call in steps for step in call]) and shown


def without_addresses(value):
    return re.sub(r"0x[0-9a-f]+", "0x", str(value))
