"""VizTracer's compressed reports (``.cvf``): `format` describes them, `reader` and `writer` do what they say."""
