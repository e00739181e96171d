"""usage: logs_for_ever.py LOG WORKERS threads|tasks|forks

Logs data of all kinds for ever, in that many threads, or tasks of one thread, or processes. Each worker keeps a row of
64-bit integers in LOG, which outlives the process, whatever ends it: its process id, its thread's native id, and for
each kind of data in the order of KINDS the last number that was logged. It is stored after its event has returned.
"""

import mmap
import os
import sys
import threading

from viztracer import get_tracer
from viztracer.vizcounter import VizCounter
from viztracer.vizobject import VizObject

KINDS = ("instant", "variable", "counter", "object", "raw", "call", "print", "exception", "assigned", "audit", "args")


def called(worker, number, text):
    return -number


def raises(worker, number):
    try:
        raise ValueError(worker, number)
    except ValueError:
        pass


def assigns(worker, number):
    assigned = (worker, number)  # noqa: F841


def waits(worker, number):
    """Ends after `work` has added its argument, so that this one is often seen in an open call."""
    get_tracer().add_func_args("again", number)
    for _ in range(100):
        pass


def work(at, worker, number, counter, kept):
    """Logs a number in each way."""
    tracer = get_tracer()
    tracer.add_instant("instant", {"worker": worker, "number": number})
    log[at] = number
    tracer.add_variable(f"variable {worker}", number)
    log[at + 1] = number
    counter.number = number
    log[at + 2] = number
    kept.number = number
    log[at + 3] = number
    tracer.add_raw({"ph": "b", "name": "raw", "cat": "c", "id": worker, "args": {"number": number}})
    log[at + 4] = number
    called(worker, number, "x" * (number % 100))
    log[at + 5] = number
    print(worker, number)
    log[at + 6] = number
    raises(worker, number)
    log[at + 7] = number
    assigns(worker, number)
    log[at + 8] = number
    sys.audit("logs.audit", worker, number)
    log[at + 9] = number
    tracer.add_func_args("added", number)
    log[at + 10] = number
    waits(worker, number)


def works(worker):
    """Yields after each number."""
    row, number = worker * (2 + len(KINDS)), 0
    counter = VizCounter(get_tracer(), f"counter {worker}")
    kept = VizObject(get_tracer(), f"object {worker}")
    log[row + 1] = threading.get_native_id()
    log[row] = os.getpid()
    while True:
        number += 1
        work(row + 2, worker, number, counter, kept)
        yield


def work_for_ever(worker):
    for _ in works(worker):
        pass


def work_in_tasks(workers):
    import asyncio

    async def task(worker):
        for _ in works(worker):
            await asyncio.sleep(0)

    async def tasks():
        await asyncio.gather(*(task(worker) for worker in range(workers)))

    asyncio.run(tasks())


def main(workers, how):
    if how == "tasks":
        work_in_tasks(workers)
    for worker in range(1, workers):
        if how == "threads":
            threading.Thread(target=work_for_ever, args=(worker,)).start()
        elif not os.fork():
            work_for_ever(worker)
    work_for_ever(0)


sys.setswitchinterval(1e-5)
with open(sys.argv[1], "r+b") as file:
    log = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
main(int(sys.argv[2]), sys.argv[3])
