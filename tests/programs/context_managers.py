"""Context managers: classes, contextlib, ExitStack; left normally, by return and by an exception, swallowed or not."""

import contextlib


class Door:
    def __init__(self, swallow=False):
        self.swallow = swallow

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        return self.swallow


@contextlib.contextmanager
def borrowed(what, log):
    log.append(what)
    try:
        yield what
    finally:
        log.remove(what)


def leaves_by_return():
    with Door():
        return "left"


def leaves_by_exception():
    with Door():
        raise KeyError("not swallowed")


log = []
with Door(swallow=True):
    leaves_by_exception()
with borrowed("book", log) as book:
    assert log == [book]
with contextlib.suppress(KeyError), borrowed("pen", log):
    leaves_by_exception()
with contextlib.ExitStack() as stack:
    for thing in "ab":
        stack.enter_context(borrowed(thing, log))
    stack.callback(leaves_by_return)
assert log == []
assert leaves_by_return() == "left"
