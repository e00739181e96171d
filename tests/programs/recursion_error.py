"""Recurses until the interpreter refuses, recovers, and prints how many calls began, on three lines for three dives."""

import sys

LIMIT = 500
begun = 0


def dive():
    global begun
    begun += 1
    dive()


def until_refused():
    try:
        dive()
    except RecursionError:
        return begun


sys.setrecursionlimit(LIMIT)
for _ in range(3):
    begun = 0
    print(until_refused())
