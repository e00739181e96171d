"""Questions of a reader of recorded programs, as in test_questions.py: who started what, how it ended, its source."""

import json
import re

import pytest
from actions import SELECT, SELECTED, Actions, found
from conftest import sandboxes
from test_processes import merged

FAMILY = """
import multiprocessing, os, signal, time

def sleep(conn):
    conn.send("here")
    time.sleep(1000)

def started():
    here, there = context.Pipe()
    process = context.Process(target=sleep, args=[there], name="victim")
    process.start()
    here.recv()
    return process

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    victim = started()
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The trace of a program that starts a worker and kills it."""
    sandbox = sandboxes.Sandbox(tmp_path_factory.mktemp("killed"))
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", sandbox.script(FAMILY)).returncode == 0
    done = sandbox.viztracer_merge("rings", "-q", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    return sandbox


@pytest.fixture
def family(killed, page):
    page.page.set_viewport_size({"width": 1400, "height": 900})
    yield page.open(killed.path / "report.html")
    assert page.errors == []


def test_who_started_a_process(family):
    """Who started the process `victim`, and by which call?"""
    user = Actions(family)
    user.click(family.page.locator(".row.process .name", has_text="victim"))
    facts = family.page.locator("#pane-selection dl").inner_text()
    parent = family.evaluate("viztracer.trace.processes.find(({ label }) => label !== 'victim').label")
    assert f"started by\n{parent} (pid " in facts and "in\nthe call at " in facts
    assert user.taken == 1
    user.click(family.page.locator("#pane-selection").get_by_role("button", name="the call at"))
    assert family.evaluate(SELECTED)[0] == "posix.fork"


POOL = """
import time
from concurrent.futures import ThreadPoolExecutor

def work(n):
    time.sleep(0.005)
    return n

with ThreadPoolExecutor(1) as pool:
    futures = [pool.submit(work, n) for n in range(5)]
"""


def test_how_long_work_waited_for_a_thread(sandbox, page):
    """When did a thread of the pool start what was submitted to it?"""
    script = sandbox.script(POOL)
    assert sandbox.viztracer("--log_async", "--pid_suffix", "--output_dir", "rings", script).returncode == 0
    assert sandbox.viztracer_merge("rings", "-q", "-o", "report.json").returncode == 0
    events = json.loads((sandbox.path / "report.json").read_text())["traceEvents"]
    begin, end = (sorted(event["ts"] for event in events if event["ph"] == phase) for phase in "sf")
    merged(sandbox, page)
    track, call = found(page, "ThreadPoolExecutor.submit")[3]
    page.evaluate("([track, call]) => viztracer.timeline.fitCall({ track: viztracer.trace.tracks[track], call })",
                  [track, call])  # fmt: skip
    user = Actions(page)
    user.click_call(track, call)
    link = page.page.locator("#pane-selection li", has_text="submit: ThreadPoolExecutor-0_0")
    waited = page.evaluate("viztracer.trace.flows.filter(({ name }) => name === 'submit')"
                           ".map(({ fromTime, toTime }) => toTime - fromTime)")
    assert sorted(waited) == pytest.approx(sorted((to - at) * 1000 for at, to in zip(begin, end, strict=True)), abs=1)
    assert link.inner_text().endswith("ms later") and user.taken == 1
    user.click(link.get_by_role("button"))
    assert page.evaluate(SELECTED)[0] == "_WorkItem.run"
    assert page.errors == []


def test_how_a_worker_died(family, killed):
    """Did a process not end normally? In which calls was it?"""
    user = Actions(family)
    line = family.page.locator(".ends")
    assert "victim (pid " in line.inner_text() and "killed by SIGKILL" in line.inner_text()
    assert user.taken == 0
    user.click(line.get_by_role("button", name="did not end normally"))
    words = family.page.locator("#pane-words").inner_text()
    open_calls = words.split("Open calls, outermost first")[1].split("Last ")[0]
    said = killed.viztracer_merge("rings", "--last_words").stdout
    expected = re.findall(r"^ +\d+  ([^\s,]+)", said, re.MULTILINE)
    assert [line.split()[0] for line in open_calls.splitlines() if line.strip()] == expected
    assert "sleep" in expected
    assert user.taken == 1


def test_the_source_of_a_function(family):
    """What does the source of this function say?"""
    family.evaluate(SELECT, found(family, "started")[0])
    user = Actions(family)
    user.press("6")
    assert family.page.locator("#pane-source li[aria-current]").inner_text().startswith("def started():")
    assert user.taken == 1


def test_paper(family):
    """Of which trace is this sheet of paper, and of which day?"""
    family.page.emulate_media(media="print")
    shown = family.page.locator("#toolbar").inner_text()
    title = family.evaluate("viztracer.trace.title")
    assert title in shown and "2 processes" in shown
    assert re.search(r"recorded on \d{4}-\d\d-\d\d \d\d:\d\d", shown)
    assert not family.page.locator("#search").is_visible() and not family.page.locator("#actions").is_visible()
