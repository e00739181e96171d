"""The signals by which a process is controlled, of the system on which this runs. Most traced processes do without."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from .linux.signals import *  # noqa: F403
else:
    from .no_user_signals import *  # noqa: F403
