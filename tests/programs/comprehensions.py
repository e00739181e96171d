"""List, set and dict comprehensions and generator expressions, nested ones too."""


def double(n):
    return n * 2


def is_small(n):
    return n < 4


assert [double(n) for n in range(5) if is_small(n)] == [0, 2, 4, 6]
assert {double(n) for n in range(3)} == {0, 2, 4}
assert {n: double(n) for n in range(3)} == {0: 0, 1: 2, 2: 4}
assert sum(double(n) for n in range(3)) == 6
assert [[double(inner) for inner in range(outer)] for outer in range(3)] == [[], [0], [0, 2]]
assert "".join(str(double(n)) for n in range(3)) == "024"
