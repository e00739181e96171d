"""usage: burst.py [CALLS]

Calls `leaf` that many times, prints its sum, and ends with status 7.
"""

import sys


def leaf(n):
    return n & 1


def burst(calls):
    total = 0
    for n in range(calls):
        total += leaf(n)
    return total


print(burst(int(sys.argv[1]) if sys.argv[1:] else 100_000))
sys.exit(7)
