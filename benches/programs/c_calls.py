"""usage: c_calls.py CALLS

Functions and methods written in C, from a loop: `list.append`, `len`, `dict.get`.
"""

import sys

PRICES = {n: n * n for n in range(0, 1000, 2)}


def run(calls):
    for _ in range(calls // 3000):
        found = []
        for n in range(1000):
            found.append(n)
            len(found)
            PRICES.get(n)


if __name__ == "__main__":
    run(int(sys.argv[1]))
