"""The range of time: its edges, its bounds as text, and the handles of the view on the minimap."""

import pytest
from test_timeline import Timeline, address, drag  # noqa: F401 (a fixture)

EDGES = "(() => { const { from, to } = timeline.range; return [from, to]; })()"


@pytest.fixture
def opened(browser, address):  # noqa: F811
    """The sample, with a range from the begin of a call of its first track to its end."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    timeline = Timeline(context.new_page()).open(address)
    timeline.call = timeline.ask(
        "(({ start, duration, depth }) => [...start.keys()].filter((call) => depth[call] < 3)"
        ".reduce((a, b) => duration[a] > duration[b] ? a : b))(trace.tracks[0])"
    )
    timeline.ask(f"timeline.fitCall({{ track: trace.tracks[0], call: {timeline.call} }})")
    timeline.rest()
    yield timeline
    assert timeline.errors == []
    context.close()


def range_of(opened):
    return opened.ask(EDGES)


def bounds_of_call(opened):
    return opened.ask(f"((track) => [track.start[{opened.call}], track.start[{opened.call}] + "
                      f"track.duration[{opened.call}]])(trace.tracks[0])")


def set_range(opened, part_from, part_to):
    """A range of parts of the view."""
    opened.ask("(({ from, to }) => timeline.setRange("
               f"Math.round(from + (to - from) * {part_from}), Math.round(from + (to - from) * {part_to})))"
               "(timeline.view)")
    opened.rest()
    return range_of(opened)


def middle(opened, selector):
    box = opened.page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def x_of(opened, time):
    left = opened.page.locator("canvas.ruler").bounding_box()["x"]
    return left + opened.ask(f"timeline.view.xOf({time})")


def is_edge_of_a_call(opened, time):
    return opened.ask("trace.tracks.some(({ start, duration }) => start.some((at, call) => "
                      f"at === {time} || at + duration[call] === {time}))")


def assert_snapped(opened, time, near):
    """The time is an edge of a call, and not far from another time."""
    assert is_edge_of_a_call(opened, time)
    assert abs(time - near) <= 7 * opened.ask("timeline.view.scale")


def test_an_edge_is_dragged_and_snaps_to_the_end_of_a_call(opened):
    begin, end = bounds_of_call(opened)
    before = set_range(opened, 0.3, 0.6)
    x, y = middle(opened, ".grip.to")
    shift = x - x_of(opened, before[1])
    drag(opened.page, (x, y), (x_of(opened, end) + shift + 1, y))
    assert range_of(opened)[0] == before[0]
    assert_snapped(opened, range_of(opened)[1], end)
    x, y = middle(opened, ".grip.from")
    shift = x - x_of(opened, before[0])
    drag(opened.page, (x, y), (x_of(opened, begin) + shift - 1, y))
    assert_snapped(opened, range_of(opened)[0], begin)
    assert opened.ask("window.viztracer.panels.scope.from === timeline.range.from")


def test_with_alt_it_does_not_snap(opened):
    begin, end = bounds_of_call(opened)
    before = set_range(opened, 0.3, 0.6)
    x, y = middle(opened, ".grip.to")
    shift = x - x_of(opened, before[1])
    opened.page.keyboard.down("Alt")
    drag(opened.page, (x, y), (x_of(opened, end) + shift + 2, y))
    opened.page.keyboard.up("Alt")
    scale = opened.ask("timeline.view.scale")
    assert range_of(opened)[1] == pytest.approx(end + 2 * scale, abs=scale * 0.6)


def test_a_new_range_on_the_ruler_snaps_too(opened):
    begin, end = bounds_of_call(opened)
    _, y = middle(opened, "canvas.ruler")
    drag(opened.page, (x_of(opened, begin) + 1, y), (x_of(opened, end) - 1, y))
    for time, near in zip(range_of(opened), [begin, end], strict=True):
        assert_snapped(opened, time, near)


def test_keys_move_an_edge(opened):
    before = set_range(opened, 0.3, 0.6)
    handle = opened.page.get_by_role("slider", name="End of the range")
    handle.focus()
    opened.page.keyboard.press("ArrowRight")
    scale = opened.ask("timeline.view.scale")
    moved = range_of(opened)
    assert moved == [before[0], pytest.approx(before[1] + 4 * scale, abs=1)]
    opened.page.keyboard.press("Shift+ArrowRight")
    snapped = range_of(opened)[1]
    assert snapped > moved[1] and is_edge_of_a_call(opened, snapped)
    opened.page.keyboard.press("Shift+ArrowLeft")
    assert range_of(opened)[1] < snapped and is_edge_of_a_call(opened, range_of(opened)[1])
    opened.rest()
    assert f"{range_of(opened)[1]:,} ns" in handle.get_attribute("aria-valuetext")
    opened.page.keyboard.press("Escape")
    assert opened.ask("timeline.range") is None
    opened.rest()
    assert not handle.is_visible()


def test_bounds_are_typed(opened):
    opened.page.keyboard.press("2")
    pane = opened.page.locator("#pane-functions")
    pane.get_by_role("button", name="Type bounds").click()
    assert pane.get_by_label("From").input_value() == "0 ns"
    pane.get_by_label("From").fill("500 us")
    pane.get_by_label("to", exact=True).fill("1.25ms")
    pane.get_by_label("to", exact=True).press("Enter")
    assert range_of(opened) == [500_000, 1_250_000]
    assert pane.get_by_label("From").input_value() == "500 µs"
    assert "500.0 µs to 1.250 ms" in pane.locator(".scope-range").inner_text()
    pane.get_by_label("From").fill("soon")
    pane.get_by_role("button", name="Set").click()
    assert "with its unit" in pane.locator(".bounds .warning").inner_text()
    assert pane.get_by_label("From").get_attribute("aria-invalid") == "true"
    pane.get_by_label("From").fill("2 ms")
    pane.get_by_role("button", name="Set").click()
    assert pane.locator(".bounds .warning").inner_text() == "The range must end after it begins."
    assert range_of(opened) == [500_000, 1_250_000]
    pane.get_by_label("From").press("Escape")
    assert not pane.get_by_label("From").is_visible()


def test_bounds_are_typed_by_the_clock_that_is_shown(opened):
    opened.ask("timeline.setClock(true)")
    opened.ask("timeline.setRange(500000, 1250000)")
    pane = opened.page.locator("#pane-functions")
    pane.get_by_role("button", name="Type bounds").click()
    text = pane.get_by_label("to", exact=True).input_value()
    assert text.endswith(".001250000")
    pane.get_by_label("to", exact=True).fill(text[11:].replace(".001250000", ".001"))
    pane.get_by_label("to", exact=True).press("Enter")
    assert range_of(opened) == [500_000, 1_000_000]


def test_the_minimap_has_handles_of_the_view(opened):
    page = opened.page
    duration = opened.ask("timeline.view.duration")
    box = page.locator("canvas.minimap").bounding_box()
    y = box["y"] + 20
    x = lambda time: box["x"] + time / duration * box["width"]  # noqa: E731
    opened.ask(f"timeline.zoomTo({duration * 0.25}, {duration * 0.5})")
    opened.rest()
    one = duration / box["width"]
    drag(page, (x(duration * 0.5) - 1, y), (x(duration * 0.75) - 1, y))
    assert opened.view == pytest.approx([duration * 0.25, duration * 0.75], abs=one)
    drag(page, (x(duration * 0.25) + 1, y), (x(duration * 0.5) + 1, y))
    assert opened.view == pytest.approx([duration * 0.5, duration * 0.75], abs=one)
    drag(page, (x(duration * 0.6), y), (x(duration * 0.5), y))
    assert opened.view == pytest.approx([duration * 0.4, duration * 0.65], abs=one)


def test_two_ranges_are_compared(opened):
    page = opened.page
    set_range(opened, 0.1, 0.3)
    first = range_of(opened)
    pane = page.locator("#pane-functions")
    pane.get_by_role("button", name="Hold as A").click()
    set_range(opened, 0.4, 0.8)
    opened.until("() => document.querySelector('#pane-functions thead').innerText.includes('self B − A')"
                 " && document.querySelector('#pane-functions tbody span[title^=A]')")
    assert "compared with A" in pane.locator(".scope-range").inner_text()
    by_function = """async (range) => {
        const { panels, timeline } = window.viztracer;
        timeline.setRange(...range);
        const rows = await panels.scope.rows(() => {});
        return Object.fromEntries(rows.map((row) => [row.function, row.own]));
    }"""
    second = range_of(opened)
    after = page.evaluate(by_function, second)
    before = page.evaluate(by_function, first)
    page.evaluate(by_function, second)
    page.evaluate("window.viztracer.panels.settled()")
    changes = page.evaluate(
        "window.viztracer.panels.functions.rows.map((row) => [String(row.function), row.change.own])"
    )
    assert dict(changes) == {of: after.get(of, 0) - before.get(of, 0) for of in before | after}
    pane.get_by_role("button", name="self B − A").click()
    page.keyboard.press("8")
    opened.until("() => document.querySelector('#pane-difference output')?.textContent.includes('→')")
    # The address keeps both.
    hash_ = page.evaluate("window.viztracer.state()")
    assert hash_["held"] == first and hash_["range"] == second
    opened.until("() => location.hash.includes('y=') && location.hash.includes('t=difference')")
    page.reload()
    opened.rest()
    assert page.evaluate("window.viztracer.state()") == hash_
    page.locator("#pane-difference").get_by_role("button", name="Release A").click()
    assert not page.locator("#pane-difference canvas").is_visible()
    page.keyboard.press("2")
    assert "B − A" not in pane.locator("thead").inner_text()
    assert page.evaluate("window.viztracer.panels.functions.table.sort") == "-own"
