"""The name by which VizTracer's programs know `jupyter`."""

from __future__ import annotations

from .jupyter import load_ipython_extension

__all__ = ["load_ipython_extension"]
