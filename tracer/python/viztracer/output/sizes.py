"""Sizes and times as people read them."""

from __future__ import annotations


def size(count: int) -> str:
    """Return a number of bytes as ``4.1 kB``, ``16.8 MB`` or ``1.2 GB``."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1000:.1f} kB" if count else "0 kB"


def duration(seconds: float) -> str:
    """Return a time as ``5 s``, ``12 min``, ``3 h 12 min`` or ``5 d 3 h``."""
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if minutes < 1:
        return f"{int(seconds)} s"
    if hours < 1:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"
