"""The texts that a process was started with, as ``KERN_PROCARGS2`` of sysctl(3) gives them.

They are the number of arguments, the path of the program, the arguments, and the variables. Each text ends with a NUL,
and more of them follow the path. An empty text follows the variables, and then what the kernel tells the linker.
"""

from __future__ import annotations

import itertools
import sys

NUMBER = 4  # bytes


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the arguments, and the variables with a NUL after each."""
    count = int.from_bytes(data[:NUMBER], sys.byteorder)
    texts = data[NUMBER:].partition(b"\0")[2].lstrip(b"\0").split(b"\0")
    if not texts[-1]:
        texts.pop()  # what follows the last NUL
    variables = itertools.takewhile(bool, texts[count:])
    return texts[:count], b"".join(variable + b"\0" for variable in variables)
