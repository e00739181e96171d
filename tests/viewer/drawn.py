"""A report in the browser as a user sees it: its tracks, its rows, and the pixels of screenshots."""

import base64
import json
import re
import time
from collections import defaultdict
from contextlib import contextmanager

LANE = 18

TRACKS = """() => {
    const { trace } = window.viztracer;
    return JSON.stringify(trace.tracks.map((track) => ({
        process: [track.process.name, track.process.pid], kind: track.kind, name: track.name, tid: track.tid,
        calls: Array.from({ length: track.count }, (_, i) => [
            trace.functions.name(track.function[i]), track.start[i], track.start[i] + track.duration[i],
            track.depth[i], track.parent[i], track.flags[i],
        ]),
    })));
}"""
# Whether a page has drawn its rows, and draws nothing more.
AT_REST = "() => { const t = window.viztracer?.timeline; return !!t && t.placed.length > 0 && !t.frames.isScheduled; }"
ROWS = """() => [...document.querySelectorAll(".names .row")].map((row) =>
    [row.classList[1], row.querySelector(".name").textContent, row.querySelector(".number").textContent])"""
# Of points on the page, the pixels that a screenshot of it has.
PIXELS = """async ([screenshot, points]) => {
    const bytes = Uint8Array.from(atob(screenshot), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const { data, width } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const place = ([x, y]) => 4 * (Math.floor(y) * width + Math.floor(x));
    return points.map((point) => [...data.slice(place(point), place(point) + 3)]);
}"""


class Track:
    """A track of the trace that the page holds."""

    def __init__(self, index, process, kind, name, tid, calls):
        self.index, self.process, self.kind, self.name, self.tid = index, process, kind, name, tid
        self.names, self.starts, self.ends, self.depths, self.parents, self.flags = zip(*calls, strict=True)
        self.children = defaultdict(list)
        for call, parent in enumerate(self.parents):
            self.children[parent].append(call)

    def counts(self, *names):
        return [self.names.count(name) for name in names]

    def all(self, name):
        return [call for call, own in enumerate(self.names) if own == name]

    def only(self, name):
        (call,) = self.all(name)
        return call

    def last(self, call):
        """The last call inside of one, or this one."""
        return self.last(self.children[call][-1]) if self.children[call] else call

    def time(self, call):
        return self.starts[call], self.ends[call]

    def caller(self, call):
        return self.names[self.parents[call]]

    def shape(self, call, names):
        """A call with those of these functions below it: "f(g g(h))"."""
        shapes = [self.shape(child, names) for child in self.children[call]]
        below = " ".join(shape for shape in shapes if shape)
        name = self.names[call]
        return (f"{name}({below})" if below else name) if name in names else below


class Report:
    """A report in the browser, as large as its rows ask for."""

    def __init__(self, page, path):
        self.page = page
        page.page.set_viewport_size({"width": 1200, "height": 720})
        page.open(path)
        self.rest()
        height = self.ask("timeline.rows.layout.height")
        page.page.set_viewport_size({"width": 1200, "height": height + 200})
        self.rest()
        box = page.page.locator("canvas.tracks").bounding_box()
        self.origin = box["x"], box["y"]
        self.tracks = [Track(index, **track) for index, track in enumerate(json.loads(page.evaluate(TRACKS)))]

    def rest(self):
        """Waits until nothing moves and all is drawn."""
        end = time.monotonic() + 120
        while not self.page.evaluate(AT_REST):
            assert time.monotonic() < end, f"never at rest; {self.page.errors}"
            time.sleep(0.01)

    def rows(self):
        return [tuple(row) for row in self.page.evaluate(ROWS)]

    def track(self, name, pid=None):
        (track,) = [one for one in self.tracks if one.name == name and pid in (None, one.process[1])]
        return track

    def ask(self, expression):
        return self.page.evaluate(f"(({{ timeline, trace }}) => {expression})(window.viztracer)")

    def zoom(self, start, end):
        self.ask(f"timeline.zoomTo({start}, {end})")
        self.rest()

    @contextmanager
    def without(self, tracks):
        """Hides the processes of these tracks, and so their arrows, which may lie over anything."""
        rows = {f"p{self.ask(f'trace.tracks[{track.index}].process.index')}" for track in tracks}
        self.flip(rows)
        yield
        self.flip(rows)

    def flip(self, rows):
        for row in rows:
            self.ask(f"timeline.rows.flip('hidden', '{row}')")
        self.rest()

    def x(self, time):
        return self.ask(f"timeline.view.xOf({time})") + self.origin[0]

    def drawn(self, track, calls):
        """Where calls lie on the page: left, top and right, and their functions' colours."""
        drawn = self.ask(f"""{list(calls)}.map((call) => {{
            const {{ left, top, right }} = timeline.boxOf(trace.tracks[{track.index}], call);
            return [left, top, right, timeline.colorOf(trace.tracks[{track.index}].function[call])];
        }})""")
        x, y = self.origin
        rgb = re.compile(r"rgb\((\d+) (\d+) (\d+)\)")
        return [
            (x + left, y + top, x + right, tuple(int(part) for part in rgb.fullmatch(color).groups()))
            for left, top, right, color in drawn
        ]

    def top(self, track, call):
        """The second line of pixels of a call, above its text."""
        return self.drawn(track, [call])[0][1] + 2

    def color(self, track, call):
        return self.drawn(track, [call])[0][3]

    @property
    def background(self):
        return tuple(bytes.fromhex(self.ask("timeline.painter.theme.background")[1:]))

    def pixels(self, points):
        screenshot = base64.b64encode(self.page.page.screenshot()).decode()
        return [tuple(color) for color in self.page.evaluate(PIXELS, [screenshot, points])]

    def assert_drawn(self, track, calls):
        """Calls that are in sight and wide enough lie where the handle says, in their functions' colours.

        Returns them.
        """
        left_edge, right_edge = self.origin[0], self.page.page.viewport_size["width"]
        calls = [*calls]
        boxes = {
            call: (max(left, left_edge), top, color)
            for call, (left, top, right, color) in zip(calls, self.drawn(track, calls), strict=True)
            if min(right, right_edge) - max(left, left_edge) >= 4
        }
        found = self.pixels([(left + 1.5, top + 2) for left, top, _ in boxes.values()])
        assert found == [color for _, _, color in boxes.values()]
        first = min(top - LANE * track.depths[call] for call, (_, top, _) in boxes.items())
        assert all(top == first + LANE * track.depths[call] for call, (_, top, _) in boxes.items())
        return [*boxes]

    def assert_fine(self):
        assert (self.page.errors, self.page.alerts()) == ([], [])
