"""Asyncio tasks that write down what ran in which: every function below that calls `note`, in the order of the calls.

Prints the list as JSON at the end. The argument names the scenario.
"""

import asyncio
import contextlib
import json
import sys
import threading
import time

NOTES = []


def note():
    NOTES.append((owner(), sys._getframe(1).f_code.co_name))


def owner():
    """The running task's name, or the thread's outside of tasks."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None and "trio" in sys.modules:
        with contextlib.suppress(RuntimeError):
            return sys.modules["trio"].lowlevel.current_task().name
    return task.get_name() if task else threading.current_thread().name


def before():
    note()


def between():
    note()


def after():
    note()


async def inner(rounds):
    for _ in range(rounds):
        between()
        await asyncio.sleep(0)


async def work(rounds):
    before()
    await inner(rounds)
    await asyncio.gather(inner(1), asyncio.sleep(0.001))
    after()


async def gather():
    before()
    await asyncio.gather(*(asyncio.create_task(work(n), name=f"worker {n}") for n in range(5)))
    after()


async def group():
    async with asyncio.TaskGroup() as tasks:
        for n in range(3):
            tasks.create_task(work(n), name=f'"grouped" {n}')
    after()


async def cancelled():
    async def waits():
        before()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            after()

    task = asyncio.create_task(waits(), name="to be cancelled")
    never_begun = asyncio.create_task(waits(), name="never begun")
    never_begun.cancel()
    await asyncio.sleep(0)
    task.cancel()
    between()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def raises():
    async def fails():
        before()
        await asyncio.sleep(0)
        raise LookupError("inside a task")

    await asyncio.gather(asyncio.create_task(fails(), name="failing"), return_exceptions=True)
    after()


async def generators():
    async def numbers():
        before()
        try:
            for n in range(3):
                await asyncio.sleep(0)
                between()
                yield n
        finally:
            after()

    async def consume(stop):
        async for n in numbers():
            if n == stop:
                break

    await asyncio.gather(*(asyncio.create_task(consume(n), name=f"consumer {n}") for n in (1, 5)))
    await asyncio.sleep(0)


async def callbacks():
    """What the loop calls itself runs in no task."""
    asyncio.get_running_loop().call_soon(before)
    await asyncio.sleep(0)
    between()
    await asyncio.get_running_loop().run_in_executor(None, after)


async def blocking():
    async def step():
        before()
        time.sleep(0.002)
        await asyncio.sleep(0)
        after()

    await asyncio.gather(*(asyncio.create_task(step(), name=f"step {n}") for n in range(3)))


async def eager():
    """A task that begins inside the one that makes it."""
    before()
    task = asyncio.Task(work(2), loop=asyncio.get_running_loop(), name="eager", eager_start=True)
    between()
    await task
    after()


async def manual():
    """A coroutine that is driven by hand belongs to the task that drives it."""
    coroutine = work(1)
    coroutine.send(None)
    coroutine.close()
    after()


def loops_in_threads():
    def run(n):
        before()
        asyncio.run(gather() if n else raises())
        after()

    threads = [threading.Thread(target=run, args=(n,), name=f"loop {n}") for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def python_tasks():
    asyncio.Task = asyncio.tasks.Task = asyncio.tasks._PyTask
    asyncio.run(gather())


def uvloop():
    import uvloop

    uvloop.run(gather())


def trio():
    import trio

    async def child(rounds):
        before()
        for _ in range(rounds):
            await trio.sleep(0)
            between()

    async def main():
        async with trio.open_nursery() as nursery:
            for n in range(3):
                nursery.start_soon(child, n, name=f"child {n}")
        after()

    trio.run(main)


def anyio():
    import anyio

    async def child(rounds):
        before()
        for _ in range(rounds):
            await anyio.sleep(0)
            between()

    async def main():
        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(child, n, name=f"child {n}")
        after()

    for backend in ("asyncio", "trio"):
        anyio.run(main, backend=backend)


scenario = globals()[sys.argv[1]]
if asyncio.iscoroutinefunction(scenario):
    asyncio.run(scenario())
else:
    scenario()
print(json.dumps(NOTES))
