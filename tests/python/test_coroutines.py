"""The lives of tasks and coroutines with --log_async: whole spans in reports, and the table of `--top N --tasks`."""

import json
import sys
from collections import defaultdict

import pytest
from conftest import library

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="CPython 3.10 and 3.11 do not tell an await from a return: see the last test"
)

SLEEP = 0.002


class Life:
    """A begin and an end of the trace with one id. Times are in microseconds."""

    def __init__(self, begin, end):
        self.name = begin["name"].split(" (")[0].rpartition(".")[2]
        self.category = begin["cat"]
        self.begin, self.end = begin["ts"], end["ts"]
        self.args = begin["args"]
        self.id = begin["id2"]["local"]

    @property
    def duration(self):
        return self.end - self.begin


def lives(report):
    """The lives by name, in the order of their begins."""
    begins = {}
    found = defaultdict(list)
    for event in report["traceEvents"]:
        if event.get("scope") != "viztracer_ring":
            continue
        key = event["pid"], event["cat"], event["id2"]["local"]
        if event["ph"] == "b":
            assert key not in begins, event
            begins[key] = event
        else:
            assert event["ph"] == "e" and event["name"] == begins[key]["name"]
            life = Life(begins.pop(key), event)
            found[life.name].append(life)
    assert not begins
    for own in found.values():
        own.sort(key=lambda life: life.begin)
    return found


def counts(found, name):
    return [(life.args["resumes"], life.args["end"]) for life in found[name]]


@pytest.fixture
def record(sandbox):
    """Records a program in the folder `rings`, and returns the lives that its report has."""

    def recorded(source, *options):
        script = sandbox.script(f"import asyncio\nSLEEP = {SLEEP}\n{source}\nasyncio.run(main())\n")
        done = sandbox.viztracer(
            "--quiet", "--log_async", "--pid_suffix", "--output_dir", "rings", *options, "--", script
        )
        assert done.returncode == 0, done.stderr
        return lives(sandbox.merge("rings"))

    return recorded


@pytest.fixture
def table(sandbox):
    """The document of `--top N --tasks`, and its rows by name."""

    def printed(*words):
        done = sandbox.viztracer_merge("-q", *words, "--top", "1000", "--tasks", "--json")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert document["schema"] == "viztracer-ring/tasks/1"
        return document, {row["function"].rpartition(".")[2]: row for row in document["top"]}

    return printed


REQUESTS = """
async def read():
    await asyncio.sleep(SLEEP)
    await asyncio.sleep(SLEEP)
async def handler():
    await read()
    await read()
async def main():
    await asyncio.gather(*(handler() for _ in range(5)))
"""


def test_coroutines_three_deep(record, table):
    found = record(REQUESTS)
    assert counts(found, "handler") == [(4, "returned")] * 5
    assert counts(found, "read") == [(2, "returned")] * 10
    assert counts(found, "sleep") == [(1, "returned")] * 20
    assert counts(found, "main") == [(1, "returned")]
    for name, sleeps in [("sleep", 1), ("read", 2), ("handler", 4), ("main", 4)]:
        for life in found[name]:
            assert life.duration >= sleeps * SLEEP * 1e6
            running, awaiting = life.args["running_us"], life.args["awaiting_us"]
            assert running > 0 and awaiting > 0 and abs(running + awaiting - life.duration) < 0.01
    by_id = {life.id: life for own in found.values() for life in own}
    for name, around in [("sleep", "read"), ("read", "handler")]:
        for life in found[name]:
            outer = by_id[life.args["awaited_by"]]
            assert outer.name == around and outer.begin <= life.begin and life.end <= outer.end
    assert all("awaited_by" not in life.args for life in found["handler"])
    tasks = [life for own in found.values() for life in own if life.category == "task"]
    assert len(tasks) >= 6 and all(life.args["end"] == "returned" for life in tasks)

    document, rows = table("rings")
    numbers = [(rows[name]["calls"], rows[name]["resumes"]) for name in ("main", "handler", "read", "sleep")]
    assert numbers == [(1, 1), (5, 20), (10, 20), (20, 20)]
    assert document["tasks"] == len(tasks) and document["unfinished_tasks"] == 0
    for name, row in rows.items():
        assert row["min_ns"] <= row["p50_ns"] <= row["p99_ns"] <= row["max_ns"]
        assert row["awaiting_ns"] == round(sum(life.args["awaiting_us"] for life in found[name]) * 1000)


def test_the_table_is_the_same_from_rings_and_from_reports_of_them(sandbox, record, table):
    found = record(REQUESTS)
    document, _ = table("rings")
    assert sandbox.viztracer_merge("-q", "rings", "-o", "first.json").returncode == 0
    assert table("first.json")[0] == document
    assert sandbox.viztracer("--quiet", "--combine", "first.json", "-o", "again.json").returncode == 0
    again = lives(sandbox.report("again.json"))
    assert {name: [vars(life) for life in own] for name, own in again.items()} == {
        name: [vars(life) for life in own] for name, own in found.items()
    }


def test_text_and_markdown(sandbox, record):
    record(REQUESTS)
    text = sandbox.viztracer_merge("-q", "rings", "--top", "2", "--tasks", "--sort", "calls")
    title, headings, first, second, more = text.stdout.splitlines()[:5]
    assert title.endswith(" coroutine functions") and " awaiting, " in title
    assert headings.split() == ["calls", "resumes", "p50", "p99", "max", "awaiting", "running", "function"]
    assert first.split()[:2] == ["20", "20"] and second.split()[:2] == ["10", "20"]
    assert " sleep (" in first and " read (" in second and more == "... and 2 more functions"
    markdown = sandbox.viztracer_merge("-q", "rings", "--top", "2", "--tasks", "--markdown").stdout
    assert markdown.startswith("### ") and "| calls | resumes | p50 |" in markdown
    refused = sandbox.viztracer_merge("rings", "--tasks")
    assert refused.returncode == 2 and "--top" in refused.stderr


def test_a_report_without_tasks_says_how_to_get_them(sandbox):
    script = sandbox.script("async def f(): pass\n")
    assert sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", script).returncode == 0
    done = sandbox.viztracer_merge("-q", "rings", "--top", "5", "--tasks")
    assert done.returncode == 0 and done.stdout == "no tasks: record with --log_async\n"


def test_exceptions_and_cancellation(record):
    found = record("""
async def fails():
    await asyncio.sleep(SLEEP)
    raise ValueError
async def forever():
    await asyncio.Event().wait()
async def cleans_up():
    try:
        await forever()
    finally:
        await asyncio.sleep(SLEEP)
async def survives():
    try:
        await forever()
    except asyncio.CancelledError:
        await asyncio.sleep(SLEEP)
async def main():
    await asyncio.gather(fails(), return_exceptions=True)
    for coroutine in (cleans_up(), survives()):
        task = asyncio.create_task(coroutine)
        await asyncio.sleep(SLEEP)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
""")
    assert counts(found, "fails") == [(1, "raised")]
    assert counts(found, "forever") == [(1, "raised")] * 2
    assert counts(found, "cleans_up") == [(2, "raised")]
    assert counts(found, "survives") == [(2, "returned")]
    for name in ("cleans_up", "survives"):
        assert found[name][0].duration >= 2 * SLEEP * 1e6


def test_a_timeout(record):
    found = record("""
async def slow():
    await asyncio.sleep(60)
async def limited():
    try:
        async with asyncio.timeout(SLEEP):
            await slow()
    except TimeoutError:
        await asyncio.sleep(SLEEP)
async def main():
    await limited()
""")
    assert counts(found, "slow") == [(1, "raised")]
    assert counts(found, "limited") == [(2, "returned")]
    assert found["limited"][0].duration >= 2 * SLEEP * 1e6 > 0


def test_generators_are_no_coroutines(record, table):
    found = record("""
def numbers():
    yield from range(3)
async def values():
    for number in numbers():
        await asyncio.sleep(SLEEP)
        yield number
async def consume():
    async for value in values():
        await asyncio.sleep(SLEEP)
async def main():
    await consume()
""")
    assert counts(found, "consume") == [(6, "returned")]
    assert counts(found, "sleep") == [(1, "returned")] * 6
    assert "values" not in found and "numbers" not in found
    assert not {"values", "numbers"} & set(table("rings")[1])


def test_recursion(record):
    found = record("""
async def deep(n):
    if n:
        await deep(n - 1)
    else:
        await asyncio.sleep(SLEEP)
        await asyncio.sleep(SLEEP)
async def main():
    await deep(4)
""")
    assert counts(found, "deep") == [(2, "returned")] * 5
    inner_first = sorted(found["deep"], key=lambda life: life.end)
    assert [life.begin for life in inner_first] == sorted((life.begin for life in found["deep"]), reverse=True)


def test_calls_that_never_await_are_calls(record, table):
    found = record("""
async def cached(is_known):
    if not is_known:
        await asyncio.sleep(SLEEP)
async def never():
    pass
async def main():
    for n in range(10):
        await cached(n > 0)
        await never()
""")
    assert counts(found, "cached") == [(1, "returned")] and "never" not in found
    row = table("rings")[1]["cached"]
    assert (row["calls"], row["resumes"]) == (10, 1)
    assert row["p50_ns"] < SLEEP * 1e9 <= row["max_ns"]


def test_one_coroutine_in_two_tasks_has_no_known_end_in_the_first_one(record, table):
    """Nobody tells that the piece in the second task is a later one, so its begin is unknown, too."""
    found = record("""
class Some:
    def __init__(self, coroutine, steps):
        self.coroutine, self.steps = coroutine, steps
    def __await__(self):
        for _ in range(self.steps):
            try:
                yield self.coroutine.send(None)
            except StopIteration:
                return
async def shared():
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
async def takes(coroutine, steps):
    await Some(coroutine, steps)
    await asyncio.sleep(0)
async def main():
    coroutine = shared()
    await asyncio.create_task(takes(coroutine, 2))
    await asyncio.create_task(takes(coroutine, 9))
""")
    assert counts(found, "takes") == [(3, "returned"), (2, "returned")]
    # The program's own class drives it, like a generator: so nothing is said of it at all, or that it is unknown.
    known = [life for life in found["shared"] if life.args["end"] != "unknown" and "begin" not in life.args]
    assert known == []
    row = table("rings")[1].get("shared", {"calls": 0, "unknown": 0})
    assert row["calls"] == row["unknown"]


def test_eager_tasks(record):
    found = record("""
async def eager():
    await asyncio.sleep(SLEEP)
async def instant():
    pass
async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.gather(eager(), eager(), instant())
""")
    assert counts(found, "eager") == [(1, "returned")] * 2
    assert counts(found, "main") == [(1, "returned")]
    (main,) = found["main"]
    assert all(main.begin < life.begin and life.end < main.end for life in found["eager"])


def test_what_waits_at_the_end_is_unfinished(sandbox, table):
    script = sandbox.script("""
import asyncio, os
async def stuck():
    await asyncio.Event().wait()
async def main():
    asyncio.create_task(stuck())
    await asyncio.sleep(0.001)
    os._exit(0)
asyncio.run(main())
""")
    done = sandbox.viztracer("--quiet", "--log_async", "--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0, done.stderr
    found = lives(sandbox.merge("rings"))
    assert counts(found, "stuck") == [(0, "unfinished")] and counts(found, "main") == [(1, "unfinished")]
    document, rows = table("rings")
    assert document["unfinished_tasks"] == 2
    assert (rows["stuck"]["unfinished"], rows["stuck"]["p50_ns"]) == (1, None)


def test_a_ring_that_has_overwritten_begins(sandbox, record, table):
    """The begin of a task that is older than the ring is unknown. Newer tasks have all that they have otherwise."""
    found = record(
        """
def leaf(): pass
async def work():
    for _ in range(3):
        for _ in range(20): leaf()
        await asyncio.sleep(0)
async def main():
    for _ in range(300):
        await asyncio.create_task(work())
""",
        "--tracer_entries",
        "5000",
    )
    (main,) = found["main"]
    assert main.args["begin"] == "unknown" and main.args["end"] == "returned"
    known = [life for life in found["work"] if "begin" not in life.args]
    assert 10 < len(known) < 300 and len(found["work"]) - len(known) <= 1
    assert {(life.args["resumes"], life.args["end"]) for life in known} == {(3, "returned")}
    row = table("rings")[1]["work"]
    assert row["calls"] - row["unknown"] == len(known)
    assert table("rings")[1]["main"]["unknown"] == 1
    # The same in a merge of the report, except that this does not know when tasks were first seen.
    assert sandbox.viztracer_merge("-q", "rings", "-o", "first.json").returncode == 0
    again = table("first.json")[1]["main"]
    assert (again["calls"], again["unknown"]) == (1, 1)


def test_without_short_calls_nothing_is_said(sandbox, record):
    found = record(REQUESTS, "--min_duration", "1us")
    assert not found
    done = sandbox.viztracer_merge("-q", "rings", "--top", "5", "--tasks")
    assert done.returncode == 0 and "\n1 process without short calls (--min_duration): no coroutines are known there\n" in done.stdout


def test_perfetto_has_them(sandbox, record, perfetto):
    record(REQUESTS)
    assert sandbox.viztracer_merge("-q", "rings", "-o", "out.pftrace").returncode == 0
    query = (
        "select s.category, count(*) as n, min(s.dur) as least from slice s join track t on s.track_id = t.id "
        "where t.name = 'life' group by s.category order by s.category"
    )
    shown = perfetto(sandbox.path / "out.pftrace", query)
    assert shown["errors"] == []
    ((coroutine, task),) = shown["rows"]
    assert coroutine["n"] == 36 and task["n"] >= 6 and coroutine["least"] >= SLEEP * 1e9


def test_trio(sandbox):
    library("trio")
    script = sandbox.script("""
import trio
async def inner():
    await trio.sleep(0.002)
async def work():
    await inner()
    await inner()
async def main():
    async with trio.open_nursery() as nursery:
        for _ in range(3): nursery.start_soon(work)
trio.run(main)
""")
    found = lives(sandbox.trace("--log_async", script))
    assert [(life.args["end"], life.duration >= 4000) for life in found["work"] if life.category == "coroutine"] == [
        ("returned", True)
    ] * 3
    assert counts(found, "inner") == [(1, "returned")] * 6


def test_without_the_option_a_report_has_no_lives(sandbox):
    script = sandbox.script("import asyncio\nasync def main(): await asyncio.sleep(0)\nasyncio.run(main())\n")
    assert not lives(sandbox.trace(script))
