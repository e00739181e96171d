"""Tasks and coroutines in the page: their bars, the table of coroutines, resumes, and use by pointer and by keys."""

import json
import re

import pytest
from test_accessibility import AXE, FAULTS
from test_panels import report, wait
from test_timeline import Timeline

PROGRAM = """
import asyncio
async def read():
    await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
async def handler():
    await read()
    await read()
async def main():
    waiting = asyncio.create_task(asyncio.Event().wait())
    await asyncio.gather(*(handler() for _ in range(5)))
asyncio.run(main())
"""
HANDLER = re.compile(r"\bhandler \(")  # not the class Handler of logging, which is among the functions, too
KEYS = ["calls", "resumes", "awaiting", "running", "raised", "unfinished", "unknown"]
NUMBERS = """async () => {
    const { panels, trace } = window.viztracer;
    const { rows, ...tasks } = await panels.scope.coroutines(() => {});
    return [rows.map((row) => ({ ...row, name: trace.functions.label(row.function) })), tasks];
}"""
# The index of a handler's task, and the time in the middle between its first piece and its second one.
AWAITS = """() => {
    const { trace, timeline } = window.viztracer;
    const isHandler = (track) => (call) => trace.functions.name(track.function[call]) === "handler";
    for (const track of trace.tracks.filter(({ lives }) => lives)) {
        const [first, second] = [...track.start.keys()].filter(isHandler(track));
        if (second) {
            const time = (track.start[first] + track.duration[first] + track.start[second]) / 2;
            timeline.reveal(track, first);
            timeline.zoomTo(track.start[first] - 2e6, track.start[first] + 5e7);
            return [track.index, time];
        }
    }
}"""


@pytest.fixture
def shown(sandbox, page):
    return report(sandbox, page, sandbox.script(PROGRAM))


def test_the_table_equals_that_of_the_command(sandbox, shown):
    done = sandbox.viztracer_merge("rings", "-q", "--top", "1000", "--tasks", "--json")
    document = json.loads(done.stdout)
    rows, tasks = shown.evaluate(NUMBERS)
    assert tasks == {
        "tasks": document["tasks"],
        "unfinishedTasks": document["unfinished_tasks"],
        "awaiting": document["awaiting_ns"],
        "running": document["running_ns"],
    }
    expected = {f"{row['function']} ({row['file']}:{row['line']})": row for row in document["top"]}
    assert len(expected) == document["functions"] > 3 and {row["name"] for row in rows} == set(expected)
    for row in rows:
        of = expected[row["name"]]
        assert {key: row[key] for key in KEYS} == {key: of.get(key, of.get(f"{key}_ns")) for key in KEYS}
        for key in ("p50", "p99", "max"):
            assert row[key] == (of[f"{key}_ns"] or 0), (row, of)


def test_the_tab_says_it_and_the_address_keeps_it(shown):
    keys = shown.page.keyboard
    keys.press("8")
    wait(shown, "#pane-coroutines caption", "coroutine functions in the whole trace")
    caption = shown.page.locator("#pane-coroutines caption").inner_text()
    assert " awaiting, " in caption and "tasks" in caption
    row = shown.page.locator("#pane-coroutines tr", has_text=HANDLER).inner_text().split("\t")
    assert row[1:3] == ["5", "20"]
    shown.page.locator("#pane-coroutines th button", has_text="calls").click()
    shown.until("location.hash.includes('t=coroutines') && location.hash.includes('j=-calls')")
    shown.page.reload()
    shown.until("window.viztracer !== undefined")
    wait(shown, "#pane-coroutines caption", "coroutine functions")
    assert shown.page.locator("#pane-coroutines th[aria-sort=descending]").inner_text().startswith("calls")
    shown.page.locator("#pane-coroutines button", has_text=HANDLER).click()
    selection = "window.viztracer.timeline.selection"
    shown.until(f"{selection} !== null")
    name = shown.evaluate(f"window.viztracer.trace.functions.name({selection}.track.function[{selection}.call])")
    assert name == "handler"
    assert shown.errors == []


def test_functions_count_resumes_by_themselves(shown):
    shown.page.keyboard.press("2")
    wait(shown, "#pane-functions caption", "functions,")
    row = shown.page.locator("#pane-functions tr", has_text=HANDLER)
    assert "5 + 20 resumes" in row.inner_text()
    assert "resume" not in shown.page.locator("#pane-functions tr", has_text="<module>").first.inner_text()


def test_a_search_counts_resumes_among_its_hits(shown):
    shown.evaluate("window.viztracer.search('handler')")
    wait(shown, "#search output", " calls (20 resumes)")


def test_a_coroutine_that_awaits_is_a_pale_bar_that_can_be_selected(shown):
    timeline = Timeline(shown.page).rest()
    track, time = shown.evaluate(AWAITS)
    timeline.rest()
    x, y = timeline.ask(f"""(() => {{
        const {{ row, y }} = timeline.placed.find((one) => one.row.track === trace.tracks[{track}]);
        return [timeline.view.xOf({time}), y + row.top + 12];
    }})()""")
    left, top = timeline.origin()
    background = timeline.pixel(left + 2, top + y)
    pale = timeline.pixel(left + x, top + y)
    assert pale != background
    shown.page.mouse.click(left + x, top + y)
    timeline.rest()
    selected = timeline.ask("trace.functions.name(timeline.selection.track.function[timeline.selection.call])")
    assert selected == "handler"
    facts = shown.page.locator("#pane-selection dl").inner_text()
    assert "begins here of 4 resumes; returned" in facts.replace("\n", " ")
    for name in ("latency", "awaiting", "running"):
        assert name in facts
    shown.page.keyboard.press("8")
    wait(shown, "#pane-coroutines caption", "coroutine functions")


def test_a_trace_without_tasks_has_no_such_tab(sandbox, page):
    script = sandbox.script("def f(): pass\nf()\n")
    assert sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", script).returncode == 0
    assert sandbox.viztracer_merge("rings", "-q", "-o", "report.html").returncode == 0
    page.open(sandbox.path / "report.html")
    assert page.page.locator("#tab-coroutines").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(shown, scheme):
    shown.page.emulate_media(color_scheme=scheme)
    shown.page.keyboard.press("8")
    wait(shown, "#pane-coroutines caption", "coroutine functions")
    shown.page.evaluate(AXE.read_text(encoding="utf-8"))
    assert shown.evaluate(FAULTS) == []
