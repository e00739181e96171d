"""What each operating system does in its own way: one package per system, with the same modules and names in each.

What Linux and macOS share is in `unix`. The modules here hand on those of the system on which this runs.

No other module of the package decides by the system on which it runs. This one is imported by every traced process.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from .windows import *  # noqa: F403
elif sys.platform == "darwin":
    from .macos import *  # noqa: F403
else:
    from .linux import *  # noqa: F403
