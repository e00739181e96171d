"""usage: processes.py (fork | spawn) PROCESSES

Short processes, two at a time: forked ones, or interpreters of their own.
"""

import os
import subprocess
import sys

WORK = "def f(n): return n + 1\nfor n in range(200): f(n)\n"


def fork():
    child = os.fork()
    if child == 0:
        exec(WORK, {})
        sys.exit()
    return lambda: os.waitpid(child, 0)[1]


def spawn():
    return subprocess.Popen([sys.executable, "-c", WORK]).wait


def main(start, processes):
    running = []
    for _ in range(processes):
        if len(running) == 2:
            assert running.pop(0)() == 0
        running.append(start())
    assert all(wait() == 0 for wait in running)


if __name__ == "__main__":
    main({"fork": fork, "spawn": spawn}[sys.argv[1]], int(sys.argv[2]))
