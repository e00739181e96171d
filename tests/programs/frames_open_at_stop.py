"""Ends while a thread is inside a call that never returns and a generator is suspended."""

import threading

ready = threading.Lock()
gate = threading.Lock()
ready.acquire()
gate.acquire()


def never_returns():
    waits()


def waits():
    ready.release()
    gate.acquire()


def suspended():
    yield 1
    yield 2


generator = suspended()
next(generator)
threading.Thread(target=never_returns, name="waiting", daemon=True).start()
ready.acquire()
