"""Plugins get messages at the right times, and can change what is saved."""

import json

import pytest
from conftest import START_METHODS
from viztracer import VizTracer
from viztracer.version import VIZTRACER_VERSION
from viztracer.vizplugin import VizPluginBase, VizPluginError

MODULE = """
from viztracer.vizplugin import VizPluginBase

class Plugin(VizPluginBase):
    def __init__(self, text):
        self.text = text

    def support_version(self):
        return "0.15.0"

    def message(self, m_type, payload):
        print(self.text, m_type, *payload.values())
        if payload.get("when") == "pre-save":
            return {"action": "handle_data", "handler": self.change}
        return {"success": True} if m_type == "command" else {}

    def change(self, data):
        data["traceEvents"] = [event for event in data["traceEvents"] if "leaf" in event["name"]]
        data["hello"] = 1

def get_vizplugin(text):
    return Plugin(text)
"""
PROGRAM = """
from viztracer import VizTracer

def leaf():
    pass

with VizTracer(verbose=0, plugins=["my_plugin --option x"]):
    leaf()
    list(map(str, [1]))
"""


class Listening(VizPluginBase):
    """A plugin that keeps the messages, and answers with one text."""

    def __init__(self, answer=None, version=VIZTRACER_VERSION):
        super().__init__()
        self.messages = []
        self.answer = answer
        self.version = version

    def support_version(self):
        return self.version

    def message(self, m_type, payload):
        self.messages.append((m_type, *payload.values()))
        return {"success": True} if self.answer is None else self.answer


def test_plugin_by_name_changes_the_report(sandbox):
    sandbox.script(MODULE, "my_plugin.py")
    path = sandbox.script(PROGRAM)
    done = sandbox.python(path)
    assert done.returncode == 0, done.stderr
    events = ["initialize", "pre-start", "post-stop", "pre-save"]
    lines = [f"my_plugin --option x event {event}" for event in events]
    assert done.stdout.splitlines() == [*lines, "my_plugin --option x command terminate"]
    report = sandbox.report("result.json")
    assert [event["name"] for event in report["traceEvents"]] == [f"leaf ({path}:4)"]
    assert report["hello"] == 1
    assert report["file_info"]["files"][path][0] == PROGRAM


def test_plugin_is_informed_at_each_start_stop_and_save(tmp_path):
    plugin = Listening()
    tracer = VizTracer(verbose=0, register_global=False, plugins=[plugin])
    for _ in range(2):
        tracer.start()
        tracer.start()
        tracer.stop()
        tracer.stop()
        tracer.save(str(tmp_path / "out.json"))
    tracer.terminate()
    tracer.terminate()
    each = [("event", "pre-start"), ("event", "post-stop"), ("event", "pre-save")]
    assert plugin.messages == [("event", "initialize"), *each, *each, ("command", "terminate")]


@pytest.mark.parametrize("answer", [{}, {"success": False}, 5])
def test_plugin_that_does_not_end_is_an_error(answer):
    plugin = Listening()
    tracer = VizTracer(register_global=False, plugins=[plugin])
    plugin.answer = answer
    with pytest.raises(VizPluginError):
        tracer.terminate()


@pytest.mark.parametrize("answer", [5, {"action": "handle_data"}, {"action": "handle_data", "handler": 5}])
def test_wrong_answers_are_errors(answer):
    with pytest.raises(VizPluginError):
        VizTracer(register_global=False, plugins=[Listening(answer)])


def test_unknown_actions_are_passed_over():
    VizTracer(register_global=False, plugins=[Listening({"action": "something new"})])


def test_no_plugins():
    with pytest.raises(TypeError, match="Invalid plugin!"):
        VizTracer(register_global=False, plugins=[5])
    with pytest.raises(NotImplementedError, match="Plugin of viztracer has to implement support_version method"):
        VizTracer(register_global=False, plugins=[VizPluginBase()])


@pytest.mark.parametrize(
    ("text", "source", "message"),
    [
        ("no_such_module x", None, "There's no module named no_such_module, maybe you need to install it"),
        ("", None, "There's no module named , maybe you need to install it"),
        ("without_1 x", "x = 1", "Unable to find get_vizplugin in without_1. Incorrect plugin."),
        (
            "without_2",
            "get_vizplugin = 1",
            "Unable to find get_vizplugin as a callable in without_2. Incorrect plugin.",
        ),
    ],
)
def test_names_that_are_no_plugins_end_the_program(tmp_path, monkeypatch, capsys, text, source, message):
    monkeypatch.syspath_prepend(tmp_path)
    if source:
        (tmp_path / f"{text.split()[0]}.py").write_text(source)
    with pytest.raises(SystemExit) as end:
        VizTracer(register_global=False, plugins=[text])
    assert (end.value.code, capsys.readouterr().out) == (1, message + "\n")


def test_plugin_whose_own_import_fails_says_which(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "imports_more.py").write_text("import no_such_module_either")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_either"):
        VizTracer(register_global=False, plugins=["imports_more"])


def test_plugin_of_a_newer_version_is_noticed(capsys):
    VizTracer(register_global=False, plugins=[Listening(version="0.1"), Listening(version=VIZTRACER_VERSION)])
    assert capsys.readouterr().out == ""
    VizTracer(register_global=False, plugins=[Listening(version="99.0")])
    assert "The plugin support version is higher than viztracer version" in capsys.readouterr().out


def test_report_of_a_plugin_as_a_page(sandbox):
    sandbox.script(MODULE, "my_plugin.py")
    sandbox.script(PROGRAM.replace("verbose=0", "verbose=0, output_file='out.html'"))
    done = sandbox.python("script.py")
    assert done.returncode == 0, done.stderr
    assert (sandbox.path / "out.html").read_text().startswith("<!DOCTYPE html>")


def test_plugin_gets_the_events_of_forked_children(sandbox):
    fork = "    import os\n    pid = os.fork()\n    leaf()\n    if pid: os.waitpid(pid, 0)\n    else: os._exit(0)\n"
    sandbox.script(MODULE, "my_plugin.py")
    sandbox.script(PROGRAM.replace("    list(map(str, [1]))\n", fork))
    done = sandbox.python("script.py")
    assert done.returncode == 0, done.stderr
    events = json.loads((sandbox.path / "result.json").read_text())["traceEvents"]
    assert len({event["pid"] for event in events}) == 2


def test_plugins_of_a_tracer_that_is_interrupted(tmp_path):
    """They get one start and one stop, as the program asks for one of each; and none for `load`, `dump` and `clear`."""
    first, second = Listening(), Listening()
    outer = VizTracer(verbose=0, register_global=False, plugins=[first])
    inner = VizTracer(verbose=0, register_global=False, plugins=[second])
    outer.start()
    inner.start()
    inner.load()
    inner.dump(str(tmp_path / "dumped.json"))
    inner.clear()
    inner.stop()
    assert outer.enable
    outer.stop()
    inner.start()
    outer.start()
    inner.stop()
    outer.stop()
    outer.clear()
    inner.clear()
    pair = [("event", "pre-start"), ("event", "post-stop")]
    assert first.messages == second.messages == [("event", "initialize"), *pair, *pair]


def test_report_that_another_process_writes(sandbox):
    """The plugins ended with the program; that is said, and the report is there."""
    sandbox.script(MODULE, "my_plugin.py")
    path = sandbox.script("import os\ndef leaf(): pass\nleaf()\nos._exit(0)\n")
    done = sandbox.viztracer("--quiet", "-o", "out.json", "--plugins", "my_plugin", "--", path)
    assert (done.returncode, done.stderr) == (
        0, "viztracer: the plugins have not had this report: they ended with the program\n"
    )
    report = sandbox.report("out.json")
    assert "hello" not in report and any(event["name"] == f"leaf ({path}:2)" for event in report["traceEvents"])


STARTS_A_PROCESS = """
import multiprocessing
from viztracer.vizplugin import VizPluginBase

class Plugin(VizPluginBase):
    def support_version(self):
        return "0.15.0"

    def message(self, m_type, payload):
        if payload.get("when") == "initialize":
            process = multiprocessing.get_context("{method}").Process(target=print, args=("of the plugin",))
            process.start()
            process.join()
        return {{"success": True}} if m_type == "command" else {{}}

def get_vizplugin(text):
    return Plugin()
"""


@pytest.mark.parametrize("method", START_METHODS)
def test_a_process_of_a_plugin_does_not_run_the_program(sandbox, method):
    """Nor does a server that forks it, which imports the main module from CPython 3.14 on."""
    sandbox.script(STARTS_A_PROCESS.format(method=method), "my_plugin.py")
    script = sandbox.script("print('of the program')\nraise SystemExit(3)\n", "program.py")
    done = sandbox.viztracer("--quiet", "-o", "r.json", "--plugins", "my_plugin", "--", script)
    assert (done.returncode, done.stdout, done.stderr) == (3, "of the plugin\nof the program\n", "")
