"""Small things that a reader trips over: labels that are cut, tags that hide each other, empty pages, moving rows."""

import pytest
from test_timeline import Timeline, address  # noqa: F401

TEXTS = """(act) => {
    const texts = [];
    const { prototype } = CanvasRenderingContext2D;
    const original = prototype.fillText;
    prototype.fillText = function (text, x, y) {
        texts.push([this.canvas.className, text, x, x + this.measureText(text).width]);
        return original.call(this, text, x, y);
    };
    viztracer.timeline.frames.request();
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
        prototype.fillText = original;
        done(texts);
    })));
}"""


@pytest.fixture
def timeline(browser, address):  # noqa: F811
    context = browser.new_context(viewport={"width": 1200, "height": 700})
    opened = Timeline(context.new_page()).open(f"{address}?calls=6000&tracks=12")
    yield opened
    assert opened.errors == []
    context.close()


def drawn(timeline, on):
    """The texts on a canvas, with their left and right edges."""
    return [(text, left, right) for name, text, left, right in timeline.page.evaluate(TEXTS) if name == on]


def test_no_label_of_the_ruler_is_cut_and_no_tag_hides_another(timeline):
    width = timeline.ask("timeline.view.width")
    timeline.ask("timeline.setRange(trace.duration * 0.4, trace.duration * 0.6)")
    timeline.rest()
    for x in range(0, int(width), 37):
        timeline.ask(f"timeline.gestures.pointer = {x}")
        texts = sorted(drawn(timeline, "ruler"), key=lambda text: text[1])
        assert len(texts) > 4
        assert all(right <= width for _, _, right in texts)
        assert all(before[2] <= after[1] for before, after in zip(texts, texts[1:], strict=False)), (x, texts)


def test_quick_steps_leave_the_selected_call_in_sight(timeline):
    for _ in range(9):
        timeline.page.keyboard.press("]")
    timeline.rest()
    timeline.page.wait_for_timeout(700)
    box = timeline.ask("timeline.boxOf(timeline.selection.track, timeline.selection.call)")
    assert box is not None and 0 <= box["top"] < timeline.ask("timeline.stage.height")


def test_no_button_covers_how_a_process_ended(timeline):
    row = timeline.page.locator(".row.process").first
    row.hover()
    ending = row.locator(".warning").bounding_box()
    assert row.locator(".warning").inner_text() == "ended by SIGTERM"
    assert ending["x"] + ending["width"] <= row.locator("button.hide").bounding_box()["x"] + 1


def test_a_double_click_zooms_also_where_the_panel_opens_between_the_clicks(timeline):
    track, call = timeline.ask("""(() => {
        const { height } = timeline.stage;
        for (const { row: { track } } of timeline.placed.filter((one) => one.row.track)) {
            for (let call = 0; call < track.count; call += 1) {
                const box = timeline.boxOf(track, call);
                const isLow = box && box.top > height * 0.75 && box.top < height - 25;
                if (isLow && box.left > 0 && box.right - box.left > 60 && box.right < timeline.view.width) {
                    return [track.index, call];
                }
            }
        }
    })()""")
    timeline.page.mouse.dblclick(*timeline.place(track, call))
    timeline.rest()
    assert timeline.page.is_visible("#panel")
    assert timeline.selection == [track, call]
    of = f"trace.tracks[{track}]"
    start, duration = timeline.ask(f"[{of}.start[{call}], {of}.duration[{call}]]")
    assert timeline.view == pytest.approx([start - duration / 10, start + duration * 1.1])


def test_a_filter_without_a_match_and_fit_without_a_selection_say_so(timeline):
    timeline.page.click("#zoom-fit")
    assert timeline.page.inner_text("#status") == "Select a call or a range first."
    timeline.page.fill("#filter", "no such track")
    assert "No tracks match the filter." in [text for text, _, _ in drawn(timeline, "tracks")]


def test_arrows_lead_to_tracks_that_are_out_of_sight(timeline):
    curves = """() => {
        let count = 0;
        const { prototype } = CanvasRenderingContext2D;
        const original = prototype.bezierCurveTo;
        prototype.bezierCurveTo = function (...all) { count += 1; return original.apply(this, all); };
        viztracer.timeline.frames.request();
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
            prototype.bezierCurveTo = original;
            done(count);
        })));
    }"""
    before = timeline.page.evaluate(curves)
    timeline.page.keyboard.press("1")
    timeline.rest()
    assert timeline.ask("timeline.placed.length < timeline.rows.all.length")
    assert timeline.page.evaluate(curves) == before == timeline.ask("trace.flows.length")


def cut_in_mid_letter(texts, names):
    """Those texts that are neither a name nor its first characters and an ellipsis."""
    begins = {name[:length] for name in names for length in range(len(name))}
    return [text for text in texts if text not in names | {""} and not (text[-1:] == "…" and text[:-1] in begins)]


def test_no_label_of_the_flame_graph_or_of_an_instant_is_cut_in_mid_letter(timeline):
    names = set(timeline.ask("Array.from({ length: trace.functions.count }, (_, of) => trace.functions.name(of))"))
    timeline.page.keyboard.press("3")
    timeline.until("document.querySelector('#pane-flame output').textContent.startsWith('all: total')")
    timeline.page.evaluate("viztracer.panels.settled()")
    script = TEXTS.replace("viztracer.timeline.frames.request()", "viztracer.panels.flame.graph.graph.mark(null)")
    found = [text for name, text, _, _ in timeline.page.evaluate(script) if name not in ("ruler", "tracks", "minimap")]
    assert len(found) > 10 and any(text.endswith("…") for text in found)
    assert cut_in_mid_letter(found, names | {"all"}) == []
    timeline.page.keyboard.press("Escape")
    instants = set(timeline.ask("trace.tracks[0].instants.map(({ name }) => name)"))
    steps = [text for text, _, _ in drawn(timeline, "tracks") if text.startswith("st")]
    assert steps and cut_in_mid_letter(steps, instants) == []


def test_an_arrow_begins_below_the_name_of_its_call(timeline):
    starts = timeline.page.evaluate("""() => {
        const starts = [];
        const { prototype } = CanvasRenderingContext2D;
        const [move, curve] = [prototype.moveTo, prototype.bezierCurveTo];
        let last = null;
        prototype.moveTo = function (x, y) { last = [x, y]; return move.call(this, x, y); };
        prototype.bezierCurveTo = function (...all) { starts.push(last); return curve.apply(this, all); };
        viztracer.timeline.frames.request();
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
            [prototype.moveTo, prototype.bezierCurveTo] = [move, curve];
            done(starts);
        })));
    }""")
    left, width, row = timeline.ask("""(({ row, y }) => [row.top + y, 18, row.lanes])(
        timeline.placed.find(({ row }) => row.track === trace.tracks[0]))""")
    seen = [y for _, y in starts if left <= y <= left + width * row]
    assert seen and {(y - left) % width for y in seen} == {16}, "near the lower edge of the lane"


@pytest.mark.parametrize("width", [375, 1024, 1200])
def test_the_toolbar_cuts_nothing(browser, address, width):  # noqa: F811
    context = browser.new_context(viewport={"width": width, "height": 700})
    page = Timeline(context.new_page()).open(f"{address}?calls=300&tracks=4").page
    assert page.locator("#toolbar").bounding_box()["height"] <= {375: 116}.get(width, 80)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if width > 720:
        assert page.locator("#progress").bounding_box()["height"] < 24, "one line"
        wide = "(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.getElementById('title'))"
        assert page.evaluate(wide)
    context.close()
