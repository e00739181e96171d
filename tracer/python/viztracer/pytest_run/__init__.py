"""A run of pytest that is recorded: ``pytest --viztracer=DIR``."""
