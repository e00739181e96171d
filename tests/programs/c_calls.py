"""Functions written in C: of modules, of types, of objects and of subclasses, with and without errors."""

import math
import operator
import time
from collections import OrderedDict, deque


class Shelf(list):
    """A list whose methods are still the list's, in C."""


class Box:
    __slots__ = ("value",)


def catching(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__


def of_objects():
    numbers = []
    numbers.append(3)
    numbers.extend((1, 2))
    numbers.sort()
    list.append(numbers, 4)
    append = numbers.append
    append(5)
    assert numbers.pop() == 5
    return {"a": 1}.get("a"), {"a": 1}.get("b", 2), "a,b".split(","), " a ".strip().upper(), b"ab".hex()


def of_subclasses():
    shelf = Shelf()
    shelf.append("book")
    shelf.insert(0, "lamp")
    ordered = OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    queue = deque([1], maxlen=2)
    queue.appendleft(0)
    return ordered.popitem(), queue.popleft(), shelf.count("book")


def of_types():
    return dict.fromkeys("ab"), bytes.fromhex("00ff"), int.from_bytes(b"\1", "big"), float.fromhex("0x1p3")


def of_modules():
    time.monotonic()
    return len("abc"), abs(-1), math.gcd(12, 8), operator.add(1, 2), isinstance(1, int), getattr(1, "real"), ord("a")


def with_keywords_and_stars():
    arguments, options = ([3, 1, 2],), {"reverse": True}
    return sorted(*arguments, **options), max(*[1, 2]), "{a}".format(a=1), "{}".format(*arguments)


def types_are_not_functions():
    return int("3"), str(3), list("ab"), dict(a=1), object(), range(3), type(3)


def failing():
    return [
        catching(int, "x"),
        catching([].index, 1),
        catching([].pop),
        catching("a".join, [1]),
        catching(math.sqrt, -1),
        catching(len, 3),
        catching({}.pop, "a"),
        catching(getattr, Box(), "value"),
        catching(next, iter(())),
        catching(len),
    ]


def failing_in_place():
    try:
        [].index(9)
    except ValueError:
        pass
    try:
        math.sqrt(-1)
    except ValueError:
        pass
    try:
        len(*[1])
    except TypeError:
        pass


of_objects()
of_subclasses()
of_types()
of_modules()
with_keywords_and_stars()
types_are_not_functions()
failing()
failing_in_place()
