"""Large runs, of which vizviewer serves a page with little detail, and tiles."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Page

BIN = Path(sys.executable).parent
PROGRAM = """
import time

def leaf():
    pass

def branch(n):
    for _ in range(n):
        leaf()

def work():
    for n in range(15_000):
        branch(n % 7)

work()
time.sleep(0.05)
work()
"""
DONE = "/function/.test(document.querySelector('#pane-functions caption')?.textContent ?? '')"


@pytest.fixture(scope="module")
def rings(tmp_path_factory):
    from conftest import sandboxes

    sandbox = sandboxes.Sandbox(tmp_path_factory.mktemp("tiles"))
    (sandbox.path / "program.py").write_text(PROGRAM)
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "program.py").returncode == 0
    return sandbox.path / "rings"


class Served(Page):
    """A page that may ask its server for tiles and functions."""

    def __init__(self, page, address):
        self.base = address.rpartition("/")[0]
        super().__init__(page)

    def requested(self, request):
        if not request.url.startswith(self.base):
            super().requested(request)

    def settled(self):
        self.evaluate("window.viztracer.timeline.tiles.settled()")
        return self

    def counts(self):
        return self.page.inner_text("#progress")


@pytest.fixture
def open_served(browser, rings):
    """open_served(fragment="", **settings) -> the page of the large run, in a context with these settings."""
    command = [BIN / "vizviewer", "--server_only", "--port", "0", rings]
    env = os.environ | {"VIZTRACER_TILES": "1000,60000"}
    contexts = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as process:
        line = next(line for line in process.stdout if "report is at" in line)
        address = re.search(r"http://\S+", line)[0]

        def open_page(fragment="", **settings):
            context = browser.new_context(**settings)
            contexts.append(context)
            page = Served(context.new_page(), address)
            page.page.goto(address + fragment)
            page.until("window.viztracer !== undefined")
            return page

        yield open_page
        for context in contexts:
            context.close()
        process.terminate()


def all_calls(sandbox, rings):
    assert sandbox.viztracer_merge(rings, "-q", "-o", "all.json").returncode == 0
    events = json.loads((sandbox.path / "all.json").read_text())["traceEvents"]
    return [event for event in events if event["ph"] == "X"]


LOADED = """() => {
    const [track] = window.viztracer.trace.tracks;
    const { from, to } = window.viztracer.timeline.motion.end;
    let calls = 0;
    for (let call = 0; call < track.count; call += 1) {
        calls += track.start[call] + track.duration[call] >= from && track.start[call] < to ? 1 : 0;
    }
    return { calls, from, to };
}"""


def expect_all_in_view(page, calls):
    found = page.evaluate(LOADED)
    edges = [(round(call["ts"] * 1000), round((call["ts"] + call["dur"]) * 1000)) for call in calls]
    assert found["calls"] == sum(end >= found["from"] and start < found["to"] for start, end in edges)


def test_zooming_in_by_keys_shows_all_calls(open_served, sandbox, rings):
    calls = all_calls(sandbox, rings)
    page = open_served()
    assert page.counts().startswith(f"{len(calls):,} calls; calls shorter than ")
    assert page.evaluate(LOADED)["calls"] <= 60_000
    page.evaluate("window.viztracer.timeline.zoomTo(1e6, 2e6)")
    page.evaluate("window.viztracer.timeline.focus()")
    for _ in range(8):
        page.page.keyboard.press("w")
    page.until("window.viztracer.timeline.tiles.trace.loaded.isWhole(window.viztracer.timeline.motion.end)")
    page.settled()
    expect_all_in_view(page, calls)
    assert "every call of this part is shown" in page.counts()
    assert page.errors == []


def test_zooming_in_by_the_pointer_shows_all_calls(open_served, sandbox, rings):
    calls = all_calls(sandbox, rings)
    page = open_served()
    box = page.page.locator("#timeline canvas").last.bounding_box()
    page.page.mouse.move(box["x"] + 30, box["y"] + box["height"] / 2)
    page.page.keyboard.down("Control")
    for _ in range(40):
        page.page.mouse.wheel(0, -120)
        if page.evaluate("window.viztracer.timeline.motion.end.scale") < 500:
            break
    page.page.keyboard.up("Control")
    page.until("window.viztracer.trace.loaded.isWhole(window.viztracer.timeline.motion.end)")
    page.settled()
    expect_all_in_view(page, calls)
    # Panning loads what comes next, and zooming out shows the whole trace again.
    page.evaluate("window.viztracer.timeline.focus()")
    for _ in range(6):
        page.page.keyboard.press("d")
    page.settled()
    page.until("window.viztracer.trace.loaded.isWhole(window.viztracer.timeline.motion.end)")
    expect_all_in_view(page, calls)
    page.page.keyboard.press("0")
    page.settled()
    assert "calls shorter than" in page.counts()
    assert page.errors == []


def test_functions_are_those_of_top(open_served, sandbox, rings):
    answer = sandbox.viztracer_merge(rings, "--top", "1000", "--json")
    top = {row["function"]: row for row in json.loads(answer.stdout)["all"]["top"]}
    page = open_served("#t=functions")
    page.until(DONE)
    rows = page.evaluate(
        """() => window.viztracer.panels.functions.rows.map((row) => ({
            ...row, name: window.viztracer.trace.functions.name(row.function), resumes: undefined }))"""
    )
    assert len(rows) == len(top)
    for row in rows:
        of = top[row["name"]]
        numbers = [of[key] for key in ("calls", "total_ns", "self_ns", "waiting_ns", "mean_ns", "max_ns", "raised")]
        assert [row[key] for key in ("calls", "total", "own", "waiting", "mean", "max", "raised")] == numbers
    page.page.get_by_label("Without waiting").check()
    page.until(f"{DONE} && /without .* of waiting/.test(document.querySelector('#pane-functions caption').textContent)")
    assert page.errors == []


def test_what_needs_all_calls_says_so_until_they_are_there(open_served):
    page = open_served("#t=flame")
    pane = page.page.locator("#pane-flame")
    assert "until all calls of it are loaded (now: calls of" in pane.inner_text()
    page.evaluate("window.viztracer.timeline.zoomTo(1e6, 1.2e6)")
    page.settled()
    page.evaluate("window.viztracer.range(1.05e6, 1.15e6)")
    page.page.locator("#tab-flame").click()
    pane.locator("canvas").first.wait_for()
    assert "until all calls" not in pane.inner_text()
    page.page.locator("#tab-calls").click()
    page.evaluate("window.viztracer.range(null, null)")
    assert "until all calls" in page.page.locator("#pane-calls").inner_text()
    page.page.locator("#actions summary").click()
    page.page.get_by_role("button", name="Chrome trace").click()
    page.until("/use viztracer-merge/.test(document.getElementById('status').textContent)")
    assert page.errors == []


def test_a_merged_call_says_what_it_stands_for(open_served):
    page = open_served().settled()  # a tile that comes later may have the call itself
    page.evaluate(
        """() => {
            const [track] = window.viztracer.trace.tracks;
            window.viztracer.select(track, track.flags.findIndex((flags) => flags & 64));
        }"""
    )
    text = page.page.locator("#pane-selection").inner_text()
    assert re.search(r"stands for\s+[\d,]+ calls, the longest of which is of this function: zoom in", text)
    described = page.evaluate("document.querySelector('#timeline [aria-description]').getAttribute('aria-description')")
    assert re.match(r"[\d,]+ short calls, the longest of ", described)
    assert page.errors == []


def test_the_address_brings_a_call_back(open_served):
    page = open_served()
    page.evaluate("window.viztracer.timeline.zoomTo(1e6, 1.1e6)")
    page.settled()
    state = page.evaluate(
        """() => {
            const [track] = window.viztracer.trace.tracks;
            const { from } = window.viztracer.timeline.motion.end;
            const call = track.start.findIndex((start, call) => start > from && track.depth[call] === track.maxDepth);
            window.viztracer.timeline.select(track, call);
            return [track.start[call], track.depth[call], track.function[call]];
        }"""
    )
    page.until("/[#&]s=0_\\d+_\\d+/.test(location.hash)")
    fragment = page.evaluate("location.hash")
    again = open_served(fragment).settled()
    again.until(
        """(([start, depth, of]) => {
            const { track, call } = window.viztracer.timeline.selection ?? {};
            return track && track.start[call] === start && track.depth[call] === depth && track.function[call] === of;
        })(%s)"""
        % json.dumps(state)
    )
    assert again.evaluate("location.hash.match(/s=([^&]*)/)[1]") == f"0_{state[0]}_{state[1]}"
    assert again.errors == page.errors == []


def test_without_the_server_the_page_goes_on_and_says_so(open_served):
    page = open_served()
    page.page.route("**/tile?*", lambda route: route.abort())
    page.evaluate("window.viztracer.timeline.zoomTo(1e6, 1.1e6)")
    page.until("/server does not answer/.test(document.getElementById('status').textContent)")
    page.page.keyboard.press("0")
    assert page.evaluate(LOADED)["calls"] > 0


@pytest.mark.parametrize("settings", [{}, {"color_scheme": "dark", "viewport": {"width": 390, "height": 800}}])
def test_accessibility(open_served, settings):
    axe = (Path(__file__).parents[2] / ".envs/axe-core/package/axe.min.js").read_text()
    page = open_served("#t=flame", **settings)
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))")
    assert found == []


@pytest.mark.parametrize("width", [390, 1000, 1400])
def test_the_line_about_merged_calls_leaves_room_for_the_buttons(open_served, width):
    page = open_served(viewport={"width": width, "height": 800})
    assert page.page.locator("#progress").is_visible()
    help_button = page.page.get_by_role("button", name="Help: keys").bounding_box()
    assert help_button["x"] + help_button["width"] <= width
