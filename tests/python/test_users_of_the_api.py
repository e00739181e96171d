"""vizplugins and objprint, as PyPI has them."""

import json
import re
import textwrap

import pytest
import tree
from conftest import library

# It ends when each plugin's process has gone round its loop some times: it sleeps in each turn.
PROGRAM = """
import multiprocessing, time
def work(n): return n
def turns(pid):
    with open(f"/proc/{pid}/status") as file: status = file.read()
    return int(status.partition("\\nvoluntary_ctxt_switches:")[2].split()[0])
for n in range(5): work(n)
begun = {process.pid: turns(process.pid) for process in multiprocessing.active_children()}
while any(turns(pid) < count + 10 for pid, count in begun.items()): time.sleep(0.01)
"""


def counters(report, name):
    return [event for event in report["traceEvents"] if event["ph"] == "C" and event["name"] == name]


def assert_counters_of_vizplugins(report, script):
    """The counters of both plugins lie within the run, and the calls are there beside them."""
    (module,) = [event for event in tree.spans(report) if event["name"].startswith(f"<module> ({script}")]
    assert sum(event["name"] == f"work ({script}:3)" for event in tree.spans(report)) == 5
    for name, keys in {"cpu_usage": {"cpu_percent"}, "memory_usage": {"rss", "vms"}}.items():
        found = counters(report, name)
        assert len(found) >= 2
        assert {(event["pid"], *sorted(event["args"])) for event in found} == {(module["pid"], *sorted(keys))}
        inside = [event for event in found if module["ts"] <= event["ts"] <= module["ts"] + module["dur"]]
        assert inside, (module, found)
    assert tree.names(report, "process_name") == {module["pid"]: "MainProcess"}  # the plugins' processes are not ours


@pytest.mark.parametrize("way", ["ends", "exits", "fails"])
def test_vizplugins_of_the_command(sandbox, way):
    """The process of a plugin has ended before the report is made, so it must be asked before."""
    library("vizplugins")
    end = {"ends": "", "exits": "raise SystemExit(3)\n", "fails": "raise KeyError(1)\n"}[way]
    script = sandbox.script(PROGRAM + end)
    plugins = ["--plugins", "vizplugins.cpu_usage -f 200", "vizplugins.memory_usage -f 200"]
    done = sandbox.viztracer("--quiet", "-o", "report.json", *plugins, "--", script)
    assert done.returncode == {"ends": 0, "exits": 3, "fails": 1}[way], done.stderr
    assert_counters_of_vizplugins(sandbox.report("report.json"), script)


def test_vizplugins_of_a_program(sandbox):
    library("vizplugins")
    begin, loop, rest = PROGRAM.partition("for n in range(5)")
    program = f"{begin}def main():\n{textwrap.indent(loop + rest, '    ')}"
    tracer = "VizTracer(output_file='report.json', verbose=0, plugins=['vizplugins.cpu_usage -f 200'])"
    guard = "if __name__ == '__main__':"  # the plugin's process imports the program
    program += f"\nfrom viztracer import VizTracer\n{guard}\n    with {tracer}:\n        main()\n"
    script = sandbox.script(program)
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    report = sandbox.report("report.json")
    (main,) = [event for event in tree.spans(report) if event["name"].startswith("main ")]
    found = counters(report, "cpu_usage")
    assert [event for event in found if main["ts"] <= event["ts"] <= main["ts"] + main["dur"]]


def test_objprint(sandbox):
    library("objprint")
    script = sandbox.script(
        "class Point:\n    def __init__(self):\n        self.x = 1\n        self.parts = [2, {'y': 3}]\n"
        "def same(point): return point\nsame(Point())\n"
    )
    options = ["--log_func_with_objprint", "--log_func_args", "--log_func_retval"]
    done = sandbox.viztracer("--quiet", "-o", "report.json", *options, "--", script)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    (call,) = [event for event in tree.spans(sandbox.report("report.json")) if event["name"].startswith("same (")]
    expected = r"<Point 0x[0-9a-f]+\n  \.parts = \[2, \{'y': 3\}\],\n  \.x = 1\n>"
    for shown in (call["args"]["func_args"]["point"], call["args"]["return_value"]):
        assert re.fullmatch(expected, shown), shown


def test_texts_are_described_as_objprint_does(sandbox):
    library("objprint")
    script = sandbox.script(
        "import objprint\n"
        "from viztracer import get_tracer\n"
        "class Text(str): pass\n"
        "expected = []\n"
        "def log(value):\n"
        "    expected.append(objprint.objstr(value))\n"
        "    get_tracer().log_var('v', value)\n"
        "def log_all():\n"
        "    for value in ('', 'a', 'it\\'s \\\\', '\\t\\xe9\\u20ac\\0\"', Text('t'), ['a'], None, b'b'): log(value)\n"
        "log_all()\n"
        "objprint.op.register_formatter(str, lambda text: f'<{text}>')\n"
        "log_all()\n"
        "objprint.op.unregister_formatter()\n"
        "objprint.config(depth=1, indent=4)\n"
        "log_all()\n"
        "import json; open('expected.json', 'w').write(json.dumps(expected))\n"
    )
    events = sandbox.trace("--quiet", script)["traceEvents"]
    described = [event["args"]["object"] for event in events if event["name"] == "v"]
    assert described == json.loads((sandbox.path / "expected.json").read_text())
    assert described.count("'a'") == 2 and described.count("<a>") == 1
