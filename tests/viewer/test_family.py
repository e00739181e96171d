"""Processes: a tree, their details, and the way from a process to the call that started it."""

import pytest
from test_processes import merged

PROGRAM = """
import subprocess, sys
depth = int(sys.argv[1])
if depth:
    children = [subprocess.Popen([sys.executable, __file__, str(depth - 1), name]) for name in "ab"]
    for child in children: child.wait()
"""

COLLAPSE = """() => viztracer.trace.processes.forEach(({ index }) =>
    viztracer.timeline.rows.flip("collapsed", `p${index}`))"""

ROWS = """() => [...document.querySelectorAll(".row.process")].map((row) =>
    [row.querySelector(".name").textContent, row.style.getPropertyValue("--level")])"""


@pytest.fixture
def tree(sandbox, page):
    script = sandbox.script(PROGRAM)
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script, "2").returncode == 0
    merged(sandbox, page)
    page.evaluate(COLLAPSE)
    page.name = script.rpartition("/")[2]
    return page


def test_processes_stand_below_the_one_that_started_them(tree):
    tree.until("document.querySelectorAll('.row.process').length === 7")
    rows = tree.evaluate(ROWS)
    assert rows[0] == [f"{tree.name} 2", "0"]
    assert [level for _, level in rows] == ["0", "1", "2", "2", "1", "2", "2"]
    assert sorted(name for name, level in rows if level == "1") == [f"{tree.name} 1 a", f"{tree.name} 1 b"]
    assert tree.page.title().startswith(f"{tree.name} 2 (pid ")
    assert tree.errors == []


def test_from_a_process_to_the_call_that_started_it_and_back(tree):
    tree.page.locator(".row.process .name", has_text="1 a").click()
    pane = tree.page.locator("#pane-selection")
    pane.locator("h2", has_text="1 a").wait_for()
    text = pane.inner_text()
    assert "started by" in text and "exited" in text and "MainThread" in text
    assert pane.locator("section", has_text="Started").get_by_role("button").count() == 2
    tree.until("location.hash.includes('m=p')")
    pane.get_by_role("button", name="the call at").click()
    pane.locator("h2", has_text="fork_exec").or_(pane.locator("h2", has_text="posix_spawn")).wait_for()
    pane.get_by_role("button", name="process ").filter(has_text="1 a").click()
    tree.until("viztracer.timeline.selection.track.process.label.endsWith('1 a')")
    assert tree.errors == []


def test_the_details_of_a_process_by_keys_and_from_the_address(tree):
    tree.page.locator(".row.process .about").first.focus()
    tree.page.keyboard.press("Enter")
    tree.page.locator("#pane-selection h2", has_text=" 2 (pid").wait_for()
    tree.until("location.hash.includes('m=p')")
    tree.page.reload()
    tree.page.locator("#pane-selection h2", has_text=" 2 (pid").wait_for()
    tree.page.keyboard.press("Escape")
    tree.until("viztracer.timeline.point === null")
    assert tree.errors == []
