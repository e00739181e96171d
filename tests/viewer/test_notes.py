"""Notes on calls, moments and ranges."""

import re

import pytest
from actions import Actions
from conftest import Page
from test_search import EVENTS
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


def test_going_back_takes_no_note_away(timeline):
    page = timeline.page
    timeline.ask("timeline.select(trace.tracks[0], 3)")
    timeline.until("() => location.hash.includes('s=0_3')")
    timeline.ask("timeline.select(trace.tracks[0], 5)")
    timeline.until("() => location.hash.includes('s=0_5')")
    page.locator("#timeline canvas.tracks").focus()
    page.keyboard.press("n")
    page.keyboard.type("kept")
    timeline.until("() => location.hash.includes('kept')")
    page.locator("#timeline canvas.tracks").focus()
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("Alt+ArrowLeft")
    timeline.until("() => viztracer.timeline.selection?.call === 3")
    timeline.until("() => location.hash.includes('kept')")
    assert [note[3] for note in shown(timeline)] == ["kept"]
    page.reload()
    timeline.until("() => window.viztracer !== undefined")
    assert [note[3] for note in shown(timeline)] == ["kept"]


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


@pytest.fixture
def report(sandbox, page):
    yield page.open_events(sandbox, EVENTS)
    assert (page.errors, page.alerts()) == ([], [])


def saved_page(page, path):
    """Saves the page with its notes, in two actions."""
    user = Actions(page)
    user.click(page.page.locator("#actions summary"))
    with page.page.expect_download() as download:
        user.click(page.page.get_by_role("button", name="Page with notes (.html)"))
    download.value.save_as(path)
    assert download.value.suggested_filename.endswith(".html") and user.taken == 2


def notes_of(page):
    return page.evaluate("""viztracer.timeline.painter.notes.map(
        ({ track, call, from, to, text }) => [track?.index, call, from, to, text])""")


def test_a_saved_page_has_the_notes(report, sandbox, browser):
    report.evaluate("viztracer.select(viztracer.trace.tracks[0], 5)")
    report.page.locator("canvas.tracks").focus()
    report.page.keyboard.press("n")
    report.page.keyboard.type("</script><script>throw 1</script>" + HOSTILE)
    report.evaluate("viztracer.range(1000, 9000)")
    report.page.locator("canvas.tracks").focus()
    report.page.keyboard.press("n")
    report.page.keyboard.type("slow here")
    notes, calls = notes_of(report), report.page.locator("#progress").inner_text()
    assert len(notes) == 2
    saved_page(report, sandbox.path / "saved.html")
    context = browser.new_context(offline=True)
    other = Page(context.new_page()).open(sandbox.path / "saved.html")
    assert notes_of(other) == notes
    assert other.page.locator("#progress").inner_text() == calls
    assert not re.search("N=", other.page.url), "the address has only what differs"
    other.page.get_by_role("tab", name="Notes").click()
    other.page.get_by_role("button", name="Remove the note on").first.click()
    saved_page(other, sandbox.path / "again.html")
    other.page.get_by_role("button", name="Remove the note on").click()
    other.until("decodeURIComponent(location.hash).includes('N=[null]')")
    other.page.reload()
    other.until("window.viztracer !== undefined")
    assert notes_of(other) == [], "notes that are removed stay away"
    assert len(notes_of(other.open(sandbox.path / "again.html"))) == 1
    assert (other.errors, other.alerts()) == ([], [])
    context.close()
    size = (sandbox.path / "report.html").stat().st_size
    assert abs((sandbox.path / "saved.html").stat().st_size - size) < 1000, "the same page"
