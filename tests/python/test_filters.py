"""Code that is left out: what it costs, and what it does not hide."""

import sys

import pytest

monitors = pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")

LIBRARY = """
class Thing:
    def __init__(self, value):
        self.value = value

def inner(value):
    return len([value])

def numbers(count):
    yield from range(count)

def work():
    things = [Thing(value=n) for n in range(3)]
    total = sum(numbers(3))
    for thing in things:
        total += inner(thing.value) + inner(*[1]) + int("1") + inner(**{"value": 1})
    return str(total)

def call(function, *arguments):
    return function(*arguments)
"""

# The instructions that still raise events, behind the first run of each. CPython 3.12 raises none for a call of a
# Python function with `*` or `**`, so that nobody can switch them off there.
INSTRUMENTED = """
import dis, sys

def instrumented(function):
    code = [function.__code__]
    code += [inner for inner in function.__code__.co_consts if hasattr(inner, "co_code")]
    found = [one for each in code for one in dis.get_instructions(each, adaptive=True)]
    silent = "INSTRUMENTED_CALL_FUNCTION_EX" if sys.version_info < (3, 13) else ""
    return [one.opname for one in found if one.opname.startswith("INSTRUMENTED") and one.opname != silent]
"""


@pytest.fixture
def library(sandbox):
    (sandbox.path / "lib").mkdir()
    sandbox.script(LIBRARY, "lib/library.py")
    return sandbox


def shown(sandbox, file=""):
    """The names of the calls in the report; of the functions in this file, if one is named."""
    events = sandbox.report("result.json")["traceEvents"]
    return [event["name"].split(" ")[0] for event in events if event["ph"] == "X" and file in event["name"]]


@monitors
@pytest.mark.parametrize("option", ["--exclude_files", "--include_files"])
def test_code_that_is_left_out_raises_no_events_any_more(library, option):
    """Each location in it answers once that it is not wanted, whatever is called there."""
    library.script(
        f"""{INSTRUMENTED}
sys.path.insert(0, "lib")
import library
def own():
    return library.work()
own(), own()
for function in (library.work, library.inner, library.numbers, library.Thing.__init__):
    assert not instrumented(function), (function, instrumented(function))
assert "INSTRUMENTED_CALL" in instrumented(own)
"""
    )
    files = {"--exclude_files": "lib", "--include_files": "script.py"}[option]
    done = library.viztracer("-o", "result.json", option, files, "--", "script.py")
    assert done.returncode == 0, done.stderr
    names = shown(library)
    assert "own" in names and not set(names) & {"work", "inner", "numbers", "Thing.__init__"}


@monitors
def test_frozen_code_that_is_left_out_raises_no_events_any_more(sandbox):
    sandbox.script(
        f"""{INSTRUMENTED}
from importlib._bootstrap import _call_with_frames_removed
def callback(): pass
for _ in range(2):
    _call_with_frames_removed(callback)
assert not instrumented(_call_with_frames_removed), instrumented(_call_with_frames_removed)
"""
    )
    done = sandbox.viztracer("-o", "result.json", "--ignore_frozen", "--", "script.py")
    assert done.returncode == 0, done.stderr
    names = shown(sandbox)
    assert "callback" in names and not {name for name in names if "_call_with_frames_removed" in name}


@pytest.mark.parametrize("option", ["--exclude_files", "--include_files"])
def test_what_code_that_is_left_out_calls_is_shown(library, option):
    """The program passes it functions of its own: all of them appear, and again at each call."""
    library.script(
        """
import asyncio, sys, threading
sys.path.insert(0, "lib")
import library

def in_thread(): pass
def in_loop(): pass
def in_map(value): return value
def in_key(value): return -value
def in_call(value): return value
class InClass:
    def __init__(self, value): pass
    def __call__(self): pass
async def in_task(): pass

async def main():
    loop = asyncio.get_running_loop()
    loop.call_soon(in_loop)
    await asyncio.create_task(in_task())
    await asyncio.sleep(0)

for _ in range(3):
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    asyncio.run(main())
    library.call(map, in_map, [1]).__next__()
    library.call(sorted, [1]).sort(key=in_key)
    library.call(in_call, 1)
    library.call(InClass, 1)()
"""
    )
    excluded = ["lib", asyncio_directory(), threading_file()]
    files = {"--exclude_files": excluded, "--include_files": ["script.py"]}[option]
    done = library.viztracer("-o", "result.json", option, *files, "--", "script.py")
    assert done.returncode == 0, done.stderr
    names = shown(library, "script.py:")
    own = ["in_thread", "in_loop", "in_map", "in_key", "in_call", "in_task", "InClass.__init__", "InClass.__call__"]
    if sys.version_info < (3, 11):
        own[-2:] = ["__init__", "__call__"]
    assert {name: names.count(name) for name in own} == dict.fromkeys(own, 3)
    assert not [file for file in ("/lib/library.py:", "/asyncio/", "/threading.py:") if shown(library, file)]


def asyncio_directory():
    import asyncio

    return asyncio.__path__[0]


def threading_file():
    import threading

    return threading.__file__
