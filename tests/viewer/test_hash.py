"""The address stores the view, and a shorter address restores exactly its content."""

import pytest
from test_timeline import Timeline, address  # noqa: F401


@pytest.fixture
def timeline(browser, address):  # noqa: F811
    context = browser.new_context(viewport={"width": 1400, "height": 800})
    opened = Timeline(context.new_page()).open(f"{address}?calls=3000&tracks=4")
    yield opened
    assert opened.errors == []
    context.close()


def test_the_back_button_brings_back_exactly_that_view(timeline):
    page = timeline.page
    timeline.press("w")
    timeline.until("() => location.hash.includes('v=')")
    before = timeline.ask("timeline.state()")
    page.evaluate(
        "() => { location.hash += '&s=0_3&t=functions&k=calls&a=t1&b=2&l=3&d=start&q=method&f=main&c=file&h=t2'"
        " + '&r=1000_9000&x=t0' }"
    )
    timeline.until("() => viztracer.state().filter === 'main'")
    state = timeline.rest().page.evaluate("() => viztracer.state()")
    expected = {
        "selection": [0, 3], "tab": "functions", "sort": "calls", "where": "t1", "sandwich": "2", "calls": "3",
        "callsSort": "start", "search": "method", "coloring": "file",
    }  # fmt: skip
    assert {name: state[name] for name in expected} == expected
    page.go_back()
    timeline.until("() => viztracer.state().filter === ''")
    after = timeline.rest().page.evaluate("() => viztracer.state()")
    assert after.pop("view") == pytest.approx(before.pop("view"), abs=0.001)
    assert after == before, "and nothing of the panel or the search"
    assert not page.is_visible("#panes") and page.input_value("#search input") == ""
    page.evaluate("() => { location.hash = '#t=nonsense&k=nonsense&a=t99&b=999999&l=999999&d=nonsense' }")
    timeline.until("() => viztracer.timeline.state().view === undefined")
    assert set(timeline.rest().page.evaluate("() => viztracer.panels.getState()")) == set()


def test_a_jump_to_a_row_that_the_filter_hides_takes_the_filter_away(timeline):
    timeline.page.fill("#filter", "worker")
    assert "t0" not in timeline.rest().rows
    timeline.ask("timeline.reveal(trace.tracks[0], 2)")
    assert "t0" in timeline.rest().rows
    assert timeline.page.input_value("#filter") == ""


@pytest.mark.parametrize("width", [1000, 1400])
def test_nothing_important_is_cut_in_the_toolbar(timeline, width):
    timeline.page.set_viewport_size({"width": width, "height": 800})
    title = "a_program_with_a_very_long_name_that_goes_on_and_on.py (pid 12345) and 12 more"
    timeline.page.evaluate(f"() => document.getElementById('title').textContent = '{title}'")
    timeline.page.evaluate(
        "() => document.getElementById('progress').textContent = '12,345,678 calls · 120 processes · 12 min 34 s'"
    )
    cut = timeline.page.evaluate(
        "() => [...document.querySelectorAll('#toolbar *')]"
        ".filter((one) => one.id !== 'title' && one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1"
        " && one.tagName !== 'INPUT').map((one) => one.id || one.tagName)"
    )
    assert cut == []
    box = timeline.page.locator("#toolbar").bounding_box()
    assert box["height"] < (60 if width == 1400 else 110)
    assert timeline.page.evaluate("document.documentElement.scrollWidth") <= width
    timeline.page.reload()
    assert timeline.rest().page.get_attribute("#title", "title") == timeline.page.text_content("#title") != ""
