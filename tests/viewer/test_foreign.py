"""Traces of other programs: small ones in the shape in which PyTorch, Node, Bazel, Clang and Perfetto write them."""

import json

import pytest

PYTORCH = [
    {"ph": "M", "pid": 7, "tid": 0, "name": "process_name", "args": {"name": "python"}},
    {"ph": "M", "pid": 7, "tid": 0, "name": "process_sort_index", "args": {"sort_index": 5}},
    {"ph": "M", "pid": 0, "tid": 0, "name": "process_name", "args": {"name": "GPU"}},
    {"ph": "M", "pid": 0, "tid": 0, "name": "process_sort_index", "args": {"sort_index": -1}},
    {"ph": "M", "pid": 0, "tid": 20, "name": "thread_name", "args": {"name": "stream 20"}},
    {"ph": "M", "pid": 0, "tid": 20, "name": "thread_sort_index", "args": {"sort_index": 2}},
    {"ph": "M", "pid": 0, "tid": 7, "name": "thread_name", "args": {"name": "stream 7"}},
    {"ph": "M", "pid": 0, "tid": 7, "name": "thread_sort_index", "args": {"sort_index": 1}},
    {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 7, "tid": 7, "ts": 10, "dur": 50, "args": {"Sequence": 3}},
    {"ph": "X", "cat": "kernel", "name": "sgemm", "pid": 0, "tid": 20, "ts": 40, "dur": 30, "args": {"grid": [1, 1]}},
    {"ph": "X", "cat": "kernel", "name": "relu", "pid": 0, "tid": 7, "ts": 45, "dur": 9, "args": {}},
    {"ph": "s", "cat": "ac2g", "name": "ac2g", "id": 1, "pid": 7, "tid": 7, "ts": 20},
    {"ph": "f", "bp": "e", "cat": "ac2g", "name": "ac2g", "id": 1, "pid": 0, "tid": 20, "ts": 40},
]
NODE = [
    {"pid": 9, "tid": 1, "ts": 5, "ph": "B", "cat": "node.fs.sync", "name": "fs.sync.open", "args": {"n": 1}},
    {"pid": 9, "tid": 1, "ts": 9, "ph": "E", "cat": "node.fs.sync", "name": "fs.sync.open", "args": {"result": "ok"}},
    {"pid": 9, "tid": 1, "ts": 3, "ph": "I", "s": "g", "cat": "v8", "name": "V8.GC"},
    {"pid": 9, "tid": 1, "ts": 4, "ph": "i", "s": "p", "cat": "v8", "name": "loaded"},
    {"pid": 9, "tid": 1, "ts": 6, "ph": "i", "s": "t", "cat": "v8", "name": "own"},
]
BAZEL = {
    "otherData": {"build_id": "1", "date": "2026"},
    "traceEvents": [
        {"name": "thread_name", "ph": "M", "pid": 1, "tid": 31, "args": {"name": "Main Thread"}},
        {"cat": "build phase marker", "name": "Launch", "ph": "X", "ts": -5, "dur": 12, "pid": 1, "tid": 31},
        {"cat": "action processing", "name": "Compiling a.cc", "ph": "X", "ts": 8, "dur": 4, "pid": 1, "tid": 31},
    ],
}
CLANG = {
    "traceEvents": [
        {"pid": 3, "tid": 3, "ph": "X", "ts": 0, "dur": 90, "name": "Frontend"},
        {"pid": 3, "tid": 3, "ph": "X", "ts": 1, "dur": 20, "name": "Source", "args": {"detail": "/x/a.h"}},
        {"pid": 3, "tid": 4, "ph": "X", "ts": 0, "dur": 30, "name": "Total Source", "args": {"count": 1}},
    ],
    "beginningOfTime": 1700000000000000,
}


@pytest.fixture
def shown(sandbox, page):
    def show(events, output="report.html"):
        (sandbox.path / "trace.json").write_text(json.dumps(events))
        done = sandbox.viztracer_merge("trace.json", "-q", "-o", output)
        assert done.returncode == 0, done.stderr
        return page.open(sandbox.path / output)

    yield show
    assert page.errors == []


def select(page, name):
    return page.evaluate(
        """(name) => { const { tracks, functions } = viztracer.trace;
        for (const track of tracks) for (let call = 0; call < track.count; call += 1)
            if (functions.name(track.function[call]) === name) viztracer.select(track, call); }""",
        name,
    )


def about(page, name):
    select(page, name)
    return page.page.locator("#pane-selection").inner_text()


def test_pytorch_has_colours_categories_and_its_order(shown):
    page = shown(PYTORCH)
    names = "({ process, track }) => (track ?? process).name"
    rows = page.evaluate(f"() => viztracer.timeline.rows.layout.rows.map({names})")
    assert rows == ["GPU", "stream 7", "stream 20", "python", "Thread-7"], "and no row for the names of processes"
    assert "of category kernel" in about(page, "sgemm") and "C function" not in about(page, "aten::mm")
    colour = """(name) => { const { names } = viztracer.trace.functions; const of = names.indexOf(name);
        return viztracer.timeline.colorOf(of, null).match(/\\d+/g).map(Number); }"""
    for name in ("sgemm", "aten::mm"):
        rgb = page.evaluate(colour, name)
        assert max(rgb) - min(rgb) > 25, f"{name} is grey: {rgb}"
    page.page.select_option("#coloring", "file")
    sgemm, relu, mm = (page.evaluate(colour, name) for name in ("sgemm", "relu", "aten::mm"))
    assert sgemm == relu != mm, "by file means by category"


def test_arrows_can_be_switched_off_and_the_address_keeps_it(shown):
    page = shown(PYTORCH)
    button = page.page.get_by_role("button", name="Arrows")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    page.until("() => location.hash.includes('F=no')")
    page.page.reload()
    page.until("() => window.viztracer !== undefined")
    assert button.get_attribute("aria-pressed") == "false"
    assert page.evaluate("() => viztracer.trace.flows.length") == 1
    button = shown(CLANG).page.get_by_role("button", name="Arrows")
    assert not button.is_visible(), "there are none"


def test_node_has_arguments_of_ends_and_wide_instants(shown, sandbox):
    page = shown(NODE)
    words = about(page, "fs.sync.open")
    assert all(word in words for word in ("of category node.fs.sync", "n = 1", "result = ok"))
    instants = page.evaluate("() => viztracer.trace.tracks[0].instants.map(({ name, scope }) => [name, scope ?? 't'])")
    assert instants == [["V8.GC", "g"], ["loaded", "p"], ["own", "t"]]
    page.evaluate("() => viztracer.timeline.selectPoint({ track: viztracer.trace.tracks[0], at: 0 })")
    assert "instant of the whole trace" in page.page.locator("#pane-selection").inner_text()
    done = sandbox.viztracer_merge("trace.json", "-q", "-o", "again.json")
    assert done.returncode == 0, done.stderr
    events = json.loads((sandbox.path / "again.json").read_text())["traceEvents"]
    (call,) = [event for event in events if event["name"] == "fs.sync.open"]
    assert call["args"] == {"n": 1, "result": "ok"} and call["cat"] == "node.fs.sync"


def test_a_counter_without_a_thread_makes_no_row_of_a_thread(shown):
    counter = {"pid": 20, "ph": "C", "ts": 3, "name": "memory", "args": {"bytes": 5}}
    page = shown([counter, {"pid": 20, "tid": 4, "ph": "X", "ts": 0, "dur": 9, "name": "work"}])
    rows = page.evaluate("() => viztracer.timeline.rows.all.map(({ kind, track }) => [kind, track?.name ?? null])")
    assert rows == [["process", None], ["counter", None], ["track", "Thread-4"]]


@pytest.mark.parametrize(
    "events, name, words",
    [(BAZEL, "Compiling a.cc", "of category action processing"), (CLANG, "Source", "an event")],
    ids=["bazel", "clang"],
)
def test_nothing_of_another_program_is_a_c_function(shown, events, name, words):
    page = shown(events)
    assert words in about(page, name)
    page.page.get_by_role("tab", name="Source").click()
    assert "C function" not in page.page.locator("#panes").inner_text()


def test_what_the_page_saves_gives_the_same_page(shown, sandbox, page):
    everything = """() => { const { processes, tracks, functions } = viztracer.trace; return [
        processes.map(({ name, order }) => [name, order ?? 0]),
        tracks.map(({ name, order, instants }) => [name, order ?? 0, instants.map(({ scope }) => scope)]),
        [...functions.categories].map(([of, category]) => [functions.name(of), category])]; }"""
    before = shown(PYTORCH + NODE).evaluate(everything)
    with page.page.expect_download() as saved:
        page.page.get_by_text("Save", exact=True).click()
        page.page.get_by_role("button", name="Chrome trace (.json)").click()
    text = saved.value.path().read_text()
    after = shown(json.loads(text)).evaluate(everything)
    assert [sorted(map(str, one)) for one in after] == [sorted(map(str, one)) for one in before]


def overlapping(count):
    """Spans of one name, of which all overlap, so that each has a row."""
    spans = [{"cat": "http", "name": "request", "pid": 1, "tid": 1, "id": n} for n in range(count)]
    begins = [{**span, "ph": "b", "ts": 10 * span["id"]} for span in spans]
    return begins + [{**span, "ph": "e", "ts": 10_000 + 10 * span["id"]} for span in spans]


def test_rows_of_spans_of_one_name_unfold_as_a_group(shown):
    page = shown(overlapping(40))
    page.page.set_viewport_size({"width": 1200, "height": 700})
    rows = page.page.locator(".names .row.track")
    page.until("document.querySelectorAll('.names .row.track').length === 1")
    button = rows.first.get_by_role("button", name="more rows")
    assert "async http 40 rows" in rows.first.inner_text()
    assert button.inner_text() == "39 more rows with 39 spans"
    button.click()
    page.until("document.querySelectorAll('.names .row.track').length > 5")
    names = page.page.locator(".names .row.track .name").all_inner_texts()
    assert names[:2] == ["request", "request 2 of 40"] and len(set(names)) == len(names)
    rows.first.get_by_role("button", name="Fewer rows").click()
    page.until("document.querySelectorAll('.names .row.track').length === 1")
    page.evaluate("viztracer.select(viztracer.trace.tracks.find(({ beside }) => beside?.[0] === 30), 0)")
    page.until("document.querySelectorAll('.names .row.track').length > 5")
    page.page.locator(".names .row .name", has_text="request 30 of 40").wait_for()
