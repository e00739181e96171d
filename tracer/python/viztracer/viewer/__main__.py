"""``python -m viztracer.viewer``."""

from __future__ import annotations

import sys

from .command import viewer_main

sys.exit(viewer_main())
