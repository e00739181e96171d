"""The parts of which `viztracer.VizTracer` is made, each a class that the next one extends."""
