"""Threads of all kinds: named, nested, failing, at once, a subclass, of a pool, and one without a Thread object."""

import _thread
import threading
from concurrent.futures import ThreadPoolExecutor


def leaf(n):
    return len(range(n))


def work(n):
    return [leaf(n), leaf(n)]


def fails():
    raise OSError("ends the thread")


def starts_another():
    run(threading.Thread(target=work, args=(4,), name="nested"))


class Worker(threading.Thread):
    def run(self):
        work(3)


def run(thread):
    thread.start()
    thread.join()


def without_an_object():
    done = _thread.allocate_lock()
    done.acquire()

    def bare():
        work(5)
        done.release()

    _thread.start_new_thread(bare, ())
    done.acquire()


threading.excepthook = lambda _arguments: None
run(threading.Thread(target=work, args=(1,), name="named"))
run(threading.Thread(target=work, args=(2,), name="naïve ☃"))
run(Worker(name="subclass"))
run(threading.Thread(target=starts_another, name="outer"))
run(threading.Thread(target=fails, name="failing"))
together = [threading.Thread(target=work, args=(n,), name=f"together-{n}") for n in range(4)]
for thread in together:
    thread.start()
for thread in together:
    thread.join()
with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
    assert list(pool.map(leaf, range(5))) == list(range(5))
without_an_object()
