"""What only ``vizviewer`` asks of the system on which this runs."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from .windows.viewing import *  # noqa: F403
elif sys.platform == "darwin":
    from .macos.viewing import *  # noqa: F403
else:
    from .linux.viewing import *  # noqa: F403
