"""The options of a recording as options of a command line: of ``viztracer``, and of the magic ``%%viztracer``."""

from __future__ import annotations

import argparse
import re

from ..tracer.options import OPTIONS

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any


class UsageError(Exception):
    """The options make no sense; the message is for stderr."""


class VizTracersError(UsageError):
    """The same in VizTracer's words, which it prints on stdout."""


def add_recording_options(parser: argparse.ArgumentParser) -> None:
    """Let a parser know the options of a recording."""
    for name, option in OPTIONS.items():
        if not option.on_command_line:
            continue
        help = argparse.SUPPRESS if option.hidden else option.help.replace("%", "%%")
        if option.takes_list:
            count = "*" if option.may_be_empty else "+"
            parser.add_argument(f"--{name}", metavar=option.metavar, nargs=count, help=help)
        elif option.metavar:
            read, more = VALUES[option.metavar]
            default = option.default
            parser.add_argument(f"--{name}", metavar=option.metavar, type=read, default=default, help=help + more)
        else:
            parser.add_argument(f"--{name}", action="store_true", help=help)


def recording_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a recording, as arguments of `VizTracer`, from a parsed command line."""
    return {name: getattr(options, name) for name, option in OPTIONS.items() if option.on_command_line}


def microseconds(text: str) -> float:
    """Read a time such as ``20``, ``20us``, ``1e3`` or ``0.3ms``."""
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?\s*(h|min|s|ms|us|ns)?", text.strip() or "0", re.ASCII)
    if not found:
        raise VizTracersError(f"Can't convert {text} to time. Format should be 0.3ms or 13us")
    unit = {"h": 3600e6, "min": 60e6, "s": 1e6, "ms": 1e3, "us": 1, "ns": 1e-3}[found[3] or "us"]
    return float(found[1] + (found[2] or "")) * unit


def whole_number(text: str) -> int:
    """Read a number such as ``1000``, ``1_000`` or ``1e6``."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = int(float(text))
    except (ValueError, OverflowError):
        number = None
    if number is None or number != float(text):
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r}")
    return number


def size(text: str) -> int:
    """Read a number of bytes such as ``1000000``, ``500MB`` or ``1GiB``."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*(?:([kMGT])(i?))?B?", text.strip(), re.ASCII | re.IGNORECASE)
    if not found:
        raise argparse.ArgumentTypeError(f"invalid size: {text!r}; a size is like 500MB or 1GiB")
    power = 1 + "kmgt".index(found[2].lower()) if found[2] else 0
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def part(text: str) -> float:
    """Read a part of something such as ``5%`` or ``0.05``."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{0,9})?|\.\d{1,9})\s*(%?)", text.strip(), re.ASCII)
    value = float(found[1]) / (100 if found[2] else 1) if found else 1.0
    if value >= 1:
        raise argparse.ArgumentTypeError(f"invalid part: {text!r}; a part is less than the whole, like 5% or 0.05")
    return value


# How values of options are read, by their metavars, and what ``--help`` says about that.
VALUES = {
    "N": (whole_number, ""),
    "TIME": (microseconds, ", or with a unit: 20us, 0.3ms, 1s, 2min"),
    "SIZE": (size, ""),
    "PART": (part, ""),
}
