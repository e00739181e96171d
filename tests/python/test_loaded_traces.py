"""What was recorded as Python objects: `parse`, `data`, `load`, `clear`, `dump`, `fork_save`."""

import json
import multiprocessing
import os

import pytest
from viztracer import VizTracer


def leaf():
    return 1


@pytest.fixture
def tracer(tmp_path):
    tracer = VizTracer(verbose=0, register_global=False, output_file=str(tmp_path / "out.json"))
    yield tracer
    tracer.stop()
    tracer.clear()


def record(tracer, calls):
    tracer.start()
    for _ in range(calls):
        leaf()
    tracer.stop()


def count(events):
    return sum(event["name"].startswith("leaf ") for event in events)


def count_in(path):
    with open(path, encoding="utf-8") as file:
        return count(json.load(file)["traceEvents"])


def test_parse_gives_the_report_as_a_dict(tracer):
    record(tracer, 2)
    assert tracer.parse() == tracer.total_entries == 2
    assert list(tracer.data) == ["traceEvents", "viztracer_metadata"]
    assert tracer.data["viztracer_metadata"]["overflow"] is False
    name, thread, first, second = tracer.data["traceEvents"]
    assert (name["name"], thread["name"]) == ("process_name", "thread_name")
    assert {"pid", "tid", "ts", "ph", "dur", "name", "cat"} == set(first) and first["cat"] == "FEE"
    assert first["ts"] + first["dur"] <= second["ts"]


def test_parse_ends_recording_and_changes_nothing_the_second_time(tracer):
    tracer.start()
    leaf()
    assert tracer.parse() == 1 and not tracer.enable
    data = tracer.data
    assert tracer.parse() == 1 and tracer.data is data
    record(tracer, 2)
    assert tracer.parse() == 2 and tracer.data is not data


def test_data_that_the_program_has_changed_is_saved(tracer, tmp_path):
    record(tracer, 2)
    tracer.parse()
    del tracer.data["traceEvents"][-1]
    for name in ("out.json", "again.json"):
        tracer.save(str(tmp_path / name))
        assert count_in(tmp_path / name) == 1
    assert "leaf" in (tmp_path / "out.json").read_text().partition('"file_info"')[2]
    record(tracer, 3)
    tracer.save()
    assert count_in(tmp_path / "out.json") == 3


def test_traced_program_parses_its_own_trace_and_the_report_is_whole(sandbox):
    path = sandbox.script(
        "from viztracer import get_tracer\n"
        "def f(): pass\n"
        "f()\n"
        "tracer = get_tracer()\n"
        "tracer.parse()\n"
        "assert sum(event['name'].startswith('f ') for event in tracer.data['traceEvents']) == 1\n"
        "tracer.start()\n"
        "f()\n"
        "tracer.clear()\n"
        "f()\n"
    )
    assert sum(event["name"] == f"f ({path}:2)" for event in sandbox.trace(path)["traceEvents"]) == 3


def test_load_gives_the_events_and_forgets_them(tracer):
    assert tracer.load() == []
    record(tracer, 2)
    events = tracer.load()
    assert count(events) == 2 and [event["ph"] for event in events] == ["M", "M", "X", "X"]
    assert tracer.load() == []
    record(tracer, 1)
    assert count(tracer.load()) == 1


def test_clear_forgets_and_goes_on(tracer, tmp_path):
    tracer.clear()
    tracer.start()
    leaf()
    tracer.clear()
    assert tracer.enable
    leaf()
    leaf()
    tracer.stop()
    tracer.save()
    assert count_in(tmp_path / "out.json") == 2
    record(tracer, 1)
    tracer.parse()
    tracer.clear()
    assert (tracer.data, tracer.total_entries, tracer.load()) == (None, 0, [])


def test_dump_writes_json_and_forgets(tracer, tmp_path):
    record(tracer, 2)
    tracer.dump(str(tmp_path / "any.name"))
    assert count_in(tmp_path / "any.name") == 2 and tracer.load() == []
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        tracer.dump(str(tmp_path / "none"))


@pytest.mark.usefixtures("forking")
def test_fork_save_keeps_what_it_saves(tracer, tmp_path):
    tracer.start()
    leaf()
    process = tracer.fork_save(str(tmp_path / "first.json"))
    process.join()
    leaf()
    tracer.stop()
    tracer.save()
    assert (process.exitcode, isinstance(process, multiprocessing.process.BaseProcess)) == (0, True)
    assert (count_in(tmp_path / "first.json"), count_in(tmp_path / "out.json")) == (1, 2)


def test_fork_save_needs_fork(tracer, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda: "spawn")
    with pytest.raises(RuntimeError, match="fork_save is only supported in fork start method"):
        tracer.fork_save()


def test_run_records_source_text(tracer, tmp_path):
    tracer.run("len('a')", str(tmp_path / "run.json"))
    events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
    names = [event["name"] for event in events if event["ph"] == "X"]
    assert names == ["builtins.len", "<module> (<string>:1)"]


def test_methods_that_need_to_do_nothing(tracer):
    assert tracer.shield_ignore(max, 1, 2) == 2
    assert tracer.setignorestackcounter(1) == 0
    tracer.reset_stack()
    tracer.setpid()
    tracer.setpid(5)
    tracer.terminate()


def test_function_for_forked_children_of_multiprocessing(sandbox):
    sandbox.script(
        "import multiprocessing\n"
        "from viztracer import VizTracer\n"
        "tracer = VizTracer(verbose=0)\n"
        "def forked(given, number, word): print('forked', given is tracer, number, word, flush=True)\n"
        "tracer.set_afterfork(print, 'replaced')\n"
        "tracer.set_afterfork(forked, 1, word='x')\n"
        "with tracer:\n"
        "    child = multiprocessing.get_context('fork').Process(target=print, args=('child',))\n"
        "    child.start()\n"
        "    child.join()\n"
    )
    done = sandbox.python("script.py")
    assert (done.returncode, done.stdout) == (0, "forked True 1 x\nchild\n"), done.stderr


def test_start_records_nothing_of_its_own(tracer):
    """This process has multiprocessing, which `start` asks for the process's name."""
    assert multiprocessing.current_process()
    record(tracer, 1)
    assert [event["name"].split()[0] for event in tracer.load()] == ["process_name", "thread_name", "leaf"]


def test_nothing_is_left_behind(sandbox):
    sandbox.script(
        "import os\n"
        "from viztracer import VizTracer\n"
        "tracer = VizTracer(verbose=0)\n"
        "for act in (tracer.load, tracer.clear, tracer.parse, lambda: tracer.dump('d'), tracer.save):\n"
        "    tracer.start(); len('a'); tracer.stop()\n"
        "    act()\n"
        "    tracer.save('s.json') if act == tracer.parse else None\n"
    )
    shared = set(os.listdir("/dev/shm"))
    done = sandbox.python("script.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(os.listdir("/dev/shm")) == shared


def test_a_program_that_only_parses_leaves_nothing(sandbox):
    script = sandbox.script(
        """
import os
from viztracer import VizTracer
tracer = VizTracer(verbose=0)
tracer.start(); tracer.stop(); tracer.parse()
print(tracer.rings.path)
"""
    )
    done = sandbox.python(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert not os.path.exists(done.stdout.strip())
