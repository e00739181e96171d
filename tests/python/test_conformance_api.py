"""The Python API is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise.

One program collects facts under each of the two; every fact belongs to a row.
"""

import pytest
from conformance import check_facts, facts_by_row

COLLECT = """
import inspect, io, json, os, sys, time, warnings, importlib, contextlib
import viztracer
from viztracer import VizTracer, get_tracer, ignore_function, log_sparse, trace_and_save
from viztracer.report_builder import ReportBuilder
from viztracer.vcompressor import VCompressor
from viztracer.vizcounter import VizCounter
from viztracer.vizlogging import VizLoggingHandler
from viztracer.vizobject import VizObject

def tried(function, *arguments, **named):
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = function(*arguments, **named)
    except BaseException as error:
        return type(error).__name__
    return [type(result).__name__, [each.category.__name__ for each in caught]]

def make(**named):
    return VizTracer(**{"verbose": 0, "output_file": "out.json"} | named)

def attempt(name, value):
    tracer = make()
    setattr(tracer, name, value)
    tracer.start()
    tracer.stop()
    tracer.save()

def report():
    with open("out.json") as file:
        return json.load(file)

def calls(events):
    names = [event["name"].rpartition("/")[2].rpartition(".")[2] for event in events if event["ph"] == "X"]
    return [name for name in names if "snaptrace" not in name]

def recorded():
    return calls(report()["traceEvents"])

def f(n):
    return g(n) + 1

def g(n):
    return len("x" * n)
"""

MODULES = (
    "vizcounter vizobject vizlogging vizplugin event_base report_builder decorator util code_monkey attach patch "
    "functree vcompressor viewer main snaptrace vizevent cellmagic"
).split()
ARGUMENTS = {
    "tracer_entries": "x",
    "verbose": "x",
    "max_stack_depth": "x",
    "include_files": "x",
    "exclude_files": 1,
    "ignore_c_function": 1,
    "ignore_frozen": "x",
    "log_async": 1,
    "trace_self": 1,
    "min_duration": "x",
    "process_name": 1,
    "pid_suffix": 1,
    "log_gc": 1,
    "log_func_args": 1,
    "log_func_retval": "x",
    "log_func_repr": 5,
}
SWITCHES = ("log_print", "log_sparse", "minimize_memory", "dump_raw", "sanitize_function_name", "file_info")
CLASSES = {
    "vizcounter": "VizCounter",
    "vizobject": "VizObject",
    "vizlogging": "VizLoggingHandler",
    "vizplugin": "VizPluginBase VizPluginError",
    "event_base": "_EventBase",
    "report_builder": "ReportBuilder",
    "code_monkey": "CodeMonkey",
    "vcompressor": "VCompressor",
    "snaptrace": "Tracer",
    "viewer": "viewer_main",
    "main": "main",
    "attach": "start_attach stop_attach uninstall_attach",
    "patch": "install_all_hooks patch_multiprocessing patch_subprocess patch_spawned_process",
    "cellmagic": "load_ipython_extension",
}
# Row: what a program finds. The expressions run in order, in one process.
FACTS = {
    "names of the package": ["sorted(viztracer.__all__)"],
    "modules of the package": [f"bool(importlib.import_module('viztracer.{name}'))" for name in MODULES]
    + [
        f"hasattr(importlib.import_module('viztracer.{name}'), {thing!r})"
        for name, things in CLASSES.items()
        for thing in things.split()
    ],
    "arguments of `VizTracer`": [
        "sorted(set(inspect.signature(VizTracer).parameters) - {'session', 'bytes_per_value', 'keep_leftovers', "
        "'keep_snapshot_at', 'keep_snapshots', 'max_overhead'})",
        "sorted((name, repr(parameter.default)) for name, parameter in inspect.signature(VizTracer).parameters.items() "
        "if name not in ('session', 'tracer_entries', 'bytes_per_value', 'keep_leftovers', "
        "'keep_snapshot_at', 'keep_snapshots', 'max_overhead'))",
    ],
    "what wrong arguments raise": [f"tried(make, {name}={value!r})" for name, value in ARGUMENTS.items()],
    "what wrong methods' arguments raise": [
        "tried((t := make()).dump, 5)",
        "tried(t.setignorestackcounter, 'x')",
        "tried(t.add_variable, 'a', 1, 'x')",
        "tried(t.shield_ignore, 5)",
        "[t.start(), tried(t.add_instant, 'a', None, 'x'), tried(t.add_instant, 'a', None, 1), "
        "tried(t.add_variable, 'a', 'b', 'counter'), t.stop()]",
        "tried(VCompressor().decompress, 5)",
        "tried(VCompressor().compress, {'traceEvents': []}, 5)",
        "tried(VizLoggingHandler, 'x')",
        "tried(VizCounter(t, 'c').config, 'x', 1)",
        "tried(lambda: VizCounter(t, 'c', include_attributes=5).log())",
        "tried(lambda: VizCounter('x', 'c').log())",
        "tried(lambda: VizObject(5, 'c').log())",
        "tried(lambda: ignore_function(5)())",
        "tried(lambda: trace_and_save(5)())",
        "tried(lambda: ReportBuilder({'traceEvents': [5]}, 0).save('r.json'))",
    ],
    "wrong arguments that VizTracer takes, or has internal errors for": [
        "[t.start(), tried(t.add_instant, 5), t.stop(), t.clear()]",
        "[t.start(), tried(t.add_counter, 5, {}), t.stop(), t.clear()]",
        "tried(t.setpid, 'x')",
        "tried(t.set_afterfork, 5)",
        "tried(VizCounter, t, 5)",
        "tried(VizLoggingHandler().setTracer, 5)",
        "tried(make, log_audit=['('])",
        "tried(make, include_files=[1])",
        "tried(log_sparse, f, stack_depth='x')",
    ],
    "`add_instant(scope=None)`": [
        "[t.start(), tried(t.add_instant, 'a', None, None), t.stop(), t.clear()]",
    ],
    "what takes any value for true or false": [
        f"tried(make, {name}={value})" for name in SWITCHES for value in (0, 1, None)
    ],
    "what wrong attributes raise": [
        f"tried(attempt, {name!r}, {value!r})"
        for name, value in ARGUMENTS.items()
        if name not in ("tracer_entries", "pid_suffix", "include_files", "exclude_files", "log_gc")
    ],
    "`include_files` beside `exclude_files` in a program": [
        "tried(make(include_files=['a'], exclude_files=['b']).start)"
    ],
    "start, stop, save": [
        "[make() is get_tracer(), get_tracer() is not None]",
        "make(register_global=False) is get_tracer()",
        "[(t := make()).enable, t.start(), t.enable, t.start(), t.stop(), t.enable, t.stop()]",
        "tried(t.save)",
        "sorted(report())",
        "[(t := make()).start(), f(3), t.stop(), t.save('other.json'), sorted(json.load(open('other.json')))][-1]",
        "[t.start(), f(3), t.stop(), t.save(), recorded()][-1]",
        "[(t := make(pid_suffix=True)).start(), t.stop(), t.save(), os.path.exists(f'out_{os.getpid()}.json')][-1]",
        "[(t := make(file_info=False)).start(), f(3), t.stop(), t.save(), 'file_info' in report()][-1]",
        "[(t := make(file_info=True)).start(), f(3), t.stop(), t.save(), sorted(report()['file_info'])][-1]",
        "[make().run('len([])'), 'builtins.len' in str(report())]",
        "[(t := make(output_file='a/b/c.json')).start(), t.stop(), tried(t.save)[0], os.path.exists('a/b/c.json')]",
    ],
    "what `save` says to a name that is none": ["tried(t.save, 5)"],
    "filters of a program": [
        "[(t := make(ignore_c_function=True)).start(), f(3), t.stop(), t.save(), recorded()][-1]",
        "[(t := make(max_stack_depth=1)).start(), f(3), t.stop(), t.save(), recorded()][-1]",
        "[(t := make(min_duration=1e6)).start(), f(3), t.stop(), t.save(), recorded()][-1]",
        "[(t := make(include_files=['facts.py'])).start(), f(3), t.stop(), t.save(), recorded()][-1]",
        "[(t := make(exclude_files=['facts.py'])).start(), f(3), t.stop(), t.save(), recorded()][-1]",
        "[(t := make(process_name='me')).start(), t.stop(), t.save(), report()['traceEvents'][0]['args']][-1]",
    ],
    "`parse`, `data`, `load`, `clear`": [
        "[(t := make()).start(), f(3), t.stop(), t.parse(), sorted(t.data), t.total_entries][3:]",
        "calls(t.data['traceEvents'])",
        "[(t := make()).start(), f(3), t.stop(), type(t.load()).__name__][-1]",
        "[(t := make()).start(), f(3), t.stop(), t.clear(), t.parse()][-1]",
        "[(t := make()).start(), f(3), t.stop(), t.parse(), t.parse()][-2:]",
    ],
    "methods for threads and stacks": [
        "[t.enable_thread_tracing(), t.reset_stack(), t.setpid(), t.pause(), t.resume()]",
        "[t.set_afterfork(print), t.register_global(), t.install(), t.register_exit()]",
    ],
    "`snaptrace.Tracer` by itself": [
        f"hasattr(viztracer.snaptrace.Tracer(100), {name!r})" for name in ("start", "stop", "load", "verbose")
    ],
    "`setignorestackcounter`": ["t.setignorestackcounter(0)"],
    "shape of a call": [
        "[(t := make()).start(), f(3), t.stop(), t.save(), "
        "{key: type(value).__name__ for event in report()['traceEvents'] if event['ph'] == 'X' "
        "for key, value in event.items()}][-1]",
        "[{'name': event['name'], 'ph': event['ph'], 'keys': sorted(event)} "
        "for event in report()['traceEvents'] if event['ph'] == 'M']",
        "{event['cat'] for event in report()['traceEvents'] if event['ph'] == 'X'} == {'FEE'}",
        "[event['pid'] == os.getpid() for event in report()['traceEvents']]",
    ],
    "a call that an exception ends": [
        "[(t := make()).start(), tried(f, 'x'), t.stop(), t.save(), "
        "[event.get('args') for event in report()['traceEvents'] if event['name'].startswith('g (')]][-1]",
    ],
    "a call that is open at `stop`": [
        "[(t := make()), exec('def outer():\\n t.start()\\n def inner():\\n  t.stop()\\n inner()\\nouter()', "
        "dict(t=t)), t.save(), sorted({event['ph'] for event in report()['traceEvents']})][-1]",
    ],
    "metadata of a report": [
        "[(t := make(tracer_entries=5)).start(), [f(1) for _ in range(9)], t.stop(), t.save(), "
        "report()['viztracer_metadata']['overflow']][-1]",
        "[(t := make()).start(), f(1), t.stop(), t.save(), report()['viztracer_metadata']['overflow']][-1]",
        "sorted({'version', 'overflow', 'baseTimeNanoseconds'} & set(report()['viztracer_metadata']))",
    ],
}
FEATURES = set(FACTS)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return facts_by_row(tmp_path_factory.mktemp("api"), COLLECT, FACTS)


@pytest.mark.parametrize("row", FACTS)
def test_api(found, row):
    check_facts(row, found[row])
