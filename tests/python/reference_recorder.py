"""usage: python reference_recorder.py OUT.json PROGRAM [ARGUMENT]...

Runs PROGRAM and writes down every call that it makes, thread by thread, with nothing but the interpreter's own
`sys.setprofile`. Shares no code and no idea with the tracer; it is slow and simple, and the tests believe it.

OUT.json: a list of {"name": the thread's name, "calls": [[depth, name, raised], ...]}, calls in the order of beginning.
"""

import ctypes
import dis
import inspect
import json
import os
import sys
import threading

TP_NAME = 3 * ctypes.sizeof(ctypes.c_void_p)  # PyTypeObject.tp_name comes after ob_refcnt, ob_type and ob_size

RETURNS = {dis.opmap.get(name) for name in ("RETURN_VALUE", "RETURN_CONST", "RETURN_GENERATOR")}


class Thread:
    def __init__(self):
        self.name = threading.current_thread().name
        self.calls = []
        self.open = []

    def enter(self, name):
        self.calls.append([len(self.open), name, False])
        self.open.append(self.calls[-1])

    def leave(self, raised):
        if self.open:  # the hook was set inside of a call: its end has no beginning
            self.open.pop()[2] = raised


def record(frame, event, argument):
    try:
        thread = here.thread
    except AttributeError:
        thread = here.thread = Thread()
        threads.append(thread)
    if event == "call":
        thread.enter(python_name(frame.f_code))
    elif event == "return":
        thread.leave(argument is None and left_by_exception(frame))
    elif event == "c_call":
        thread.enter(c_name(argument))
    else:
        thread.leave(event == "c_exception")


def python_name(code):
    return f"{getattr(code, 'co_qualname', code.co_name)} ({code.co_filename}:{code.co_firstlineno})"


def c_name(function):
    if isinstance(function.__module__, str):
        return f"{function.__module__}.{function.__name__}"
    if function.__self__ is None:
        return function.__name__
    tp_name = ctypes.c_char_p.from_address(id(type(function.__self__)) + TP_NAME)
    return f"{tp_name.value.decode()}.{function.__name__}"


def left_by_exception(frame):
    """Whether an exception ended a call that gave None; None where the hook does not tell: a generator that `throw`
    ends stands on the same instruction as one that has just yielded None."""
    code, last = frame.f_code.co_code, frame.f_lasti
    if last < 0:
        return True
    if frame.f_code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return None
    return code[last] not in RETURNS


def main(out, program):
    sys.argv = sys.argv[2:]
    sys.path[0] = os.path.dirname(program)
    with open(program, "rb") as file:
        code = compile(file.read(), program, "exec")
    namespace = {"__name__": "__main__", "__file__": program, "__builtins__": __builtins__}
    threading.setprofile(record)
    sys.setprofile(record)
    try:
        exec(code, namespace)
    except SystemExit:
        pass
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        with open(out, "w", encoding="utf-8") as file:
            json.dump([{"name": thread.name, "calls": thread.calls} for thread in threads], file)


here = threading.local()
threads = []
if __name__ == "__main__":
    main(*sys.argv[1:3])
