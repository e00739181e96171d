"""Three asyncio tasks. The second one calls time.sleep where it should await, and the others have to wait for it."""

import asyncio
import time

TASKS = 3
ROUNDS = 3


async def handle(number):
    for part in range(ROUNDS):
        await query(0.0005)
        if number == 2 and part == 1:
            blocking_query(0.003)
        render(14)


async def query(seconds):
    await asyncio.sleep(seconds)


def blocking_query(seconds):
    time.sleep(seconds)


def render(n):
    return n if n < 2 else render(n - 1) + render(n - 2)


async def main():
    tasks = [asyncio.create_task(handle(n), name=f"request {n}") for n in range(1, TASKS + 1)]
    await asyncio.gather(*tasks)


asyncio.run(main())
