"""Hiding kinds of functions, and functions by a pattern: their time is their callers' in all parts of the page."""

import pytest
from test_panels import wait

FILES = {
    "main": "/home/me/main.py:1",
    "loads": "/usr/lib/python3.12/json/__init__.py:299",
    "decode": "/usr/lib/python3.12/json/decoder.py:9",
    "find_spec": "<frozen importlib._bootstrap>:5",
    "handler": "/v/lib/python3.12/site-packages/web/app.py:3",
    "user": "/home/me/main.py:7",
}


def call(name, start, end, **args):
    label = f"{name} ({FILES[name]})" if name in FILES else name
    return {"ph": "X", "pid": 7, "tid": 1, "ts": start, "dur": end - start, "cat": "FEE", "name": label, "args": args}


# main: loads(decode(builtins.len)), find_spec, handler(user)
EVENTS = [
    call("main", 0, 1000),
    call("loads", 100, 500),
    call("decode", 200, 400),
    call("builtins.len", 250, 300),
    call("find_spec", 500, 600),
    call("handler", 600, 900),
    call("user", 650, 850, func_args={"n": "1"}),
    call("loads", 1100, 1300),
    {"ph": "i", "pid": 7, "tid": 1, "ts": 950, "name": "a mark", "s": "t"},
]
TABLE = """async () => {
    const { trace, panels } = window.viztracer;
    const rows = await panels.scope.rows(() => {});
    return Object.fromEntries(rows.map((row) => [trace.functions.name(row.function), [row.calls, row.total, row.own]]));
}"""
SHAPE = """() => {
    const { trace } = window.viztracer;
    const [track] = trace.tracks;
    const nameOf = (call) => trace.functions.name(track.function[call]);
    return Array.from({ length: track.count }, (_, call) => [nameOf(call), track.depth[call]]);
}"""
SELECTED = """() => {
    const { trace, timeline } = window.viztracer;
    return timeline.selection && trace.functions.name(timeline.selection.track.function[timeline.selection.call]);
}"""


@pytest.fixture
def opened(sandbox, page):
    yield page.open_events(sandbox, EVENTS)
    assert (page.errors, page.alerts()) == ([], [])


def choose(page, *names):
    page.page.locator("#hiding summary").click()
    for name in names:
        page.page.get_by_label(name).click()
    page.page.keyboard.press("Escape")


def microseconds(table):
    return {name: (calls, total // 1000, own // 1000) for name, (calls, total, own) in table.items()}


def test_hidden_functions_leave_their_time_with_their_callers(opened):
    choose(opened, "standard library")
    assert opened.evaluate(SHAPE) == [["main", 0], ["builtins.len", 1], ["handler", 1], ["user", 2]]
    table = microseconds(opened.evaluate(TABLE))
    assert table == {
        "main": (1, 1000, 650),
        "builtins.len": (1, 50, 50),
        "handler": (1, 300, 100),
        "user": (1, 200, 200),
    }
    assert opened.page.locator("#progress").inner_text().startswith("4 of 8 calls ")
    assert opened.page.locator("#hiding .show-all").get_attribute("title") == "Hidden: standard library, 4 calls"
    opened.page.keyboard.press("2")
    wait(opened, "#pane-functions .hidden-calls", "hidden: standard library, 4 calls; 200.0 µs of their time is in no")
    opened.evaluate("window.viztracer.range(0, 450000)")
    wait(opened, "#pane-functions .hidden-calls", "hidden: standard library, 2 calls Show all")
    opened.page.locator("#pane-functions .hidden-calls button").click()
    wait(opened, "#pane-functions caption", "4 functions, 4 calls")
    assert len(opened.evaluate(SHAPE)) == 8
    assert not opened.page.locator(".show-all").is_visible()
    assert not opened.page.locator("#pane-functions .hidden-calls").is_visible()


def test_each_kind_is_counted_and_hides_its_functions(opened):
    opened.page.locator("#hiding summary").click()
    labels = opened.page.locator("#hiding label").all_inner_texts()
    counts = ["import machinery 1 call", "C functions 1 call", "standard library 4 calls", "installed packages 1 call"]
    assert [" ".join(label.split()) for label in labels[:4]] == counts
    left = {
        "import machinery": {"main", "loads", "decode", "builtins.len", "handler", "user"},
        "C functions": {"main", "loads", "decode", "find_spec", "handler", "user"},
        "installed packages": {"main", "loads", "decode", "builtins.len", "find_spec", "user"},
    }
    for name, names in left.items():
        opened.page.get_by_label(name).click()
        assert {one for one, _ in opened.evaluate(SHAPE)} == names
        opened.page.get_by_label(name).click()


def test_a_pattern_hides_by_name_and_file(opened):
    opened.page.locator("#hiding summary").click()
    opened.page.fill("#hiding .pattern input", "json/|^user")
    opened.until("() => viztracer.trace.tracks[0].count === 4")
    assert [name for name, _ in opened.evaluate(SHAPE)] == ["main", "builtins.len", "find_spec", "handler"]
    opened.page.fill("#hiding .pattern input", "json/(")
    wait(opened, "#hiding .problem", "regular expression")
    assert opened.evaluate("window.viztracer.trace.tracks[0].count") == 4, "the last valid one stays"
    assert opened.page.get_attribute("#hiding .pattern input", "aria-invalid") == "true"


def test_the_selection_stays_or_goes_to_the_caller(opened):
    opened.evaluate("window.viztracer.select(window.viztracer.trace.tracks[0], 6)")
    assert opened.evaluate(SELECTED) == "user"
    choose(opened, "standard library", "installed packages")
    assert opened.evaluate(SELECTED) == "user"
    facts = opened.page.locator("#pane-selection dl").inner_text()
    assert "1 around it: standard library, installed packages" in facts
    assert "n = 1" in opened.page.locator("#pane-selection pre").inner_text()
    assert opened.page.locator("#pane-selection .callers li").all_inner_texts() == ["main (/home/me/main.py:1)"]
    opened.page.locator(".show-all").click()
    opened.evaluate("window.viztracer.select(window.viztracer.trace.tracks[0], 2)")
    assert opened.evaluate(SELECTED) == "decode"
    choose(opened, "standard library")
    assert opened.evaluate(SELECTED) == "main", "the innermost shown caller"
    opened.page.locator(".show-all").click()
    opened.evaluate("window.viztracer.select(window.viztracer.trace.tracks[0], 7)")
    choose(opened, "standard library")
    assert opened.evaluate(SELECTED) is None, "nothing that is shown is around it"


def test_search_and_lists_know_only_what_is_shown(opened):
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("main.py")
    wait(opened, "#search output", "2 calls")
    opened.page.locator("#hiding summary").click()
    opened.page.fill("#hiding .pattern input", "^user")
    wait(opened, "#search output", "1 call")
    of = opened.evaluate("window.viztracer.trace.functions.names.indexOf('user')")
    opened.evaluate(f"{{ const {{ panels }} = viztracer; panels.calls.of = panels.sandwich.of = {of}; }}")
    opened.evaluate("window.viztracer.panels.open('calls')")
    wait(opened, "#pane-calls", "Its calls are hidden.")
    opened.evaluate("window.viztracer.panels.open('sandwich')")
    wait(opened, "#pane-sandwich", "Its calls are hidden.")


def test_the_address_keeps_what_is_hidden(opened):
    choose(opened, "C functions", "standard library")
    opened.page.locator("#hiding summary").click()
    opened.page.fill("#hiding .pattern input", "^user")
    opened.until("() => location.hash.includes('e=%5Euser')")
    opened.evaluate("window.viztracer.select(window.viztracer.trace.tracks[0], 1)")
    assert opened.evaluate(SELECTED) == "handler"
    opened.until("() => location.hash.includes('s=0_5')")
    opened.page.reload()
    opened.until("() => window.viztracer !== undefined")
    assert opened.evaluate(SHAPE) == [["main", 0], ["handler", 1]]
    assert opened.evaluate(SELECTED) == "handler"
    assert opened.page.input_value("#hiding .pattern input") == "^user"
    assert opened.page.get_by_label("standard library").is_checked()
    assert opened.page.locator(".show-all").get_attribute("title") == (
        "Hidden: C functions, standard library, functions like “^user”, 6 calls"
    )


def test_it_works_by_keys_alone(opened):
    keys = opened.page.keyboard
    opened.page.locator("#hiding summary").focus()
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Space")
    assert opened.evaluate("window.viztracer.trace.hidden.calls") == 1
    keys.press("Escape")
    assert opened.evaluate("document.activeElement.textContent") == "Hide"
    keys.press("Tab")
    keys.press("Enter")
    assert opened.evaluate("window.viztracer.trace.hidden") is None
    assert opened.evaluate("document.activeElement.textContent") == "Hide"
