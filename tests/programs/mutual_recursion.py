"""Two functions that call each other."""


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


assert is_even(40)
assert not is_odd(40)
