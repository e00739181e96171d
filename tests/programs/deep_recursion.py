"""A recursion of 3,000 frames, far above the usual limit."""

import sys

sys.setrecursionlimit(4_000)


def dive(depth):
    if depth:
        dive(depth - 1)


dive(3_000)
