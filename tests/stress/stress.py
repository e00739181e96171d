"""Start, stop, save, fork, and name and end threads, at random and concurrently, for some seconds.

Usage: ``stress.py SECONDS [SEED]``. The process must end with status 0: nothing that a traced program does with its
tracers may end it. Prints the seed first, and what was done last.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import ctypes
import os
import random
import sys
import tempfile
import threading
import time
import warnings

from viztracer import VizTracer

done: collections.Counter[str] = collections.Counter()
stop = threading.Event()
# Before 3.12, a child waits for ever inside of `os.fork` if a thread that C code has made was about to become known to
# the interpreter: the child takes the lock on the list of threads before it makes it anew.
alone = threading.Lock() if sys.version_info < (3, 12) else contextlib.nullcontext()


def leaf(value: object) -> int:
    return len(str(value))


def busy() -> None:
    """Calls, of which some raise, until the end."""
    while not stop.is_set():
        leaf("ab")
        sorted([3, 1, 2], key=lambda value: leaf(value))
        try:
            int("no number")
        except ValueError:
            pass


def busy_at_the_end() -> None:
    """Calls that are in progress when the process ends."""
    while True:
        leaf("daemon")


def short_threads(choose: random.Random) -> None:
    """Threads that are named, renamed, and end; their classes are their own."""
    while not stop.is_set():
        kind = type(f"Thread{choose.randrange(5)}", (threading.Thread,), {})
        thread = kind(target=leaf, args=(1,), name=f"named-{choose.randrange(100)}")
        thread.start()
        thread.name = f"renamed-{choose.randrange(100)}"
        thread.join()
        done["threads"] += 1


def foreign_threads() -> None:
    """Threads that the interpreter does not know of before they call it."""
    library = ctypes.CDLL(None)
    called = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda argument: leaf(argument) and None)
    while not stop.is_set():
        threads = [ctypes.c_ulong() for _ in range(4)]
        with alone:
            started = [one for one in threads if not library.pthread_create(ctypes.byref(one), None, called, None)]
            for one in started:
                library.pthread_join(one, None)
        done["foreign threads"] += len(started)


def tasks() -> None:
    """Tasks that come and go."""

    async def work() -> None:
        await asyncio.sleep(0)
        leaf("task")

    async def main() -> None:
        while not stop.is_set():
            await asyncio.gather(*(work() for _ in range(10)))

    asyncio.run(main())


def forks(choose: random.Random) -> None:
    """Children that run for a short time, with or without their own tracer."""
    while not stop.is_set():
        with alone:
            pid = os.fork()
        if not pid:
            try:
                leaf("child")
                if choose.random() < 0.3:
                    use_tracer(random.Random(os.getpid()))
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, f"a child ended with status {status}"
        done["forks"] += 1
        time.sleep(0.01)


def use_tracer(choose: random.Random) -> None:
    """A tracer, started and stopped and saved in any order; that another one records is no error here."""
    tracer = VizTracer(
        verbose=0, tracer_entries=2000, log_async=choose.random() < 0.5, output_file=f"{id(choose)}.json"
    )
    try:
        for _ in range(choose.randrange(1, 6)):
            action = choose.choice([tracer.start, tracer.stop, tracer.save, tracer.pause, tracer.resume, tracer.mend])
            try:
                action()
                done[action.__name__] += 1
            except RuntimeError:
                done["refused"] += 1
            leaf("between")
    finally:
        tracer.stop()
        tracer.save()


def tracers(choose: random.Random) -> None:
    while not stop.is_set():
        use_tracer(choose)


def main() -> int:
    seconds = float(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print("seed", seed, flush=True)
    warnings.simplefilter("ignore")
    sys.setswitchinterval(1e-5)
    choose = [random.Random(seed + number) for number in range(8)]
    parts = [busy, busy, foreign_threads, tasks]
    randomly = [short_threads, forks, tracers, tracers, tracers]
    threads = [threading.Thread(target=part) for part in parts]
    threads += [threading.Thread(target=part, args=(one,)) for part, one in zip(randomly, choose)]
    failed: list[object] = []
    threading.excepthook = failed.append
    for thread in threads:
        thread.start()
    for _ in range(2 if sys.version_info >= (3, 11) else 0):  # CPython 3.10 itself crashes of these now and then
        threading.Thread(target=busy_at_the_end, daemon=True).start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    print(dict(done), flush=True)
    for failure in failed:
        print("failed:", failure, file=sys.stderr)
    last = VizTracer(verbose=0, tracer_entries=2000)
    last.start()  # and is never stopped
    return 1 if failed or not done["save"] else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        status = main()
        os.chdir("/")
    sys.exit(status)
