"""The panels: functions of a range, search, flame graph, sandwich, source, downloads, and use by keys only."""

import csv
import json

import pytest
from conftest import sandboxes

perfetto = sandboxes.perfetto


def report(sandbox, page, *arguments):
    """The page of what `viztracer ARGUMENTS` recorded."""
    done = sandbox.viztracer("--log_async", "--pid_suffix", "--output_dir", "rings", *arguments)
    assert done.returncode == 0, done.stderr
    done = sandbox.viztracer_merge("rings", "-q", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    return page.open(sandbox.path / "report.html")


def wait(page, locator, text):
    """Waits until an element says this."""
    page.page.locator(locator, has_text=text).first.wait_for()


def test_a_tour_by_keys_alone(sandbox, page):
    report(sandbox, page, sandboxes.program("mutual_recursion.py"))
    keys = page.page.keyboard
    keys.press("/")
    keys.type("is_even")
    keys.press("Enter")
    wait(page, "#search output", "of")
    assert page.page.locator("#pane-selection h2").inner_text() == "is_even"
    keys.press("Tab")
    keys.press("2")
    wait(page, "#pane-functions caption", "functions,")
    headings = page.page.locator("#pane-functions th button")
    assert page.page.locator("#pane-functions th[aria-sort=descending]").inner_text().startswith("self")
    headings.nth(1).focus()
    keys.press("Enter")
    assert page.page.locator("#pane-functions th[aria-sort=descending]").inner_text().startswith("calls")
    keys.press("3")
    wait(page, "#pane-flame output", "all: total")
    page.page.locator("#pane-flame canvas").focus()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("Enter")
    assert len(page.evaluate("window.viztracer.panels.flame.graph.graph.path")) == 2
    keys.press("Escape")
    assert page.evaluate("window.viztracer.panels.flame.graph.graph.path") == []
    keys.press("6")
    assert "is_even" in page.page.locator("#pane-source li[aria-current]").inner_text()
    keys.press("?")
    assert page.page.locator("dialog[open]").count() == 1
    keys.press("Escape")
    assert page.page.locator("dialog[open]").count() == 0
    assert page.errors == []


def test_a_range_is_counted_and_a_function_leads_to_its_callers(sandbox, page):
    report(sandbox, page, sandboxes.program("mutual_recursion.py"))
    page.evaluate("""() => {
        const { trace, range } = window.viztracer;
        const [track] = trace.tracks;
        const call = track.function.findIndex((of) => trace.functions.name(of) === "is_even");
        range(track.start[call], track.start[call] + track.duration[call]);
    }""")
    wait(page, "#pane-functions caption", " to ")
    names = page.page.locator("#pane-functions tbody td.word bdi:first-child").all_inner_texts()
    assert {"is_even", "is_odd"} <= set(names)
    page.page.get_by_label("Callers and callees of is_even").click()
    wait(page, "#pane-sandwich h2", "is_even")
    wait(page, "#pane-sandwich section:first-child td", "is_odd")
    page.evaluate("window.viztracer.range(null, null)")
    wait(page, "#pane-sandwich .scope-range", "whole trace")
    assert page.errors == []


def test_the_table_sorts_by_a_column_and_goes_into_the_clipboard_as_it_is_seen(sandbox, page):
    report(sandbox, page, sandboxes.program("threads.py"))
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.page.keyboard.press("2")
    wait(page, "#pane-functions caption", "functions,")
    page.page.locator("#pane-functions th button", has_text="calls").click()
    page.page.get_by_label("Filter functions").fill("threads.py")
    page.page.get_by_role("button", name="Copy as CSV").click()
    wait(page, "#status", "clipboard")
    rows = list(csv.DictReader(page.evaluate("navigator.clipboard.readText()").splitlines()))
    assert rows and all("threads.py" in row["function"] for row in rows)
    calls = [int(row["calls"]) for row in rows]
    assert calls == sorted(calls, reverse=True)
    assert all(int(row["total_ns"]) >= int(row["max_ns"]) >= int(row["mean_ns"]) for row in rows)
    seen = page.page.locator("#pane-functions tbody tr td:nth-child(3)").all_inner_texts()
    assert [int(text.replace(",", "")) for text in seen] == calls
    assert page.errors == []


def test_an_expression_that_is_none_is_said_to_be_none(sandbox, page):
    report(sandbox, page, sandboxes.program("recursion.py"))
    page.page.get_by_label("Regular expression").click()
    page.page.get_by_label("Search functions").fill("(")
    wait(page, "#search output", "Invalid regular expression")
    assert page.errors == []


def test_the_panels_speak_plain_words(sandbox, page):
    report(sandbox, page, sandboxes.program("recursion.py"))
    tabs = page.page.get_by_role("tab").all_inner_texts()
    assert "Callers and callees" in tabs and "Sandwich" not in tabs
    page.page.keyboard.press("2")
    wait(page, "#pane-functions caption", "in the whole trace, all threads added")
    assert page.page.locator("#pane-functions .bar label").first.inner_text().startswith("Show ")
    assert page.page.locator("#pane-functions .scope-range").inner_text() == "· whole trace"
    page.page.keyboard.press("3")
    hint = "Width is time over all threads. Task calls appear under their event loop."
    wait(page, "#pane-flame .hint", hint)
    page.page.keyboard.press("5")
    wait(page, "#pane-words", "All processes ended normally.")
    page.page.get_by_label("Search functions").fill("there is no such function")
    wait(page, "#search output", "No matches")
    assert page.errors == []


@pytest.mark.parametrize("name", ["threads", "primes_processes", "tasks"])
def test_downloads_are_what_the_program_writes(sandbox, page, name, perfetto):
    report(sandbox, page, sandboxes.program(f"{name}.py"), *(["gather"] if name == "tasks" else []))
    for button, ending in (("Chrome trace", ".json"), ("Perfetto", ".pftrace")):
        page.page.locator("#actions summary").click()
        with page.page.expect_download() as download:
            page.page.get_by_role("button", name=button).click()
        download.value.save_as(sandbox.path / f"saved{ending}")
        assert sandbox.viztracer_merge("rings", "-q", "-o", f"merged{ending}").returncode == 0
        found = [perfetto(sandbox.path / f"{stem}{ending}") for stem in ("saved", "merged")]
        assert found[0] == found[1]
        assert found[0]["errors"] == [] and found[0]["slices"] > 0
    saved, merged = (json.loads((sandbox.path / f"{stem}.json").read_bytes()) for stem in ("saved", "merged"))
    calls = [
        sorted((e["pid"], e["tid"], e["ts"], e["dur"], e["name"]) for e in of["traceEvents"] if e["ph"] == "X")
        for of in (saved, merged)
    ]
    assert calls[0] == calls[1]
    assert page.errors == []


def test_losses_have_a_line_for_each_process(sandbox, page):
    """Also those that no track shows: threads of which nothing is left."""
    script = sandbox.script(
        "import threading\n"
        "def handle(n): return len('abc')\n"
        "for n in range(2000):\n"
        "    thread = threading.Thread(target=handle, args=(n,)); thread.start(); thread.join()\n"
    )
    report(sandbox, page, "--tracer_entries", "1000", script)
    page.page.keyboard.press("5")
    line = page.page.locator("#pane-words .warning", has_text="(pid ").first.inner_text()
    lines = sandbox.viztracer_merge("--strict", "rings", "-o", "strict.csv").stderr.splitlines()
    [told] = [line for line in lines if ".bin: " in line]
    assert line.split(": ", 1)[1] == told.split(".bin: ", 1)[1]
    assert "overwritten" in line and "threads of which nothing is left" in line
    assert "overwritten" in page.page.locator(".names").inner_text()
    assert page.errors == []
