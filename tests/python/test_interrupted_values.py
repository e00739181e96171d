"""Exceptions that arrive while a value of the program becomes text: those for the program reach it, others do not."""

import pytest
from conftest import library

HEAD = """
import ctypes, functools, os, signal, sys, threading, time
from viztracer import VizTracer
class Timeout(Exception): pass
class Stopped(BaseException): pass
MAIN = threading.get_ident()
def busy():
    end = time.monotonic() + 20
    while time.monotonic() < end: time.sleep(0.001)
def raises(*arguments): raise Timeout("late", 5)
class Handlers:
    def method(self, number, frame): raise Timeout("late", 5)
    def __call__(self, number, frame): raise Timeout("late", 5)
def after_a_while(handler):
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    busy()
def thrown(kind, thread=MAIN):
    def throw():
        time.sleep(0.02)
        assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind)) == 1
    threading.Thread(target=throw).start()
    busy()
"""
# What the value does while it becomes text, and what the program gets.
FOR_THE_PROGRAM = {
    "a function handles a signal": ("after_a_while(raises)", "Timeout ('late', 5)"),
    "a lambda exits": ("after_a_while(lambda *_: sys.exit(3))", "SystemExit (3,)"),
    "a method": ("after_a_while(Handlers().method)", "Timeout ('late', 5)"),
    "an object": ("after_a_while(Handlers())", "Timeout ('late', 5)"),
    "a partial function": ("after_a_while(functools.partial(raises, 'more'))", "Timeout ('late', 5)"),
    "Ctrl+C": ("signal.signal(signal.SIGINT, signal.default_int_handler); signal.raise_signal(signal.SIGINT); busy()",
               "KeyboardInterrupt ()"),
    "Ctrl+C in C code": ("signal.signal(signal.SIGINT, signal.default_int_handler);"
                         "threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start(); time.sleep(20)",
                         "KeyboardInterrupt ()"),
    "another thread": ("thrown(Timeout)", "Timeout ()"),
    "another thread ends this one": ("thrown(SystemExit)", "SystemExit ()"),
    "another thread, no Exception": ("thrown(Stopped)", "Stopped ()"),
}
OF_THE_VALUE = {
    "Exception": "raise Timeout",
    "no Exception": "raise Stopped",
    "as by Ctrl+C": "raise KeyboardInterrupt",
    "exit": "raise SystemExit",
    "sys.exit": "sys.exit(3)",
    "C code": "next(iter([]))",
    "a cancelled future": "import asyncio; f = asyncio.Future(loop=asyncio.new_event_loop()); f.cancel(); f.result()",
    "no memory": "bytearray(1 << 62)",
    "an attribute": "self.missing",
    "recursion": "repr(self)",
    "from another": "try: {}[1]\n        except KeyError: raise Timeout from None",
    "finally": "try: raise Stopped\n        finally: len('')",
}
WAYS = {
    "argument": ("log_func_args", "takes(It())"),
    "return value": ("log_func_retval", "gives()"),
    "function of the program": ("log_func_args, t.log_func_repr", "takes(It())"),
    "log_var": ("log_gc", "t.log_var('v', It())"),
    "add_variable": ("log_gc", "t.add_variable('v', It())"),
    "add_func_exec": ("log_gc", "t.add_func_exec('v', It(), 1)"),
}
PROGRAM = """
acts = True
class It:
    def __repr__(self):
        if not acts: return "shown"
        {act}
        return "shown"
class Other:
    def __repr__(self): return "shown"
def takes(it, more=None): pass
def gives(): return It()
t = VizTracer(verbose=0)
t.{option} = True{show}
t.start()
try:
    {call}
    for n in range(1000): len("")
    got = "nothing"
except BaseException as error:
    got = f"{{type(error).__name__}} {{error.args}}"
acts = False
for n in range(1000): len("")
takes(It())
takes(Other())
t.stop()
t.save("out.json")
print(got)
"""


def outcome(sandbox, act, way, head=HEAD):
    """What the program got, and the last call of it that is in the report."""
    option, call = WAYS[way]
    show = ", lambda it: repr(it)" if "repr" in option else ""
    done = sandbox.python(sandbox.script(head + PROGRAM.format(act=act, option=option, call=call, show=show)))
    assert (done.returncode, done.stderr) == (0, "")
    calls = [event for event in sandbox.report("out.json")["traceEvents"] if event["name"].startswith("takes (")]
    if "args" in option:
        *interrupted, again, other = [call["args"]["func_args"]["it"] for call in calls]
        assert interrupted in ([], ["Not Displayable"])
        assert again in ("shown", "<It object, whose repr is slow>")  # on a busy machine
        assert other == "shown"
    return done.stdout.strip()


@pytest.mark.parametrize("name", FOR_THE_PROGRAM)
@pytest.mark.parametrize("way", ["argument", "log_var"])
def test_exception_for_the_program_reaches_it(sandbox, name, way):
    act, expected = FOR_THE_PROGRAM[name]
    assert outcome(sandbox, act, way) == expected


@pytest.mark.parametrize("way", WAYS)
def test_timeout_reaches_the_program_in_every_way(sandbox, way):
    assert outcome(sandbox, "after_a_while(raises)", way) == "Timeout ('late', 5)"


@pytest.mark.parametrize("name", OF_THE_VALUE)
@pytest.mark.parametrize("way", ["argument", "log_var"])
def test_exception_of_the_value_does_not_reach_the_program(sandbox, name, way):
    assert outcome(sandbox, OF_THE_VALUE[name], way) == "nothing"


@pytest.mark.parametrize("way", WAYS)
def test_no_exception_of_the_value_reaches_the_program_in_any_way(sandbox, way):
    assert outcome(sandbox, "raise Stopped", way) == "nothing"


def test_exception_reaches_a_thread_that_is_not_the_main_one(sandbox):
    source = """
class It:
    def __repr__(self): thrown(Timeout, threading.get_ident())
def takes(it): pass
def work():
    try:
        takes(It())
        for n in range(1000): len("")
    except Timeout: print("got it")
t = VizTracer(verbose=0)
t.log_func_args = True
t.start()
thread = threading.Thread(target=work); thread.start(); thread.join()
t.stop()
"""
    done = sandbox.python(sandbox.script(HEAD + source))
    assert (done.returncode, done.stdout) == (0, "got it\n"), done.stderr


def test_greenlet_that_is_killed_while_it_shows_a_value_ends(sandbox):
    library("greenlet")
    source = """
import greenlet
class It:
    def __repr__(self):
        hub.switch()
        return "shown"
def takes(it): pass
def work():
    try:
        takes(It())
        for n in range(1000): len("")
        print("goes on")
    except greenlet.GreenletExit: print("ends")
hub = greenlet.getcurrent()
worker = greenlet.greenlet(work)
t = VizTracer(verbose=0)
t.log_func_args = True
t.start()
worker.switch()
worker.throw()
t.stop()
"""
    done = sandbox.python(sandbox.script(HEAD + source))
    assert (done.returncode, done.stdout) == (0, "ends\n"), done.stderr


@pytest.mark.parametrize("option", [["--log_var", "value"], ["--log_func_exec", "f"], ["--log_attr", "slow"]])
def test_timeout_reaches_instrumented_code(sandbox, option):
    source = """
class It:
    def __repr__(self): after_a_while(raises)
    __str__ = __repr__
class Owner: pass
def f():
    value = It()
    owner.slow = value
    for n in range(1000): len("")
owner = Owner()
try:
    f()
    print("nothing")
except Timeout: print("got it")
"""
    done = sandbox.viztracer("--quiet", *option, "--", sandbox.script(HEAD + source))
    assert (done.returncode, done.stdout) == (0, "got it\n"), done.stderr
