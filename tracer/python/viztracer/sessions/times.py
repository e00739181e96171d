"""Lengths of time as people type them."""

from __future__ import annotations

import re

UNITS = {"us": 1e-6, "ms": 0.001, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def seconds(text: str) -> float:
    """Read a time such as ``500ms``, ``90s``, ``30min``, ``12h`` or ``1d``.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(us|ms|s|min|m|h|d|w)", text.strip(), re.ASCII)
    if not found:
        raise ValueError(f"{text!r} is no time; a time is like 500ms, 5s, 30min or 1d")
    return float(found[1]) * UNITS[found[2]]
