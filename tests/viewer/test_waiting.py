"""Waiting and working: the table without waiting equals `--top --busy`, and a call that waits shows the others."""

import json

import pytest
from test_panels import report

PROGRAM = """
import queue, threading, time

def compute():
    return sum(n * n for n in range(20000))

def worker():
    while (item := tasks.get()) is not None:
        with lock:
            compute()
        time.sleep(0.001)

tasks, lock = queue.Queue(), threading.Lock()
threads = [threading.Thread(target=worker, name=f"worker-{n}") for n in range(2)]
for thread in threads: thread.start()
for n in range(10): tasks.put(n)
for thread in threads: tasks.put(None)
for thread in threads: thread.join()
"""

ROWS = """async (busy) => {
    const { panels, trace } = window.viztracer;
    await panels.setState({ tab: "functions", busy });
    await panels.settled();
    return panels.functions.rows.map((row) =>
        [trace.functions.label(row.function), row.calls, row.total, row.own, row.waiting]);
}"""

SELECT_JOIN = """() => {
    const { trace, select } = window.viztracer;
    const [track] = trace.tracks;
    const joins = [...track.function.keys()].filter((at) => trace.functions.name(track.function[at]) === "Thread.join");
    select(track, joins.sort((one, other) => track.duration[other] - track.duration[one])[0]);
}"""


@pytest.fixture
def served(sandbox, page):
    return report(sandbox, page, sandbox.script(PROGRAM))


def top(sandbox, *options):
    """The table of all functions that the program prints."""
    done = sandbox.viztracer_merge("rings", "-q", "--top", "100000", "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def label(row):
    place = f" ({row['file']}:{row['line']})" if row["file"] else ""
    return row["function"] + place


@pytest.mark.parametrize("busy", ["", "busy"])
def test_the_page_and_the_program_print_the_same_numbers(served, sandbox, busy):
    document = top(sandbox, *(["--busy"] if busy else []))
    names = "calls", "total_ns", "self_ns", "waiting_ns"
    printed = sorted([label(row), *(row[name] for name in names)] for row in document["all"]["top"])
    assert sorted(served.evaluate(ROWS, busy)) == printed
    assert document["busy"] is bool(busy)
    functions = {row["function"] for row in document["all"]["top"]}
    assert {"compute", "worker"} <= functions
    assert ("time.sleep" in functions, "Queue.get" in functions) == (not busy, not busy)
    whole = top(sandbox)["all"]
    assert document["all"]["self_ns"] + document["all"]["left_out_waiting_ns"] == whole["self_ns"]
    assert served.errors == []


def test_the_switch_stays_in_the_address(served):
    served.page.keyboard.press("2")
    served.page.get_by_label("Without waiting").check()
    served.page.locator("#pane-functions caption", has_text="of waiting").wait_for()
    served.until("location.hash.includes('i=busy')")
    served.page.reload()
    served.until("window.viztracer !== undefined")
    served.page.locator("#pane-functions caption", has_text="of waiting").wait_for()
    assert served.page.get_by_label("Without waiting").is_checked()
    assert served.errors == []


def test_a_call_that_waits_shows_what_the_others_did_meanwhile(served):
    served.evaluate(SELECT_JOIN)
    table = served.page.locator("#pane-selection table", has_text="Meanwhile")
    row = table.locator("tbody tr", has_text="genexpr").first
    row.wait_for()
    assert "worker-" in row.inner_text() and "time.sleep" not in table.inner_text()
    row.get_by_role("button").click()
    served.until("viztracer.timeline.selection.track.name.startsWith('worker-')")
    assert served.errors == []
