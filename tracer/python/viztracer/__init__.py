"""Trace every call of a Python program into a ring file that survives the process.

A drop-in replacement for VizTracer::

    from viztracer import VizTracer

    with VizTracer(output_file="result.json"):
        work()
"""

from __future__ import annotations

from .viztracer import VizTracer, get_tracer
from .version import __version__

__all__ = ["VizTracer", "__version__", "get_tracer"]
