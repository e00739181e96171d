"""Events other than calls: instants, snapshots, counters, flows and asynchronous spans of a JSON trace."""

import json

import pytest
from conftest import sandboxes
from drawn import AT_REST

perfetto = sandboxes.perfetto

EVENTS = [
    {"ph": "M", "tid": 1, "name": "process_name", "args": {"name": "server"}},
    {"ph": "M", "tid": 1, "name": "thread_name", "args": {"name": "main"}},
    {"ph": "X", "tid": 1, "ts": 0, "dur": 1000, "name": "serve (/x/a.py:3)", "cat": "FEE"},
    {"ph": "b", "tid": 1, "ts": 100, "name": "request", "cat": "http", "id": "r-1", "args": {"path": "<b>"}},
    {"ph": "b", "tid": 1, "ts": 150, "name": "query", "cat": "http", "id": "r-1"},
    {"ph": "n", "tid": 1, "ts": 170, "name": "row", "cat": "http", "id": "r-1"},
    {"ph": "b", "tid": 1, "ts": 180, "name": "request", "cat": "http", "id": "r-2"},
    {"ph": "e", "tid": 2, "ts": 200, "name": "query", "cat": "http", "id": "r-1"},
    {"ph": "e", "tid": 2, "ts": 300, "name": "request", "cat": "http", "id": "r-1", "args": {"status": 200}},
    {"ph": "e", "tid": 1, "ts": 400, "name": "request", "cat": "http", "id": "r-2"},
    {"ph": "b", "tid": 1, "ts": 600, "name": "upload", "cat": "net", "id2": {"local": "0x10"}},
    {"ph": "i", "s": "t", "tid": 1, "ts": 450, "name": "mark", "args": {"k": {"deep": [1, 2]}}},
    {"ph": "i", "s": "t", "tid": 1, "ts": 480, "name": "mark", "args": {"k": 2}},
    {"ph": "C", "tid": 1, "ts": 10, "name": "memory", "args": {"rss": 1}},
    {"ph": "C", "tid": 1, "ts": 500, "name": "memory", "args": {"rss": 9.5}},
    {"ph": "N", "tid": 1, "ts": 20, "name": "thing", "id": "0x1"},
    {"ph": "O", "tid": 1, "ts": 520, "name": "thing", "id": "0x1", "args": {"snapshot": {"a": [1, {"c": "x"}]}}},
    {"ph": "X", "tid": 2, "ts": 200, "dur": 100, "name": "work (/x/b.py:3)", "cat": "FEE"},
    {"ph": "s", "tid": 1, "ts": 120, "name": "flow", "cat": "f", "id": 1},
    {"ph": "f", "tid": 2, "ts": 220, "name": "flow", "cat": "f", "id": 1, "bp": "e"},
]

# Files of other programs count from when the machine was started.
ZERO = 36_000_000_000

SPANS = """() => window.viztracer.trace.tracks.filter(({ kind }) => kind === "async").map((track) => [
    track.name, track.category, Array.from({ length: track.count }, (_, i) => [
        window.viztracer.trace.functions.name(track.function[i]), track.ids[i], track.start[i], track.duration[i],
        track.depth[i], track.flags[i], track.args.get(i) ?? null,
    ]),
])"""


@pytest.fixture
def opened(sandbox, page):
    events = [{"pid": 7, **event} | ({"ts": event["ts"] + ZERO} if "ts" in event else {}) for event in EVENTS]
    trace = {"traceEvents": events}
    (sandbox.path / "trace.json").write_text(json.dumps(trace))
    assert sandbox.viztracer_merge("trace.json", "-q", "-o", "report.html").returncode == 0
    return page.open(sandbox.path / "report.html")


def click(page, point):
    """Clicks what is `point`, as in timeline/points.js, at [row's id, time, height within the row]."""
    row, time, height = point
    x, y = page.until(AT_REST).evaluate(
        "([id, time, height]) => { const { timeline } = window.viztracer;"
        " const { y } = timeline.placed.find(({ row }) => row.id === id);"
        " const { left, top } = timeline.stage.canvas.getBoundingClientRect();"
        " return [left + timeline.view.xOf(time), top + y + height]; }",
        [row, time, height],
    )
    page.page.mouse.click(x, y)


def test_spans_lie_on_tracks_of_their_own(opened):
    assert opened.evaluate(SPANS) == [
        [
            "request",
            "http",
            [
                ["request", "r-1", 100_000, 200_000, 0, 0, '{"path":"<b>","status":200}'],
                ["query", "r-1", 150_000, 50_000, 1, 0, None],
            ],
        ],
        ["request", "http", [["request", "r-2", 180_000, 220_000, 0, 0, None]]],
        ["upload", "net", [["upload", "0x10", 600_000, 400_000, 0, 1, None]]],
    ]
    assert "2 calls · 4 spans" in opened.page.inner_text("#progress")
    opened.evaluate("() => viztracer.select(viztracer.trace.tracks.find(({ name }) => name === 'request'), 0)")
    text = opened.page.inner_text("#pane-selection")
    for words in ("asynchronous span of category http", "r-1", "path = <b>\nstatus = 200", "Inside: 1 span"):
        assert words in text
    opened.evaluate("() => viztracer.select(viztracer.trace.tracks.find(({ name }) => name === 'upload'), 0)")
    assert "its end is not in the trace" in opened.page.inner_text("#pane-selection")
    opened.evaluate("() => viztracer.panels.open('functions')")
    opened.evaluate("() => viztracer.panels.settled()")
    assert "2 functions, 2 calls" in opened.page.inner_text("#pane-functions"), "spans are no calls"
    assert opened.errors == []


def test_files_out_of_the_page_have_the_spans(opened, sandbox, perfetto):
    for button, ending in (("Chrome trace", ".json"), ("Perfetto", ".pftrace")):
        opened.page.locator("#actions summary").click()
        with opened.page.expect_download() as download:
            opened.page.get_by_role("button", name=button).click()
        download.value.save_as(sandbox.path / f"saved{ending}")
        assert sandbox.viztracer_merge("trace.json", "-q", "-o", f"merged{ending}").returncode == 0
    saved = json.loads((sandbox.path / "saved.json").read_bytes())["traceEvents"]
    told = [
        [(e["ph"], e["tid"], e["ts"] - zero, e["name"], e["cat"], e.get("args")) for e in of if e["ph"] in "bne"]
        for of, zero in ((saved, ZERO), (EVENTS, 0))
    ]
    assert sorted(told[0], key=str) == sorted(told[1], key=str)
    calls = [(e["ts"] - ZERO, e["dur"]) for e in saved if e["ph"] == "X"]
    assert sorted(calls) == [(0, 1000), (200, 100)]
    query = "select name, ts, dur, depth from slice where category in ('http', 'net') order by ts"
    found = [perfetto(sandbox.path / f"{stem}.pftrace", query) for stem in ("saved", "merged")]
    assert [(of["errors"], of["rows"]) for of in found] == [([], found[0]["rows"])] * 2
    assert [row["name"] for row in found[0]["rows"][0]] == ["request", "query", "row", "request", "upload"]


def test_what_is_no_call_can_be_clicked_and_gone_through(opened):
    page = opened.page
    click(opened, ["t0", 450_000, 14])
    text = page.inner_text("#pane-selection")
    for words in ("mark", "instant", "450.0 µs", "deep", "main (1)", "server (pid 7)"):
        assert words in text
    assert opened.evaluate("viztracer.state().point") == "t0_1"
    page.get_by_role("button", name="Next", exact=True).click()
    assert opened.evaluate("viztracer.state().point") == "t0_2", "the next one of that name"
    assert page.get_by_role("button", name="Next", exact=True).is_disabled()
    assert page.evaluate("document.activeElement.textContent") == "Previous"
    page.keyboard.press("Enter")
    assert opened.evaluate("viztracer.state().point") == "t0_1"
    click(opened, ["t0", 520_000, 14])
    assert '"c": "x"' in page.inner_text("#pane-selection pre")
    click(opened, ["c0", 700_000, 30])
    assert "9.5" in page.inner_text("#pane-selection") and "500.0 µs" in page.inner_text("#pane-selection")
    opened.evaluate("() => viztracer.timeline.focus()")
    page.keyboard.press(",")
    assert opened.evaluate("viztracer.state().point") == "c0_0"
    page.keyboard.press("]")
    assert opened.evaluate("viztracer.state().selection") == [0, 0]
    page.keyboard.press(".")
    assert opened.evaluate("viztracer.state().point") == "t0_0", "the snapshot behind the call's begin"
    state = opened.evaluate("viztracer.state()")
    opened.until("location.hash.includes('m=t0_0')")
    page.reload()
    opened.until("window.viztracer !== undefined")
    assert opened.evaluate("viztracer.state()") == state
    opened.evaluate("() => viztracer.timeline.focus()")
    page.keyboard.press("Escape")
    assert opened.evaluate("viztracer.timeline.point") is None
    assert opened.errors == []
