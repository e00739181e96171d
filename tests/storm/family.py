"""usage: family.py SEED GENERATION JOURNALS

A process that works, has children in many ways, and dies in one of many ways, as the seed has it. Its journal, a file
of its own in the directory JOURNALS named by its pid, gets 16 bytes for each call of `work` as soon as that has
returned: the native id of the thread and the number of the call. It knows nothing of tracing.
"""

import ctypes
import multiprocessing
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import threading
import time

GENERATIONS = 4
CALLS_MAX = 1000

journal = -1


def work(n):
    return n


def toil(calls):
    """Calls `work` that often, and writes each call down when it is done."""
    tid = threading.get_native_id()
    for n in range(calls):
        work(n)
        os.write(journal, struct.pack("<QQ", tid, n))


def live(seed, generation, journals):
    """The life of a process; the caller sees to it that it dies when this returns."""
    global journal
    journal = os.open(os.path.join(journals, str(os.getpid())), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    chance = random.Random(seed)
    calls = lambda: int(CALLS_MAX ** chance.random())
    threads = [threading.Thread(target=toil, args=(calls(),)) for _ in range(chance.choice((0, 0, 0, 1, 2, 4)))]
    for thread in threads:
        thread.start()
    toil(calls())
    children = chance.randint(0, 3) if 0 < generation < GENERATIONS else 4 * (generation == 0)
    pids = [bear(chance, generation + 1, journals) for _ in range(children)]
    toil(calls())
    for pid in pids:
        if chance.random() < 0.3:
            time.sleep(chance.random() ** 2 / 10)
            kill(pid)
    if generation == 0 or chance.random() < 0.6:
        for pid in pids:
            wait(pid)
    die(chance, generation, journals)


# --- births ---


def bear(chance, generation, journals):
    """Has a child; returns its pid, or 0 if it is not known here. A forked child ends here."""
    birth = chance.choices([*BIRTHS], weights=BIRTHS.values())[0]
    return birth(chance.getrandbits(32), generation, journals)


def command(seed, generation, journals):
    return [sys.executable, __file__, str(seed), str(generation), journals]


def by_fork(seed, generation, journals):
    pid = os.fork()
    if not pid:
        live(seed, generation, journals)
        sys.exit(0)
    return pid


def by_fork_in_a_thread(seed, generation, journals):
    """The child ends by coming to the thread's end."""
    pids = []

    def fork():
        pid = os.fork()
        pids.append(pid)
        if not pid:
            live(seed, generation, journals)

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    return pids[0]


def by_double_fork(seed, generation, journals):
    """A daemon: no process waits for it, and its descriptors are closed, except those of multiprocessing."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return 0
    if not os.fork():
        if "multiprocessing.resource_tracker" not in sys.modules:
            os.closerange(3, 1024)
        live(seed, generation, journals)
    os._exit(0)


def by_subprocess(seed, generation, journals):
    return subprocess.Popen(command(seed, generation, journals)).pid


def by_shell(seed, generation, journals):
    return subprocess.Popen(["sh", "-c", '"$@"; true', "sh", *command(seed, generation, journals)]).pid


def by_posix_spawn(seed, generation, journals):
    return os.posix_spawn(sys.executable, command(seed, generation, journals), os.environ)


def by_multiprocessing(method):
    def start(*arguments):
        child = multiprocessing.get_context(method).Process(target=live, args=arguments)
        child.start()
        return child.pid

    return start


BIRTHS = {
    by_fork: 8,
    by_fork_in_a_thread: 4,
    by_double_fork: 2,
    by_subprocess: 2,
    by_shell: 1,
    by_posix_spawn: 1,
    by_multiprocessing("fork"): 3,
    by_multiprocessing("spawn"): 1,
    by_multiprocessing("forkserver"): 1,
}


# --- deaths ---


def kill(pid):
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has died by itself


def wait(pid):
    if pid:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass  # the child of a fork server


def die(chance, generation, journals):
    """Dies, or returns, which is a way to die, too."""
    death = chance.choice(DEATHS)
    if death == "exec" and generation < GENERATIONS:
        os.execv(sys.executable, command(chance.getrandbits(32), GENERATIONS, journals))
    if death == "exec":
        os.execv("/bin/true", ["true"])
    if death == "exception":
        raise RuntimeError("as the seed has it")
    if death == "sys.exit":
        sys.exit(chance.randint(0, 255))
    if death == "os._exit":
        os._exit(chance.randint(0, 255))
    if death == "abort":
        os.abort()
    if death == "segmentation fault":
        ctypes.string_at(0)
    if isinstance(death, signal.Signals):
        os.kill(os.getpid(), death)


DEATHS = [
    "end",
    "sys.exit",
    "exception",
    "os._exit",
    "abort",
    "segmentation fault",
    "exec",
    signal.SIGKILL,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
]


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    live(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
