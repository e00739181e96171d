"""The timeline: wheel, drags, keys, touch, the column of names, the hash, and the resulting pixels."""

import functools
import http.server
import threading
import time
from pathlib import Path

import pytest
from drawn import AT_REST

ROOT = Path(__file__).parents[2]


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    handler = functools.partial(Files, directory=ROOT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/tests/viewer/sample.html"
        server.shutdown()


class Timeline:
    """The sample's timeline in a page of the browser."""

    def __init__(self, page):
        self.page = page
        self.errors = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, address):
        self.page.goto(address)
        return self.rest()

    def rest(self):
        """Waits until nothing moves and all is drawn."""
        self.until(AT_REST)
        return self

    def until(self, condition):
        end = time.monotonic() + 120
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"never: {condition}; {self.errors}"
            time.sleep(0.02)

    def ask(self, expression):
        return self.page.evaluate(f"(({{ timeline, trace }}) => {expression})(window.viztracer)")

    @property
    def view(self):
        return self.ask("[timeline.view.from, timeline.view.to]")

    @property
    def selection(self):
        return self.ask("timeline.selection && [timeline.selection.track.index, timeline.selection.call]")

    @property
    def rows(self):
        return self.ask("timeline.rows.all.map((row) => row.id)")

    def origin(self):
        box = self.page.locator("canvas.tracks").bounding_box()
        return box["x"], box["y"]

    def time_at(self, x):
        return self.ask(f"timeline.view.timeAt({x - self.origin()[0]})")

    def place(self, track, call):
        """The middle of a call on the page."""
        x, y = self.ask(f"""(() => {{
            const track = trace.tracks[{track}];
            const {{ row, y }} = timeline.placed.find((one) => one.row.track === track);
            const middle = timeline.view.xOf(track.start[{call}] + track.duration[{call}] / 2);
            return [middle, y + row.top + track.depth[{call}] * 18 + 8];
        }})()""")
        return self.origin()[0] + x, self.origin()[1] + y

    def pixel(self, x, y):
        """Return red, green and blue of the tracks' canvas at a position on the page."""
        left, top = self.origin()
        return self.ask(f"""[...timeline.stage.canvas.getContext("2d")
            .getImageData({x - left} * devicePixelRatio, {y - top} * devicePixelRatio, 1, 1).data].slice(0, 3)""")

    def press(self, key):
        self.page.keyboard.press(key)
        return self.rest()


@pytest.fixture
def timeline(browser, address):
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    opened = Timeline(context.new_page()).open(f"{address}?calls=6000&tracks=5")
    yield opened
    assert opened.errors == []
    context.close()


def long_call(timeline, track):
    """A call that is wide enough to be hit when all is shown, and not as wide as all."""
    call = timeline.ask(f"""(({{ depth, duration }}) => duration.findIndex((time, i) =>
        time > trace.duration / 20 && time < trace.duration / 2 && depth[i] < 9))(trace.tracks[{track}])""")
    assert call >= 0
    return call


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def test_the_wheel_zooms_at_the_pointer(timeline):
    before = timeline.view
    timeline.page.mouse.move(700, 400)
    under = timeline.time_at(700)
    timeline.page.mouse.wheel(0, -400)
    timeline.until(f"() => viztracer.timeline.view.from > {before[0]}")
    timeline.rest()
    assert timeline.time_at(700) == pytest.approx(under)
    inner = timeline.view
    assert inner[1] - inner[0] < (before[1] - before[0]) / 2
    timeline.page.keyboard.down("Shift")
    timeline.page.mouse.wheel(0, 100)
    timeline.page.keyboard.up("Shift")
    timeline.until(f"() => viztracer.timeline.view.from > {inner[0]}")
    assert timeline.view[1] - timeline.view[0] == pytest.approx(inner[1] - inner[0])


def test_drags_pan_and_the_time_stays_under_the_pointer(timeline):
    timeline.press("w")
    under = timeline.time_at(700)
    drag(timeline.page, (700, 400), (600, 400))
    assert timeline.time_at(600) == pytest.approx(under, rel=1e-3)
    assert timeline.selection is None


def test_keys_move_and_zoom(timeline):
    everything = timeline.view
    timeline.press("w")
    near = timeline.view
    assert near[0] > everything[0] and near[1] < everything[1]
    timeline.press("d")
    assert timeline.view[0] > near[0]
    timeline.press("a")
    assert timeline.view == pytest.approx(near)
    timeline.press("Home")
    assert timeline.view == pytest.approx(everything)


def test_a_click_selects_and_a_double_click_shows_the_call(timeline):
    call = long_call(timeline, 0)
    timeline.page.mouse.click(*timeline.place(0, call))
    assert timeline.selection == [0, call]
    timeline.rest()
    timeline.page.mouse.dblclick(*timeline.place(0, call))
    timeline.rest()
    start, duration = timeline.ask(f"[trace.tracks[0].start[{call}], trace.tracks[0].duration[{call}]]")
    assert timeline.view == pytest.approx([start - duration / 10, start + duration * 1.1])


def test_a_drag_on_the_ruler_measures(timeline):
    ruler = timeline.page.locator("canvas.ruler").bounding_box()
    y = ruler["y"] + 10
    expected = [timeline.time_at(500), timeline.time_at(800)]
    timeline.page.keyboard.down("Alt")  # no snapping
    drag(timeline.page, (500, y), (800, y))
    timeline.page.keyboard.up("Alt")
    assert timeline.ask("[timeline.range.from, timeline.range.to]") == pytest.approx(expected, abs=1)
    timeline.page.mouse.click(600, y)
    assert timeline.ask("timeline.range") is None


def test_the_keyboard_goes_from_call_to_call(timeline):
    timeline.press("]")
    track, call = timeline.selection
    assert timeline.ask(f"trace.tracks[{track}].depth[{call}]") == 0
    call = timeline.ask(f"trace.tracks[{track}].parent.findLast((parent, i, all) => all.indexOf(parent) < i)")
    timeline.ask(f"timeline.select(trace.tracks[{track}], {call})")
    timeline.press("j")
    child = timeline.selection[1]
    assert timeline.ask(f"trace.tracks[{track}].parent.indexOf({call})") == child
    timeline.press("l")
    sibling = timeline.selection[1]
    assert timeline.ask(f"trace.tracks[{track}].parent.indexOf({call}, {child + 1})") == sibling
    timeline.press("h")
    assert timeline.selection[1] == child
    timeline.press("k")
    assert timeline.selection[1] == call
    name = timeline.ask(f"trace.functions.name(trace.tracks[{track}].function[{call}])")
    assert name in timeline.page.text_content("#status")
    timeline.press("m")
    assert timeline.ask(f"timeline.range.from === trace.tracks[{track}].start[{call}]")
    timeline.press("Escape")
    assert timeline.selection is None and timeline.ask("timeline.range") is None


def test_rows_collapse_pin_hide_and_move(timeline):
    page = timeline.page
    assert timeline.rows == ["p0", "c0", "t0", "t2", "t4", "p1", "t1", "t3"]
    page.focus(".row.process .toggle")
    timeline.press("Enter")
    assert timeline.rows == ["p0", "p1", "t1", "t3"]
    timeline.press("Enter")
    row = page.locator(".row.counter")
    row.locator(".hide").focus()
    page.keyboard.press("Alt+ArrowDown")
    assert timeline.rest().rows == ["p0", "t0", "c0", "t2", "t4", "p1", "t1", "t3"]
    row.locator(".pin").focus()
    timeline.press("Enter")
    assert timeline.rows == ["c0", "p0", "t0", "t2", "t4", "p1", "t1", "t3"]
    page.locator(".row.track").first.locator(".toggle").focus()
    timeline.press("Enter")
    page.locator(".row.track").first.locator(".hide").focus()
    timeline.press("Enter")
    assert "t0" not in timeline.rows
    page.click(".unhide")
    assert "t0" in timeline.rest().rows


def test_a_row_is_dragged_to_another_place(timeline):
    timeline.ask("['t0', 't2', 't4'].forEach((id) => timeline.rows.flip('collapsed', id))")
    timeline.rest()
    boxes = [timeline.page.locator(".row.track").nth(at).bounding_box() for at in (0, 1)]
    x = boxes[0]["x"] + 100
    drag(timeline.page, (x, boxes[1]["y"] + 10), (x, boxes[0]["y"] + 5))
    assert timeline.rest().rows[:4] == ["p0", "c0", "t2", "t0"]


def test_the_filter_and_the_colouring(timeline):
    timeline.page.fill("#filter", "thread-3")
    assert timeline.rest().rows == ["p1", "t3"]
    assert timeline.page.text_content("#timeline .count") == "1 of 5 tracks"
    timeline.page.fill("#filter", "")
    timeline.page.select_option("#coloring", "process")
    colors = timeline.rest().ask("[0, 1, 2].map((of) => timeline.colorOf(of, trace.processes[0]))")
    assert len(set(colors)) == 1


def test_the_hash_brings_the_view_back(timeline):
    timeline.press("]")
    timeline.press("f")
    timeline.ask("timeline.rows.flip('collapsed', 't2')")
    timeline.ask("timeline.setRange(1000, 5000)")
    timeline.page.select_option("#coloring", "file")
    timeline.until("() => location.hash.includes('c=file')")
    before = timeline.rest().ask("timeline.state()")
    timeline.page.reload()
    after = timeline.rest().ask("timeline.state()")
    # The hash has whole picoseconds.
    assert after.pop("view") == pytest.approx(before.pop("view"), abs=0.001)
    assert after == before
    timeline.page.evaluate("() => { location.hash = '#f=worker&x=p1.nonsense&v=a_b&s=99_99999' }")
    timeline.until("() => viztracer.timeline.state().filter === 'worker'")
    assert timeline.rest().rows == ["p1"]
    assert timeline.page.input_value("#filter") == "worker"
    assert timeline.selection is None


def test_calls_have_their_colour_and_overwritten_history_has_its_own(timeline):
    call = long_call(timeline, 1)
    timeline.ask(f"timeline.reveal(trace.tracks[1], {call})")
    timeline.press("f")
    x, y = timeline.place(1, call)
    drawn = timeline.ask(f"timeline.colorOf(trace.tracks[1].function[{call}], trace.processes[1])")
    assert f"rgb({' '.join(map(str, timeline.pixel(x, y - 6)))})" == drawn
    timeline.press("Home")
    gap = timeline.ask("[trace.tracks[1].gap.start, trace.tracks[1].gap.end].map((time) => timeline.view.xOf(time))")
    left = timeline.origin()[0]
    row = timeline.ask("timeline.placed.find(({ row }) => row.id === 't1').y") + timeline.origin()[1]
    band = {tuple(timeline.pixel(left + x, row + 10)) for x in range(int(gap[0]) + 3, int(gap[0]) + 30, 3)}
    palette = {tuple(color) for color in timeline.ask("timeline.painter.colors.palette")}
    assert len(band) > 1 and not band & palette, "hatched, in no colour of a call"


def test_a_search_fades_the_others_and_marks_its_hits(timeline):
    call = long_call(timeline, 0)
    x, y = timeline.place(0, call)
    plain = timeline.pixel(x, y - 6)
    hits = "{ functions: new Uint8Array(trace.functions.count), calls: new Map([[0, Uint32Array.of(3)]]) }"
    timeline.ask(f"timeline.mark({hits})")
    assert timeline.rest().pixel(x, y - 6) != plain
    assert timeline.ask("timeline.minimap.ticks.reduce((sum, one) => sum + one)") == 1
    timeline.ask("timeline.mark(null)")
    assert timeline.rest().pixel(x, y - 6) == plain


def test_two_fingers_pinch_and_one_pans(timeline):
    session = timeline.page.context.new_cdp_session(timeline.page)

    def touch(kind, *points):
        touches = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    before = timeline.view
    touch("touchStart", (600, 400))
    touch("touchStart", (600, 400), (700, 400))
    for step in range(1, 11):
        touch("touchMove", (600 - 10 * step, 400), (700 + 10 * step, 400))
    touch("touchEnd")
    pinched = timeline.rest().view
    assert (before[1] - before[0]) / (pinched[1] - pinched[0]) == pytest.approx(3, rel=0.2)
    touch("touchStart", (600, 400))
    for step in range(1, 6):
        touch("touchMove", (600 - 20 * step, 400))
    touch("touchEnd")
    assert timeline.rest().view[0] > pinched[0]
    assert timeline.view[1] - timeline.view[0] == pytest.approx(pinched[1] - pinched[0])


def test_a_tap_selects_and_what_was_clicked_stays_in_sight(timeline):
    session = timeline.page.context.new_cdp_session(timeline.page)
    found = timeline.ask("""timeline.placed.flatMap(({ row, y }) => !row.track ? [] : [...row.track.depth.keys()]
        .filter((call) => row.track.depth[call] < row.lanes)
        .map((call) => ({ at: [row.track.index, call], y: y + row.top + row.track.depth[call] * 18,
            wide: row.track.duration[call] > trace.duration / 200 })))
        .filter(({ y, wide }) => wide && y < timeline.stage.height - 20).sort((a, b) => a.y - b.y).at(-1).at""")
    x, y = timeline.place(*found)
    for kind, points in (("touchStart", [{"x": x, "y": y, "id": 1}]), ("touchEnd", [])):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    timeline.until("() => viztracer.timeline.selection !== null")
    assert timeline.selection == found
    timeline.until(f"""() => {{
        const {{ timeline, trace }} = viztracer;
        const one = timeline.placed.find(({{ row }}) => row.track === trace.tracks[{found[0]}]);
        const y = one && one.y + one.row.top + one.row.track.depth[{found[1]}] * 18;
        return y > 0 && y < timeline.stage.height - 18;
    }}""")


def test_letters_work_while_a_button_has_the_focus_and_are_text_in_fields(timeline):
    timeline.page.click("#zoom-in")
    near = timeline.rest().view
    timeline.press("d")
    assert timeline.view[0] > near[0]
    there = timeline.view
    timeline.page.click("#filter")
    timeline.page.keyboard.type("w1sd")
    timeline.until("() => viztracer.timeline.rows.arranged.filter === 'w1sd'")
    assert timeline.view == there and not timeline.page.is_visible("#panes")


def test_a_picture_of_what_is_seen_is_saved(timeline, tmp_path):
    timeline.page.click("#actions summary")
    with timeline.page.expect_download() as download:
        timeline.page.get_by_role("button", name="Picture").click()
    download.value.save_as(tmp_path / "picture.png")
    png = (tmp_path / "picture.png").read_bytes()
    width, height = timeline.ask("[timeline.picture().width, timeline.picture().height]")
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and png[16:24] == width.to_bytes(4) + height.to_bytes(4)
    x, y = timeline.place(0, long_call(timeline, 0))
    left = x - timeline.page.locator("#timeline").bounding_box()["x"]
    top = y - 6 - timeline.origin()[1] + 26
    told = timeline.ask(f"[...timeline.picture().getContext('2d').getImageData({left}, {top}, 1, 1).data].slice(0, 3)")
    assert told == timeline.pixel(x, y - 6)


def test_names_of_the_program_are_only_text(timeline):
    timeline.ask("timeline.rows.flip('collapsed', 'p0')")
    assert "<b>worker</b>" in timeline.rest().page.text_content(".names")
    assert timeline.page.locator(".names b, .tooltip script, .tooltip b").count() == 0
    timeline.page.mouse.move(*timeline.place(1, long_call(timeline, 1)))
    assert timeline.page.locator("body > .tooltip").is_visible()


def test_dark_and_light_follow_the_system(timeline):
    x, y = timeline.origin()
    light = timeline.pixel(x + 1, y + 1)
    timeline.page.emulate_media(color_scheme="dark")
    timeline.until("() => viztracer.timeline.painter.theme.background !== '#ffffff'")
    dark = timeline.rest().pixel(x + 1, y + 1)
    assert sum(light) > 600 and sum(dark) < 150


def test_going_to_a_deep_call_of_a_pinned_track_leaves_it_unfolded(timeline):
    """A pinned track that is cut for lack of space keeps the user's settings."""
    timeline.page.set_viewport_size({"width": 1200, "height": 420})
    index, call = timeline.rest().ask("""trace.tracks.map((track) =>
        [track.index, track.depth.indexOf(track.maxDepth)]).sort((a, b) =>
        trace.tracks[b[0]].maxDepth - trace.tracks[a[0]].maxDepth)[0]""")
    for what in ("unfolded", "pinned"):
        timeline.ask(f"timeline.rows.flip('{what}', 't{index}')")
    timeline.rest()
    for _ in range(3):
        timeline.ask(f"viztracer.select(trace.tracks[{index}], {call})")
        assert timeline.rest().ask("timeline.state().unfolded") == [f"t{index}"]
