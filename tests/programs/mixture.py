"""usage: mixture.py SEED

Random calls of all kinds: recursion, methods, functions of C, exceptions, generators; in threads, in asyncio tasks that
wait for each other, some of which begin at once, and in two children, of which one kills itself in the middle of it.
"""

import asyncio
import os
import random
import signal
import sys
import threading

CALLS = 60


class Refused(Exception):
    pass


class Box:
    def __init__(self, content):
        self.content = content

    @property
    def size(self):
        return len(self.content)

    def sorted(self):
        return sorted(self.content, key=abs)


class Work:
    """Calls by chance, as many as are left."""

    def __init__(self, seed, calls=CALLS):
        self.random = random.Random(seed)
        self.left = calls

    def step(self):
        self.left -= 1
        if self.left > 0:
            self.random.choice([self.step, self.twice, self.other, self.box, self.refuse, self.generate, self.end])()

    def end(self):
        pass

    def twice(self):
        self.step()
        self.step()

    def other(self):
        self.random.choice([self.twice, self.step])()

    def box(self):
        box = Box([self.random.randrange(9) for _ in range(3)])
        return box.size, box.sorted()

    def refuse(self):
        try:
            self.refused(self.random.randrange(3))
        except Refused:
            self.step()

    def refused(self, depth):
        if depth == 0:
            raise Refused
        self.refused(depth - 1)

    def generate(self):
        for _ in self.numbers():
            self.step()

    def numbers(self):
        yield from range(self.random.randrange(3))

    def run(self):
        while self.left > 0:
            self.step()

    def die(self):
        while self.left > 0:
            self.step()
        self.killed(2)

    def killed(self, depth):
        if depth > 0:
            self.killed(depth - 1)
        os.kill(os.getpid(), signal.SIGKILL)

    async def turns(self, depth):
        for _ in range(3):
            self.left = CALLS // 6
            self.step()
            await asyncio.sleep(0)
        if depth > 0:
            await asyncio.gather(self.turns(depth - 1), self.turns(depth - 1))


async def main(seed):
    if seed % 2 and hasattr(asyncio, "eager_task_factory"):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.gather(*(Work(seed * 10 + n).turns(1) for n in range(3)))


def in_child(act):
    child = os.fork()
    if child == 0:
        act()
        sys.exit()
    return child


def run(seed):
    works = [Work(seed * 100 + n).run for n in range(2)]
    threads = [threading.Thread(target=work) for work in [*works, lambda: asyncio.run(main(seed + 2))]]
    for thread in threads:
        thread.start()
    asyncio.run(main(seed))
    for thread in threads:
        thread.join()
    for child in (in_child(Work(seed).run), in_child(Work(seed).die)):
        os.waitpid(child, 0)


if __name__ == "__main__":
    run(int(sys.argv[1]))
