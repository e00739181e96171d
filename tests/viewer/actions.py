"""A user whose actions on a page are counted: a click, a key, a drag, a word that is typed, a choice in a list."""

import time

AT_REST = "!viztracer.timeline.frames.isScheduled && viztracer.timeline.placed.length > 0"
PLACE = """([track, call]) => {
    const { timeline, trace } = window.viztracer;
    const { left, top, right, height } = timeline.boxOf(trace.tracks[track], call);
    return [(Math.max(left, 0) + Math.min(right, timeline.view.width)) / 2, top + height / 2];
}"""

SELECT = "([track, call]) => viztracer.select(viztracer.trace.tracks[track], call)"
SELECTED = """() => {
    const { timeline, trace } = window.viztracer;
    const { track, call } = timeline.selection;
    return [trace.functions.name(track.function[call]), track.start[call], track.duration[call]];
}"""
FIND = """(name) => window.viztracer.trace.tracks.flatMap((track) => Array.from(track.function.keys())
    .filter((call) => window.viztracer.trace.functions.name(track.function[call]) === name)
    .map((call) => [track.index, call]))"""


class Actions:
    """The actions of a user on a page of the fixture `page`; `taken` is their number."""

    def __init__(self, page):
        self.page = page
        self.taken = 0
        self.rest()

    def rest(self):
        """Waits until nothing moves: where a call lies is known only then."""
        end = time.monotonic() + 120
        while not self.page.evaluate(AT_REST):
            assert time.monotonic() < end, f"never at rest; {self.page.errors}"
            time.sleep(0.02)
        return self

    def click(self, locator):
        self.taken += 1
        locator.click()
        return self.rest()

    def click_call(self, track, call):
        """Clicks the middle of what is seen of a call."""
        self.taken += 1
        left, top = self._origin("canvas.tracks")
        x, y = self.page.evaluate(PLACE, [track, call])
        self.page.page.mouse.click(left + x, top + y)
        return self.rest()

    def press(self, key):
        self.taken += 1
        self.page.page.keyboard.press(key)
        return self.rest()

    def write(self, text):
        """Types a text into what has the focus."""
        self.taken += 1
        self.page.page.keyboard.type(text)
        return self.rest()

    def choose(self, locator, label):
        """Chooses an entry of a list."""
        self.taken += 1
        locator.select_option(label=label)
        return self.rest()

    def drag_ruler(self, start, end):
        """Drags over the ruler from one time to another."""
        self.taken += 1
        left, top = self._origin("canvas.ruler")
        mouse = self.page.page.mouse
        mouse.move(left + self._x_of(start), top + 10)
        mouse.down()
        mouse.move(left + self._x_of(end), top + 10, steps=5)
        mouse.up()
        return self.rest()

    def _x_of(self, at):
        return self.page.evaluate(f"viztracer.timeline.view.xOf({at})")

    def _origin(self, canvas):
        box = self.page.page.locator(canvas).bounding_box()
        return box["x"], box["y"]


def found(page, name):
    """The calls of a function: track and call."""
    return page.evaluate(FIND, name)
