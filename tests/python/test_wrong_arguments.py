"""Wrong arguments of the Python API: the exception of VizTracer, where that makes sense, and a message that helps."""

import io
import logging

import pytest
from viztracer import VizTracer, ignore_function, log_sparse, trace_and_save
from viztracer.report_builder import ReportBuilder
from viztracer.vcompressor import VCompressor
from viztracer.vizcounter import VizCounter
from viztracer.vizlogging import VizLoggingHandler
from viztracer.vizobject import VizObject

EMPTY = {"traceEvents": []}
HUGE = 1 << 80
# The argument of the constructor, a wrong value, the exception, and a part of its message.
ARGUMENTS = [
    ("tracer_entries", "x", TypeError, "tracer_entries must be int, not str"),
    ("tracer_entries", 1.5, TypeError, "tracer_entries must be int, not float"),
    ("tracer_entries", HUGE, OverflowError, "tracer_entries must be below 2**63"),
    ("verbose", None, TypeError, "verbose must be int, not NoneType"),
    ("max_stack_depth", "1", TypeError, "max_stack_depth must be int, not str"),
    ("max_stack_depth", HUGE, OverflowError, "max_stack_depth must be below 2**63"),
    ("include_files", "a.py", TypeError, "include_files must be list or None, not str"),
    ("include_files", [1], TypeError, "include_files must be a list of str, but it has a int"),
    ("include_files", [b"a"], TypeError, "include_files must be a list of str, but it has a bytes"),
    ("include_files", ["\ud800"], ValueError, "include_files has surrogates"),
    ("exclude_files", ("a.py",), TypeError, "exclude_files must be list or None, not tuple"),
    ("exclude_files", [None], TypeError, "exclude_files must be a list of str, but it has a NoneType"),
    ("ignore_c_function", 1, TypeError, "ignore_c_function must be bool, not int"),
    ("ignore_frozen", None, TypeError, "ignore_frozen must be bool, not NoneType"),
    ("log_func_args", "yes", TypeError, "log_func_args must be bool, not str"),
    ("log_func_retval", 0, TypeError, "log_func_retval must be bool, not int"),
    ("log_func_repr", "repr", TypeError, "log_func_repr must be callable or None, not str"),
    ("log_gc", 1, TypeError, "log_gc must be bool, not int"),
    ("log_async", None, TypeError, "log_async must be bool, not NoneType"),
    ("log_audit", "import", TypeError, "log_audit must be list or tuple or None, not str"),
    ("log_audit", [5], TypeError, "log_audit must be a list of str, but it has a int"),
    ("log_audit", ["("], ValueError, "log_audit has '(', which is no regular expression: missing )"),
    ("trace_self", 1, TypeError, "trace_self must be bool, not int"),
    ("min_duration", "1us", TypeError, "min_duration must be int or float, not str"),
    ("pid_suffix", 1, ValueError, "pid_suffix must be bool, not int"),
    ("process_name", 5, TypeError, "process_name must be str or None, not int"),
    ("process_name", "\ud800", ValueError, "process_name has surrogates"),
    ("plugins", "vizplugins", TypeError, "plugins must be list or tuple or None, not str"),
    ("plugins", [5], TypeError, "Invalid plugin!"),
    ("session", 5, TypeError, "session must be str or None, not int"),
    ("nonsense", 1, TypeError, "unexpected keyword argument 'nonsense'"),
]
# What takes any value for true or false, as with VizTracer.
SWITCHES = ["log_print", "log_sparse", "minimize_memory", "dump_raw", "sanitize_function_name", "file_info"]


@pytest.mark.parametrize(("name", "value", "kind", "message"), ARGUMENTS)
def test_constructor(name, value, kind, message):
    with pytest.raises(kind) as error:
        VizTracer(register_global=False, **{name: value})
    assert message in str(error.value)


@pytest.mark.parametrize(("name", "value", "kind", "message"), ARGUMENTS[:-2])
def test_attributes_are_checked_when_the_tracer_starts(name, value, kind, message):
    tracer = VizTracer(register_global=False)
    setattr(tracer, name, value)
    if name == "plugins":
        return  # only the constructor uses them
    with pytest.raises(kind) as error:
        tracer.start()
    assert message in str(error.value)
    assert not tracer.enable


@pytest.mark.parametrize("value", [0, 1, None, "yes"])
@pytest.mark.parametrize("name", SWITCHES)
def test_switches_take_any_value(tmp_path, name, value):
    tracer = VizTracer(**{"verbose": 0, "register_global": False, "output_file": str(tmp_path / "a.json"), name: value})
    with tracer:
        pass
    assert (tmp_path / "a.json").exists()
    assert tracer.init_kwargs.get(name, False) in (True, False)


def handled(record):
    handler = VizLoggingHandler()
    handler.setTracer(record)
    return handler


TARGET = "output_file must be a str, a path or a file to write to, not "
# What is called with a tracer that records, the exception, and a part of its message.
CALLS = [
    (lambda t: t.save(5), ValueError, TARGET + "int"),
    (lambda t: t.save(b"a.json"), ValueError, TARGET + "bytes"),
    (lambda t: t.save("a.xyz"), RuntimeError, "a.xyz: unknown kind of report"),
    (lambda t: t.save(verbose="x"), TypeError, "verbose must be int or None, not str"),
    (lambda t: t.save(io.BytesIO()), TypeError, "a bytes-like object is required"),
    (lambda t: t.dump(5), TypeError, "filename must be a str or a path, not int"),
    (lambda t: t.dump(None), TypeError, "filename must be a str or a path, not NoneType"),
    (lambda t: t.fork_save(5), ValueError, TARGET + "int"),
    (lambda t: t.fork_save(io.StringIO()), ValueError, "fork_save does not write to an open file"),
    (lambda t: t.add_instant(5), TypeError, "'int' object is not an instance of 'str'"),
    (lambda t: t.add_instant("a", scope="x"), ValueError, "Scope must be one of 'g', 'p', 't'"),
    (lambda t: t.add_instant("a", scope=1), TypeError, "Scope must be a string"),
    (lambda t: t.log_instant("a", scope="x"), ValueError, "Scope must be one of 'g', 'p', 't'"),
    (lambda t: t.add_counter(None, {}), TypeError, "is not an instance of 'str'"),
    (lambda t: t.add_raw([]), TypeError, "'list' object is not an instance of 'dict'"),
    (lambda t: t.add_func_args(1, 1), TypeError, "'int' object is not an instance of 'str'"),
    (lambda t: t.add_variable("a", 1, "other"), ValueError, "other is not supported"),
    (lambda t: t.add_variable("a", "b", "counter"), ValueError, "a(b) is not a number"),
    (lambda t: t.log_var(5, 1), TypeError, "'int' object is not an instance of 'str'"),
    (lambda t: t.setpid("x"), TypeError, "pid must be an integer, not str"),
    (lambda t: t.setignorestackcounter("x"), TypeError, "value must be an integer, not str"),
    (lambda t: t.set_afterfork(5), TypeError, "callback must be callable, not int"),
    (lambda t: t.shield_ignore(5), TypeError, "'int' object is not callable"),
    (lambda t: VizCounter(t, 5), TypeError, "name must be str, not int"),
    (lambda t: VizCounter(t, "c", include_attributes=5), TypeError, "include_attributes must be a list of names"),
    (lambda t: VizCounter(t, "c", exclude_attributes=[5]), TypeError, "exclude_attributes must be a list of names"),
    (lambda t: setattr(VizCounter(t, "c"), "a", "x"), Exception, "Counter can only take numeric values"),
    (lambda t: VizCounter("x", "c").log(), AttributeError, "'str' object has no attribute 'add_counter'"),
    (lambda t: VizCounter(t, "c").config("other", 1), ValueError, "No config named other"),
    (lambda t: VizObject(t, None), TypeError, "name must be str, not NoneType"),
    (lambda t: VizObject(5, "c"), AttributeError, "'int' object has no attribute 'add_object'"),
    (lambda t: VizObject.triggerlog(when="x"), ValueError, "when has to be one of 'after', 'before' or 'both', not x"),
    (lambda t: VizLoggingHandler("x"), ValueError, "Unknown level: 'x'"),
    (lambda t: VizLoggingHandler().setTracer("x"), TypeError, "tracer must be a VizTracer, not str"),
]


@pytest.mark.usefixtures("forking")
@pytest.mark.parametrize(("call", "kind", "message"), CALLS)
def test_methods_and_what_uses_them(tmp_path, monkeypatch, call, kind, message):
    """The recording is as before, and can be saved."""
    monkeypatch.chdir(tmp_path)
    tracer = VizTracer(verbose=0, register_global=False)
    tracer.start()
    try:
        with pytest.raises(kind) as error:
            call(tracer)
        assert message in str(error.value)
        assert tracer.enable
        tracer.save("good.json")
        assert (tmp_path / "good.json").exists()
    finally:
        tracer.stop()
        tracer.clear()


def builder(report=EMPTY, **settings):
    return ReportBuilder(report, **{"verbose": 0} | settings)


MODULES = [
    (lambda: ReportBuilder(5), TypeError, "Invalid data type for ReportBuilder"),
    (lambda: ReportBuilder([5]), TypeError, "Path should be a string"),
    (lambda: ReportBuilder(["none.json"]), ValueError, "none.json does not exist"),
    (lambda: ReportBuilder({}), ValueError, "a report has to have a list traceEvents"),
    (lambda: ReportBuilder({"traceEvents": 5}), ValueError, "a report has to have a list traceEvents"),
    (lambda: ReportBuilder({"traceEvents": [5]}), TypeError, "traceEvents has something that is no event"),
    (lambda: ReportBuilder(EMPTY | {"viztracer_metadata": 5}), TypeError, "viztracer_metadata has to be a dict"),
    (lambda: builder(verbose="x"), TypeError, "verbose must be int, not str"),
    (lambda: builder([]).save("a.json"), ValueError, "Can't get report of nothing"),
    (lambda: builder().save("a.xyz"), ValueError, "Only html, json and gz are supported"),
    (lambda: builder().save(5), ValueError, TARGET + "int"),
    (lambda: builder().generate_report(io.StringIO(), "xml"), ValueError, "Only html and json are supported, not xml"),
    (lambda: builder().generate_report(5, "json"), AttributeError, "output_file must be an open file, but int has no"),
    (lambda: VCompressor().compress(5, "a.cvf"), ValueError, "You need to pass in a dict"),
    (lambda: VCompressor().compress({}, "a.cvf"), ValueError, "Unable to find traceEvents"),
    (lambda: VCompressor().compress({"traceEvents": [5]}, "a.cvf"), ValueError, "traceEvents has something that is no"),
    (lambda: VCompressor().compress(EMPTY, 5), ValueError, "filename must be a str or a path, not int"),
    (lambda: VCompressor().compress(EMPTY, "none/a.cvf"), ValueError, "Can't open file none/a.cvf to write"),
    (lambda: VCompressor().decompress(5), TypeError, "filename must be a str or a path, not int"),
    (lambda: VCompressor().decompress("none.cvf"), ValueError, "Can't open file none.cvf to read"),
    (lambda: ignore_function(5), TypeError, "'int' object is not callable"),
    (lambda: ignore_function(len, tracer="x")([]), AttributeError, "'str' object has no attribute 'pause'"),
    (lambda: trace_and_save(5), TypeError, "'int' object is not callable"),
    (lambda: trace_and_save(len, output_dir=5), TypeError, "output_dir must be a str or a path, not int"),
    (lambda: trace_and_save(len, nonsense=1)([]), TypeError, "unexpected keyword argument 'nonsense'"),
    (lambda: log_sparse(len, stack_depth="x"), TypeError, "stack_depth must be int, not str"),
]


@pytest.mark.parametrize(("call", "kind", "message"), MODULES)
def test_other_modules(tmp_path, monkeypatch, call, kind, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_is_none_is_handled_as_logging_does(capsys):
    handler = handled(VizTracer(register_global=False))
    handler.emit(logging.LogRecord("name", 30, "file", 1, "%d", ("x",), None))
    assert "--- Logging error ---" in capsys.readouterr().err


def test_a_start_that_fails_leaves_nothing_and_lets_the_other_tracer_go_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = VizTracer(verbose=0, register_global=False)
    other.start()
    try:
        wrong = VizTracer(verbose=0, register_global=False, log_func_repr=repr)
        monkeypatch.setattr(wrong, "begin_interpreter_events", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            wrong.start()
        assert not wrong.enable and wrong.rings is None and other.enable
    finally:
        other.stop()
        other.clear()
