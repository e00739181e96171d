"""--log_async: arrows from where work is submitted to a pool of threads to where one of them starts it."""

import json
import re
import sys

import pytest

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

def cancelled():
    go = threading.Event()
    pool = ThreadPoolExecutor(1)
    pool.submit(go.wait)
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


def around(events, event, name):
    """The innermost call of a function that is open at an event, on its thread."""
    calls = [
        call
        for call in events
        if call["ph"] == "X" and call["tid"] == event["tid"] and call["name"].startswith(f"{name} (")
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
    assert len(whole) == 4, "with that of the event"


def test_asyncio_s_threads_have_them_too(sandbox):
    events = recorded(sandbox, "tasks", "--log_async")
    found = arrows(events)
    assert sorted(started(events, arrow) for arrow in found.values()) == list(range(9))


def test_without_the_option_there_are_none(sandbox):
    assert arrows(recorded(sandbox, "many")) == {}
