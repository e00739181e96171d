"""The width of the column of names, and the ways from call to call."""

import pytest
from conftest import sandboxes
from test_panels import report

WIDTH = "document.querySelector('.names').offsetWidth"


@pytest.fixture
def opened(sandbox, page):
    return report(sandbox, page, sandboxes.program("threads.py"))


def test_the_column_of_names_is_as_wide_as_the_reader_wants(opened):
    before, canvas = opened.evaluate(WIDTH), opened.evaluate("viztracer.view.width")
    edge = opened.page.get_by_role("separator", name="Width of the names")
    edge.focus()
    opened.page.keyboard.press("ArrowRight")
    assert opened.evaluate(WIDTH) == before + 16
    assert opened.evaluate("viztracer.view.width") == canvas - 16
    box = edge.bounding_box()
    opened.page.mouse.move(box["x"] + 3, box["y"] + 200)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + 103, box["y"] + 200, steps=4)
    opened.page.mouse.up()
    assert opened.evaluate(WIDTH) == pytest.approx(before + 116, abs=5)
    opened.page.mouse.move(box["x"] + 103, box["y"] + 200)
    opened.page.mouse.down()
    opened.page.mouse.move(0, box["y"] + 200, steps=4)
    opened.page.mouse.up()
    assert opened.evaluate(WIDTH) == 100, "it does not vanish"
    assert opened.errors == []


def test_a_key_goes_to_the_longest_callee_and_others_keep_the_zoom(opened):
    opened.evaluate("""() => {
        const { trace, select } = window.viztracer;
        const track = trace.tracks.reduce((one, other) => (other.count > one.count ? other : one));
        select(track, track.parent.find((call) => call >= 0));
    }""")
    opened.page.keyboard.press("Shift+J")
    found = opened.evaluate("""() => {
        const { track, call } = viztracer.timeline.selection;
        const siblings = [...track.parent.keys()].filter((at) => track.parent[at] === track.parent[call]);
        return [track.duration[call], Math.max(...siblings.map((at) => track.duration[at]))];
    }""")
    assert found[0] == found[1]
    span = "(() => { const { from, to } = viztracer.timeline.motion.end; return Math.round(to - from); })()"
    before = opened.evaluate(span)
    opened.page.keyboard.press("l")
    opened.page.keyboard.press("h")
    assert opened.evaluate(span) == before
    assert opened.errors == []
