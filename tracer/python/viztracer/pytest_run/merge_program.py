"""Runs ``viztracer-merge`` for the summary of pytest."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import time

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "viztracer-merge"
SECONDS = 60.0  # that it gets


class NoAnswerError(Exception):
    """The program has not answered; the message says why."""


def run(arguments: Sequence[str], deadline: float | None = None) -> str:
    """Return what the program prints on stdout.

    Args:
        arguments: of the program.
        deadline: when it must have ended at the latest, by `time.monotonic`.

    Raises:
        NoAnswerError: it prints nothing.
    """
    seconds = SECONDS if deadline is None else min(SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        raise NoAnswerError("there was no time left")
    try:
        done = subprocess.run(
            [_find(), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoAnswerError(_reason(error)) from None
    if not done.stdout:
        raise NoAnswerError(done.stderr.strip() or f"{PROGRAM} has ended with status {done.returncode}")
    return done.stdout


def _reason(error: Exception) -> str:
    """Return why the program has not ended in order, without its long command line."""
    return f"{PROGRAM} took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error)


def _find() -> str:
    """Return the path of the program: the installed one of this package, or else what the shell would run."""
    try:
        files = importlib.metadata.distribution("viztracer-ring").files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    installed = next((str(file.locate()) for file in files if file.name in (PROGRAM, f"{PROGRAM}.exe")), None)
    return installed or shutil.which(PROGRAM) or PROGRAM
