"""200 threads, one after the other, each named by its number and gone before the next begins."""

import threading


def work(n):
    return n


for n in range(200):
    thread = threading.Thread(target=work, args=(n,), name=f"short-{n}")
    thread.start()
    thread.join()
