"""usage: tasks.py CALLS

A thousand asyncio tasks that take turns; every turn calls a function and awaits a coroutine that waits.
"""

import asyncio
import sys

TASKS = 1000
CALLS_PER_TURN = 20  # with those of the event loop


def leaf(n):
    return n + 1


async def turn(n):
    leaf(n)
    await asyncio.sleep(0)


async def task(turns):
    for n in range(turns):
        await turn(n)


async def main(turns):
    await asyncio.gather(*(task(turns) for _ in range(TASKS)))


def run(calls):
    asyncio.run(main(calls // TASKS // CALLS_PER_TURN))


if __name__ == "__main__":
    run(int(sys.argv[1]))
