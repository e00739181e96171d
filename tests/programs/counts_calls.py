"""usage: counts_calls.py LOG THREADS

Calls `work` for ever in that many threads. Each thread keeps in LOG its native id and how many calls of `work` reached
their last line: a pair of 64-bit integers that outlives the process, whatever ends it.
"""

import mmap
import sys
import threading


def work(log, slot, n):
    log[slot + 1] = n


def work_for_ever(log, slot, all_ready):
    log[slot] = threading.get_native_id()
    all_ready.wait()
    n = 0
    while True:
        n += 1
        work(log, slot, n)


threads = int(sys.argv[2])
sys.setswitchinterval(1e-5)
with open(sys.argv[1], "r+b") as file:
    log = memoryview(mmap.mmap(file.fileno(), 16 * threads)).cast("Q")
all_ready = threading.Barrier(threads)
for number in range(1, threads):
    threading.Thread(target=work_for_ever, args=(log, 2 * number, all_ready)).start()
work_for_ever(log, 0, all_ready)
