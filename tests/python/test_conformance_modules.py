"""The modules beside `VizTracer` are VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise.

One program collects facts under each of the two; every fact belongs to a row.
"""

import pytest
from conformance import check_facts, facts_by_row

COLLECT = """
import contextlib, copy, io, json, logging, os, sys, time
import viztracer
from viztracer import VizTracer, ignore_function, log_sparse, trace_and_save
from viztracer.code_monkey import CodeMonkey
from viztracer.functree import FuncTree, FuncTreeNode
from viztracer.report_builder import ReportBuilder
from viztracer.util import *
from viztracer import util
from viztracer.vcompressor import VCompressor
from viztracer.vizcounter import VizCounter
from viztracer.vizlogging import VizLoggingHandler
from viztracer.vizobject import VizObject
from viztracer.vizplugin import VizPluginBase, VizPluginError

def tried(function, *arguments, **named):
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            result = function(*arguments, **named)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return repr(result) + printed.getvalue()

tracer = VizTracer(verbose=0)

def logged(act):
    tracer.start()
    error = tried(act)
    tracer.stop()
    tracer.parse()
    events = []
    for event in tracer.data["traceEvents"]:
        if event["ph"] in "iCNOD" or "log_event" in event["name"]:
            events.append({key: event[key] for key in ("ph", "name", "args", "s", "cat") if event.get(key) is not None})
    return error, events

def calls(act):
    tracer.start()
    error = tried(act)
    tracer.stop()
    tracer.parse()
    names = [event["name"].rpartition("/")[2] for event in tracer.data["traceEvents"] if event["ph"] == "X"]
    return error, [name for name in names if "facts.py" in name]

def counting(**settings):
    counter = VizCounter(tracer, "c", **settings)
    counter.a = 1
    counter.b = 2.5
    counter.log()

def wrong_counter():
    VizCounter(tracer, "c").a = "text"

class Thing(VizObject):
    def __init__(self, when):
        super().__init__(tracer, "thing", trigger_on_change=False)
        self.value = 0

    @VizObject.triggerlog
    def after(self):
        self.value += 1

    @VizObject.triggerlog(when="before")
    def before(self):
        self.value += 1

    @VizObject.triggerlog(when="both")
    def both(self):
        self.value += 1

def watching():
    thing = VizObject(tracer, "o")
    thing.x, thing.y, thing.z, thing.n = [1], "s", (1,), None
    thing = Thing("x")
    thing.after(), thing.before(), thing.both()

def wrong_trigger():
    VizObject.triggerlog(when="never")

def logging_records():
    handler = VizLoggingHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.emit(record)
    handler.setTracer(tracer)
    handler.emit(record)

record = logging.LogRecord("n", 30, "f.py", 1, "hello %s", ("w",), None)

def block():
    with tracer.log_event("log_event of a block"):
        pass

def leaf():
    return 1

@ignore_function
def ignored(a, *, b):
    leaf()
    return a + b

def fails():
    leaf()
    raise KeyError("x")

ignored_failing = ignore_function(fails)

def after_ignored_failure():
    tried(ignored_failing)
    leaf()

def saved(directory, name, seconds=60):
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:  # VizTracer writes in another process
        try:
            (path,) = [path for path in os.listdir(directory) if path.startswith(f"result_{name}_")]
            with open(os.path.join(directory, path)) as file:
                names = [event["name"].rpartition("/")[2] for event in json.load(file)["traceEvents"]]
            return [name for name in names if "facts.py" in name]
        except (OSError, ValueError) as error:
            found = type(error).__name__
        time.sleep(0.02)
    return found

class Plugin(VizPluginBase):
    def __init__(self, answer={}, version="0.15"):
        super().__init__()
        self.answer, self.version, self.messages = answer, version, []

    def support_version(self):
        return self.version

    def message(self, kind, payload):
        self.messages.append((kind, payload))
        if payload.get("when") == "pre-save":
            return {"action": "handle_data", "handler": lambda data: data.update(hello=1)}
        return self.answer

def with_plugin():
    plugin = Plugin({"success": True})
    with VizTracer(verbose=0, plugins=[plugin], output_file="plugin.json"):
        leaf()
    with open("plugin.json") as file:
        return plugin.messages, json.load(file)["hello"]

def event(name, ts, **more):
    return {"ph": "X", "pid": 1, "tid": 1, "ts": ts, "dur": 1, "name": name, **more}

COUNTED = {"ph": "C", "pid": 1, "tid": 1, "ts": 1.0, "name": "c", "args": {"a": 1, "b": 2.5}}
ONE = {"traceEvents": [event("a", 10), event("b", 11)], "viztracer_metadata": {"overflow": False}, "extra": 1}
TWO = {"traceEvents": [event("c", 5)], "viztracer_metadata": {"overflow": True, "sync_marker": 3.0}}
for name, content in {"one.json": json.dumps(ONE), "two.json": json.dumps(TWO), "bad.json": "{", "x.txt": "{}"}.items():
    with open(name, "w") as file:
        file.write(content)

def built(data, path="built.json", **settings):
    ReportBuilder(copy.deepcopy(data), verbose=0, **settings).save(path)
    with open(path) as file:
        report = json.load(file)
    report["viztracer_metadata"].pop("version")
    return report

def compressed(report):
    VCompressor().compress(copy.deepcopy(report), "x.cvf")
    return VCompressor().decompress("x.cvf")

def instrumented(kind, *patterns):
    tracer.register_global()  # which the added code asks for
    monkey = CodeMonkey("x.py")
    monkey.add_instrument(kind, {"varnames": list(patterns), "funcnames": list(patterns)})
    source = "a = 1\\na += 1\\nfor i in range(2): pass\\ndef f(x): y = x; return y\\nf(3)\\n"
    source += "try: raise KeyError(1)\\nexcept KeyError: pass"
    return logged(lambda: exec(monkey.compile(source, "x.py", "exec", dont_inherit=True), {}))

def tree():
    made = FuncTree(1, 2)
    for name, ts, duration in [("b (x:1)", 10, 5), ("len", 11, 1), ("a (x:2)", 0, 50), ("c (x:3)", 60, 5)]:
        made.add_event({"ph": "X", "name": name, "ts": ts, "dur": duration})
    return made
"""
# Row: what a program finds. The expressions run in order, in one process.
FACTS = {
    "`VizCounter`": [
        "logged(counting)",
        "logged(lambda: counting(trigger_on_change=False))",
        "logged(lambda: counting(include_attributes=['a']))",
        "logged(lambda: counting(exclude_attributes=['a'], unknown=1))",
        "logged(wrong_counter)",
        "tried(VizCounter(tracer, 'c').config, 'nothing', 1)",
        "tried(VizCounter(None, 'c').log)",
    ],
    "`VizObject`": ["logged(watching)", "logged(wrong_trigger)"],
    "`VizLoggingHandler`": ["logged(logging_records)"],
    "events of the program": [
        "logged(lambda: tracer.log_instant('i'))",
        "logged(lambda: tracer.log_instant('i', {'k': [1, None, 2.5]}, scope='g'))",
        "logged(lambda: tracer.log_instant('i', cond=False))",
        "logged(lambda: tracer.log_instant('i', scope='x'))",
        "logged(lambda: [tracer.log_var('v', value) for value in (1, True, 2.5, 's', [1], None)])",
        "logged(lambda: tracer.add_variable('v', [1]))",
        "logged(lambda: tracer.add_variable('v', 1, 'counter'))",
        "logged(lambda: tracer.add_variable('v', 's', 'counter'))",
        "logged(lambda: tracer.add_variable('v', 's', 'nothing'))",
        "logged(lambda: tracer.add_object('N', '1', 'o', {}))",
        "logged(lambda: tracer.add_raw({'ph': 'i', 'name': 'raw', 'ts': tracer.getts(), 's': 't'}))",
        "[(event['name'].rpartition('/')[2], event['ph']) for event in logged(block)[1]]",
        "[tracer.log_instant('i'), tracer.log_var('v', 1), tracer.add_variable('v', 1), tracer.add_counter('c', {})]",
        "[type(tracer.getts()).__name__, type(tracer.get_base_time()).__name__]",
    ],
    "`ignore_function`": ["calls(lambda: (ignored(1, b=2), leaf()))", "ignored.__name__"],
    "`ignore_function` of a function that raises": ["calls(after_ignored_failure)"],
    "`trace_and_save`": [
        "[trace_and_save(leaf, output_dir='saved', verbose=0)(), saved('saved', 'leaf')]",
        "[trace_and_save(output_dir='saved_too', tracer_entries=50, verbose=0)(leaf)(), saved('saved_too', 'leaf')]",
    ],
    "`trace_and_save` of a function that raises": [
        "[tried(trace_and_save(fails, output_dir='failed', verbose=0)), saved('failed', 'fails', seconds=2)]"
    ],
    "`log_sparse` without a sparse tracer": ["log_sparse(leaf) is leaf", "log_sparse(stack_depth=2)(leaf) is leaf"],
    "plugins": [
        "with_plugin()",
        "tried(VizTracer, plugins=[5])",
        "tried(VizTracer, plugins=[VizPluginBase()])",
        "tried(VizTracer, plugins=['no_such_module x'])",
        "tried(VizTracer(verbose=0, plugins=[Plugin({'success': False})]).terminate).partition(':')[0]",
        "tried(VizPluginBase().message, 'event', {})",
    ],
    "answers of plugins that are none": ["tried(VizTracer, plugins=[Plugin(5)])"],
    "`ReportBuilder`": [
        "built(ONE)",
        "built([ONE, TWO])",
        "built(['one.json', 'two.json'])",
        "built(['one.json', 'two.json'], align=True)",
        "built(['bad.json', 'one.json'])",
        "[tried(ReportBuilder, data) for data in (None, 5, 'one.json', [5], ['none.json'], ['x.txt'])] != [1]",
        "[tried(built, data) for data in ([], ['bad.json'], [5], ['none.json'], ['x.txt'], None)]",
        "tried(ReportBuilder(ONE, verbose=0).save, 'x.xyz').partition(':')[2]",
        "ReportBuilder.get_source_from_filename('no_such_file.py')",
        "'COLLECT' in ReportBuilder.get_source_from_filename('facts.py') or 'FuncTree' in "
        "ReportBuilder.get_source_from_filename('facts.py')",
    ],
    "sources that a report names": ["ReportBuilder.get_source_from_filename('x.txt')"],
    "`VCompressor`": [
        "compressed({'traceEvents': []})",
        "compressed({'traceEvents': [event('f', 1.25, cat='FEE'), event('f', 3.5, cat='FEE', args={'a': 1})]})",
        "compressed({'traceEvents': [COUNTED]})",
        "[tried(VCompressor().compress, data, 'x.cvf') for data in (5, {}, {'traceEvents': 5})]",
        "tried(VCompressor().decompress, 'one.json').partition(':')[0]",
    ],
    "what a compressed report holds": [
        "compressed({'traceEvents': [], 'viztracer_metadata': {'overflow': True}})",
        "len(tried(compressed, {'traceEvents': [event('n' * 600, 1.0)]})) > 600",
    ],
    "`CodeMonkey`": [
        "instrumented('log_var', 'a', 'i')",
        "instrumented('log_number', 'a', 'x')",
        "instrumented('log_func_entry', 'f')",
        "instrumented('log_exception')",
    ],
    "`FuncTree`": [
        "[node.fullname for node in tree().inorder_traverse()]",
        "[tree().node_by_timestamp(ts).fullname for ts in (-1, 0, 12, 55, 60, 99)]",
        "[tree().first_ts(), tree().first_node().fullname, tree().is_same(tree())]",
        "sorted(vars(FuncTreeNode(event('a.b (/x.py:3)', 1))).items(), key=str)",
        "tried(FuncTree().first_ts).partition(':')[0]",
    ],
    "functions of `viztracer.util`": [
        "[tried(util.time_str_to_us, text) for text in ('1', '0.3ms', '2s', '5ns', '5xyz', '', '-3', '1..2', 'x')]",
        "[tried(util.compare_version, *pair) for pair in (('1.2', '1.10'), ('2', '1'), ('1.0', '1.0.0'), ('a', '1'))]",
        "[util.size_fmt(size) for size in (0, 1023, 1536, 1 << 50)]",
        "[tried(util.pid_exists, pid) for pid in (1, 0, -1, 99999999)]",
        "[tried(util.color_print, 'OKGREEN', 'x'), tried(util.same_line_print, 'x', width=3)]",
        "[util.frame_stack_has_func(sys._getframe(), [leaf]), type(util.unique_file_name('a.b.py')).__name__]",
    ],
}
FEATURES = set(FACTS)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return facts_by_row(tmp_path_factory.mktemp("modules"), COLLECT, FACTS)


@pytest.mark.parametrize("row", FACTS)
def test_modules(found, row):
    check_facts(row, found[row])
