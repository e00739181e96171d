"""The life of a tracer is as with VizTracer, but for the rows of COMPATIBILITY.md that say otherwise.

One program collects facts under each of the two; every fact belongs to a row.
"""

import pytest
from conformance import case, check, check_facts, facts_by_row

COLLECT = """
import io, json, pathlib, warnings
from viztracer import VizTracer, get_tracer
warnings.simplefilter("ignore")

def f(): pass
def g(): pass
def h(): pass

def make(name="a.json", **named):
    return VizTracer(**{"verbose": 0, "output_file": name} | named)

def names(events):
    return [event["name"].partition(" (")[0] for event in events if event["ph"] in "XB" and ".py:" in event["name"]]

def saved(name="a.json"):
    try:
        with open(name) as file:
            found = names(json.load(file)["traceEvents"])
    except OSError as error:
        return type(error).__name__
    pathlib.Path(name).unlink()
    return found

def started(name="a.json", **named):
    tracer = make(name, **named)
    tracer.start()
    return tracer

def recorded(**named):
    tracer = started(**named)
    f()
    tracer.stop()
    return tracer

class Written:
    text = ""
    def write(self, text):
        self.text += text

def tried(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return type(error).__name__

def nested():
    a = started(); f()
    b = started("b.json"); g()
    b.stop(); h()
    a.stop(); a.save(); b.save()
    return [name for name in saved() if name in "fgh"], saved("b.json")

def interleaved():
    a = started(); f()
    b = started("b.json"); g()
    a.stop(); h()
    b.stop(); a.save()
    return [name for name in saved() if name in "fgh"]

def forgotten():
    started(register_global=False)
    try:
        started(); f(); raise KeyError
    except KeyError:
        pass
    with make("b.json"): g()
    return saved("b.json")

def sources_of(text):
    return sorted(json.loads(text)), names(json.loads(text)["traceEvents"])
"""
SPARSE = """
from viztracer import log_sparse
t = make(log_sparse=True)
@log_sparse
def whole(): f()
@log_sparse(stack_depth=2)
def deep(): f()
def called(): f(); whole(); deep()
"""
FACTS = {
    "starting a second tracer": [
        "nested()[1]",
        "interleaved()",
        "forgotten()",
    ],
    "the first of two tracers that record at the same time": [
        "nested()[0]",
        "[(a := started()), (b := started('b.json')), b.stop(), b.save(), b.stop(), a.enable, a.stop()][5:-1] + "
        "[(a := started()), (b := started('b.json')), a.enable, b.stop(), a.stop()][2:3]",
    ],
    "`get_tracer` beside several tracers": ["[(a := make()), make(), a.start(), get_tracer() is a, a.stop()][3]"],
    "saving more than once": [
        "[(t := recorded()).save(), t.save('b.json'), t.save(), saved(), saved('b.json')][3:]",
        "[(t := recorded()).save(), t.parse(), t.parsed, names(t.data['traceEvents']), t.total_entries][1:]",
        "[(t := recorded()).parse(), t.save(), t.save('b.json'), saved(), saved('b.json')]",
        "[(t := make()).__enter__() and None, f(), t.__exit__(None, None, None), t.parse(), t.save('b.json'), "
        "names(t.data['traceEvents']), saved(), saved('b.json')]",
        "[(t := recorded()).start(), g(), t.stop(), t.save(), saved()]",
        "[(t := recorded()).save(), t.start(), g(), t.stop(), t.save('b.json'), saved(), saved('b.json')]",
        "[(t := recorded()).parse(), t.start(), t.parsed, g(), t.stop(), t.save(), saved()]",
        "[(t := started()).enable, f(), t.save(), t.enable, g(), t.stop(), t.save('b.json'), saved(), saved('b.json')]",
        "[(t := recorded()).load() and None, t.parse()]",
    ],
    "`load`, `dump` and `clear` of a tracer that records": [
        "[(t := started()).enable, f(), names(t.load()), t.enable, g(), t.stop(), names(t.load())]",
        "[(t := started()).enable, f(), t.dump('a.json'), saved(), t.enable, g(), t.stop(), names(t.load())]",
        "[(t := started()).enable, f(), t.clear(), t.enable, g(), t.stop(), names(t.load())]",
    ],
    "`load` after `parse`": ["[(t := recorded()).parse(), names(t.load())]"],
    "`clear` after `parse`": [
        "[(t := recorded()).parse(), t.clear(), t.data is None, t.parsed, t.total_entries]",
        "[(t := recorded()).parse(), t.clear(), t.save(), saved()]",
    ],
    "`save` when nothing was recorded": [
        "[make().save(), saved()]",
        "[(t := recorded()).clear(), t.save(), saved()]",
    ],
    "`save` to an open file": [
        "[(t := recorded()).save(file := io.StringIO()), sources_of(file.getvalue())]",
        "[(t := recorded()).save(file := Written()), t.save(again := Written()), sources_of(again.text)]",
        "[(t := recorded()).parse(), t.save(file := Written(), file_info=False), sources_of(file.text)]",
        "[(t := recorded(output_file=io.StringIO())).save(), sources_of(t.output_file.getvalue())]",
        "tried(recorded().save, io.BytesIO())",
    ],
    "a `Path` as `output_file`": [
        "[tried(recorded().save, pathlib.Path('a.json')), saved()]",
        "[tried(recorded(output_file=pathlib.Path('a.json')).save), saved()]",
    ],
    "`run` of source text that raises": ["[tried((t := make()).run, '1 / 0'), t.enable, t.stop()]"],
}
SPARSE_FACTS = {
    "`VizTracer(log_sparse=True)`": ["[called(), t.save(), saved()]"],
}
WITH_FACTS = {
    "`VizTracer(log_sparse=True)`": ["[t.__enter__() and None, called(), t.__exit__(None, None, None), saved()]"],
}
STARTED_FACTS = {
    "`VizTracer(log_sparse=True)` that is started": ["[t.start(), called(), t.stop(), t.save(), saved()]"],
}
BEFORE_FACTS = {
    "`log_event` and `add_raw` before `start`": [
        "[t.log_event('event').__enter__(), t.add_raw({'ph': 'X', 'name': 'raw (x.py:1)', 'ts': 1, 'dur': 1}), "
        "t.save(), saved()]",
    ],
}
# The program that collects them, and the facts.
PROGRAMS = [(COLLECT, FACTS), (COLLECT + "t = make()\n", BEFORE_FACTS)]
PROGRAMS += [(COLLECT + SPARSE, facts) for facts in (SPARSE_FACTS, WITH_FACTS, STARTED_FACTS)]

INNER = """
from viztracer import VizTracer
with VizTracer(output_file="inner.json", verbose=0):
    len("inside")
"""
PLUGIN = """
import os
from viztracer.vizplugin import VizPluginBase
class Plugin(VizPluginBase):
    def support_version(self): return "0.15"
    def message(self, kind, payload):
        action = "handle_data" if payload.get("when") == "pre-save" else ""
        return {"success": True, "action": action, "handler": lambda data: data["traceEvents"].clear()}
def get_vizplugin(text): return Plugin()
"""
CASES = [
    case(
        "a tracer in a program that the command traces",
        *("--quiet", "-o", "outer.json", "inner.py"),
        files={"inner.py": INNER},
        ours={"files": ("outer.json",), "events": lambda events: "builtins.len" in str(events)},
    ),
    case(
        "plugins of a program that ends by a signal or `os._exit`",
        *("--quiet", "-o", "out.json", "--plugins", "my_plugin", "--", "ends.py"),
        files={"my_plugin.py": PLUGIN, "ends.py": "import os\ndef f(): pass\nf()\nos._exit(3)\n"},
        ours={
            "status": 3,
            "files": ("out.json",),
            "stderr": "the plugins have not had this report: .*",
            "events": lambda events: "f (ends.py:2)" in str(events),
        },
    ),
    case(
        "`-u` beside `--pid_suffix`",
        *("--quiet", "-u", "--pid_suffix", "prog.py"),
        ours={"files": ("prog_N.bin",)},
        aspects=("files",),
    ),
]
FEATURES = {row for _, facts in PROGRAMS for row in facts} | {one_case.values[0].feature for one_case in CASES}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    rows = {}
    for program, facts in PROGRAMS:
        for row, found in facts_by_row(tmp_path_factory.mktemp("life"), "import json\n" + program, facts).items():
            rows.setdefault(row, []).extend(found)
    return rows


@pytest.mark.parametrize("row", sorted({row for _, facts in PROGRAMS for row in facts}))
def test_life_cycle(found, row):
    check_facts(row, found[row])


@pytest.mark.parametrize("one_case", CASES)
def test_life_cycle_under_the_command(tmp_path, one_case):
    check(tmp_path, one_case)
