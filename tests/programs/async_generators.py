"""Asynchronous generators, comprehensions and context managers."""

import asyncio
import contextlib


async def ticks(limit):
    for n in range(limit):
        await asyncio.sleep(0)
        yield n


async def echo():
    received = None
    while True:
        try:
            received = yield received
        except KeyError:
            received = "caught"


class Connection:
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *error):
        await asyncio.sleep(0)

    def __aiter__(self):
        self.left = 2
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left


@contextlib.asynccontextmanager
async def borrowed(what):
    yield what


async def main():
    assert [n async for n in ticks(3)] == [0, 1, 2]
    talking = echo()
    await talking.asend(None)
    assert await talking.asend("hello") == "hello"
    assert await talking.athrow(KeyError()) == "caught"
    await talking.aclose()
    async with Connection() as connection, borrowed("book") as book:
        assert [n async for n in connection] == [1, 0]
        assert book == "book"


asyncio.run(main())
