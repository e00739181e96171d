"""Values in the arguments of logged events, which are JSON: what JSON cannot hold costs only itself."""

import importlib.util
import json

import pytest

HEAD = """
import array, collections, ctypes, dataclasses, datetime, decimal, enum, fractions, json, sys
from viztracer import VizTracer
from viztracer.vizcounter import VizCounter
from viztracer.vizobject import VizObject
@dataclasses.dataclass
class Point:
    x: int = 1
class Color(enum.Enum):
    RED = 1
class Number(enum.IntEnum):
    ONE = 1
class Float(float):
    def __repr__(self): return "np.float64(1.5)"
    __str__ = __float__ = __repr__
Pair = collections.namedtuple("Pair", "a b")
cycle = []; cycle.append({"again": cycle})
turn = {}; turn["again"] = turn
deep = 5
for n in range(10_000): deep = [deep]
def strict(text):
    def refuse(constant): raise ValueError(constant)
    return json.loads(text, parse_constant=refuse)
t = VizTracer(verbose=0)
"""
DEEP = "[" * 98 + '"<list in more than 100 others>"' + "]" * 98
# An expression, and what a report has for it.
VALUES = {
    "nan": ("float('nan')", "nan"),
    "infinite": ("[float('inf'), -float('inf')]", ["inf", "-inf"]),
    "300 digits": ("10**299", 10**299),
    "301 digits": ("-10**300", str(-(10**300))),
    "612 digits": ("10**611", str(10**611)),
    "700 digits": ("10**700", hex(10**700)),
    "more digits than Python writes": ("10**5000", hex(10**5000)),
    "cyclic list": ("cycle", [{"again": "<list inside of itself>"}]),
    "cyclic dictionary": ("turn", {"again": "<dict inside of itself>"}),
    "very deep": ("[0, deep]", None),
    "keys": (
        "{1: 1, 1.5: 2, None: 3, False: 4, (1, 2): 5, b'k': 6, Color.RED: 7, Number.ONE: 8, '\\ud800': 9}",
        {
            "1": 8,
            "1.5": 2,
            "null": 3,
            "false": 4,
            "<tuple object>": 5,
            "<bytes object>": 6,
            "<Color object>": 7,
            "\\ud800": 9,
        },
    ),
    "keys of infinite value": ("{float('nan'): 1, float('inf'): 2}", {"nan": 1, "inf": 2}),
    "sets": ("[{1}, frozenset()]", ["<set object>", "<frozenset object>"]),
    "bytes": ("[b'x', bytearray(), memoryview(b'')]", ["<bytes object>", "<bytearray object>", "<memoryview object>"]),
    "numbers": (
        "[1j, decimal.Decimal(1), fractions.Fraction(1, 2), ctypes.c_int(1)]",
        ["<complex object>", "<decimal.Decimal object>", "<Fraction object>", "<c_int object>"],
    ),
    "numbers of derived types": ("[Number.ONE, Float(1.5), True]", [1, 1.5, True]),
    "data classes": ("[Point(), Point]", ["<Point object>", "<type object>"]),
    "named tuple": ("Pair(1, {2})", [1, "<set object>"]),
    "derived containers": (
        "[collections.OrderedDict(a=1), collections.Counter('aa'), collections.defaultdict(list, b=[2])]",
        [{"a": 1}, {"a": 2}, {"b": [2]}],
    ),
    "other containers": (
        "[collections.deque(), array.array('i'), range(3), {}.keys(), iter([])]",
        [
            "<collections.deque object>",
            "<array.array object>",
            "<range object>",
            "<dict_keys object>",
            "<list_iterator object>",
        ],
    ),
    "times": ("datetime.date(2024, 1, 1)", "<datetime.date object>"),
    "functions": ("[len, lambda: 1, t.start, sys]", None),
    "text": ("'a\\0\\x7f\\u2028\\ud800é'", "a\0\x7f\u2028\\ud800é"),
    "ellipsis": ("...", "<ellipsis object>"),
}
if importlib.util.find_spec("numpy"):
    NUMPY = "__import__('numpy')"
    VALUES["numpy"] = (
        f"[{NUMPY}.float64(1.5), {NUMPY}.int64(1), {NUMPY}.float32(1), {NUMPY}.zeros(2)]",
        [1.5, "<numpy.int64 object>", "<numpy.float32 object>", "<numpy.ndarray object>"],
    )
# How it is logged, and where a report has it: the phase of the event, and the way to the value.
METHODS = {
    "log_instant": ("t.log_instant('e', {'v': value})", "i", ("args", "v")),
    "log_instant alone": ("t.log_instant('e', value)", "i", ("args",)),
    "add_instant": ("t.add_instant('e', {'v': value}, 'p')", "i", ("args", "v")),
    "add_counter": ("t.add_counter('e', {'v': value})", "C", ("args", "v")),
    "add_object": ("t.add_object('O', '1', 'e', {'snapshot': {'v': value}})", "O", ("args", "snapshot", "v")),
    "add_raw": ("t.add_raw({'ph': 'b', 'name': 'e', 'id': 1, 'args': {'v': value}})", "b", ("args", "v")),
    "add_raw, a member": ("t.add_raw({'ph': 'b', 'name': 'e', 'id': 1, 'v': value})", "b", ("v",)),
    "add_func_args": ("f(value)", "X", ("args", "v")),
}
FUNCTIONS = "def f(value): t.add_func_args('v', value)\n"


def reported(sandbox, method, values):
    """What a report has for these values, each logged by itself."""
    call, phase, way = METHODS[method]
    source = HEAD + FUNCTIONS + "t.start()\n"
    source += "".join(f"value = {value}\n{call}\nt.log_instant('next')\n" for value in values)
    source += "t.stop()\nt.save('out.json')\nstrict(open('out.json', encoding='utf-8').read())\n"
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, done.stderr) == (0, "")
    found = []
    for event in sandbox.report("out.json")["traceEvents"]:
        if event["ph"] == phase and event["name"].split(" (")[0] in "ef":
            for key in way:
                event = event[key]
            found.append(event)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_what_json_cannot_hold_costs_only_itself(sandbox, method):
    found = reported(sandbox, method, [value for value, _ in VALUES.values()])
    assert len(found) == len(VALUES)
    for (name, (_, expected)), value in zip(VALUES.items(), found, strict=True):
        assert expected is None or value == expected, name
    deep = json.dumps(found[list(VALUES).index("very deep")])
    assert deep.startswith("[0, [") and "<list in more than 100 others>" in deep


def test_numbers_of_a_counter(sandbox):
    source = HEAD + """
t.start()
counter = VizCounter(t, "c")
for value in float("nan"), float("inf"), 10**400, 1 << 70, -0.0:
    counter.v = value
for value in Number.ONE, Float(1.5), "1", decimal.Decimal(1):
    try: counter.v = value
    except Exception as error: print(error)
t.stop()
t.save("out.json")
"""
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Counter can only take numeric values\n" * 4
    values = [event["args"]["v"] for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "C"]
    assert values == ["nan", "inf", str(10**400), 1 << 70, -0.0]


def test_members_of_an_object(sandbox):
    source = HEAD + """
t.start()
thing = VizObject(t, "thing")
thing.a = [cycle, float("nan"), {1}]
thing.b = {(1,): 10**700}
thing.c = {1}
t.stop()
t.save("out.json")
"""
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, done.stderr) == (0, "")
    events = [event["args"] for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "O"]
    snapshot = {
        "a": [[{"again": "<list inside of itself>"}], "nan", "<set object>"],
        "b": {"<tuple object>": hex(10**700)},
    }
    assert events[-1] == {"snapshot": snapshot}


def test_variables_that_are_numbers(sandbox):
    source = HEAD + """
t.start()
for value in float("nan"), -float("inf"), 10**700, Number.ONE, Float(1.5), True:
    t.log_var("v", value)
    t.add_variable("v", value, "counter")
t.stop()
t.save("out.json")
"""
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, done.stderr) == (0, "")
    events = [event["args"] for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "C"]
    numbers = ["nan", "-inf", hex(10**700), 1, 1.5, True]
    assert events == [{key: number} for number in numbers for key in ("value", "v")]


@pytest.mark.parametrize("kind", ["html", "pftrace", "csv", "json.gz"])
def test_every_kind_of_report_takes_such_values(sandbox, kind):
    values = "".join(
        f"value = {value}\n{call}\n" for value, _ in VALUES.values() for call, _, _ in METHODS.values()
    )
    source = HEAD + FUNCTIONS + f"t.start()\n{values}t.stop()\nt.save('out.{kind}')\n"
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, done.stderr) == (0, "")
    assert (sandbox.path / f"out.{kind}").stat().st_size > 100


def test_report_whose_data_the_program_has_changed(sandbox):
    """Such a report is written in Python."""
    names = [name for name in VALUES if VALUES[name][1] is not None and name not in ("text", "keys")]
    values = ", ".join(VALUES[name][0] for name in names)
    source = HEAD + f"""
t.start()
t.log_instant("e")
t.stop()
t.parse()
for event in t.data["traceEvents"]:
    if event["name"] == "e": event["args"] = [{values}]
t.save("out.json")
strict(open("out.json", encoding="utf-8").read())
"""
    done = sandbox.python(sandbox.script(source))
    assert (done.returncode, done.stderr) == (0, "")
    (event,) = [event for event in sandbox.report("out.json")["traceEvents"] if event["name"] == "e"]
    assert event["args"] == [VALUES[name][1] for name in names]
