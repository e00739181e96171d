"""Functions made by functions, with cells and lambdas."""


def counter(start):
    count = start

    def step(by=1):
        nonlocal count
        count += by
        return count

    def reset():
        nonlocal count
        count = start
        return step(0)

    return step, reset


def compose(*functions):
    def composed(value):
        for function in reversed(functions):
            value = function(value)
        return value

    return composed


step, reset = counter(10)
assert [step(), step(5), reset(), step()] == [11, 16, 10, 11]
assert compose(lambda x: x + 1, lambda x: x * 2)(5) == 11
