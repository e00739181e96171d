"""What is recorded besides calls is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise."""

import json
import sys

import pytest
from conformance import case, check
from conftest import program

CALLS = """
class Shown:
    def __repr__(self): return "shown"
def f(x, *y, k=3, **z):
    return [x, y, k, z]
def g(a, b=None, /, c=1):
    return None
def h(n):
    yield n
f(1, 2, "three", k=Shown(), q={"a": [1.5, True]})
g("x" * 10, c=b"bytes")
list(h(7))
def surrogates(): return "\\ud800"
"""
RAISES = "def g(): raise ValueError('v')\ntry: g()\nexcept ValueError: pass\n"
SOURCE = """
a = 1
a += 2
b, (c, *d) = [a], (4, 5, 6)
e: int = 7
for i in range(2):
    a = i
class C: pass
o = C()
o.attr = 5
o.other = 6
def func(x, y=2):
    v = x * 2
    v += y
    for w in (1, 2): u = w
    return v
def other(x):
    return x
func(3)
other(4)
try:
    raise KeyError("k")
except KeyError:
    pass
"""
COMMENTS = """
a = 5
b = a  # !viztracer: log
a = 6  # !viztracer: log if a > 5
# !viztracer: log_instant("here")
# !viztracer: log_var("a", a)
# !viztracer: log_var("a", a) if a > 100
"""
SPARSE = """
from viztracer import get_tracer, log_sparse
def other(): pass
@log_sparse
def chosen():
    other()
@log_sparse(stack_depth=2)
def deeper():
    inner()
def inner():
    innermost()
def innermost(): pass
other()
chosen()
deeper()
"""
PRINTS = "print('a', 1, sep='-')\nprint('b', end='!')\n"
PRINTS_ELSEWHERE = "import sys\nprint('c', file=sys.stderr)\n"
PRINTS_LATE = "class T:\n    def __del__(self, kept=print): kept('kept')\nt = T()\n"
OTHER_BUILTINS = "exec(compile('a = 1', 'own.py', 'exec'), {'__builtins__': {}})\n"
WRITES_CODE = """
import pathlib, py_compile
pathlib.Path("own.py").write_text("a = 1")
py_compile.compile("own.py", "own.pyc")
print(b"__viz" in pathlib.Path("own.pyc").read_bytes())
"""
COLLECTS = "import gc\ngc.disable()\ngc.collect()\n"
AUDITS = "import sys\nsys.audit('my.event')\nsys.audit('other', 1)\n"
TIMES_OUT = """
import signal
class Timeout(Exception): pass
class Shown:
    def __repr__(self):
        signal.raise_signal(signal.SIGALRM)
        return "shown"
def late(number, frame): raise Timeout
def f(x): return 1
signal.signal(signal.SIGALRM, late)
try:
    f(Shown())
    for _ in range(100): pass  # CPython 3.13 looks for such an exception at jumps and calls only
    print("went on")
except Timeout: print("timed out")
"""
FAILS_AS_VARIABLE = """
from viztracer import get_tracer
class Shown:
    def __repr__(self): raise ValueError
try:
    get_tracer().log_var("a", Shown())
    print("went on")
except ValueError: print("raised")
"""
SLOW = """
import time
class Shown:
    count = 0
    def __repr__(self):
        Shown.count += 1
        time.sleep(0.15)
        return "shown"
def f(x): pass
for n in range(3): f(Shown())
print(Shown.count)
"""
FAILS_IN_A_LIST = """
class Shown:
    def __repr__(self): raise ValueError
def f(x): pass
f([1, Shown(), 2])
"""
LONG = "def f(x): pass\nf('x' * 10_000)\n"
MANY_DIGITS = "def f(x): pass\nf(10**611)\nf(10**700)\n"
ASYNC = "import asyncio\nasync def one():\n    v = 1\nasyncio.run(one())\n"
NUMBERS = "n = 1\nn = 2.5\nn = True\n"


def of(source, feature, *options, **more):
    return case(feature, *options, "--quiet", "--", "prog.py", files={"prog.py": source}, **more)


def has_argument(text):
    """Returns what says whether a report has a call with this argument `x`."""
    return lambda events: any(key[0] == "args" and json.loads(key[2])["func_args"].get("x") == text for key in events)


CASES = [
    of(CALLS, "`--log_func_args`", "--log_func_args"),
    of(CALLS, "`--log_func_retval`", "--log_func_retval"),
    of(CALLS, "`--log_func_retval`", "--log_func_retval", "--log_func_args"),
    of(CALLS, "`--log_func_with_objprint`", "--log_func_with_objprint", "--log_func_args"),
    of(
        TIMES_OUT,
        "a timeout or Ctrl+C while a value becomes text",
        "--log_func_args",
        ours={"status": 0, "stdout": "timed out\n"},
        aspects=("status", "stdout"),
    ),
    of(
        FAILS_AS_VARIABLE,
        "`log_var` of a value whose `repr` fails",
        "--log_gc",
        ours={"status": 0, "stdout": "went on\n"},
        aspects=("status", "stdout"),
    ),
    of(
        SLOW,
        "values whose `repr` is slow",
        "--log_func_args",
        ours={"stdout": "1\n", "events": has_argument("<Shown object, whose repr is slow>")},
    ),
    of(
        FAILS_IN_A_LIST,
        "containers with a value whose `repr` fails",
        "--log_func_args",
        ours={"events": has_argument("[1, Not Displayable, 2]")},
    ),
    of(LONG, "long values", "--log_func_args", ours={"events": has_argument("'" + "x" * 4095 + "... (cut)")}),
    of(
        MANY_DIGITS,
        "integers of more than 612 digits",
        "--log_func_args",
        ours={"events": lambda events: has_argument(hex(10**700))(events) and has_argument(str(10**611))(events)},
    ),
    of(PRINTS, "`--log_print`", "--log_print"),
    of(PRINTS_ELSEWHERE, "`print` to another file", "--log_print", ours={"stderr": "c\n"}),
    of(PRINTS_LATE, "a `print` that the program has kept", "--log_print", ours={"stdout": "kept\n"}),
    of(COLLECTS, "`--log_gc`", "--log_gc"),
    of(AUDITS, "`--log_audit`", "--log_audit", "my.*", ours={"status": 0}),
    of(SOURCE, "`--log_var`, `--log_number`, `--log_attr`", "--log_var", "a", "b", "c", "e", "i"),
    of(SOURCE, "`--log_var`, `--log_number`, `--log_attr`", "--log_var", ".*"),
    of(SOURCE, "`--log_var`, `--log_number`, `--log_attr`", "--log_number", "a", "v", "x"),
    of(NUMBERS, "`--log_var`, `--log_number`, `--log_attr`", "--log_number", "n"),
    of(SOURCE, "`--log_var`, `--log_number`, `--log_attr`", "--log_attr", "attr"),
    of(OTHER_BUILTINS, "code that runs with other builtins", "--log_var", "a", ours={"status": 0}),
    of(WRITES_CODE, "compiled code that the program writes to files", "--log_var", "a", ours={"stdout": "False\n"}),
    of(SOURCE, "`--log_func_exec`, `--log_func_entry`", "--log_func_exec", "func"),
    of(SOURCE, "`--log_func_exec`, `--log_func_entry`", "--log_func_entry", "func", "oth.*"),
    of(
        ASYNC,
        "`--log_func_exec`, `--log_func_entry` of an `async def`",
        "--log_func_exec",
        "one",
        ours={"events": lambda events: "(3) v = 1" in str(events)},
    ),
    of(
        ASYNC,
        "`--log_func_exec`, `--log_func_entry` of an `async def`",
        "--log_func_entry",
        "one",
        ours={"events": lambda events: "Function Entry - one" in str(events)},
    ),
    case(
        "`--log_var` and its like beside `-m`",
        "--log_var",
        "a",
        "--quiet",
        "-m",
        "prog",
        files={"prog.py": "a = 57\n"},
        ours={"status": 0, "events": lambda events: "Variable Assign - a = 57" in str(events)},
    ),
    case("`--log_var`, `--log_number`, `--log_attr`", "--log_var", "a", "--quiet", "-c", "a = 57"),
    case(
        "`--log_var` and its like of modules that were compiled before",
        "--log_var",
        "a",
        "--quiet",
        "--",
        "prog.py",
        files={"prog.py": "import module\n", "module.py": "a = 57\n"},
        setup=(("python", "-m", "compileall", "-q", "module.py"),),
        ours={"status": 0, "events": lambda events: "Variable Assign - a = 57" in str(events)},
    ),
    of(SOURCE, "`--log_exception`", "--log_exception"),
    of(SPARSE, "`--log_sparse`", "--log_sparse"),
    of(COMMENTS, "`--magic_comment`", "--magic_comment"),
    case(
        "`--log_torch`",
        "--quiet",
        "--log_torch",
        program("with_torch/training.py"),
        env={"PYTHONPATH": program("with_torch")},
        aspects=("status", "stdout", "stderr", "files"),  # for the events see test_torch.py
    ),
    case("`--log_torch` without torch", "--log_torch", "prog.py"),
]
if sys.version_info >= (3, 12):  # before, VizTracer shows "<NULL>" for a call that raises
    CASES.append(of(RAISES, "`--log_func_retval`", "--log_func_retval"))
IMPORTED = case(
    "imports beside `--log_var` and its like on CPython 3.15",
    "--log_var",
    "a",
    "--quiet",
    "--",
    "prog.py",
    files={"prog.py": "import module\nprint(module.a)\n", "module.py": "a = 1\n"},
    ours={"status": 0, "stdout": "1\n"},
    env={"PYTHONDONTWRITEBYTECODE": "1"},
)
FEATURES = {one_case.values[0].feature for one_case in [*CASES, IMPORTED]}


@pytest.mark.parametrize("one_case", CASES)
def test_logged_data(tmp_path, one_case):
    check(tmp_path, one_case)


@pytest.mark.skipif(sys.version_info < (3, 15), reason="from 3.15 on, the import system gives `compile` a new argument")
def test_imports_on_3_15(tmp_path):
    check(tmp_path, IMPORTED.values[0])
