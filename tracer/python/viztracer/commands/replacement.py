"""Whether a process can become another program, as far as that can be known before it tries (execve(2)).

The line about an exec has to be printed before it, since afterwards this program is gone. A program may try many paths
until one of them works, so a line for each failure, and another one that takes it back, would be noise.
"""

from __future__ import annotations

import os

from ..system import can_run, has_room_for

SCRIPT = b"#!"


def is_refused(file: str, arguments: object, variables: object) -> bool:
    """Whether the system refuses this for certain: no program, no interpreter of it, no arguments or too many."""
    return not (_is_program(file) and _fits(file, arguments, variables))


def _is_program(file: str) -> bool:
    if not (os.path.isfile(file) and os.access(file, os.X_OK)):
        return False
    begin = _begin(file)
    words = words_of_script(file)
    if words is not None:
        return bool(words) and os.access(words[0], os.X_OK)
    return begin is None or can_run(begin)


def words_of_script(file: str) -> list[str] | None:
    """Return the words after the `#!` of a script; `None` if the file is none, or cannot be read."""
    begin = _begin(file)
    if begin is None or not begin.startswith(SCRIPT):
        return None
    return [os.fsdecode(word) for word in begin[len(SCRIPT) :].split(b"\n")[0].split()]


def _begin(file: str) -> bytes | None:
    """Return the first bytes of a file, which may be one that can be run, but not read."""
    try:
        with open(file, "rb") as opened:
            return opened.read(256)
    except OSError:
        return None


def _fits(file: str, arguments: object, variables: object) -> bool:
    if not isinstance(arguments, (list, tuple)) or not arguments or not arguments[0]:
        return False
    texts: list[object] = list(arguments)
    if isinstance(variables, (dict, type(os.environ))):
        texts += [f"{_text(name)}={_text(value)}" for name, value in variables.items()]
    return has_room_for(_size(file), [_size(text) for text in texts if isinstance(text, (str, bytes))])


def _size(text: str | bytes) -> int:
    """Bytes of a text with the NUL behind it."""
    return len(os.fsencode(text)) + 1


def _text(value: object) -> str:
    return os.fsdecode(value) if isinstance(value, (str, bytes)) else ""
