"""Processes that come to an end of every kind; each counts its calls in a file of its own, after each call.

ends.py END                 this process ends so
ends.py PROCESS END...      for each END, a process started in this way ends so; tells its pid and status
ends.py meanwhile PROCESS   this process and one started in this way work on until somebody ends them
ends.py outlive PROCESS     this process sleeps; one started in this way goes on until a file `go` appears
ends.py leave PROCESS       the same, but this process ends
"""

import ctypes
import faulthandler
import mmap
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time


def work():
    pass


def calls(times):
    with open(f"log_{os.getpid()}", "ab", buffering=0) as log:
        for _ in range(times):
            work()
            log.write(b".")


# --- ends ---


def normally():
    pass


def exception():
    raise KeyError("mine")


def sys_exit():
    sys.exit(3)


def os_exit():
    os._exit(4)


def abort():
    os.abort()


def sigkill():
    os.kill(os.getpid(), signal.SIGKILL)


def sigterm():
    os.kill(os.getpid(), signal.SIGTERM)


def sigint():
    os.kill(os.getpid(), signal.SIGINT)


def sighup():
    os.kill(os.getpid(), signal.SIGHUP)


def sigquit():
    os.kill(os.getpid(), signal.SIGQUIT)


def sigusr1():
    os.kill(os.getpid(), signal.SIGUSR1)


def sigusr2():
    signal.raise_signal(signal.SIGUSR2)


def sigalrm():
    signal.alarm(1)
    time.sleep(100)


def sigvtalrm():
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
    while True:
        pass


def sigprof():
    signal.setitimer(signal.ITIMER_PROF, 0.01)
    while True:
        pass


def sigxcpu():
    os.kill(os.getpid(), signal.SIGXCPU)


def sigpipe():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def sigbus():
    """A page behind the end of a file."""
    with open(f"empty_{os.getpid()}", "wb+") as file:
        file.truncate(4096)
        with mmap.mmap(file.fileno(), 4096) as mapped:
            file.truncate(0)
            mapped[0]


def sigfpe():
    signal.raise_signal(signal.SIGFPE)


def sigill():
    signal.raise_signal(signal.SIGILL)


def segfault_sent():
    os.kill(os.getpid(), signal.SIGSEGV)


def segfault():
    ctypes.string_at(0)


def segfault_told():
    faulthandler.enable()
    ctypes.string_at(0)


def out_of_memory(piece=10_000):
    """The limit is what the process has and a little more."""
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20),) * 2)
    taken = []
    while True:
        taken.append(bytearray(piece))


def out_of_all_memory():
    """So little is left that the interpreter has no memory for a short text."""
    out_of_memory(300)


def execute():
    os.execv("/bin/sh", ["sh", "-c", "exit 7"])


def killed_by_its_parent():
    time.sleep(1000)


terminated_by_its_parent = killed_by_its_parent


# --- processes ---


def live(end):
    calls(50)
    globals()[end]()


def fork(end):
    pid = os.fork()
    if not pid:
        live(end)
        sys.exit()
    return pid, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), lambda signum: os.kill(pid, signum)


def popen(end):
    child = subprocess.Popen([sys.executable, __file__, end])
    return child.pid, child.wait, child.send_signal


def process_by(method):
    def start(end):
        child = multiprocessing.get_context(method).Process(target=live, args=(end,))
        child.start()
        by_method = {signal.SIGTERM: child.terminate, signal.SIGKILL: child.kill}
        return child.pid, lambda: child.join() or child.exitcode, lambda signum: by_method[signum]()

    return start


PROCESSES = {
    "os.fork": fork,
    "multiprocessing fork": process_by("fork"),
    "multiprocessing spawn": process_by("spawn"),
    "subprocess": popen,
}
SIGNALS = {"killed_by_its_parent": signal.SIGKILL, "terminated_by_its_parent": signal.SIGTERM}


def wait_for_calls(pid, times=50):
    log = f"log_{pid}"
    while not os.path.exists(log) or os.path.getsize(log) < times:
        time.sleep(0.01)


def watch(start, end):
    pid, status, send = start(end)
    if end in SIGNALS:
        wait_for_calls(pid)
        send(SIGNALS[end])
    print(end, pid, status(), flush=True)


# --- until somebody ends them ---


def work_on():
    while True:
        calls(50)


def until_go():
    while not os.path.exists("go"):
        time.sleep(0.01)
    calls(50)


def meanwhile(start):
    pid, status, _ = start("work_on")
    calls(50)
    wait_for_calls(pid)
    print("ready", pid, flush=True)
    work_on()


def leave(start):
    pid, _, _ = start("until_go")
    calls(50)
    wait_for_calls(pid)
    print("ready", pid, flush=True)


def outlive(start):
    leave(start)
    time.sleep(1000)


def main(first, *rest):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if first in ("meanwhile", "leave", "outlive"):
        globals()[first](PROCESSES[rest[0]])
    elif first in PROCESSES:
        for end in rest:
            watch(PROCESSES[first], end)
    else:
        live(first)


if __name__ == "__main__":
    main(*sys.argv[1:])
