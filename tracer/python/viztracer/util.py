"""The helper functions that programs import from VizTracer, with the same results."""

from __future__ import annotations

import os
import re
import time

from . import system

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType, FunctionType
    from typing import Any

MICROSECONDS = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
TIME = re.compile(r"([0-9.]+)(s|ms|us|ns)?")


class _Colors:
    """The escape sequences of a terminal's colors."""

    HEADER = "\033[95m"
    OKBLUE = "\033[94m"
    OKGREEN = "\033[92m"
    WARNING = "\033[93m"
    FAIL = "\033[91m"
    ENDC = "\033[0m"
    BOLD = "\033[1m"
    UNDERLINE = "\033[4m"


bcolors = _Colors()
color_support = system.HAS_COLORS


def size_fmt(num: float, suffix: str = "B") -> str:
    """Return a number of bytes as a person reads it: ``1536`` becomes ``1.5KiB``."""
    for prefix in ("", "Ki", "Mi", "Gi"):
        if abs(num) < 1024:
            return f"{num:.1f}{prefix}{suffix}"
        num /= 1024
    return f"{num:.1f}Ti{suffix}"


def color_print(color: str, s: str, **kwargs: Any) -> None:
    """Print text in one of the colors of `bcolors`, with the keywords of `print`."""
    if color_support:
        s = f"{getattr(bcolors, color)}{s}{bcolors.ENDC}"
    print(s, **kwargs)


def same_line_print(s: str, width: int = 80, **kwargs: Any) -> None:
    """Print text over the line that the cursor is in, of which this many columns are cleared before."""
    print(f"\r{' ' * width}\r{s}", end="", **kwargs)


def compare_version(ver1: str, ver2: str) -> int:
    """Return -1, 0 or 1 if a dotted version is older than, equal to or newer than another one.

    Raises:
        ValueError: a part is no number.
    """
    first, second = ([int(part) for part in version.split(".")] for version in (ver1, ver2))
    return (first > second) - (first < second)


def time_str_to_us(t_s: str) -> float:
    """Return how many microseconds a time such as ``20``, ``20us`` or ``0.3ms`` is; what follows it is ignored.

    Raises:
        ValueError: the text does not begin with a number.
    """
    found = TIME.match(t_s)
    try:
        return float(found[1]) * MICROSECONDS[found[2] or "us"] if found else float("")
    except ValueError:
        raise ValueError(f"Can't convert {t_s} to time") from None


def unique_file_name(exec_name: str) -> str:
    """Return a name for the report of a program, made of the program's name, the time and the process id."""
    name = os.path.basename(exec_name).partition(".")[0]
    return f"{name}_{time.strftime('%Y%m%d_%H%M%S')}_{os.getpid()}.json"


def pid_exists(pid: int) -> bool:
    """Return whether there is a process with this id.

    Raises:
        ValueError: the id is 0, which stands for a group of processes.
    """
    if pid < 0:
        return False
    if pid == 0:
        raise ValueError("invalid PID 0")
    return system.pid_exists(pid)


def frame_stack_has_func(frame: FrameType | None, funcs: Iterable[FunctionType]) -> bool:
    """Return whether this frame, or one that called it, runs one of these functions."""
    codes = [function.__code__ for function in funcs]
    while frame:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False
