"""usage: threads.py CALLS

Eight threads that contend for the interpreter, each with small functions that call each other.
"""

import sys
import threading

THREADS = 8


def leaf(n):
    return n + 1


def node(n):
    return leaf(n) + leaf(n)


def work(rounds):
    for n in range(rounds):
        node(n)


def run(calls):
    threads = [threading.Thread(target=work, args=(calls // THREADS // 3,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    run(int(sys.argv[1]))
