"""What only ``vizviewer`` asks of Linux."""

from __future__ import annotations

import os
import sys

assert sys.platform == "linux"  # for a checker of types

from ..unix.viewing import *  # noqa: F403

# Whether it can be known which user has opened a connection.
KNOWS_VISITORS = True
ROOT = 0


def is_trusted(user: int) -> bool:
    """Whether this is the user of this process, or root, who may read all."""
    return user in (os.geteuid(), ROOT)
