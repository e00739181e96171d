"""`VizEvent`: a block of code that appears in the trace like a call."""

from __future__ import annotations

from .snaptrace import VizEvent

__all__ = ["VizEvent"]
