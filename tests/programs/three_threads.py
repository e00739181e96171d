"""Three threads that fetch, compute and save. They begin together, and only one may save at a time."""

import threading
import time

THREADS = 3
ROUNDS = 3
begin = threading.Barrier(THREADS)
saving = threading.Lock()


def work(seconds):
    begin.wait()
    for _ in range(ROUNDS):
        fetch(seconds)
        fib(15)
        save()


def fetch(seconds):
    time.sleep(seconds)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def save():
    saving.acquire()
    time.sleep(0.0005)
    saving.release()


threads = [threading.Thread(target=work, args=(n * 0.0003,), name=f"worker {n}") for n in range(1, THREADS + 1)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
