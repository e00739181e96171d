"""os.fork: the child continues in the frames of the fork and forks again; each process prints its pid."""

import os
import sys


def before_the_fork():
    return "only the first process runs this"


def in_the_child(generation):
    if generation < 2:
        fork_and_wait(generation + 1)


def in_the_parent(pid):
    os.waitpid(pid, 0)


def fork_and_wait(generation):
    pid = os.fork()
    if pid == 0:
        in_the_child(generation)
        print(generation, os.getpid(), flush=True)
        sys.exit(0)
    in_the_parent(pid)


before_the_fork()
fork_and_wait(1)
print(0, os.getpid(), flush=True)
