"""Processes, as the system on which this runs shows them. Most traced processes do without."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from .windows.processes import *  # noqa: F403
elif sys.platform == "darwin":
    from .macos.processes import *  # noqa: F403
else:
    from .linux.processes import *  # noqa: F403
