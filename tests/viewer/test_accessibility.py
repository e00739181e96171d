"""Accessibility of the page, checked by axe-core, by keys only, and by the browser's tree for screen readers.

merge/viewer/tests/contrast.test.js checks the colours of the canvases.
"""

from collections import defaultdict
from pathlib import Path

import pytest
from conftest import Page, sandboxes

AXE = Path(__file__).parents[2] / ".envs" / "axe-core" / "package" / "axe.min.js"
# Whatever axe-core calls a fault, with the elements and why.
FAULTS = """async () => (await axe.run(document)).violations.map(
    ({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ target, any }) => `${target}: ${any[0]?.message ?? ""}`)])"""

PROGRAM = """
import asyncio, os, signal, threading
async def request(n):
    await asyncio.sleep(0.001)
async def gathered():
    await asyncio.gather(*(request(n) for n in range(3)))
def leaf(n):
    return n
def root():
    for n in range(30000): leaf(n)
thread = threading.Thread(target=leaf, args=(1,), name="worker")
thread.start()
thread.join()
root()
asyncio.run(gathered())
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of a process that was killed and whose ring went round, with its source and its tasks."""
    sandbox = sandboxes.Sandbox(tmp_path_factory.mktemp("report"))
    script = sandbox.script(PROGRAM)
    sandbox.viztracer("--log_async", "--tracer_entries", "40000", "--pid_suffix", "--output_dir", "rings", script)
    done = sandbox.viztracer_merge("rings", "-q", "-o", "report.html", "--func", "leaf|root|kill|request|gathered")
    assert done.returncode == 0, done.stderr
    return sandbox.path / "report.html"


@pytest.fixture
def opened(browser, report):
    """Opens the report in a browser set to what is given."""
    contexts = []

    def open_in(**settings):
        contexts.append(browser.new_context(offline=True, **settings))
        page = Page(contexts[-1].new_page()).open(report)
        page.evaluate("window.viztracer.search('root')")
        return page

    yield open_in
    for context in contexts:
        context.close()


def select(page, name):
    page.evaluate(
        """(name) => {
            const { trace, select } = window.viztracer;
            const named = (track) => track.function.findIndex((of) => trace.functions.name(of) === name);
            const track = trace.tracks.find((one) => named(one) >= 0);
            select(track, named(track));
        }""",
        name,
    )


def states(page):
    """Brings the page into one state after another, and names it."""
    keys = page.page.keyboard
    yield "plain"
    page.page.locator("#actions summary").click()
    yield "menu"
    keys.press("Escape")
    page.page.locator("#hiding summary").click()
    yield "hiding"
    keys.press("Escape")
    keys.press("/")
    keys.type("oo")
    keys.press("ArrowDown")
    yield "suggestions"
    page.evaluate("window.viztracer.search('root')")
    page.page.locator("canvas.tracks").focus()
    keys.press("Escape")
    select(page, "root")
    page.evaluate("window.viztracer.range(0, 1e9)")
    functions = page.page.locator("#pane-functions")
    prepared = {
        "Callers and callees": lambda: page.page.get_by_label("Callers and callees of root").dispatch_event("click"),
        "Calls": lambda: functions.get_by_title("List of calls").first.dispatch_event("click"),
        "Difference": lambda: page.page.locator("#pane-difference").get_by_role("button", name="Hold as A").click(),
        "Notes": lambda: page.page.get_by_role("button", name="Add a note").click(),
    }
    tabs = page.page.get_by_role("tab").all_inner_texts()
    assert "Coroutines" in tabs and set(prepared) <= set(tabs)
    for number, tab in enumerate(tabs, 1):
        page.evaluate(f"window.viztracer.panels.open(window.viztracer.panels.tabs.tabs[{number - 1}].key)")
        prepared.get(tab, lambda: None)()
        page.evaluate("window.viztracer.panels.settled()")
        assert page.page.locator("[role=tab][aria-selected=true]").inner_text() == tab
        yield tab
    keys.type("a note")
    yield "a note with a text"
    page.evaluate("window.viztracer.panels.open('functions')")
    functions.get_by_text("Several", exact=True).click()
    functions.get_by_role("button", name="Type bounds").click()
    functions.get_by_role("textbox", name="From").fill("soon")
    functions.get_by_role("button", name="Set", exact=True).click()
    yield "several, and bounds that are none"
    page.page.locator("canvas.tracks").focus()
    page.page.locator(".row.process .about").first.dispatch_event("click")
    yield "a process"
    keys.press("?")
    yield "help"


PHONE = {"width": 390, "height": 844}
SETTINGS = [
    *({"color_scheme": "light"}, {"color_scheme": "dark", "reduced_motion": "reduce"}),
    {"color_scheme": "light", "viewport": PHONE},
    {"color_scheme": "dark", "viewport": PHONE},
    {"color_scheme": "dark", "forced_colors": "active", "viewport": PHONE},
]


NAMES = ["light", "dark", "light-phone", "dark-phone", "forced-colors-phone"]


@pytest.mark.parametrize("settings", SETTINGS, ids=NAMES)
def test_axe_finds_no_fault(opened, settings):
    page = opened(**settings)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = [(state, faults) for state in states(page) if (faults := page.evaluate(FAULTS))]
    assert found == []
    assert page.errors == []


FOCUSED = """() => {
    const one = document.activeElement;
    const { left, right, top, bottom, width } = one.getBoundingClientRect();
    const style = getComputedStyle(one);
    const inside = left < innerWidth && right > 0 && top < innerHeight && bottom > 0 && width > 0;
    return [one.id || one.className || one.tagName, inside && style.outlineStyle !== "none" && style.opacity === "1"];
}"""


def test_tab_goes_through_all_and_out_again(opened):
    page = opened()
    page.page.keyboard.press("2")
    page.evaluate("window.viztracer.panels.settled()")
    page.evaluate("document.activeElement.blur()")
    order = []
    while not order or order[-1][0] != "BODY":
        page.page.keyboard.press("Tab")
        order.append(page.evaluate(FOCUSED))
        assert len(order) < 1000, "no way out"
    assert [name for name, seen in order[:-1] if not seen] == []
    names = [name for name, _ in order]
    landmarks = ["filter", "coloring", "zoom-out", "zoom-all", "tracks", "toggle", "splitter", "tab-functions", "close"]
    places = [names.index(name) for name in landmarks]
    assert places == sorted(places)
    page.page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED)[0] == names[-2]


def test_a_key_leads_into_the_panel_and_escape_back(opened):
    page = opened()
    keys = page.page.keyboard
    keys.press("1")
    keys.press("1")
    assert page.evaluate(FOCUSED) == ["tab-selection", True]
    keys.press("ArrowRight")
    assert page.evaluate(FOCUSED) == ["tab-functions", True]
    keys.press("4")
    assert page.evaluate(FOCUSED) == ["tab-sandwich", True]
    keys.press("Escape")
    assert page.evaluate(FOCUSED) == ["tracks", True]
    page.page.locator("#splitter").focus()
    before = int(page.page.get_attribute("#splitter", "aria-valuenow"))
    keys.press("ArrowUp")
    page.page.locator(f"#splitter[aria-valuenow='{before + 24}']").wait_for()


def heard(page):
    """Return the content for a screen reader: names of all nodes by role, and the description of the canvas."""
    nodes = page.page.context.new_cdp_session(page.page).send("Accessibility.getFullAXTree")["nodes"]
    told = defaultdict(list)
    selected = None
    for node in nodes:
        if not node["ignored"]:
            role, name, description = (node.get(what, {}).get("value", "") for what in ("role", "name", "description"))
            told[role].append(name)
            selected = description if name.startswith("Calls over time") else selected
    return told, selected


def test_the_table_and_the_selected_call_are_told(opened):
    page = opened()
    page.page.keyboard.press("2")
    page.evaluate("window.viztracer.panels.settled()")
    told, selected = heard(page)
    (table,) = told["table"]
    assert "functions" in table and "calls" in table
    assert told["columnheader"][:4] == ["function", "callers and callees", "calls", "total"]
    assert {"leaf", "root"} <= {name.split(" (")[0] for name in told["rowheader"]}
    assert any(name.startswith("Callers and callees of leaf") for name in told["button"])
    assert "Functions" in told["tab"] and told["tabpanel"] == ["Functions"]
    assert any("without a word" in name for name in told["listitem"])
    assert selected == ""
    select(page, "root")
    page.page.locator("#pane-functions").get_by_title("List of calls").first.click()
    page.evaluate("window.viztracer.panels.settled()")
    told = heard(page)[0]
    assert told["columnheader"] == ["start", "duration ▾", "self", "thread or task", "arguments", "notes"]
    assert told["tabpanel"] == ["Calls"] and any(name.startswith("Calls per second: at most") for name in told["image"])
    selected = heard(page)[1]
    assert selected.startswith("\u2068root\u2069, ") and "MainThread" in selected
    page.page.keyboard.press("Escape")
    assert heard(page)[1] == ""
    assert page.errors == []
