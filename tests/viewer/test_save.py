"""What is saved of a range is what the program writes with --since and --until."""

import csv
import json
import re
from collections import Counter

import pytest
from conftest import sandboxes


def saved(sandbox, page, name, ending):
    page.page.locator("#actions summary").click()
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name=f"{name} ({ending})").click()
    path = sandbox.path / f"saved{ending}"
    download.value.save_as(path)
    return path, download.value.suggested_filename


def events(path):
    """The events of a report in JSON, without lives, and without the order and the names of tracks."""
    found = json.loads(path.read_bytes())["traceEvents"]
    is_life = [event["ph"] in "be" and event.get("cat") in ("task", "coroutine") for event in found]
    events = [event for event, life in zip(found, is_life, strict=True) if not life and event["ph"] not in "Mstf"]
    return Counter(json.dumps(event, sort_keys=True) for event in events)


@pytest.fixture
def recorded(sandbox, page):
    """A report of random calls in threads, tasks and killed children; its range is the third quarter of the time."""
    done = sandbox.viztracer(
        "--log_async", "--pid_suffix", "--output_dir", "rings", "--", sandboxes.program("mixture.py"), "1"
    )
    assert done.returncode == 0, done.stderr
    assert sandbox.viztracer_merge("rings", "-q", "-o", "report.html").returncode == 0
    page.open(sandbox.path / "report.html")
    half = int(page.evaluate("window.viztracer.trace.duration / 2"))
    page.evaluate(f"window.viztracer.range({half}, {half + half // 2})")
    yield ["--since", f"{half}ns", "--until", f"{half + half // 2}ns"]
    assert page.errors == []


def merged(sandbox, ending, *arguments):
    done = sandbox.viztracer_merge("rings", "-q", "-o", f"merged{ending}", *arguments)
    assert done.returncode == 0, done.stderr
    return sandbox.path / f"merged{ending}"


def test_a_range_as_json(sandbox, page, recorded):
    path, name = saved(sandbox, page, "Chrome trace", ".json")
    assert re.fullmatch(r"mixture\S*-[\d.]+ms-[\d.]+ms\.json", name)
    found, expected = events(path), events(merged(sandbox, ".json", *recorded))
    assert found - expected == Counter() and expected - found == Counter()
    assert any('"clipped": true' in event for event in found)
    # Merged again, it has the same functions.
    done = sandbox.viztracer_merge(path, "-q", "-o", "again.csv")
    assert done.returncode == 0, done.stderr


def test_a_range_as_stacks(sandbox, page, recorded):
    path, _ = saved(sandbox, page, "Stacks", ".folded")
    expected = merged(sandbox, ".folded", *recorded).read_text(encoding="utf-8")
    assert sorted(path.read_text(encoding="utf-8").splitlines()) == sorted(expected.splitlines())


def test_a_range_as_a_table(sandbox, page, recorded):
    def rows(path, key):
        with open(path, newline="", encoding="utf-8") as file:
            return {key(row): (row["calls"], row["total_ns"], row["self_ns"]) for row in csv.DictReader(file)}

    path, _ = saved(sandbox, page, "Functions", ".csv")
    found = rows(path, lambda row: row["function"])
    with open(merged(sandbox, ".csv", *recorded), newline="", encoding="utf-8") as file:
        expected = {
            row["function"] + (f" ({row['file']}:{row['line']})" if row["file"] else ""):
                (row["calls"], row["total_ns"], row["self_ns"])
            for row in csv.DictReader(file) if row["pid"] == "0"
        }
    assert found == expected


def test_a_thread_of_a_range_for_perfetto_and_scripts(sandbox, page, recorded):
    """The menu says of what the files are."""
    thread = page.evaluate(
        "window.viztracer.trace.tracks.reduce((a, b) => a.kind === 'thread' && a.count > b.count ? a : b).index"
    )
    tid = page.evaluate(f"window.viztracer.trace.tracks[{thread}].tid")
    page.evaluate(f"window.viztracer.panels.scope.setWhere('t{thread}')")
    path, _ = saved(sandbox, page, "Chrome trace", ".json")
    calls = Counter({event: n for event, n in events(path).items() if '"ph": "C"' not in event})
    assert calls == events(merged(sandbox, ".json", "--tid", str(tid), *recorded))
    page.page.locator("#actions summary").click()
    assert "Of the chosen tracks in " in page.page.locator("#actions .hint").inner_text()
    page.page.keyboard.press("Escape")
    path, _ = saved(sandbox, page, "Perfetto", ".pftrace")
    assert 0 < path.stat().st_size < merged(sandbox, ".pftrace").stat().st_size


def test_several_threads_are_summed_up_as_by_the_program(sandbox, page, recorded):
    threads = page.evaluate(
        "window.viztracer.trace.tracks.filter(({ kind }) => kind === 'thread').slice(0, 3).map("
        "({ index, tid, process }) => ({ index, tid, pid: process.pid }))"
    )
    pane = page.page.locator("#pane-functions")
    pane.get_by_text("Several", exact=True).click()
    for thread in threads:
        pane.locator(f"input[value=t{thread['index']}]").check()
    assert page.evaluate("window.viztracer.state().where") == ".".join(f"t{of['index']}" for of in threads)
    assert pane.locator("select option:checked").inner_text() == "3 chosen"
    path, _ = saved(sandbox, page, "Stacks", ".folded")
    tids = [word for thread in threads for word in ("--tid", str(thread["tid"]))]
    expected = merged(sandbox, ".folded", *tids, *recorded).read_text(encoding="utf-8")
    assert sorted(path.read_text(encoding="utf-8").splitlines()) == sorted(expected.splitlines())
    page.evaluate("window.viztracer.panels.scope.setWhere('x1.t99999')")
    assert page.evaluate("window.viztracer.panels.scope.isAll") is False  # the range of time stays
    assert page.evaluate("window.viztracer.panels.scope.where") == ""


def test_tasks_can_be_chosen_with_threads(page, recorded):
    tracks = page.evaluate("window.viztracer.trace.tracks.map(({ index, kind, name }) => [index, kind, name])")
    tasks = [index for index, kind, _ in tracks if kind == "task"][:2]
    thread = next(index for index, kind, _ in tracks if kind == "thread")
    pane = page.page.locator("#pane-functions")
    pane.get_by_text("Several", exact=True).click()
    for index in (*tasks, thread):
        pane.locator(f"input[value=t{index}]").check()
    chosen = ".".join(f"t{index}" for index in sorted([*tasks, thread]))
    assert page.evaluate("window.viztracer.state().where") == chosen
    assert pane.locator("select option:checked").inner_text() == "3 chosen"
    page.until(f"location.hash.includes('a={chosen}')")
    page.page.reload()
    page.until("window.viztracer !== undefined")
    assert page.evaluate("window.viztracer.panels.scope.where") == chosen
    assert page.evaluate("window.viztracer.panels.scope.range.tracks.length") >= 3
