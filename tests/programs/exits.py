"""Exits with status 3 by a SystemExit through three frames; cleans up on the way and at exit."""

import atexit
import sys


def outer():
    try:
        inner()
    finally:
        cleans_up()


def inner():
    sys.exit(3)


def cleans_up():
    print("cleaned up")


def at_exit():
    print("at exit")


atexit.register(at_exit)
outer()
