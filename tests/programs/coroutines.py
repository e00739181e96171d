"""Coroutines under asyncio: await, gather, a task that is cancelled, a coroutine driven by hand."""

import asyncio


async def fetch(name, rounds):
    for _ in range(rounds):
        await asyncio.sleep(0)
    return name


async def fails():
    await asyncio.sleep(0)
    raise LookupError("inside a task")


async def waits_forever():
    await asyncio.get_running_loop().create_future()


async def main():
    assert await fetch("alone", 1) == "alone"
    assert await asyncio.gather(fetch("a", 2), fetch("b", 3)) == ["a", "b"]
    (error,) = await asyncio.gather(fails(), return_exceptions=True)
    assert isinstance(error, LookupError)
    task = asyncio.create_task(waits_forever())
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"


async def without_a_loop():
    return 42


assert asyncio.run(main()) == "cancelled"
try:
    without_a_loop().send(None)
except StopIteration as stop:
    assert stop.value == 42
