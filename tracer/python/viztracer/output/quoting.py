"""Texts that come from others, such as paths, as a shell or a terminal can take them."""

from __future__ import annotations

import os

from ..system import EXPANDS_PATTERNS, PLAIN, in_quotes


def quote(path: str) -> str:
    """Quote a path for a shell, if need be; what cannot be printed as bash, zsh and ksh know it.

    `shlex` does not do that last part. And in a traced process that name may belong to a module of the program.
    """
    if not path.isprintable():
        escaped = path.replace("\\", "\\\\").replace("'", "\\'")
        return f"$'{printable(escaped)}'"
    plain = all(char.isalnum() or char in PLAIN for char in path)
    return path if plain else in_quotes(path)


def quote_pattern(directory: str, stem: str, pattern: str) -> str:
    """Quote a path whose end is a pattern. If no shell expands it, our programs do, and all of it is in quotes."""
    if EXPANDS_PATTERNS:
        return os.path.join(quote(directory), f"{quote(stem)}{pattern}")
    return quote(os.path.join(directory, f"{stem}{pattern}"))


def printable(text: str) -> str:
    """Escape what acts on a terminal, or ends a line, or is no text, as Python's own strings have it."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    if "\udc80" <= char <= "\udcff":  # a byte of a path that is no UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
