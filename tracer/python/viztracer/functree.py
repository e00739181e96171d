"""`FuncTree`: the calls of one thread as a tree, made of complete (``"X"``) events of a report."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# The root holds every event, whatever its time.
EVER = 1 << 64


class FuncTreeNode:
    """One call, and the calls inside of it.

    Args:
        event: a complete event, as in a report; None for the root of a tree.
    """

    name_regex = r"(.*?) \((.*):([0-9]+)\)"

    def __init__(self, event: dict[str, Any] | None = None) -> None:
        self.parent: FuncTreeNode | None = None
        self.children: list[FuncTreeNode] = []
        self.event = {"name": "__ROOT__"} if event is None else event
        self.start: float = -EVER if event is None else event["ts"]
        self.end: float = EVER if event is None else event["ts"] + event["dur"]
        self.fullname: str = self.event["name"]
        found = re.fullmatch(self.name_regex, self.fullname, re.DOTALL)
        self.is_python = found is not None
        self.funcname = found[1] if found else None
        self.filename = found[2] if found else None
        self.lineno = int(found[3]) if found else None

    def is_ancestor(self, other: FuncTreeNode) -> bool:
        """Return whether another call lies inside of this one in time, and is not this one."""
        return self is not other and self.start <= other.start and other.end <= self.end

    def is_same(self, other: FuncTreeNode) -> bool:
        """Return whether another call is of the same function and made the same calls, at any time."""
        return (
            self.fullname == other.fullname
            and len(self.children) == len(other.children)
            and all(mine.is_same(theirs) for mine, theirs in zip(self.children, other.children))
        )

    def adopt(self, other: FuncTreeNode) -> None:
        """Put a call that lies inside of this one where it belongs; it takes over what lies inside of it.

        Raises:
            ValueError: it does not lie inside of this one.
        """
        node = self
        if not node.is_ancestor(other):
            raise ValueError(f"{other.fullname} does not lie inside of {self.fullname}")
        while True:
            around = bisect_right(node.children, other.start, key=_start) - 1
            if around < 0 or not node.children[around].is_ancestor(other):
                break
            node = node.children[around]
        first = bisect_left(node.children, other.start, key=_start)
        last = first
        while last < len(node.children) and other.is_ancestor(node.children[last]):
            last += 1
        inside = node.children[first:last]
        node.children[first:last] = [other]
        other.parent = node
        other.children.extend(inside)
        for child in inside:
            child.parent = other


class FuncTree:
    """The calls of one thread.

    Args:
        pid: the process.
        tid: the thread.
    """

    def __init__(self, pid: int = 0, tid: int = 0) -> None:
        self.root = FuncTreeNode()
        self.pid = pid
        self.tid = tid

    def is_same(self, other: FuncTree) -> bool:
        """Return whether another tree has the same calls in the same order."""
        return self.root.is_same(other.root)

    def add_event(self, event: dict[str, Any]) -> None:
        """Add a complete event; events may come in any order.

        Raises:
            KeyError: the event has no time, duration or name.
        """
        self.root.adopt(FuncTreeNode(event))

    def first_ts(self) -> float:
        """Return when the first call began.

        Raises:
            IndexError: there is no call.
        """
        return self.first_node().start

    def first_node(self) -> FuncTreeNode:
        """Return the first of the outermost calls.

        Raises:
            IndexError: there is no call.
        """
        return self.root.children[0]

    def node_by_timestamp(self, ts: float) -> FuncTreeNode:
        """Return the outermost call that began last at this time; the first one, if none had begun.

        Raises:
            IndexError: there is no call.
        """
        return self.root.children[max(bisect_right(self.root.children, ts, key=_start) - 1, 0)]

    def normalize(self, first_ts: float) -> None:
        """Shift all calls in time, so that this time becomes 0."""
        for node in self.inorder_traverse():
            node.start -= first_ts
            node.end -= first_ts

    def inorder_traverse(self) -> Iterator[FuncTreeNode]:
        """Iterate over the root and all calls, in the order in which they began."""
        ahead = [self.root]
        while ahead:
            node = ahead.pop()
            yield node
            ahead.extend(reversed(node.children))


def _start(node: FuncTreeNode) -> float:
    return node.start
