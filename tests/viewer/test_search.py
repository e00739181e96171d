"""The search: suggestions while typing, hits in arguments, instants, counters and spans, and buttons that stay."""

import pytest
from test_panels import wait


def event(name, ts, **more):
    return {"ph": "X", "pid": 7, "tid": 1, "ts": ts, "dur": 8, "name": f"{name} (/x/a.py:1)", "args": {}} | more


def instant(name, ts, **args):
    return {"ph": "i", "pid": 7, "tid": 1, "ts": ts, "name": name, "s": "t", "args": args}


EVENTS = [
    *(event("connect", 10 * n, args={"func_args": {"host": f"'10.0.0.{n}'"}}) for n in range(30)),
    event("connection_lost", 400),
    instant("GC", 55, collected=3),
    instant("a line of the log: 10.0.0.5 refused", 75),
    {"ph": "C", "pid": 7, "tid": 1, "ts": 5, "name": "GC objects", "args": {"GC objects": 12}},
    {"ph": "b", "pid": 7, "tid": 1, "ts": 20, "id": 1, "cat": "db", "name": "GC span", "args": {}},
    {"ph": "e", "pid": 7, "tid": 1, "ts": 30, "id": 1, "cat": "db", "name": "GC span", "args": {}},
]
PLACE = """() => {
    const { timeline, trace } = window.viztracer;
    const { selection, point } = timeline;
    if (selection) return [trace.functions.name(selection.track.function[selection.call]), selection.call];
    return point && [point.counter ? point.counter.name : point.track.instants[point.at].name];
}"""


@pytest.fixture
def opened(sandbox, page):
    yield page.open_events(sandbox, EVENTS)
    assert (page.errors, page.alerts()) == ([], [])


def texts(page):
    return [" ".join(text.split()) for text in page.page.locator("#suggestions [role=option]").all_inner_texts()]


def test_functions_are_suggested_with_their_counts_and_keys_choose_one(opened):
    keys = opened.page.keyboard
    keys.press("/")
    keys.type("conn")
    assert texts(opened) == ["connect (/x/a.py:1) 30", "connection_lost (/x/a.py:1) 1"]
    assert opened.page.get_attribute("#search input", "aria-expanded") == "true"
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    active = opened.page.get_attribute("#search input", "aria-activedescendant")
    assert "connection_lost" in opened.page.locator(f"#{active}[aria-selected=true]").inner_text()
    keys.press("Enter")
    wait(opened, "#search output", "1 of 1 call")
    assert opened.evaluate(PLACE) == ["connection_lost", 30]
    assert opened.page.input_value("#search input") == "connection_lost (/x/a.py:1)"
    assert not opened.page.locator("#suggestions").is_visible()


def test_a_suggestion_is_chosen_by_a_click(opened):
    opened.page.locator("#search input").press_sequentially("connec")
    opened.page.locator("#suggestions [role=option]").first.click()
    wait(opened, "#search output", "1 of 30 calls")
    assert opened.evaluate(PLACE) == ["connect", 0]


def test_arguments_instants_counters_and_spans_are_found(opened):
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("10.0.0.5")
    wait(opened, "#search output", "2 hits")
    assert texts(opened) == []
    found = []
    for number in (1, 2, 1):
        opened.page.keyboard.press("Enter")
        wait(opened, "#search output", f"{number} of 2 hits")
        found.append(opened.evaluate(PLACE))
    assert found == [["connect", 5], ["a line of the log: 10.0.0.5 refused"], ["connect", 5]]
    opened.evaluate("window.viztracer.timeline.select(null, -1)")
    opened.page.fill("#search input", "GC")
    wait(opened, "#search output", "3 hits")
    places = []
    for number in range(1, 4):
        opened.page.keyboard.press("Enter")
        wait(opened, "#search output", f"{number} of 3 hits")
        places.append(opened.evaluate(PLACE)[0])
    assert places == ["GC objects", "GC span", "GC"]
    opened.page.fill("#search input", "nothing of this name")
    wait(opened, "#search output", "No matches")


def test_the_buttons_stay_while_they_are_clicked_and_no_toast_covers_the_panel(opened):
    opened.page.fill("#search input", "connect (")
    wait(opened, "#search output", "30 calls")
    button = opened.page.get_by_label("Next hit")
    box = button.bounding_box()
    for number in range(1, 13):
        opened.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        wait(opened, "#search output", f"{number} of 30 calls")
        assert button.bounding_box() == box
    assert opened.page.locator("#status").inner_text() == ""


def test_hits_are_highlighted_in_the_flame_graph(opened):
    opened.evaluate("window.viztracer.panels.open('flame')")
    wait(opened, "#pane-flame output", "all: total")
    of = """(name) => {
        const { canvas } = window.viztracer.panels.flame.graph.graph;
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const color = getComputedStyle(canvas).getPropertyValue("--hit");
        const hit = color.match(/\\w\\w/g).map((part) => parseInt(part, 16));
        let count = 0;
        for (let i = 0; i < data.length; i += 4) count += hit.every((part, at) => data[i + at] === part);
        return count;
    }"""
    assert opened.evaluate(of) == 0
    opened.page.fill("#search input", "connection_lost")
    wait(opened, "#search output", "1 call")
    some = opened.evaluate(of)
    opened.page.fill("#search input", "connect")
    wait(opened, "#search output", "31 calls")
    assert opened.evaluate(of) > some > 0
    opened.page.fill("#search input", "")
    opened.until("() => document.querySelector('#search output').textContent === ''")
    assert opened.evaluate(of) == 0


def test_hidden_hits_are_counted(opened):
    opened.evaluate("window.viztracer.panels.hide({ hidePattern: '^connect ' })")
    opened.page.fill("#search input", "connect")
    wait(opened, "#search output", "1 call, 30 hidden")
