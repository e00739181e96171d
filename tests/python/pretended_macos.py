"""The package's part for macOS on Linux: plain POSIX works there as well, and ``/proc`` says what the extension would.

A process that is to pretend imports this module before the package.
"""

import fcntl
import glob
import importlib.machinery
import importlib.util
import multiprocessing  # noqa: F401  # what is imported later takes the system for macOS
import os
import socket  # noqa: F401
import struct
import subprocess  # noqa: F401
import sys
import tempfile

UNKNOWN_BOOT = "00000000000000000000000000000000"


def load(name, path):
    """A module of this file, not of the package."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pretend():
    """Make the system macOS for the package; the directory for temporary files is that of ring files."""
    (package,) = importlib.util.find_spec("viztracer").submodule_search_locations
    linux = load("linux_processes", f"{package}/system/linux/processes.py")
    (extension,) = glob.glob(f"{package}/snaptrace.*.so")
    loader = importlib.machinery.ExtensionFileLoader("viztracer.snaptrace", extension)
    snaptrace = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(snaptrace)
    sys.modules[loader.name] = snaptrace
    snaptrace.scratch_directory = tempfile.gettempdir
    snaptrace.boot_id = lambda: UNKNOWN_BOOT
    snaptrace.process_start = lambda pid: start(linux, pid)
    snaptrace.process_time = lambda pid: linux.processor_time(pid, linux.start_ticks(pid))
    snaptrace.process_program = linux.program
    snaptrace.process_texts = texts
    snaptrace.process_children = children
    fcntl.F_GETPATH = -1
    fcntl.fcntl = with_path(fcntl.fcntl)
    sys.platform = "darwin"


def start(linux, pid):
    """When a process was started, in microseconds since 1970, and whether it is a zombie."""
    ticks = linux.start_ticks(pid)
    boot = next(int(line.split()[1]) for line in open("/proc/stat") if line.startswith("btime "))
    return ticks and (boot * 1_000_000 + ticks * 10_000, linux.running_since(pid) is None)


def texts(pid):
    """What ``KERN_PROCARGS2`` gives: see `viztracer.system.macos.texts`."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as words, open(f"/proc/{pid}/environ", "rb") as variables:
            arguments, environment = words.read(), variables.read()
    except OSError:
        return b""
    path = os.fsencode(os.readlink(f"/proc/{pid}/exe"))
    return struct.pack("=i", arguments.count(b"\0")) + path + b"\0\0\0" + arguments + environment + b"\0ptr_munge=\0"


def children(pid):
    """The ids of the children of a process."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path) as file:
            found += map(int, file.read().split())
    return found


def with_path(fcntl_of_linux):
    """fcntl(2) with ``F_GETPATH``."""

    def call(descriptor, command, argument=0):
        if command != fcntl.F_GETPATH:
            return fcntl_of_linux(descriptor, command, argument)
        return os.fsencode(os.readlink(f"/proc/self/fd/{descriptor}")).ljust(len(argument), b"\0")

    return call


if __name__ == "__main__":
    pretend()
    del sys.argv[0]
    command = sys.argv[0]
    if command.endswith(".py"):
        sys.path.insert(0, os.path.dirname(os.path.abspath(command)))
        exec(compile(open(command).read(), command, "exec"), {"__name__": "__main__"})
    else:
        module = {"viztracer": "viztracer.main", "viztracer-ctl": "viztracer.sessions.command"}[command]
        sys.exit(importlib.import_module(module).main())
