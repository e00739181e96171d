"""Generators: each resume is a call of its own; send, throw, close, yield from, one left suspended."""


def count_to(limit):
    for n in range(limit):
        yield n


def echo():
    received = None
    while True:
        try:
            received = yield received
        except KeyError as error:
            received = error.args[0]


def cleans_up(log):
    try:
        yield 1
        yield 2
    finally:
        log.append("closed")


def delegates():
    result = yield from returns_at_end()
    yield result


def returns_at_end():
    yield "first"
    return "second"


def fails():
    yield 1
    raise ValueError("on the second resume")


def untouched():
    yield from count_to(3)


assert list(count_to(3)) == [0, 1, 2]

talking = echo()
next(talking)
assert talking.send("hello") == "hello"
assert talking.throw(KeyError("caught")) == "caught"
talking.close()

log = []
closing = cleans_up(log)
next(closing)
closing.close()
assert log == ["closed"]

assert list(delegates()) == ["first", "second"]

try:
    list(fails())
except ValueError:
    pass

thrown_into = delegates()
next(thrown_into)
try:
    thrown_into.throw(OSError("not caught inside"))
except OSError:
    pass

never_started = untouched()
left_suspended = untouched()
next(left_suspended)
