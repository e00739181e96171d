"""usage: exceptions.py CALLS

An exception that passes through four frames before it is caught.
"""

import sys


def raises(n):
    raise ValueError(n)


def passes_on(n):
    return raises(n)


def cleans_up(n):
    try:
        return passes_on(n)
    finally:
        n += 1


def outer(n):
    return cleans_up(n)


def catches(n):
    try:
        return outer(n)
    except ValueError:
        return None


def run(calls):
    for n in range(calls // 5):
        catches(n)


if __name__ == "__main__":
    run(int(sys.argv[1]))
