"""usage: generators.py CALLS

A pipeline of two generators and a coroutine-like one; a call is a resumption.
"""

import sys


def numbers(count):
    for n in range(count):
        yield n


def squares(source):
    for n in source:
        yield n * n


def pairs(source):
    for n in source:
        yield n, source


def run(calls):
    for _ in range(calls // 300):
        for _pair in pairs(squares(numbers(99))):
            pass


if __name__ == "__main__":
    run(int(sys.argv[1]))
