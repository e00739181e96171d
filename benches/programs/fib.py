"""usage: fib.py CALLS

A function that calls itself.
"""

import sys


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def run(calls):
    for _ in range(calls // 21_891):
        fib(20)


if __name__ == "__main__":
    run(int(sys.argv[1]))
