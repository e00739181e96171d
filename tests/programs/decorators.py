"""Decorators: functools.wraps, partial, lru_cache, singledispatch, classes as decorators, decorators with arguments."""

import functools


def twice(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(function(*args))

    return wrapper


def times(factor):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return factor * function(*args)

        return wrapper

    return decorate


class Counted:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
        self.calls = 0

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)


@twice
def increment(n):
    return n + 1


@times(3)
@Counted
def identity(n):
    return n


@functools.lru_cache(maxsize=None)
def cached(n):
    return n if n < 2 else cached(n - 1) + cached(n - 2)


@functools.singledispatch
def kind(_value):
    return "something"


@kind.register(int)
def kind_of_int(_value):
    return "number"


def power(base, exponent):
    return base**exponent


assert increment(1) == 3
assert identity(2) == 6
assert cached(20) == 6765
assert (kind("a"), kind(1)) == ("something", "number")
assert functools.partial(power, exponent=2)(3) == 9
