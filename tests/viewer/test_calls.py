"""The list of a function's calls: where it opens, what it says, its order, and its links, by pointer and by keys."""

import csv
import json

import pytest
from conftest import sandboxes
from test_panels import report, wait
from test_timeline import Timeline, address  # noqa: F401

# Milliseconds of `leaf`, in the order of its calls. One of them is ended by an exception.
LEAVES = [2, 1, 9, 3, 5, 7]
RAISES = 3
CALLED_OFTEN = {"name": "quick", "file": "/x/a.py", "line": 9, "ts": 0, "only_c_calls": False}


def call(name, ts, dur, **args):
    place = {"leaf": " (/x/a.py:3)", "quick": " (/x/a.py:9)", "root": " (/x/a.py:1)", "waits": " (/x/a.py:20)"}
    return {"ph": "X", "pid": 7, "tid": 1, "ts": ts, "dur": dur, "cat": "FEE", "name": name + place.get(name, ""),
            "args": args}  # fmt: skip


def events():
    """A thread whose calls have known times, in microseconds; the last one never ended."""
    now = 1000
    for n in LEAVES:
        flags = {"raised": True} if n == RAISES else {}
        yield call("leaf", now, n * 1000, func_args={"n": str(n), "text": "'a'"}, return_value=str(n), **flags)
        yield call("time.sleep", now + 1, n * 900)
        now += n * 1000 + 1000
    for _ in range(300):
        yield call("quick", now, 1)
        now += 2
    yield call("root", 0, now + 10)
    yield call("waits", now + 20, 1000, unfinished=True)


# Of each function, what Functions says, and the same out of its list.
BOTH = """async (isWhole) => {
    const { trace, panels, range } = window.viztracer;
    const { start, count } = trace.tracks[0];
    const [from, to] = isWhole ? [null, null] : [start[Math.floor(count / 3)], start[Math.floor(count / 2)] + 1];
    const found = [];
    for (const where of ["", ...trace.tracks.map(({ index }) => `t${index}`)]) {
        range(from, to);
        panels.scope.setWhere(where);
        for (const row of await panels.scope.rows(() => {})) {
            if (row.function === trace.functions.overwritten) continue;
            const calls = await panels.scope.calls(row.function, () => {});
            let own = 0;
            for (let at = 0; at < calls.count; at += 1) own += calls.own[at];
            const work = calls.summary();
            let step = work.next();
            while (!step.done) step = work.next();
            const { mean, max, raised, unfinished } = step.value;
            found.push([
                [row.calls, row.own, row.mean, row.max, row.raised, row.unfinished],
                [calls.count, Math.max(own, 0), mean, max.duration, raised, unfinished],
            ]);
        }
    }
    return found;
}"""
SELECTED = """() => {
    const { timeline, trace } = window.viztracer;
    const { track, call } = timeline.selection;
    const { n } = JSON.parse(track.args.get(call) ?? "{}").func_args ?? {};
    return [trace.functions.name(track.function[call]), Number(n)];
}"""


def show(sandbox, page, **metadata):
    trace = {"traceEvents": [*events()], "viztracer_metadata": metadata}
    (sandbox.path / "trace.json").write_text(json.dumps(trace))
    done = sandbox.viztracer_merge("trace.json", "-q", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    return page.open(sandbox.path / "report.html")


@pytest.fixture
def opened(sandbox, page):
    yield show(sandbox, page)
    assert (page.errors, page.alerts()) == ([], [])


def functions_row(page, name):
    return page.page.locator("#pane-functions tbody tr", has=page.page.get_by_text(name, exact=True))


def list_of(page, name):
    """Opens the list from Functions, in two actions."""
    page.page.keyboard.press("2")
    functions_row(page, name).get_by_title("List of calls").click()
    wait(page, "#pane-calls caption", "call")


def column(page, number):
    return page.page.locator(f"#pane-calls tbody td:nth-child({number})").all_inner_texts()


def numbers_of(page):
    """The arguments of the listed calls of `leaf`."""
    return [int(text.split("n = ")[1].split(",")[0].split(" ")[0]) for text in column(page, 5)]


def test_the_slowest_calls_are_two_actions_away(opened):
    list_of(opened, "leaf")
    assert numbers_of(opened) == [9, 7, 5, 3, 2, 1]
    assert opened.page.locator("#pane-calls caption").inner_text() == "6 of 6 calls in the whole trace"
    assert column(opened, 5)[0] == "n = 9, text = 'a' → 9"
    assert (column(opened, 1)[0], column(opened, 2)[0], column(opened, 3)[0]) == ("6.000000 ms", "9.000 ms", "900.0 µs")
    assert column(opened, 6) == ["", "", "", "raised", "", ""]
    assert "1 raised" in opened.page.locator("#pane-calls header").inner_text()
    opened.page.locator("#pane-calls tbody button").nth(1).click()
    assert opened.evaluate(SELECTED) == ["leaf", 7]
    assert opened.evaluate("window.viztracer.state().tab") == "calls"


def test_it_is_sorted_by_each_column(opened):
    list_of(opened, "leaf")
    orders = {
        "start": [7, 5, 3, 9, 1, 2],
        "duration": [9, 7, 5, 3, 2, 1],
        "arguments": [1, 2, 3, 5, 7, 9],
        "notes": [3, 2, 1, 9, 5, 7],
    }
    for title, order in orders.items():
        opened.page.locator("#pane-calls th button", has_text=title).click()
        opened.page.locator("#pane-calls th[aria-sort]", has_text=title).wait_for()
        assert numbers_of(opened) == order
    opened.page.locator("#pane-calls th button", has_text="arguments").click()
    opened.page.locator("#pane-calls th[aria-sort=ascending]", has_text="arguments").wait_for()
    opened.page.locator("#pane-calls th button", has_text="arguments").click()
    opened.page.locator("#pane-calls th[aria-sort=descending]", has_text="arguments").wait_for()
    assert numbers_of(opened) == [9, 7, 5, 3, 2, 1]


def test_it_is_used_by_keys(opened):
    keys = opened.page.keyboard
    keys.press("2")
    functions_row(opened, "leaf").get_by_title("List of calls").focus()
    keys.press("Enter")
    wait(opened, "#pane-calls caption", "6 of 6 calls")
    opened.page.locator("#pane-calls th button", has_text="start").focus()
    keys.press("Enter")
    opened.page.locator("#pane-calls th[aria-sort=descending]", has_text="start").wait_for()
    keys.press("Enter")
    opened.page.locator("#pane-calls th[aria-sort=ascending]", has_text="start").wait_for()
    assert numbers_of(opened) == [2, 1, 9, 3, 5, 7]
    for _ in range(6):  # over the other headings to the first call
        keys.press("Tab")
    keys.press("Enter")
    assert opened.evaluate(SELECTED) == ["leaf", 2]
    keys.press("Escape")
    assert opened.evaluate("document.activeElement.className") == "tracks"
    keys.press("7")
    keys.press("7")
    assert opened.evaluate("document.activeElement.id") == "tab-calls"


def test_percentiles_and_the_maximum_are_links(opened):
    list_of(opened, "leaf")
    for name, number in (("max", 9), ("p50", 3), ("p99", 9)):
        opened.page.locator("#pane-calls header button", has_text=name).click()
        assert opened.evaluate(SELECTED) == ["leaf", number]
    opened.page.keyboard.press("2")
    row = functions_row(opened, "leaf")
    most = row.get_by_title("Go to the longest call")
    assert opened.page.locator("#pane-calls header button", has_text="max").text_content() == f"max {most.inner_text()}"
    opened.evaluate("window.viztracer.timeline.select(null, -1)")
    most.click()
    opened.until("window.viztracer.timeline.selection !== null")
    assert opened.evaluate(SELECTED) == ["leaf", 9]


def test_other_panels_lead_to_it(opened):
    page = opened.page
    heading = page.locator("#pane-calls h2")
    page.get_by_label("Search functions").fill("quick")
    page.get_by_label("List of calls of the hit's function").click()
    wait(opened, "#pane-calls caption", "200 of 300 calls")
    assert heading.inner_text().startswith("quick (")
    page.get_by_label("Search functions").fill("leaf")
    page.get_by_label("Search functions").press("Enter")
    wait(opened, "#search output", "1 of 6 calls")
    page.locator("#tab-selection").click()
    page.locator("#pane-selection").get_by_role("button", name="List of calls").click()
    wait(opened, "#pane-calls caption", "6 of 6 calls")
    page.locator("#pane-calls").get_by_role("button", name="Callers and callees").click()
    wait(opened, "#pane-sandwich section", "root")
    page.locator("#pane-sandwich td button", has_text="root").click()
    wait(opened, "#pane-sandwich h2", "root")
    page.locator("#pane-sandwich .bar > button", has_text="List of calls").first.click()
    wait(opened, "#pane-calls caption", "1 of 1 call")
    assert heading.inner_text().startswith("root (")
    page.keyboard.press("3")
    wait(opened, "#pane-flame output", "all: total")
    page.locator("#pane-flame canvas").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.locator("#pane-flame").get_by_role("button", name="List of calls").click()
    wait(opened, "#pane-calls caption", "6 of 6 calls")
    assert heading.inner_text().startswith("leaf (")


def test_more_rows_are_shown_on_demand_and_copied(opened):
    list_of(opened, "quick")
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    rows = opened.page.locator("#pane-calls tbody tr")
    assert (rows.count(), opened.page.locator("#pane-calls .more").inner_text()) == (200, "Show more: 100 rows left")
    opened.page.locator("#pane-calls .more").click()
    wait(opened, "#pane-calls caption", "300 of 300 calls")
    assert rows.count() == 300 and not opened.page.locator("#pane-calls .more").is_visible()
    opened.page.locator("#pane-calls").get_by_role("button", name="Copy as CSV").click()
    wait(opened, "#status", "clipboard")
    copied = [*csv.DictReader(opened.evaluate("navigator.clipboard.readText()").splitlines())]
    times = [int(row["duration_ns"]) for row in copied]
    assert len(times) == 300 and times == sorted(times, reverse=True)
    assert all(int(row["self_ns"]) <= int(row["duration_ns"]) for row in copied)


def test_it_is_of_the_range_and_the_tracks_that_are_chosen(opened):
    list_of(opened, "leaf")
    opened.evaluate("window.viztracer.range(4.5e6, 10.5e6)")
    wait(opened, "#pane-calls caption", "2 of 2 calls in ")
    assert " to " in opened.page.locator("#pane-calls caption").inner_text()
    assert numbers_of(opened) == [9, 1]
    assert column(opened, 6) == ["partly in the range"] * 2
    assert column(opened, 2) == ["4.500 ms", "500.0 µs"]
    opened.page.locator("#pane-calls").get_by_role("button", name="Whole trace").click()
    wait(opened, "#pane-calls caption", "6 of 6 calls in the whole trace")
    opened.evaluate("window.viztracer.range(0, 1)")
    wait(opened, "#pane-calls header", "No calls of it in this range.")
    assert not opened.page.locator("#pane-calls table").is_visible()


def test_the_address_keeps_function_and_order(opened):
    list_of(opened, "leaf")
    opened.page.locator("#pane-calls th button", has_text="start").click()
    opened.page.locator("#pane-calls th[aria-sort]", has_text="start").wait_for()
    opened.until("/&d=-start/.test(location.hash) && /&l=\\d+/.test(location.hash)")
    shown = numbers_of(opened)
    opened.page.reload()
    wait(opened, "#pane-calls caption", "6 of 6 calls")
    assert numbers_of(opened) == shown
    assert opened.page.locator("#pane-calls th[aria-sort=descending]").inner_text().startswith("start")


def test_a_call_that_never_ended_took_at_least_its_time(opened):
    list_of(opened, "waits")
    assert (column(opened, 2), column(opened, 6)) == (["≥1.000 ms"], ["unfinished"])
    head = opened.page.locator("#pane-calls header").inner_text()
    assert "1 unfinished" in head and "max ≥1.000 ms" in head


def test_functions_of_which_not_all_calls_are_recorded_have_at_least_so_many(sandbox, page):
    show(sandbox, page, processes=[{"pid": 7, "elided": [CALLED_OFTEN]}])
    list_of(page, "quick")
    assert page.page.locator("#pane-calls caption").inner_text() == "200 of at least 300 calls in the whole trace"
    assert "at least 300 calls" in page.page.locator("#pane-calls header").inner_text()
    assert "called too often to record all calls" in page.page.locator("#pane-calls .notes").inner_text()
    assert page.errors == []


def test_the_flame_graph_says_at_least_of_functions_of_which_not_all_calls_are_recorded(sandbox, page):
    show(sandbox, page, processes=[{"pid": 7, "elided": [CALLED_OFTEN]}])
    page.page.keyboard.press("3")
    wait(page, "#pane-flame output", "all: total")
    assert "called too often to record all calls" in page.page.locator("#pane-flame .hint").nth(1).inner_text()
    found = page.evaluate("""() => {
        const { graph } = window.viztracer.panels.flame.graph;
        return Array.from({ length: 50 }, (_, node) => { try { return graph.text(node) } catch { return "" } })
            .filter((text) => text.startsWith("quick"));
    }""")
    assert found and all("calls ≥" in text and "total ≥" in text for text in found), found


@pytest.mark.parametrize("name", ["mutual_recursion", "tasks", "primes_processes"])
def test_its_numbers_are_those_of_functions(sandbox, page, name):
    report(sandbox, page, sandboxes.program(f"{name}.py"), *(["gather"] if name == "tasks" else []))
    for is_whole in (True, False):
        found = page.evaluate(BOTH, is_whole)
        assert found != []
        assert [of for _, of in found] == [row for row, _ in found]
    assert page.errors == []


def test_the_slowest_calls_fit_into_a_small_window(browser, address):  # noqa: F811
    context = browser.new_context(viewport={"width": 1024, "height": 768})
    opened = Timeline(context.new_page()).open(f"{address}?calls=20000&tracks=4")
    opened.page.keyboard.press("2")
    opened.page.locator("#pane-functions").get_by_title("List of calls").first.click()
    opened.page.locator("#pane-calls tbody tr").nth(4).wait_for()
    row = opened.page.locator("#pane-calls tbody tr").nth(4).bounding_box()
    assert row["y"] + row["height"] <= 768
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 1024
    overflow = "(pane) => pane.scrollWidth - pane.clientWidth"
    assert opened.page.locator("#pane-calls").evaluate(overflow) <= 0
    strip = opened.page.locator("#pane-calls canvas")
    assert strip.get_attribute("aria-label").startswith("Calls per second: at most ")
    drawn = """(canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
        .some((part) => part > 0)"""
    assert strip.evaluate(drawn)
    assert opened.errors == []
    context.close()
