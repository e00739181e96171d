"""Whether a process can become another program, as far as that can be known before it tries (execve(2)).

The line about an exec has to be printed before it, since afterwards this program is gone. A program may try many paths
until one of them works, so a line for each failure, and another one that takes it back, would be noise.
"""

from __future__ import annotations

import os

from ..system import PROGRAM_MAGIC, TEXT_MAX, texts_max

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable

SCRIPT = b"#!"
# Where Linux lists other formats that it can run, beside these two files.
FORMATS, NO_FORMATS = "/proc/sys/fs/binfmt_misc", {"register", "status"}
POINTER = 8


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
    return begin is None or begin.startswith(PROGRAM_MAGIC) or _knows_other_formats()


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


def _knows_other_formats() -> bool:
    try:
        return not NO_FORMATS.issuperset(os.listdir(FORMATS))
    except OSError:
        return False


def _fits(file: str, arguments: object, variables: object) -> bool:
    if not isinstance(arguments, (list, tuple)) or not arguments or not arguments[0]:
        return False
    texts: list[object] = [file, *arguments]
    if isinstance(variables, (dict, type(os.environ))):
        texts += [f"{_text(name)}={_text(value)}" for name, value in variables.items()]
    sizes = list(_sizes(texts))
    return all(size <= TEXT_MAX for size in sizes) and sum(sizes) + POINTER * len(sizes) <= texts_max()


def _sizes(texts: Iterable[object]) -> Iterable[int]:
    """Bytes of texts with the NUL behind each; of paths that are objects, which may run the program's code, none."""
    return (len(os.fsencode(text)) + 1 for text in texts if isinstance(text, (str, bytes)))


def _text(value: object) -> str:
    return os.fsdecode(value) if isinstance(value, (str, bytes)) else ""
