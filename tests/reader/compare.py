"""Compare the second reader's view of a ring file with a JSON report of `viztracer-merge`."""

import json
import math
import re
import signal
from collections import Counter
from decimal import Decimal

import ring_reader as rr

TASK_TRACKS = 1 << 24  # the id of a task's track is this number plus the task's serial
UNKNOWN_FUNCTION = (1 << 24) - 1
PHASES = ("X", "B", "i", "C")  # the other ones are not compared
KINDS = {rr.RAISE: "raised", rr.ABANDONED: "abandoned"}


# How a process ended, by the number in the file.
ENDINGS = {1: "exited", 2: "left by os._exit", 3: "became another program (exec)"}
CRASHES = {4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV", 31: "SIGSYS"}
# Of a process that said nothing, the merge takes these open calls for a word: it never saw them return.
LAST_CALLS = {
    "posix._exit": ENDINGS[2],
    **dict.fromkeys(("posix.execv", "posix.execve", "_posixsubprocess.fork_exec"), ENDINGS[3]),
    **dict.fromkeys(("Popen._execute_child", "_execute_child"), ENDINGS[3]),
    **dict.fromkeys(("create_subprocess_exec", "create_subprocess_shell"), ENDINGS[3]),
}


def process_of_report(report):
    """Facts of a report about the process of one file, without calls and threads."""
    (process,) = report["viztracer_metadata"]["processes"]
    counts = (
        "lost",
        "unnamed",
        "unmatched",
        "gaps",
        "failure",
        "forgotten_threads",
        "forgotten_events",
        "forgotten_tasks",
    )
    return {
        "pid": process.get("process_id", process["pid"]),
        "parent": process.get("parent_id", 0),
        "command": process.get("command", []),
        "host": process.get("host", ""),
        "entries": process.get("entries", 0),
        "python": process.get("python"),
        "session": process.get("session"),
        "state": process["state"],
        "ending": process["ending"],
        "sync_marker": process.get("sync_marker_ns"),
        "switched": process.get("switched", False),
        "bursts": (process.get("bursts", 0), process.get("rested_ns", 0)),
        "elided": sorted(
            (
                *(one["name"], one["line"], float(one["ts"]), one["only_c_calls"]),
                *(one.get("calls_about", -1), one.get("calls_error", -1)),
            )
            for one in process.get("elided", [])
        ),
    } | {name: process.get(name, 0) for name in counts}


def process_of_ring(ring):
    """The same facts from the second reader."""
    version = ring.python_version
    state = "sealed" if ring.state == rr.SEALED else "living" if ring.living else "crashed"
    return {
        "pid": ring.pid,
        "parent": ring.parent_pid,
        "command": ring.arguments,
        "host": ring.host,
        "entries": ring.entries,
        "python": f"{version >> 24}.{version >> 16 & 255}.{version >> 8 & 255}" if version else None,
        "session": ring.session.hex() if any(ring.session) else None,
        "state": state,
        "ending": ending(ring, state),
        "sync_marker": ring.sync_marker - ring.opened[1] if ring.sync_marker else None,
        "switched": ring.switched,
        "bursts": bursts(ring),
        "elided": elided(ring),
        "lost": ring.lost,
        "unnamed": ring.unnamed,
        "unmatched": ring.unmatched,
        "gaps": ring.gaps,
        "failure": ring.failure,
        "forgotten_threads": ring.forgotten_threads,
        "forgotten_events": ring.forgotten_events,
        "forgotten_tasks": ring.forgotten_tasks,
    }


def bursts(ring):
    """In how many bursts calls are recorded, 0 if all the time, and for how many ns none are."""
    rests, rested, since = ring.rests
    if rests == 0:
        return 0, 0
    opened = ring.opened[0]
    rested = min(rested + (max(ring.last_ticks - since, 0) if since else 0), max(ring.last_ticks - opened, 0), rr.U64)
    time = signed(ring.clock(min(opened + rested, rr.U64)) - ring.clock(opened))
    return min(rests + (since == 0), rr.U64), max(time, 0)


def elided(ring):
    """The functions of which not all calls are recorded, on the time line of a report on this file alone."""
    since, about = {}, {}
    for (number, only_c_calls), ticks in ring.elided.items():
        function = ring.functions[number]
        since[function, only_c_calls] = min(ticks, since.get((function, only_c_calls), ticks))
        if not only_c_calls and number in ring.estimates:
            about[function, False] = estimate(ring, number)
    def shown(key, ticks):
        (name, _file, line), only_c = key
        return name, line, signed(ring.clock(ticks) - ring.opened[1]) / 1000, only_c, *about.get(key, (-1, -1))

    return sorted(shown(key, ticks) for key, ticks in since.items())


def estimate(ring, function):
    """About how many calls of an elided function are not recorded, and the error; -1 if nothing is known."""
    bursts, _counted, _time, calls, error = ring.estimates[function]
    return (calls, min(2 * error, rr.U64)) if bursts >= 5 else (-1, -1)


def signed(number):
    """The number as one of 64 bits with a sign."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def ending(ring, state):
    kind, number = ring.ending & 0xFF, ring.ending >> 8 & 0xFF
    if kind in ENDINGS:
        return ENDINGS[kind]
    if kind == 4 and number in CRASHES:
        return f"crashed by {CRASHES[number]}"
    if kind == 4:
        return f"ended by {signal_name(number)}"
    if state != "crashed":
        return {"sealed": "stopped", "living": "running"}[state]
    innermost = {call.thread: call for call in ring.calls if call.kind == rr.FRAME}
    for _serial, call in sorted(innermost.items()):
        name, file, _line = ring.functions.get(call.function, ("", "", 0))
        if name in LAST_CALLS and (call.inherited or (name.startswith("posix.") and not file)):
            return LAST_CALLS[name]
    return "ended without a word"


def signal_name(number):
    try:
        return signal.Signals(number).name if number < 32 else f"signal {number}"
    except ValueError:
        return f"signal {number}"


def sources_of_dump(dump):
    """The SOURCE entries that `viztracer-merge --dump` names."""
    line = re.compile(r"^  SOURCE (.*): device (\d+), inode (\d+), (\d+) bytes, (-?\d+) ns$", re.MULTILINE)
    return Counter((path, *map(int, numbers)) for path, *numbers in line.findall(dump))


def sources_of_ring(ring):
    """The same, with paths as a dump prints them."""
    return Counter((printable(path), *numbers) for path, *numbers in ring.sources)


def printable(text):
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def of_report(report):
    """The calls of a report on one file, and the counts of its threads, as two Counters."""
    base = report["viztracer_metadata"]["clock"]["monotonic"]
    calls, tracks = Counter(), {}
    for event in report["traceEvents"]:
        # Threads may share an id. The counts show which names they have.
        if event["ph"] == "M" and event["name"] == "thread_name" and event["tid"] >= TASK_TRACKS:
            tracks[event["tid"]] = event["args"]["name"]
    for event in report["traceEvents"]:
        if event["ph"] in PHASES:
            calls[_of_event(event, tracks, base)] += 1
    (process,) = report["viztracer_metadata"]["processes"]
    threads = Counter(
        (t["tid"], t["name"], t["events"], t["overwritten"], t["lost"], t["unfinished"]) for t in process["threads"]
    )
    return calls, threads


def _of_event(event, tracks, base):
    args = event.get("args")
    start = int(Decimal(event["ts"]) * 1000)
    length = int(Decimal(event.get("dur", 0)) * 1000) if event["ph"] == "X" else None
    if event["ph"] in "iC":
        told = (event["ph"], canonical(event.get("args")))
        return (tracks.get(event["tid"]), event["tid"], event.get("name"), base + start, None, told)
    return (tracks.get(event["tid"]), event["tid"], event.get("name"), base + start, length, of_call(args))


def of_ring(ring):
    """The same facts from the second reader."""
    counts, unfinished = Counter(), Counter()
    calls = Counter()
    for call in ring.calls:
        if it := _of_call(ring, call):
            calls[it] += 1
        counts[call.thread] += 1
        unfinished[call.thread] += call.unfinished
    threads = Counter(
        (_tid(it), _name(it), counts[it.serial], it.overwritten, it.lost, unfinished[it.serial])
        for it in ring.threads.values()
    )
    return calls, threads


def _tid(it):
    """As a report in JSON shows it, whose viewers hold no more than 32 bits."""
    return _whole_tid(it) & 0xFFFFFFFF


def _whole_tid(it):
    return it.serial if it.tid is None else it.tid


def _name(it):
    return it.name or f"Thread-{_whole_tid(it)}"


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
    if other := call.kind == rr.OTHER and members(call.payload):
        return _of_other(ring, call, other, (track, tid), start, end)
    if call.kind in (rr.INSTANT, rr.COUNTER, rr.OTHER):
        is_counter = call.kind == rr.COUNTER
        told = ("iC"[is_counter], canonical(arguments(call.payload, {} if is_counter else None)))
        return (track, tid, function(ring, call), start, None, told)
    kind = "unfinished" if call.unfinished else KINDS.get(call.kind, "")
    args = arguments(call.payload, {})
    own = {kind: True} if kind else {}
    return (track, tid, function(ring, call), start, end and end - start, of_call({**args, **own}))


def of_call(args):
    """The arguments of a call, but those that are only in reports; how it ended is among them."""
    if not isinstance(args, dict):
        return canonical(args or {})
    return canonical({name: value for name, value in args.items() if name not in ("clipped", "inherited")})


def _of_other(ring, call, event, where, start, end):
    """An event of the Chrome trace format; None if its phase is not compared."""
    if event["ph"] not in PHASES:
        return None
    args = event.get("args")
    if event["ph"] in "iC":
        return (*where, event.get("name"), start, None, (event["ph"], canonical(args)))
    if event["ph"] == "X" and call.in_order and call.function != UNKNOWN_FUNCTION:
        return (*where, function(ring, call), start, end - start, of_call(args))
    length = int(Decimal(event.get("dur", 0)) * 1000) if event["ph"] == "X" else None
    return (*where, event.get("name"), start, length, of_call(args))


def members(payload):
    """The event in the payload of an OTHER record, if it is one."""
    value = arguments(payload, {})
    return value if isinstance(value.get("ph"), str) and value["ph"] else None


def arguments(payload, none):
    """A payload as a report shows it: an object as that, anything else as text."""
    if payload is None:
        return none
    if payload is rr.OVERWRITTEN:
        return {"overwritten": True}
    try:
        value = json.loads(payload.decode(), parse_float=number, parse_constant=refuse)
        json.dumps(value, default=str, ensure_ascii=False).encode()  # half of a pair of surrogates is no text
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"value": payload.decode("utf-8", "replace")}


def number(text):
    """A number that a double can hold."""
    return refuse(text) if math.isinf(float(text)) else Decimal(text)


def refuse(constant):
    raise ValueError(constant)


def canonical(value):
    return json.dumps(value, default=str, sort_keys=True)


def function(ring, call):
    name, file, line = ring.functions.get(call.function, ("unknown function", "", 0))
    return f"{name} ({file}:{line})" if file and call.kind != rr.COUNTER else name
