"""Code outside of function definitions in files: eval, exec, compiled strings, lambdas, classes made by type()."""


def callee(n):
    return n + 1


assert eval("callee(1)") == 2
exec("def made(n):\n    return callee(n)\n\nmade(2)")
exec(compile("callee(3)\ncallee(4)", "<a string>", "exec"))
assert eval(compile("[callee(n) for n in (1, 2)]", "some/relative path.py", "eval")) == [2, 3]
assert (lambda n: callee(n))(5) == 6
assert type("Made", (), {"method": lambda self: callee(6)})().method() == 7
