"""Run counts_calls.py, a traced process that counts its calls in a file, and watch the file."""

import struct
import subprocess
import time

from conftest import BIN, program

PATH = program("counts_calls.py")
MODULE = f"<module> ({PATH}:1)"
WORK = f"work ({PATH}:12)"
WORK_FOR_EVER = f"work_for_ever ({PATH}:16)"
HANGS = 120  # seconds without the awaited call: no test waits that long for a program that works


class CountingProgram:
    """Leaves its ring file in `directory`/rings."""

    def __init__(self, directory, threads, *options, log="log"):
        self._threads = threads
        self._log = directory / log
        self._log.write_bytes(bytes(16 * threads))
        command = [BIN / "viztracer", *options, "--pid_suffix", "--output_dir", directory / "rings", "--"]
        self._process = subprocess.Popen([*command, PATH, self._log, str(threads)], cwd=directory)
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.kill()

    def kill(self):
        self._process.kill()
        self._process.wait()

    def wait_for(self, calls):
        """Returns as soon as the program has counted that many calls of `work`, and each thread of it some."""
        give_up = time.monotonic() + HANGS
        while len(counts := self.counts()) < self._threads or not all(counts.values()) or sum(counts.values()) < calls:
            assert self._process.poll() is None, "the program ended by itself"
            assert time.monotonic() < give_up, "the program hangs"
            if len(counts) < self._threads:
                time.sleep(0.002)  # it starts; from its first call on, no call is too short to be met by the kill
            elif self._threads > 1 and not all(counts.values()):
                time.sleep(0.0002)  # the others make hundreds of calls meanwhile

    def counts(self):
        """{native id of a thread: how many calls of `work` reached their last line}"""
        pairs = struct.iter_unpack("<QQ", self._log.read_bytes())
        return {tid: count for tid, count in pairs if tid}
