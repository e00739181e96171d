"""The signals by which a process is controlled, of the system on which this runs. Most traced processes do without."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from .windows.signals import *  # noqa: F403
else:
    from .linux.signals import *  # noqa: F403
