"""Notes on calls, moments and ranges."""

import pytest
from test_timeline import Timeline, address  # noqa: F401

HOSTILE = "<img src=x onerror=alert(1)> & why?"


@pytest.fixture
def timeline(browser, address):  # noqa: F811
    context = browser.new_context(viewport={"width": 1400, "height": 800})
    opened = Timeline(context.new_page()).open(f"{address}?calls=3000&tracks=4")
    yield opened
    assert opened.errors == []
    context.close()


def shown(timeline):
    places = "painter.notes.map(({ track, from, to, text }) => [track?.index ?? null, from, to, text])"
    return timeline.ask(f"timeline.{places}")


def test_notes_are_added_by_key_edited_removed_and_kept_by_the_address(timeline):
    page = timeline.page
    timeline.ask("timeline.setRange(1000, 9000)")
    page.keyboard.press("n")
    page.keyboard.type(HOSTILE)
    timeline.ask("timeline.setRange(null, null)")
    timeline.ask("timeline.select(trace.tracks[0], 3)")
    page.locator("#timeline canvas.tracks").focus()
    page.keyboard.press("n")
    page.keyboard.type("second")
    timeline.until("() => decodeURIComponent(location.hash).includes('second')")
    notes = sorted(shown(timeline), key=lambda note: note[3])
    assert notes[0] == [None, 1000, 9000, HOSTILE]
    assert notes[1][0] == 0 and notes[1][3] == "second"
    page.reload()
    timeline.until("() => window.viztracer !== undefined && viztracer.timeline.painter.notes.length === 2")
    assert sorted(shown(timeline), key=lambda note: note[3]) == notes, "the link has them"
    assert page.locator(".notes-list input").first.input_value() == HOSTILE
    assert page.locator(".notes-list img").count() == 0
    page.locator(".notes-list input").nth(1).fill("edited")
    timeline.until("() => decodeURIComponent(location.hash).includes('edited')")
    page.locator(".notes-list").get_by_role("button", name="Remove the note on").first.click()
    assert [note[3] for note in shown(timeline)] == ["edited"]
    timeline.ask("timeline.select(null, -1)")
    page.locator(".notes-list .link").click()
    timeline.until("() => viztracer.timeline.selection?.call === 3")


def test_a_button_adds_a_note_on_the_moment_in_the_middle(timeline):
    page = timeline.page
    timeline.rest()
    page.get_by_role("tab", name="Notes").click(timeout=5000)
    page.get_by_role("button", name="Add a note").click(timeout=5000)
    page.keyboard.type("here")
    ((track, begin, end, text),) = shown(timeline)
    assert track is None and begin == end and text == "here"
    page.get_by_role("button", name="Add a note").click(timeout=5000)
    assert page.locator(".notes-list input").count() == 2
    assert len(shown(timeline)) == 1, "a note without text is not drawn"
