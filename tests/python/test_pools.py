"""--log_async: arrows from where work is submitted to a pool to where a thread or a process of it starts the work."""

import json
import re
import sys

import pytest
from conftest import START_METHODS

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="the hooks of older versions do not ask for it")

# Two pools, of two threads and of one, in turn; the work knows its number.
PROGRAM = """
import asyncio, sys, threading
from concurrent.futures import ThreadPoolExecutor

def work(n):
    return n

def submitted(n, pool):
    return pool.submit(work, n)

def many():
    with ThreadPoolExecutor(2) as one, ThreadPoolExecutor(1) as other:
        futures = [submitted(n, one if n % 3 else other) for n in range(60)]
    assert [future.result() for future in futures] == list(range(60))

def blocks(has_begun, go):
    has_begun.set()
    go.wait()

def cancelled():
    has_begun, go = threading.Event(), threading.Event()
    pool = ThreadPoolExecutor(1)
    pool.submit(blocks, has_begun, go)
    has_begun.wait()
    for n in range(5): submitted(n, pool)
    pool.shutdown(wait=False, cancel_futures=True)
    for n in range(5, 8):
        with ThreadPoolExecutor(1) as later: submitted(n, later)
    go.set()

async def to_thread():
    await asyncio.gather(*(asyncio.to_thread(work, n) for n in range(9)))

def tasks():
    asyncio.run(to_thread())

globals()[sys.argv[1]]()
"""


def recorded(sandbox, what, *options):
    script = sandbox.script(PROGRAM)
    done = sandbox.viztracer("--quiet", *options, "--log_func_args", "-o", "traced.json", script, what)
    assert done.returncode == 0, done.stderr
    return json.loads((sandbox.path / "traced.json").read_text())["traceEvents"]


def arrows(events):
    """By id, the events of the begin and the end of each arrow of work."""
    found = {}
    for event in events:
        if event["ph"] in "sf" and event["name"] == "submit":
            found.setdefault(event["id"], {})[event["ph"]] = event
    return found


def is_of_thread(one, other):
    return (one["pid"], one["tid"]) == (other["pid"], other["tid"])


def around(events, event, name):
    """The innermost call of a function that is open at an event, on its thread."""
    calls = [
        call
        for call in events
        if call["ph"] == "X" and is_of_thread(call, event) and call["name"].startswith(f"{name} (")
        and call["ts"] <= event["ts"] <= call["ts"] + call["dur"]
    ]  # fmt: skip
    return min(calls, key=lambda call: call["dur"]) if calls else None


def number_of(call):
    return int(re.fullmatch(r"\d+", call["args"]["func_args"]["n"])[0])


def started(events, arrow):
    """The number of the work that the call runs in which an arrow ends."""
    run = around(events, arrow["f"], "_WorkItem.run")
    (work,) = [
        call for call in events
        if call["ph"] == "X" and call["name"].startswith("work (") and call["tid"] == run["tid"]
        and run["ts"] <= call["ts"] <= run["ts"] + run["dur"]
    ]  # fmt: skip
    return number_of(work)


def submitter(events, arrow):
    return number_of(around(events, arrow["s"], "submitted"))


def test_each_arrow_leads_to_the_work_that_was_submitted(sandbox):
    events = recorded(sandbox, "many", "--log_async")
    found = arrows(events)
    assert len(found) == 60 and all(set(ends) == {"s", "f"} for ends in found.values())
    assert sorted(submitter(events, arrow) for arrow in found.values()) == list(range(60))
    for arrow in found.values():
        assert submitter(events, arrow) == started(events, arrow)
        assert around(events, arrow["s"], "ThreadPoolExecutor.submit") is not None
        assert arrow["s"]["ts"] <= arrow["f"]["ts"]


def test_work_that_never_starts_has_no_arrow(sandbox):
    """Objects of later work may have the addresses of those that were thrown away."""
    events = recorded(sandbox, "cancelled", "--log_async")
    whole = [arrow for arrow in arrows(events).values() if set(arrow) == {"s", "f"}]
    named = [arrow for arrow in whole if around(events, arrow["s"], "submitted") is not None]
    assert sorted(submitter(events, arrow) for arrow in named) == [5, 6, 7]
    assert all(submitter(events, arrow) == started(events, arrow) for arrow in named)
    assert len(whole) == 4, "with that of the work that blocks"


def test_asyncio_s_threads_have_them_too(sandbox):
    events = recorded(sandbox, "tasks", "--log_async")
    found = arrows(events)
    assert sorted(started(events, arrow) for arrow in found.values()) == list(range(9))


def test_without_the_option_there_are_none(sandbox):
    assert arrows(recorded(sandbox, "many")) == {}


# Two pools of two processes, used in turn; the work knows its number.
PROCESSES = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor

def work(n):
    return n

def submitted(n, submit):
    return submit(n)

def executors(context):
    with ProcessPoolExecutor(2, context) as one, ProcessPoolExecutor(2, context) as other:
        pools = [one, other]
        results = [submitted(n, lambda n: pools[n % 2].submit(work, n)) for n in range(20)]
        assert [result.result() for result in results] == list(range(20))
        assert list(one.map(work, range(20, 24))) == list(range(20, 24))

def pools(context):
    with context.Pool(2) as one, context.Pool(2) as other:
        pools = [one, other]
        results = [submitted(n, lambda n: pools[n % 2].apply_async(work, (n,))) for n in range(20)]
        assert [result.get() for result in results] == list(range(20))
        assert submitted(20, lambda n: one.map(work, range(20, 24), chunksize=2)) == list(range(20, 24))
        assert sorted(submitted(24, lambda n: other.imap_unordered(work, range(24, 27)))) == list(range(24, 27))
        one.close(); other.close(); one.join(); other.join()

if __name__ == "__main__":
    globals()[sys.argv[1]](multiprocessing.get_context(sys.argv[2]))
"""


def recorded_processes(sandbox, what, method):
    script = sandbox.script(PROCESSES)
    done = sandbox.viztracer("--quiet", "--log_async", "--log_func_args", "-o", "traced.json", script, what, method)
    assert done.returncode == 0, done.stderr
    return json.loads((sandbox.path / "traced.json").read_text())["traceEvents"]


def begun_next(events, event):
    """The call that begins next on the thread of an event."""
    calls = [call for call in events if call["ph"] == "X" and is_of_thread(call, event) and call["ts"] >= event["ts"]]
    return min(calls, key=lambda call: call["ts"])


@pytest.mark.parametrize("method", START_METHODS)
def test_each_arrow_leads_to_the_work_that_was_submitted_to_a_process(sandbox, method):
    events = recorded_processes(sandbox, "executors", method)
    whole = [arrow for arrow in arrows(events).values() if set(arrow) == {"s", "f"}]
    assert len(whole) == len(arrows(events)) == 24
    direct = [arrow for arrow in whole if around(events, arrow["s"], "submitted")]
    assert len(direct) == 20 and sorted(submitter(events, arrow) for arrow in direct) == list(range(20))
    for arrow in direct:
        assert submitter(events, arrow) == number_of(begun_next(events, arrow["f"]))
    for arrow in whole:
        assert "bp" not in arrow["f"] and arrow["s"]["ts"] <= arrow["f"]["ts"]
        assert around(events, arrow["s"], "ProcessPoolExecutor.submit") is not None


@pytest.mark.parametrize("method", START_METHODS)
def test_each_piece_of_a_multiprocessing_pool_has_an_arrow(sandbox, method):
    events = recorded_processes(sandbox, "pools", method)
    whole = [arrow for arrow in arrows(events).values() if set(arrow) == {"s", "f"}]
    assert all("s" in arrow for arrow in arrows(events).values()), "no end without a begin"
    assert len(whole) == 25, "20 of apply_async, two pieces of map, and three of imap"
    submitters = sorted(submitter(events, arrow) for arrow in whole)
    assert submitters == [*range(20), 20, 20, 24, 24, 24]
    for arrow in whole:
        begun = begun_next(events, arrow["f"])
        if submitter(events, arrow) < 20:
            assert submitter(events, arrow) == number_of(begun)
        elif submitter(events, arrow) == 20:
            assert begun["name"].startswith("mapstar (")
        else:
            assert number_of(begun) in range(24, 27)
