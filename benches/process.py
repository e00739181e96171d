"""Run a command to its end, and measure its time and peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Finished:
    """A process that has ended.

    Attributes:
        seconds: from before it was started until after it was waited for.
        cpu_seconds: what it and its children used of all processors.
        peak_mb: the most memory (1e6 bytes) that it, or any child it waited for, had resident at once.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float

    def sample(self) -> dict[str, object]:
        """Return it as a raw sample."""
        return {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "peak_mb": self.peak_mb}


def run(command: Sequence[str | Path], directory: Path | None = None) -> Finished:
    """Run a command in `directory`; what it prints is shown only if it fails."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise subprocess.CalledProcessError(process.returncode, [*map(str, command)], output.read())
    return Finished(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def smallest_peak_mb() -> float:
    """Return the smallest peak that `run` can see: Linux lets a new process begin with its parent's."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
