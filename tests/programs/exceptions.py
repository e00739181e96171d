"""Exceptions that pass through several frames: caught far up, replaced, chained, in finally, in a generator, in C."""


class Refused(Exception):
    def __init__(self, reason):
        super().__init__(reason)


def bottom(depth):
    if depth == 0:
        raise Refused("at the bottom")
    bottom(depth - 1)


def replaces():
    try:
        bottom(1)
    except Refused as error:
        raise KeyError("instead") from error


def cleans_up(log):
    try:
        bottom(1)
    finally:
        log.append("cleaned")


def swallows():
    try:
        bottom(2)
    except Refused:
        return "swallowed"


def through_c(value):
    raise TypeError(value)


def returns_none_after_all():
    try:
        bottom(0)
    except Refused:
        pass


def catching(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error).__name__


assert catching(bottom, 5) == "Refused"
assert catching(replaces) == "KeyError"
assert catching(cleans_up, []) == "Refused"
assert catching(sorted, [2, 1]) == [1, 2]
assert catching(lambda: sorted([2, 1], key=through_c)) == "TypeError"
assert catching(lambda: [].index(1)) == "ValueError"
assert catching(lambda: {}["missing"]) == "KeyError"
assert swallows() == "swallowed"
assert returns_none_after_all() is None
