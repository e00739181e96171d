"""This process and the traced run that it belongs to."""
