"""Back and forward: the steps of the user in the browser's history, and in a frame without it."""

import pytest
from test_timeline import Timeline, address, long_call  # noqa: F401

WHEEL = """() => {
    const { canvas } = viztracer.timeline.stage;
    for (let i = 0; i < 60; i += 1) {
        canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -20, cancelable: true, bubbles: true }));
    }
}"""


@pytest.fixture
def timeline(browser, address):  # noqa: F811
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    opened = Timeline(context.new_page()).open(f"{address}?calls=3000&tracks=4")
    yield opened
    assert opened.errors == []
    context.close()


def step(timeline, act, part):
    """Does something and waits until the address says it. Gives how much longer the history is."""
    before = timeline.page.evaluate("history.length")
    act()
    timeline.until(f"() => location.hash.includes('{part}')")
    return timeline.page.evaluate("history.length") - before


def test_a_zoom_is_one_step_and_so_are_selection_range_and_tab(timeline):
    call = long_call(timeline, 2)
    page = timeline.page
    assert step(timeline, lambda: page.evaluate(WHEEL), "v=") == 1
    zoomed = timeline.view
    assert step(timeline, lambda: timeline.ask(f"timeline.select(trace.tracks[2], {call})"), f"s=2_{call}") == 1
    assert step(timeline, lambda: timeline.ask("timeline.setRange(1000, 90000)"), "r=1000_90000") == 1
    assert step(timeline, lambda: page.evaluate("viztracer.panels.open('flame')"), "t=flame") == 1
    assert step(timeline, lambda: page.select_option("#coloring", "file"), "c=file") == 0, "this is not a step"
    page.go_back()
    timeline.until("() => viztracer.state().tab === 'functions'")
    assert timeline.ask("timeline.range") == {"from": 1000, "to": 90000}
    page.go_back()
    timeline.until("() => viztracer.timeline.range === null")
    assert timeline.selection == [2, call]
    page.go_back()
    timeline.until("() => viztracer.timeline.selection === null")
    assert timeline.rest().view == pytest.approx(zoomed)
    page.go_back()
    timeline.until("() => viztracer.timeline.state().view === undefined")
    page.go_forward()
    timeline.until("() => viztracer.timeline.state().view !== undefined")
    page.go_forward()
    timeline.until("() => viztracer.timeline.selection !== null")
    assert timeline.selection == [2, call]


def test_alt_and_arrow_keys_go_back_and_forward_but_not_out_of_the_report(timeline):
    keys = timeline.page.keyboard
    step(timeline, lambda: timeline.ask("timeline.select(trace.tracks[0], 2)"), "s=0_2")
    step(timeline, lambda: timeline.ask("timeline.select(trace.tracks[0], 5)"), "s=0_5")
    keys.press("Alt+ArrowLeft")
    timeline.until("() => viztracer.timeline.selection?.call === 2")
    keys.press("Alt+ArrowLeft")
    timeline.until("() => viztracer.timeline.selection === null")
    keys.press("Alt+ArrowLeft")
    timeline.until("() => document.getElementById('status').textContent === 'There is no earlier view.'")
    keys.press("Alt+ArrowRight")
    timeline.until("() => viztracer.timeline.selection?.call === 2")
    keys.press("Alt+ArrowRight")
    timeline.until("() => viztracer.timeline.selection?.call === 5")
    timeline.page.fill("#filter", "main")
    keys.press("Alt+ArrowLeft")
    assert timeline.selection == [0, 5], "a text field keeps its keys"


def test_a_new_step_after_going_back_takes_the_place_of_the_later_ones(timeline):
    for call in (2, 5, 7):
        step(timeline, lambda call=call: timeline.ask(f"timeline.select(trace.tracks[0], {call})"), f"s=0_{call}")
    timeline.page.go_back()
    timeline.until("() => viztracer.timeline.selection?.call === 5")
    step(timeline, lambda: timeline.ask("timeline.select(trace.tracks[0], 9)"), "s=0_9")
    timeline.page.go_back()
    timeline.until("() => viztracer.timeline.selection?.call === 5")


def test_a_report_in_a_frame_leaves_the_history_of_the_page_around_it_alone(browser, address):  # noqa: F811
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.goto(address.removesuffix("tests/viewer/sample.html"))
    page.evaluate("(url) => document.body.replaceChildren(Object.assign(document.createElement('iframe'),"
                  " { src: url, width: 1100, height: 700 }))", f"{address}?calls=3000&tracks=4")  # fmt: skip
    page.frame_locator("iframe").locator("canvas.tracks").wait_for()
    frame = page.query_selector("iframe").content_frame()
    timeline = Timeline.__new__(Timeline)
    timeline.page, timeline.errors = frame, []
    timeline.rest()
    before = page.evaluate("history.length")
    timeline.ask("timeline.select(trace.tracks[0], 2)")
    timeline.until("() => location.hash.includes('s=0_2')")
    timeline.ask("timeline.select(trace.tracks[0], 5)")
    timeline.until("() => location.hash.includes('s=0_5')")
    assert page.evaluate("history.length") == before
    frame.locator("canvas.tracks").focus()
    for key, call in [("Left", 2), ("Right", 5), ("Left", 2)]:
        page.keyboard.press(f"Alt+Arrow{key}")
        timeline.until(f"() => viztracer.timeline.selection?.call === {call}")
    page.keyboard.press("Alt+ArrowLeft")
    timeline.until("() => viztracer.timeline.selection === null")
    page.keyboard.press("Alt+ArrowLeft")
    timeline.until("() => document.getElementById('status').textContent === 'There is no earlier view.'")
    assert page.evaluate("history.length") == before
    context.close()
