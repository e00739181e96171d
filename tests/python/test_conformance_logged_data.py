"""What is recorded besides calls is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise."""

import sys

import pytest
from conformance import case, check

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
COLLECTS = "import gc\ngc.disable()\ngc.collect()\n"
AUDITS = "import sys\nsys.audit('my.event')\nsys.audit('other', 1)\n"
NUMBERS = "n = 1\nn = 2.5\nn = True\n"


def of(source, feature, *options, **more):
    return case(feature, *options, "--quiet", "--", "prog.py", files={"prog.py": source}, **more)


CASES = [
    of(CALLS, "`--log_func_args`", "--log_func_args"),
    of(CALLS, "`--log_func_retval`", "--log_func_retval"),
    of(CALLS, "`--log_func_retval`", "--log_func_retval", "--log_func_args"),
    of(
        CALLS,
        "`--log_func_with_objprint`",
        "--log_func_with_objprint",
        "--log_func_args",
        ours={"status": 0, "stderr": "log_func_with_objprint needs the package objprint: pip install objprint.*"},
    ),
    of(PRINTS, "`--log_print`", "--log_print"),
    of(PRINTS_ELSEWHERE, "`print` to another file", "--log_print", ours={"stderr": "c\n"}),
    of(COLLECTS, "`--log_gc`", "--log_gc"),
    of(AUDITS, "`--log_audit`", "--log_audit", "my.*", ours={"status": 0}),
    of(SOURCE, "`--log_var`, `--log_number`, `--log_attr`", "--log_var", "a", "b", "c", "e", "i"),
    of(SOURCE, "`--log_var`, `--log_number`, `--log_attr`", "--log_var", ".*"),
    of(SOURCE, "`--log_var`, `--log_number`, `--log_attr`", "--log_number", "a", "v", "x"),
    of(NUMBERS, "`--log_var`, `--log_number`, `--log_attr`", "--log_number", "n"),
    of(SOURCE, "`--log_var`, `--log_number`, `--log_attr`", "--log_attr", "attr"),
    of(SOURCE, "`--log_func_exec`, `--log_func_entry`", "--log_func_exec", "func"),
    of(SOURCE, "`--log_func_exec`, `--log_func_entry`", "--log_func_entry", "func", "oth.*"),
    of(SOURCE, "`--log_exception`", "--log_exception"),
    of(SPARSE, "`--log_sparse`", "--log_sparse"),
    of(COMMENTS, "`--magic_comment`", "--magic_comment"),
]
if sys.version_info >= (3, 12):  # before, VizTracer shows "<NULL>" for a call that raises
    CASES.append(of(RAISES, "`--log_func_retval`", "--log_func_retval"))
FEATURES = {one_case.values[0].feature for one_case in CASES}


@pytest.mark.parametrize("one_case", CASES)
def test_logged_data(tmp_path, one_case):
    check(tmp_path, one_case)
