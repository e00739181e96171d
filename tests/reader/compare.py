"""Holds what the second reader tells of a ring file against a report of `viztracer-merge` in JSON."""

from collections import Counter
from decimal import Decimal

import ring_reader as rr

TASK_TRACKS = 1 << 24  # a task's track bears this number and the task's serial
KINDS = {rr.RAISE: "raised", rr.ABANDONED: "abandoned"}


def of_report(report):
    """The calls of a report on one file, and the counts of its threads, as two Counters."""
    base = report["viztracer_metadata"]["clock"]["monotonic"]
    calls, tracks = Counter(), {}
    for event in report["traceEvents"]:
        # Threads may share an id. Which names they have is told by the counts.
        if event["ph"] == "M" and event["name"] == "thread_name" and event["tid"] >= TASK_TRACKS:
            tracks[event["tid"]] = event["args"]["name"]
    for event in report["traceEvents"]:
        if event["ph"] in "XBiC" and event.get("cat") != "LOSS":
            calls[_of_event(event, tracks, base)] += 1
    (process,) = report["viztracer_metadata"]["processes"]
    threads = Counter(
        (t["tid"], t["name"], t["events"], t["overwritten"], t["lost"], t["unfinished"]) for t in process["threads"]
    )
    return calls, threads


def _of_event(event, tracks, base):
    args = event.get("args") or {}
    start = int(Decimal(event["ts"]) * 1000)
    length = int(Decimal(event["dur"]) * 1000) if event["ph"] == "X" else None
    if event["ph"] in "iC":
        return (tracks.get(event["tid"]), event["tid"], event["name"], base + start, None, event["ph"])
    kind = next((kind for kind in ("unfinished", "raised", "abandoned") if args.get(kind)), "")
    return (tracks.get(event["tid"]), event["tid"], event["name"], base + start, length, kind)


def of_ring(ring):
    """The same of what the second reader tells."""
    counts, unfinished = Counter(), Counter()
    calls = Counter()
    for call in ring.calls:
        calls[_of_call(ring, call)] += 1
        counts[call.thread] += 1
        unfinished[call.thread] += call.unfinished
    threads = Counter(
        (_tid(it), _name(it), counts[it.serial], it.overwritten, it.lost, unfinished[it.serial])
        for it in ring.threads.values()
    )
    return calls, threads


def _tid(it):
    return it.serial if it.tid is None else it.tid


def _name(it):
    return it.name or f"Thread-{_tid(it)}"


def _of_call(ring, call):
    it = ring.threads[call.thread]
    tid = _tid(it)
    track = _name(it) if tid >= TASK_TRACKS else None
    if call.task:
        track, tid = ring.tasks.get(call.task) or f"task {call.task}", TASK_TRACKS + call.task
    # The report begins with the file.
    begin = ring.opened[1]
    start = max(call.start, begin)
    more = int(call.kind == rr.FRAME)  # the nanosecond more of a call that is open
    end = None if call.end is None else max(call.end - more, begin) + more
    if call.kind in (rr.INSTANT, rr.COUNTER):
        return (track, tid, function(ring, call), start, None, "iC"[call.kind == rr.COUNTER])
    kind = "unfinished" if call.unfinished else KINDS.get(call.kind, "")
    return (track, tid, function(ring, call), start, end and end - start, kind)


def function(ring, call):
    name, file, line = ring.functions.get(call.function, ("unknown function", "", 0))
    return f"{name} ({file}:{line})" if file and call.kind != rr.COUNTER else name
