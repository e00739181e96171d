"""Open directories, of the system on which this runs. Most traced processes do without."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from .windows.directories import *  # noqa: F403
elif sys.platform == "darwin":
    from .macos.directories import *  # noqa: F403
else:
    from .linux.directories import *  # noqa: F403
