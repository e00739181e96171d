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


def trees(report):
    """The call tree of each thread of a Chrome trace, by (pid, tid)."""
    by_thread = defaultdict(list)
    for event in spans(report):
        by_thread[event["pid"], event["tid"]].append(event)
    return {thread: _tree(events) for thread, events in by_thread.items()}


def spans(report):
    """The events that stand for calls: complete ones (X) and begun ones that never ended (B)."""
    return [event for event in report["traceEvents"] if event["ph"] in "XB"]


def nanoseconds(event):
    """Start and end of a call as whole nanoseconds; a call that never ended has no end."""
    start = round(event["ts"] * 1000)
    return start, start + round(event["dur"] * 1000) if event["ph"] == "X" else float("inf")


def _tree(events):
    # Perfetto's rule: of calls that start together the longer is the caller, of equal ones the first in the file.
    intervals = [(*nanoseconds(event), event) for event in events]
    intervals.sort(key=lambda interval: (interval[0], -interval[1]))
    tree, open_ends = [], []
    for start, end, event in intervals:
        while open_ends and open_ends[-1] <= start:
            open_ends.pop()
        if open_ends and end > open_ends[-1]:
            raise NestingError(f"{event['name']} [{start}, {end}] outlives its caller, which ends at {open_ends[-1]}")
        tree.append(Call(len(open_ends), event["name"], bool((event.get("args") or {}).get("raised"))))
        open_ends.append(end)
    return tree


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
