"""Call trees as flat lists that can be compared and read: one `Call` per line, in the order in which they began."""

import re
from collections import defaultdict
from typing import NamedTuple


class Call(NamedTuple):
    depth: int
    name: str
    raised: bool

    def __repr__(self):
        return f"{self.depth * '  '}{self.name}{' raised' if self.raised else ''}"


class NestingError(AssertionError):
    """Two calls of one thread overlap and neither contains the other."""


def trees(report, slack=0):
    """The call tree of each thread of a Chrome trace, by (pid, tid). A call may outlive its caller by `slack` ns."""
    return {
        thread: [_call(*placed) for placed in _nested(events, slack)] for thread, events in _by_thread(report).items()
    }


def check_nesting(report):
    """Check that no two calls of one thread overlap unless one contains the other; `trees` does so, too."""
    for events in _by_thread(report).values():
        for _ in _nested(events):
            pass


def _by_thread(report):
    by_thread = defaultdict(list)
    for event in spans(report):
        by_thread[event["pid"], event["tid"]].append(event)
    return by_thread


def spans(report):
    """The events that stand for calls: complete ones (X) and begun ones that never ended (B)."""
    return [event for event in report["traceEvents"] if event["ph"] in "XB"]


def nanoseconds(event):
    """Start and end of a call as whole nanoseconds; a call that never ended has no end."""
    start = round(event["ts"] * 1000)
    return start, start + round(event["dur"] * 1000) if event["ph"] == "X" else float("inf")


def _nested(events, slack=0):
    """The depth of each event, and the event, in the order in which they began."""
    # Perfetto's rule: of calls that start together the longer is the caller, of equal ones the first in the file.
    intervals = []
    for number, event in enumerate(events):  # reports are long: this is `nanoseconds`, without a call for each event
        start = round(event["ts"] * 1000)
        end = start + round(event["dur"] * 1000) if event["ph"] == "X" else float("inf")
        intervals.append((start, -end, number))
    intervals.sort()
    open_ends = [float("inf")]
    for start, end, number in intervals:
        while open_ends[-1] <= start:
            open_ends.pop()
        if -end > open_ends[-1] + slack:
            name = events[number]["name"]
            raise NestingError(f"{name} [{start}, {-end}] outlives its caller, which ends at {open_ends[-1]}")
        yield len(open_ends) - 1, events[number]
        open_ends.append(-end)


def _call(depth, event):
    arguments = event.get("args")
    return Call(depth, event["name"], bool(arguments and arguments.get("raised")))


def names(report, kind):
    """What the report calls its processes (`process_name`, by pid) or threads (`thread_name`, by (pid, tid))."""
    by_id = {}
    for event in report["traceEvents"]:
        if event["ph"] == "M" and event["name"] == kind:
            by_id[event["pid"] if kind == "process_name" else (event["pid"], event["tid"])] = event["args"]["name"]
    return by_id


def below(tree, root):
    """The calls from the first one whose name matches `root` to its end, counted from depth 0."""
    first = next((i for i, call in enumerate(tree) if re.fullmatch(root, call.name)), None)
    if first is None:
        return []
    depth = tree[first].depth
    end = next((i for i in range(first + 1, len(tree)) if tree[i].depth <= depth), len(tree))
    return [call._replace(depth=call.depth - depth) for call in tree[first:end]]


def without(tree, hidden):
    """The tree with every call removed whose name `hidden` matches, and all that it called."""
    kept, hidden_at = [], None
    for call in tree:
        if hidden_at is not None and call.depth > hidden_at:
            continue
        hidden_at = call.depth if re.match(hidden, call.name) else None
        if hidden_at is None:
            kept.append(call)
    return kept


def own(tree, *paths):
    """Only functions of these files, and the C functions they call themselves; the rest is closed up.

    A path that ends with a slash stands for all files of the directory.
    """
    begins = [f"({path}" if path.endswith(("/", ":")) else f"({path}:" for path in paths]
    kept, callers = [], []  # callers: for each open call, whether it was kept, and at which depth its callees go
    for call in tree:
        del callers[call.depth :]
        caller_kept, depth = callers[-1] if callers else (False, 0)
        keep = any(begin in call.name for begin in begins) or (caller_kept and not call.name.endswith(")"))
        callers.append((keep, depth + keep))
        if keep:
            kept.append(call._replace(depth=depth))
    return kept
