"""Questions of a reader of a trace. Each is answered by real actions, and by no more of them than the test says.

test_questions_of_programs.py asks of traces that have more than calls: processes, their ends, sources.
"""

import json

import pytest
from actions import SELECT, SELECTED, Actions, found
from conftest import Page, sandboxes
from test_panels import wait

MS = 1_000_000
SERVER = "/srv/app/server.py"
# Milliseconds of `handle`, which is called every ten milliseconds.
HANDLES = [3, 1, 6, 2, 8, 4, 5, 2, 7, 1]
LINES = {"serve": 1, "handle": 9, "work": 30, "rebuild_index": 40, "load": 5, "parse": 8}


def call(pid, tid, name, start, end, **args):
    """A call from one millisecond to another."""
    label = f"{name} ({SERVER}:{LINES[name]})" if name in LINES else name
    return {"ph": "X", "pid": pid, "tid": tid, "ts": start * 1000, "dur": (end - start) * 1000, "cat": "FEE",
            "name": label, "args": args}  # fmt: skip


def name_of(pid, tid, what, name):
    return {"ph": "M", "pid": pid, "tid": tid, "name": f"{what}_name", "args": {"name": name}}


EVENTS = [
    name_of(7, 7, "process", "service"),
    name_of(8, 8, "process", "importer"),
    name_of(7, 7, "thread", "MainThread"),
    name_of(7, 9, "thread", "indexer"),
    name_of(8, 8, "thread", "main"),
    call(7, 7, "serve", 0, 100),
    *(
        call(7, 7, "handle", 10 * n + 1, 10 * n + 1 + took, func_args={"n": str(n), "user": "{'name': 'ada'}"})
        for n, took in enumerate(HANDLES)
    ),
    call(7, 7, "_thread.lock.acquire", 62, 65),
    call(7, 7, "find_spec (<frozen importlib._bootstrap>:5)", 0.1, 0.9),
    call(7, 7, "builtins.len", 0.2, 0.3),
    call(7, 9, "work", 0, 100),
    call(7, 9, "rebuild_index", 60, 65),
    call(8, 8, "load", 20, 40),
    call(8, 8, "parse", 25, 30),
    call(8, 8, "load", 60, 80),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The trace of a server whose times are known."""
    sandbox = sandboxes.Sandbox(tmp_path_factory.mktemp("served"))
    (sandbox.path / "trace.json").write_text(json.dumps({"traceEvents": EVENTS, "viztracer_metadata": {}}))
    done = sandbox.viztracer_merge("trace.json", "-q", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    return sandbox


@pytest.fixture
def service(served, page):
    page.page.set_viewport_size({"width": 1400, "height": 900})
    yield page.open(served.path / "report.html")
    assert (page.errors, page.alerts()) == ([], [])


def shown_rows(page):
    """What the tab Functions counts: by function, its calls, total and self time."""
    page.evaluate("window.viztracer.panels.settled()")
    rows = page.evaluate("""() => window.viztracer.panels.functions.rows.map((row) =>
        [window.viztracer.trace.functions.name(row.function), [row.calls, row.total, row.own]])""")
    return dict(rows)


def top(sandbox, *options):
    """What the program prints of the same."""
    done = sandbox.viztracer_merge("trace.json", "-q", "--top", "1000", "--json", *options)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["all"]["top"]
    return {row["function"]: [row["calls"], row["total_ns"], row["self_ns"]] for row in rows}


def listed(page):
    """The numbers of the calls in the list of calls."""
    texts = page.page.locator("#pane-calls tbody td:nth-child(5)").all_inner_texts()
    return [int(text.split("n = ")[1].split(",")[0]) for text in texts]


def row_of(page, name):
    return page.page.locator("#pane-functions tbody tr", has=page.page.get_by_text(name, exact=True))


def test_self_time_of_a_process_in_a_range(service, served):
    """How much self time has each function of the importer from 20 to 40 ms?"""
    user = Actions(service)
    user.drag_ruler(20 * MS, 40 * MS)
    user.choose(service.page.locator("#pane-functions select"), "importer (pid 8)")
    assert shown_rows(service) == top(served, "--since", "20ms", "--until", "40ms", "--pid", "8")
    assert shown_rows(service) == {"load": [1, 20 * MS, 15 * MS], "parse": [1, 5 * MS, 5 * MS]}
    assert user.taken == 2


def test_why_a_thread_waits(service):
    """The main thread waits for a lock. What does the other thread do, which may hold it?"""
    user = Actions(service)
    user.click_call(*found(service, "_thread.lock.acquire")[0])
    table = service.page.locator("#pane-selection table", has_text="Meanwhile")
    assert "rebuild_index" in table.locator("tbody tr").first.inner_text()
    assert "indexer" in table.locator("tbody tr").first.inner_text()
    assert "3.000 ms" in table.locator("tbody tr").first.inner_text()
    assert user.taken == 1


def test_the_slowest_call(service):
    """Which call of `handle` took longest?"""
    user = Actions(service)
    user.press("2")
    user.click(row_of(service, "handle").get_by_title("Go to the longest call"))
    assert service.evaluate(SELECTED) == ["handle", 41 * MS, 8 * MS]
    assert user.taken == 2


def test_the_five_slowest_calls_and_how_often_it_is_called(service):
    """Which five calls of `handle` took longest? How many calls of it are there per second?"""
    user = Actions(service)
    user.press("2")
    user.click(row_of(service, "handle").get_by_title("List of calls"))
    wait(service, "#pane-calls caption", "10 of 10 calls")
    slowest = sorted(range(10), key=lambda n: -HANDLES[n])[:5]
    assert listed(service)[:5] == slowest
    strip = service.page.locator("#pane-calls canvas").get_attribute("aria-label")
    assert strip.startswith("Calls per second: at most 1,2"), strip
    assert service.evaluate("[...viztracer.panels.calls.rate.begins].reduce((sum, part) => sum + part)") == 10
    assert user.taken == 2


def test_arguments(service):
    """Which arguments did a call get?"""
    user = Actions(service)
    user.click_call(*found(service, "handle")[4])
    text = service.page.locator("#pane-selection pre").first.inner_text()
    assert "n = 4" in text and "ada" in text
    assert user.taken == 1


def test_two_ranges_are_compared(service, served):
    """What takes longer from 60 to 80 ms than from 20 to 40 ms?"""
    user = Actions(service)
    user.drag_ruler(20 * MS, 40 * MS)
    user.click(service.page.locator("#pane-functions").get_by_role("button", name="Hold as A"))
    user.drag_ruler(60 * MS, 80 * MS)
    service.evaluate("window.viztracer.panels.settled()")
    changes = service.evaluate("""() => window.viztracer.panels.functions.rows.map((row) =>
        [window.viztracer.trace.functions.name(row.function), row.change.own])""")
    before = top(served, "--since", "20ms", "--until", "40ms")
    after = top(served, "--since", "60ms", "--until", "80ms")
    nothing = [0, 0, 0]
    assert dict(changes) == {
        name: after.get(name, nothing)[2] - before.get(name, nothing)[2] for name in before | after
    }
    assert user.taken == 3


def test_the_next_call(service):
    """Which call comes next on this thread?"""
    service.evaluate(SELECT, found(service, "handle")[1])
    service.page.locator("canvas.tracks").focus()
    user = Actions(service)
    scale = service.evaluate("viztracer.timeline.view.scale")
    user.press("l")
    assert service.evaluate(SELECTED) == ["handle", 21 * MS, 6 * MS]
    assert service.evaluate("viztracer.timeline.view.scale") == pytest.approx(scale), "the zoom stays"
    assert user.taken == 1


def test_the_time_between_two_calls(service):
    """How long is it from the begin of the first `load` to the begin of the second one?"""
    user = Actions(service)
    user.drag_ruler(20.05 * MS, 59.95 * MS)
    text = service.page.locator("#pane-functions .scope-range").inner_text()
    assert text.endswith("(40.00 ms)")
    assert service.evaluate("[viztracer.timeline.range.from, viztracer.timeline.range.to]") == [20 * MS, 60 * MS]
    assert user.taken == 1


def test_a_link(service, browser):
    """How do I show a colleague what I see?"""
    user = Actions(service)
    user.click_call(*found(service, "handle")[4])
    service.until("location.hash.includes('s=')")
    assert user.taken == 1
    context = browser.new_context(offline=True)
    other = Page(context.new_page())
    other.page.goto(service.page.url)
    other.until("window.viztracer?.timeline.selection != null")
    assert other.evaluate(SELECTED) == service.evaluate(SELECTED)
    assert other.page.locator("#pane-selection h2").inner_text() == "handle"
    context.close()


def test_a_part_as_a_file(service, served):
    """How do I get the calls from 20 to 40 ms as a file?"""
    user = Actions(service)
    user.drag_ruler(20 * MS, 40 * MS)
    user.taken = 0  # the range is the question
    user.click(service.page.locator("#actions summary"))
    with service.page.expect_download() as download:
        user.click(service.page.get_by_role("button", name="Chrome trace (.json)"))
    events = json.loads(download.value.path().read_text(encoding="utf-8"))["traceEvents"]
    saved = [event for event in events if event["ph"] == "X"]
    expected = top(served, "--since", "20ms", "--until", "40ms")
    assert len(saved) == sum(calls for calls, _, _ in expected.values())
    assert all(20_000 <= event["ts"] <= event["ts"] + event["dur"] <= 40_000 for event in saved)
    assert user.taken == 2


KINDS = [("import machinery", {"find_spec"}), ("C functions", {"_thread.lock.acquire", "builtins.len"})]


@pytest.mark.parametrize(("kind", "gone"), KINDS, ids=["imports", "c-functions"])
def test_frames_are_hidden(service, kind, gone):
    """Can I see the trace without import machinery, or without C functions?"""
    user = Actions(service)
    before = {event["name"].split(" (")[0] for event in EVENTS if event["ph"] == "X"}
    user.click(service.page.locator("#hiding summary"))
    user.click(service.page.get_by_label(kind))
    left = service.evaluate("""() => viztracer.trace.tracks.flatMap((track) =>
        [...track.function].map((of) => viztracer.trace.functions.name(of)))""")
    assert set(left) == before - gone
    assert user.taken == 2


def test_the_sum_of_several_tracks(service):
    """How much self time have the thread of the indexer and the process of the importer together?"""
    user = Actions(service)
    user.press("2")
    pane = service.page.locator("#pane-functions")
    user.click(pane.get_by_text("Several", exact=True))
    user.click(pane.get_by_role("checkbox", name="indexer (thread 9)"))
    user.click(pane.get_by_role("checkbox", name="importer (pid 8)"))
    rows = shown_rows(service)
    assert sum(own for _, _, own in rows.values()) == (100 + 20 + 20) * MS
    assert set(rows) == {"work", "rebuild_index", "load", "parse"}
    assert user.taken == 4


def test_two_tracks_side_by_side(service):
    """How do I keep two tracks in sight, and still know whose they are?"""
    user = Actions(service)
    for tid in (8, 9):
        row = service.page.locator(".names .row.track", has_text=f"tid {tid}")
        row.hover()
        user.click(row.get_by_label("Pin "))
    pinned = service.page.locator(".names .row.pinned").all_inner_texts()
    assert len(pinned) == 2
    assert pinned[0].startswith("service: indexer") and pinned[1].startswith("importer: main")
    assert user.taken == 2


def test_a_regular_expression(service):
    """Where are the calls of functions that begin with `load` or `pars`?"""
    user = Actions(service)
    user.click(service.page.get_by_label("Regular expression"))
    user.write("^(load|pars)")
    names = []
    for number in (1, 2, 3):
        user.press("Enter")
        wait(service, "#search output", f"{number} of 3 calls")
        names.append(service.evaluate(SELECTED)[0])
    assert names == ["load", "parse", "load"]
    assert user.taken == 2 + 3


def test_a_regular_expression_by_the_mouse(service):
    """The same, with the buttons beside the search, which stay where they are."""
    user = Actions(service)
    user.click(service.page.get_by_label("Regular expression"))
    user.write("^(load|pars)")
    wait(service, "#search output", "3 calls")
    box = service.page.get_by_label("Next hit").bounding_box()
    for number in (1, 2, 3):
        service.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        wait(service, "#search output", f"{number} of 3 calls")
    assert user.taken == 2


def test_all_by_keys(service, served):
    """Can all of this be done without a pointer? Self time during a call that is searched for."""
    user = Actions(service)
    user.press("/")
    user.write("parse")
    user.press("Enter")
    wait(service, "#search output", "1 of 1 call")
    user.press("Escape")
    user.press("m")
    user.press("2")
    assert shown_rows(service) == top(served, "--since", "25ms", "--until", "30ms")
    assert user.taken == 6


def test_a_phone(browser, served):
    """Can I read it on a phone, in the dark?"""
    settings = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
    context = browser.new_context(offline=True, **settings)
    page = Page(context.new_page()).open(served.path / "report.html")
    user = Actions(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    user.click(page.page.get_by_role("tab", name="Functions"))
    wait(page, "#pane-functions caption", "functions,")
    assert user.taken == 1
    context.close()


def test_back_after_a_zoom(service):
    """How do I get back after a zoom?"""
    user = Actions(service)
    before = service.evaluate("[viztracer.timeline.view.from, viztracer.timeline.view.to]")
    service.evaluate("viztracer.timeline.zoomTo(20e6, 40e6)")
    service.until("location.hash.includes('v=')")
    service.page.locator("canvas.tracks").focus()
    user.press("Alt+ArrowLeft")
    service.until("!location.hash.includes('v=')")
    assert service.evaluate("[viztracer.timeline.view.from, viztracer.timeline.view.to]") == before
    assert user.taken == 1
