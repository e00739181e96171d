"""Python functions called from C: by sorted, max, map, filter, reduce, re.sub, str.join and by protocol slots."""

import functools
import re


def negative(n):
    return -n


def is_odd(n):
    return n % 2


def add(a, b):
    return a + b


def shout(match):
    return match[0].upper()


class Backwards:
    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return other.value < self.value

    def __hash__(self):
        return hash(self.value)

    def __eq__(self, other):
        return self.value == other.value


numbers = [3, 1, 2]
assert sorted(numbers, key=negative) == [3, 2, 1]
assert max(numbers, key=negative) == 1
assert list(map(negative, numbers)) == [-3, -1, -2]
assert list(filter(is_odd, numbers)) == [3, 1]
assert functools.reduce(add, numbers) == 6
assert re.sub("[ab]", shout, "cab") == "cAB"
assert sorted(numbers, key=functools.cmp_to_key(lambda a, b: b - a)) == [3, 2, 1]
assert [item.value for item in sorted(map(Backwards, numbers))] == [3, 2, 1]
assert {Backwards(1): "one"}.get(Backwards(1)) == "one"
numbers.sort(key=lambda n: sorted([n, 0], key=negative))
