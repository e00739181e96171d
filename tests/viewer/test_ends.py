"""How processes ended: what the page says at once, and of the calls that were open then."""

import pytest
from conftest import sandboxes
from test_processes import merged

PROGRAM = """
import multiprocessing, os, signal, time

def sleep(conn, name):
    conn.send(name)
    time.sleep(1000)

def started(name):
    here, there = context.Pipe()
    process = context.Process(target=sleep, args=[there, name], name=name)
    process.start()
    here.recv()
    return process

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    victim, dismissed = started("victim"), started("dismissed")
    dismissed.terminate()
    dismissed.join()
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
"""


@pytest.fixture
def ended(sandbox, page):
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", sandbox.script(PROGRAM)).returncode == 0
    return merged(sandbox, page)


def test_a_killed_process_is_announced_and_a_dismissed_worker_is_not(ended):
    line = ended.page.locator(".ends")
    assert line.inner_text().startswith("1 process did not end normally")
    assert ": victim (pid " in line.inner_text() and ") killed by SIGKILL" in line.inner_text()
    assert "dismissed" not in line.inner_text()
    assert ended.page.get_by_role("tab").first.is_visible() and not ended.page.is_visible("#panes")
    line.get_by_role("button", name="did not end normally").click()
    ended.page.locator("#pane-words h3").first.wait_for()
    headings = ended.page.locator("#pane-words h3").all_inner_texts()
    assert headings[0].endswith("killed by SIGKILL") and headings[1].endswith("ended by SIGTERM")
    assert ended.page.get_by_role("tab", name="Last words (1)").count() == 1
    line.get_by_role("button", name="Hide this line").click()
    assert line.count() == 0
    assert ended.errors == []


def test_nobody_says_that_a_call_was_open_for_a_nanosecond(ended, sandbox):
    ended.evaluate("() => viztracer.panels.open('words')")
    innermost = "#pane-words section:nth-of-type({}) ol:first-of-type li:last-child"
    victim, dismissed = (ended.page.locator(innermost.format(place)).first for place in (1, 2))
    assert "open for at least" in victim.inner_text() or "open for an unknown time" in victim.inner_text()
    assert "open for " in dismissed.inner_text() and "at least" not in dismissed.inner_text()
    assert "open for 1 ns" not in ended.page.locator("#pane-words").inner_text()
    victim.get_by_role("button").click()
    ended.page.keyboard.press("1")
    facts = ended.page.locator("#pane-selection dl").inner_text()
    assert "Its parent knew of the end " in facts and "duration\n1 ns" not in facts
    assert "0 ns\n" not in sandbox.viztracer_merge("rings", "--last_words").stdout.split("last 20")[0]
    assert ended.errors == []


def test_nothing_is_announced_if_all_ended_normally(sandbox, page):
    program = sandboxes.program("primes_processes.py")
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program).returncode == 0
    merged(sandbox, page).evaluate("() => viztracer.panels.open('words')")
    assert page.page.locator(".ends").count() == 0
    assert "All processes ended normally." in page.page.locator("#pane-words").inner_text()
    assert page.errors == []


def test_a_tab_of_the_closed_panel_opens_it_by_a_click(ended):
    assert not ended.page.is_visible("#panes")
    ended.page.get_by_role("tab", name="Functions").click()
    assert ended.page.is_visible("#pane-functions")
    assert ended.errors == []
