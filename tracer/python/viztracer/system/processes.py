"""Processes, as the system on which this runs shows them. Most traced processes do without."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from .windows_processes import *  # noqa: F403
else:
    from .procfs import *  # noqa: F403
