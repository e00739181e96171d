"""The version of this package, and that of the VizTracer whose surface it has."""

from __future__ import annotations

__version__ = "0.1.0"

# Plugins compare the version that they were written for with this one.
VIZTRACER_VERSION = "1.1.1"
