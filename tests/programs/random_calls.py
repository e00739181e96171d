"""usage: random_calls.py [SEED]

A random tree of calls of all kinds: plain, through C, by generators, with exceptions caught at some level above.
"""

import sys

DEEPEST = 12
state = int(sys.argv[1]) if sys.argv[1:] else 0


class Passing(Exception):
    pass


def pick(n):
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 33) % n


def plain(depth):
    for _ in range(pick(4)):
        step(depth)


def through_c(depth):
    return sorted([2, 1, 3][: pick(4)], key=lambda n: step(depth) or n)


def resumes(depth):
    for n in range(pick(4)):
        step(depth)
        yield n


def drives_a_generator(depth):
    generator = resumes(depth)
    if pick(2):
        return list(generator)
    next(generator, None)
    generator.close()


def recurses(depth, left=None):
    left = pick(5) if left is None else left
    if left:
        recurses(depth, left - 1)
    else:
        step(depth)


def raises(_depth):
    raise Passing


def catches(depth):
    try:
        step(depth)
        step(depth)
    except Passing:
        step(depth)


class Object:
    def method(self, depth):
        return step(depth)

    @property
    def attribute(self):
        return len("abc")


def step(depth):
    if depth == DEEPEST:
        return abs(-1)
    methods = [Object().method, lambda _: Object().attribute]
    kinds = [plain, through_c, drives_a_generator, recurses, catches, raises, *methods]
    return kinds[pick(len(kinds))](depth + 1) and None


for _ in range(100):
    try:
        step(0)
    except Passing:
        pass
