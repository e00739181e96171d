"""Values as text, in every way in which a trace shows them: nothing is lost but the text of a value that misbehaves."""

import json
import os
import sys

import pytest

# What `__repr__` does, and what is shown then; None for anything.
ACTS = {
    "raises": ("raise ValueError('v')", "Not Displayable"),
    "raises what ends programs": ("raise SystemExit(5)", "Not Displayable"),
    "raises what has no text": ("raise Unspeakable", "Not Displayable"),
    "is no string": ("return 5", "Not Displayable"),
    "is a string of a kind of its own": ("return Text('shown')", "shown"),
    "recurses": ("return repr(self)", "Not Displayable"),
    "is slow": ("time.sleep(0.2); return 'shown'", "shown"),
    "forks": (
        "pid = os.fork()\n        if not pid: os._exit(traced(7) - 7)\n"
        "        return ('shown' if os.waitpid(pid, 0)[1] == 0 else 'failed')",
        "shown",
    ),
    "starts a thread": (
        "thread = threading.Thread(target=traced, args=(1,)); thread.start(); thread.join(); return 'shown'",
        "shown",
    ),
    "logs": (
        "t.log_instant('loot'); t.log_var('loot', self); t.add_variable('loot', self); t.add_counter('loot', {})\n"
        "        t.add_object('N', '1', 'loot'); t.add_raw({'name': 'loot'}); t.add_func_args('loot', 1); traced(1)\n"
        "        t.add_func_exec('loot', self, 1); t.get_func_args(); VizCounter(t, 'loot').x = 1\n"
        "        with t.log_event('loot'): return 'shown'",
        "shown",
    ),
    "stops and starts": ("t.stop(); t.start(); return 'shown'", None),
    "stops": ("t.stop(); return 'shown'", None),
    "saves": ("t.save('other.json'); return 'shown'", None),
    "clears": ("t.clear(); return 'shown'", None),
    "makes another tracer": ("VizTracer(verbose=0, register_global=False); return 'shown'", "shown"),
    "drops the object": ("held.clear(); gc.collect(); return 'shown'", "shown"),
    "changes what it is in": ("held.update({n: n for n in range(len(held), len(held) + 50)}); return 'shown'", "shown"),
    "removes what is called": ("global takes, gives; takes = gives = traced; return 'shown'", None),
    "leaves something that dies": ("return Dying('shown')", "shown"),
    "has surrogates": ("return '\\ud800'", "\\ud800"),
    "has a NUL and control characters": ("return 'a\\0\\x1b[2J'", "a\0\x1b[2J"),
    "is long": ("return 'é' * 500_000", "é" * 2048 + "... (cut)"),
    "has no recursion left": (
        "if sys.getrecursionlimit() == 1000: sys.setrecursionlimit(len(traceback.extract_stack()) + 40)\n"
        "        return repr(self)",
        None,
    ),
}
PROGRAM = """
import gc, os, sys, threading, time, traceback
from viztracer import VizTracer, get_tracer
from viztracer.vizcounter import VizCounter
t = get_tracer()
class Unspeakable(Exception):
    def __str__(self): raise KeyError
    __repr__ = __str__
class Text(str):
    def __str__(self): raise KeyError
    __len__ = __getitem__ = __iter__ = encode = __repr__ = __str__
class Dying(str):
    def __del__(self): t.log_instant("loot")
def traced(*n): return n[0]
class It:
    def __repr__(self):
        {act}
    __str__ = __repr__
def takes(it, n): pass
def gives(it): return it
def takes_many(first, it, last): pass
def fails(it): raise ValueError(it)
held = {{}}
def run(n):
    held.update(it=It())
    takes(held["it"], n)
    held.update(it=It())
    gives(held["it"])
    takes_many(held, It(), "last")
    t.log_var("variable", It())
    t.add_variable("name", It())
    variable = It()
    try: fails(It())
    except ValueError: pass
for n in range(2): run(n)
sys.setrecursionlimit(1000)
t.start()
takes_after = takes
def after(n): return n
after(5)
print("went on")
"""
WAYS = ["repr", "log_func_repr", "objprint"]
OBJPRINT = "def objstr(value, color=True): return repr(value)\n"
OUTPUT = ["-o", "out.json", "--quiet"]
OPTIONS = ["--log_func_args", "--log_func_retval", "--log_exception", "--log_var", "variable", "--log_func_exec", "run"]
SLOW = "<It object, whose repr is slow>"


def traced_run(sandbox, act, way):
    """The events of the program, which must go on."""
    program = PROGRAM.format(act=act)
    options = OPTIONS
    if way == "log_func_repr":
        set_it = "t.stop()\nt.log_func_repr = lambda value: repr(value)\nt.start()\n"
        program = program.replace("class Unspeakable", f"{set_it}class Unspeakable", 1)
    if way == "objprint":
        sandbox.script(OBJPRINT, "objprint.py")
        options = [*OPTIONS, "--log_func_with_objprint"]
    path = sandbox.script(program)
    done = sandbox.viztracer(*OUTPUT, *options, "--", path, env=os.environ | {"PYTHONPATH": str(sandbox.path)})
    assert (done.returncode, done.stdout) == (0, "went on\n"), done.stderr
    return [event for event in sandbox.report("out.json")["traceEvents"] if event["ph"] != "M"]


def calls_of(events, name):
    """The arguments of the calls of this function of the program."""
    of_program = [event for event in events if "script.py:" in event["name"]]
    return [event.get("args") or {} for event in of_program if event["name"].startswith(f"{name} (")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ACTS)
def test_value_that_misbehaves_costs_only_its_text(sandbox, name, way):
    act, expected = ACTS[name]
    events = traced_run(sandbox, act, way)
    assert not [event for event in events if "loot" in json.dumps(event)]
    if name not in ("stops", "removes what is called"):
        assert calls_of(events, "after")[-1] == {"func_args": {"n": "5"}, "return_value": "5"}
    if expected is None:
        return
    taken = calls_of(events, "takes")
    assert [call["func_args"]["n"] for call in taken] == ["0", "1"]
    shown = {call["func_args"]["it"] for call in taken}
    shown |= {call["return_value"] for call in calls_of(events, "gives")}
    many = calls_of(events, "takes_many")
    assert [call["func_args"]["last"] for call in many] == ["'last'", "'last'"]
    shown |= {call["func_args"]["it"] for call in many}
    variables = [event["args"]["object"] for event in events if event["name"] == "variable"]
    assert len(variables) == 2
    names = [event["name"].removeprefix("name = ") for event in events if event["name"].startswith("name = ")]
    assert len(names) == 2
    assigned = "Variable Assign - variable = "
    instrumented = [event["name"].removeprefix(assigned) for event in events if event["name"].startswith(assigned)]
    assert len(instrumented) == 2
    steps = [step for call in calls_of(events, "run") for step in call["exec_steps"] if ") variable = " in step]
    assert len(steps) == 2
    shown |= {*variables, *names, *instrumented, *(step.partition(" = ")[2] for step in steps)}
    assert shown <= {expected, SLOW} and shown != {SLOW}
    assert SLOW in shown or name != "is slow"
    raised = "Exception - ValueError() = "
    exceptions = [event["name"].removeprefix(raised) for event in events if event["name"].startswith(raised)]
    assert len(exceptions) == 2


def test_value_that_blocks_does_so_once(sandbox):
    events = traced_run(sandbox, "time.sleep(2); return 'shown'", "repr")
    shown = [call["func_args"]["it"] for call in calls_of(events, "takes")]
    assert shown == ["shown", SLOW]


def test_slow_type_that_is_gone_is_not_taken_for_another(sandbox):
    done = sandbox.python(
        sandbox.script("""
import gc, time
from viztracer.snaptrace import text_of
def kind(seconds):
    return type("Kind", (), {"__repr__": lambda self: time.sleep(seconds) or "shown"})
for n in range(100):
    text_of(kind(0.11)() if n < 3 else 1)
    gc.collect()
    for m in range(50):
        shown = text_of(kind(0)())
        assert shown == "shown", shown
""")
    )
    assert done.returncode == 0, done.stderr


# --- containers ---

CONTAINERS = """
class Odd: pass
class Fails:
    def __repr__(self): raise KeyError
class Slow:
    def __repr__(self): time.sleep(0.15); return "slow"
class Grows:
    def __repr__(self): it.append(0); grown[len(grown)] = 0; return "grows"
class Shrinks:
    def __repr__(self): it.clear(); grown.clear(); return "shrinks"
class List(list): pass
it, grown = [], {}
loop = [1]; loop.append(loop)
turn = {"k": ()}; turn["k"] = (turn,)
deep = []
for n in range(50): deep = [deep]
"""


def containers(sandbox, *expressions, describe="None"):
    """The texts of values."""
    source = "import json, time\nfrom viztracer.snaptrace import text_of\n" + CONTAINERS
    texts = ", ".join(f"text_of({expression}, {describe})" for expression in expressions)
    done = sandbox.python(sandbox.script(f"{source}print(json.dumps([{texts}]))\n"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_containers_are_shown_as_repr_shows_them(sandbox):
    expressions = [
        "[]",
        "()",
        "{}",
        "[1]",
        "(1,)",
        "(1, 2)",
        "{1: 2}",
        "{(1,): [2], 'k': {}}",
        "[None, True, 1.5, -0.0, 1e300, 2**70]",
        "['é\\n\"', b'\\0']",
        "[[], [[]], ((),)]",
        "[{1}, frozenset(), List([1]), range(3), ...]",
        "[int, len, ZeroDivisionError(1)]",
    ]
    programs_own = ["loop", "[loop, loop]", "turn", "deep", "[deep] * 3"]
    names = {}
    exec("import time\n" + CONTAINERS, names)
    expected = [repr(eval(expression, names)) for expression in expressions + programs_own]
    assert containers(sandbox, *expressions, *programs_own) == expected
    assert containers(sandbox, *expressions, *programs_own, describe="str") == expected


FLOATS = """
import random, struct
from viztracer.snaptrace import text_of
chance = random.Random(1)
words = [chance.getrandbits(64) for _ in range(100_000)]
floats = [struct.unpack("<d", struct.pack("<Q", word))[0] for word in words]
floats += [chance.uniform(-1, 1) * 10 ** chance.randint(-8, 20) for _ in range(100_000)]
floats += [chance.randint(-(10**6), 10**6) / 10 ** chance.randint(0, 6) for _ in range(100_000)]
floats += [chance.randint(1, 2**53) * 2.0 ** chance.randint(-70, 10) for _ in range(100_000)]
edges = [2.0 ** power for power in range(-1074, 1024)] + [float(f"{d}e{e}") for d in (1, 5, 9) for e in range(-324, 309)]
step = lambda x, by: struct.unpack("<d", struct.pack("<q", struct.unpack("<q", struct.pack("<d", x))[0] + by))[0]
floats += [step(edge, by) for edge in edges for by in (-1, 0, 1) if edge]
floats += [sign * value for sign in (1, -1) for value in (0.0, float("inf"), float("nan"))]
differ = [x for x in floats if not text_of(x) == text_of([x])[1:-1] == repr(x)]
print(len(floats), [repr(x) for x in differ[:20]])
"""


@pytest.mark.one_version  # the digits come from our code alone, and are those of every interpreter
def test_floats_are_shown_as_repr_shows_them(sandbox):
    done = sandbox.python(sandbox.script(FLOATS))
    assert done.returncode == 0, done.stderr
    count, differ = done.stdout.split(maxsplit=1)
    assert int(count) > 400_000 and differ == "[]\n"


AT_RANDOM = r"""
import builtins, collections, enum, random, sys, types
chance = random.Random(1)
SINGLE = [chr(code) for code in range(0x110000)]
ALPHABETS = ["abcdefgh", "abcdefgh'", "abcdefgh\"", "'\"\\\n\t\r\0", SINGLE[:256], SINGLE[:0x10000], SINGLE]
class Text(str): pass
class Whole(int): pass
class Number(float): pass
class Bytes(bytes): pass
class List(list): pass
class Named(collections.namedtuple("Named", "a b")): pass
class Level(enum.IntEnum): LOW = 1
class Meta(type):
    __module__ = property(lambda kind: 1 / 0)
class ShownMeta(type):
    def __repr__(kind): return "shown"
class Plain: pass
class Odd(Plain): __module__ = 5
class Builtin(Plain): __module__ = "builtins"
exec("Homeless = type('Homeless', (), {})", homeless := {})
Homeless = homeless["Homeless"]
class Elsewhere(Plain): __module__ = Text("a\udc80.b")
class Dotted(ValueError): pass
Dotted.__name__ = "a.b"
Plain.Inner = type("Inner", (), {"__qualname__": Text("Plain.\xe9"), "__module__": "m"})
def made():
    class Local(KeyError): pass
    return Local
class Fails(Exception):
    def __repr__(self): return "fails"
KINDS = [Plain, Odd, Builtin, Homeless, Elsewhere, Plain.Inner, made(), Dotted, Fails, Level, Text, object, type, int]
KINDS += [Meta("ByMeta", (), {}), ShownMeta("ByShownMeta", (), {}), types.SimpleNamespace, type(sys), list[int]]
KINDS += [kind for kind in vars(builtins).values() if isinstance(kind, type)]
ERRORS = [kind for kind in KINDS if isinstance(kind, type) and issubclass(kind, (OSError, ValueError, LookupError))]
loop = [1, Plain]; loop.append({"loop": (loop,)})
itself = ValueError(); itself.args = (itself, 1)
listed = ValueError(); listed.args = [1, "a"]
def text():
    return "".join(chance.choices(chance.choice(ALPHABETS), k=chance.choice((0, 1, 7, 8, 9, 30))))
def whole():
    return chance.choice((0, 1, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**200, chance.getrandbits(64)))
def number():
    return chance.choice((0.0, -0.0, 1e16, 1e-5, float("nan"), float("inf"), -float("inf"), chance.uniform(-9, 9)))
def error(arguments):
    kind = chance.choice(ERRORS)
    made = kind.__new__(kind)
    made.args = arguments
    return made
def value(depth=0):
    simple = [text, whole, number, lambda: None, lambda: True, lambda: text().encode("utf-8", "surrogatepass")]
    simple += [lambda: chance.randbytes(chance.randrange(20)), lambda: Text(text()), lambda: Whole(whole())]
    simple += [lambda: Number(number()), lambda: Bytes(b"'"), lambda: Level.LOW, Plain, object, lambda: chance.choice(KINDS)]
    simple += [lambda: loop, lambda: itself, lambda: listed, Odd, Builtin, Homeless, Elsewhere, Plain.Inner, Fails]
    inner = lambda: [value(depth + 1) for n in range(chance.randrange(4))]
    nested = [inner, lambda: tuple(inner()), lambda: dict.fromkeys(range(3), value(depth + 1)), lambda: List(inner())]
    nested += [lambda: {text(): value(depth + 1)}, lambda: Named(1, value(depth + 1)), lambda: error(inner())]
    return chance.choice(simple if depth > 2 or chance.random() < 0.6 else nested)()
values = [value() for n in range(20_000)] + KINDS + [kind for kind in object.__subclasses__()]
"""


def test_values_are_shown_as_repr_shows_them(sandbox):
    source = """
from viztracer.snaptrace import text_of
texts = ["".join(SINGLE[begin : begin + 400]) for begin in range(0, len(SINGLE), 400)]
def shown(value):
    encoded = repr(value).encode("utf-8", "backslashreplace")
    return encoded[:4096].decode("utf-8", "ignore") + "... (cut)" * (len(encoded) > 4096)
differ = [value for value in values + texts if text_of(value) != shown(value)]
print(len(values), [(ascii(value), ascii(text_of(value))) for value in differ[:5]])
"""
    done = sandbox.python(sandbox.script(AT_RANDOM + source))
    assert done.returncode == 0, done.stderr
    count, differ = done.stdout.split(maxsplit=1)
    assert int(count) > 20_000 and differ == "[]\n"


def test_logged_values_are_shown_as_repr_shows_them(sandbox):
    source = """
import json
def gives(value): return value
values = [value for value in values[:5000] if len(ascii(value)) < 4000]
for value in values: gives(value)
encoded = [repr(value).encode("utf-8", "backslashreplace").decode() for value in values]
with open("expected.json", "w") as file: json.dump(encoded, file)
"""
    script = sandbox.script(AT_RANDOM + source)
    report = sandbox.trace("--ignore_c_function", "--log_func_args", "--log_func_retval", script)
    calls = calls_of(report["traceEvents"], "gives")
    expected = json.loads((sandbox.path / "expected.json").read_text())
    assert len(calls) > 4000
    assert [call["func_args"]["value"] for call in calls] == expected
    assert [call["return_value"] for call in calls] == expected


LONG_STRINGS = r"""
import itertools, sys
from viztracer.snaptrace import text_of
for one, length in itertools.product("a\u00e9\u20ac\U0001f600\udc80", (4095, 4096, 4097, 1_000_000)):
    size, encoded = sys.getsizeof(value := one * length), value.encode("utf-8", "backslashreplace")
    shown = encoded[:4096].decode("utf-8", "ignore") + "... (cut)" * (len(encoded) > 4096)
    assert text_of(value, str) == shown, (one, length)
    assert length < 5000 or sys.getsizeof(value) == size, "the interpreter keeps its UTF-8"
"""


def test_of_a_long_string_only_its_begin_is_converted(sandbox):
    done = sandbox.python(sandbox.script(LONG_STRINGS))
    assert (done.returncode, done.stderr) == (0, "")


def test_value_in_a_container_costs_only_its_own_text(sandbox):
    expressions = "[1, Fails(), 2]", "{'a': Fails(), Fails(): 'b'}", "(Fails(),)", "[[Fails()], List([Fails()])]"
    texts = containers(sandbox, *expressions)
    fails = "Not Displayable"
    assert texts == [f"[1, {fails}, 2]", f"{{'a': {fails}, {fails}: 'b'}}", f"({fails},)", f"[[{fails}], {fails}]"]
    slow, again, other = containers(sandbox, "[Slow(), 1]", "{1: Slow()}", "[1, 2]")
    assert slow == "[slow, 1]" and again == "{1: <Slow object, whose repr is slow>}" and other == "[1, 2]"


def test_container_may_change_while_it_is_shown(sandbox):
    head = "(it.extend([1, Grows(), 2]), grown.update({0: Grows(), 1: 1}))"
    shrink = "it.append(Shrinks())", "it", "grown.update({'a': Shrinks()})", "grown"
    texts = containers(sandbox, head, "it", "grown", *shrink)
    assert texts[1].startswith("[1, grows, 2, 0") and texts[2].startswith("{0: grows, 1: 1")
    assert texts[4].endswith("shrinks]") and texts[6].endswith("'a': shrinks}")


def test_container_that_grows_for_ever_is_cut(sandbox):
    (text,) = containers(sandbox, "it.extend([Grows() for _ in range(10_000)]) or it")
    assert text.endswith("... (cut)") and len(text) == 4096 + len("... (cut)")


def test_no_more_of_a_container_is_shown_than_fits(sandbox):
    source = """
from viztracer.snaptrace import text_of
count = 0
class It:
    def __repr__(self):
        global count
        count += 1
        return "it"
text = text_of([[It()] * 1_000_000, 1])
assert text.startswith("[[it, it, it,") and text.endswith("... (cut)"), text
assert count < 2000, count
text = text_of({n: n for n in range(10_000_000)})
assert text.startswith("{0: 0, 1: 1,") and text.endswith("... (cut)")
assert text_of({1: 2}) == "{1: 2}", "no container is slow"
"""
    done = sandbox.python(sandbox.script(source))
    assert done.returncode == 0, done.stderr


def test_interrupted_container_is_left_at_once(sandbox):
    source = """
import signal
from viztracer.snaptrace import text_of
class Timeout(Exception): pass
def late(number, frame): raise Timeout
class It:
    def __repr__(self):
        shown.append(self)
        signal.raise_signal(signal.SIGALRM)
        return "it"
shown = []
signal.signal(signal.SIGALRM, late)
try:
    text_of([It() for _ in range(10)])
    for n in range(1000): len("")
    print("went on")
except Timeout: print("timed out", len(shown))
"""
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, done.stdout) == (0, "timed out 1\n"), done.stderr


# --- how long a text may be ---


@pytest.mark.parametrize("source", ["option", "argument", "rcfile"])
def test_length_of_a_text_is_an_option(sandbox, source):
    program = "def f(x, y, z): return x\nf('x' * 100, b'y' * 100, {n: n for n in range(100)})\n"
    if source == "argument":
        head = "from viztracer import VizTracer\nt = VizTracer(verbose=0, log_func_args=True, bytes_per_value=10)\n"
        script = sandbox.script(head + "t.start()\n" + program + "t.log_var('v', 'x' * 100)\nt.save('out.json')\n")
        done = sandbox.python(script)
    else:
        options = ["--log_func_args", "-o", "out.json", "--quiet"]
        if source == "option":
            options += ["--bytes_per_value", "10"]
        else:
            sandbox.script("[default]\nbytes_per_value = 10\n", ".viztracerrc")
        log = "from viztracer import get_tracer\nget_tracer().log_var('v', 'x' * 100)\n"
        done = sandbox.viztracer(*options, "--", sandbox.script(program + log))
    assert (done.returncode, done.stderr) == (0, "")
    events = sandbox.report("out.json")["traceEvents"]
    (call,) = calls_of(events, "f")
    assert call["func_args"] == {
        "x": "'xxxxxxxxx... (cut)",
        "y": "b'yyyyyyyy... (cut)",
        "z": "{0: 0, 1: ... (cut)",
    }
    (variable,) = [event["args"] for event in events if event["name"] == "v"]
    assert variable == {"object": "'xxxxxxxxx... (cut)"}


def test_length_of_a_text_reaches_children(sandbox):
    script = sandbox.script(
        "import subprocess, sys\n"
        "def f(x): pass\n"
        "f('x' * 100)\n"
        "if len(sys.argv) == 1: subprocess.run([sys.executable, __file__, 'child'], check=True)\n"
    )
    report = sandbox.trace("--log_func_args", "--bytes_per_value", "10", script)
    shown = [call["func_args"]["x"] for call in calls_of(report["traceEvents"], "f")]
    assert shown == ["'xxxxxxxxx... (cut)"] * 2


@pytest.mark.parametrize("value", ["0", "-1", "1e20", "many"])
def test_length_of_a_text_that_makes_no_sense(sandbox, value):
    done = sandbox.viztracer("--bytes_per_value", value, "--", sandbox.script("print('ran')"))
    assert done.returncode in (1, 2) and "ran" not in done.stdout
    assert "bytes_per_value" in done.stdout + done.stderr


def test_text_of_a_long_value_is_made_of_its_begin(sandbox):
    done = sandbox.python("-c", "from viztracer.snaptrace import text_of; print(len(text_of('\\0' * 100_000_000)))")
    assert (done.returncode, done.stdout) == (0, f"{4096 + len('... (cut)')}\n"), done.stderr


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no limit on digits")
def test_text_of_a_long_integer_is_hexadecimal(sandbox):
    code = "from viztracer.snaptrace import text_of; n = 10**5000; assert text_of(n) == hex(n)[:4096] + '... (cut)'"
    done = sandbox.python("-c", code)
    assert done.returncode == 0, done.stderr


def test_str_of_a_value_is_its_own(sandbox):
    """Not its `repr`, which is another text for exceptions."""
    done = sandbox.python(
        "-c",
        "from viztracer.snaptrace import text_of\n"
        "class Quiet(Exception):\n"
        "    def __str__(self): return 'own str'\n"
        "values = [ValueError('x'), KeyError('x'), Quiet(1), 5, 'x', b'x', None, True, 1.5, [1, 'x'], int, object]\n"
        "print([value for value in values if text_of(value, str) != str(value)])\n",
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_members_of_a_class_are_asked_once_if_that_is_slow(sandbox):
    """Odd keys of a class run the program's code, which nothing is logged of."""
    done = sandbox.python(
        "-c",
        "import time\n"
        "from viztracer import VizTracer\n"
        "from viztracer.snaptrace import text_of\n"
        "asked = []\n"
        "class Key(str):\n"
        "    def __eq__(self, other):\n"
        "        asked.append(tracer.log_instant('inside')); time.sleep(0.15); return False\n"
        "    __hash__ = str.__hash__\n"
        "tracer = VizTracer(verbose=0)\n"
        "Odd = type('Odd', (), {Key('__module__'): 1})\n"
        "asked.clear()\n"
        "tracer.start()\n"
        "for _ in range(5): text_of(Odd())\n"
        "tracer.stop()\n"
        "tracer.parse()\n"
        "inside = [event for event in tracer.data['traceEvents'] if event['name'] == 'inside']\n"
        "print(len(asked) < 5, inside)\n",
    )
    assert (done.stdout, done.stderr) == ("True []\n", "")
