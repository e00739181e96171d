"""The text by which a value of the program is shown in a trace.

`repr` of a value is code of the program. It may raise, be slow, and come back to the tracer: each of that must neither
harm the program nor appear in the trace. A type whose `repr` was slow is not asked again.
"""

from __future__ import annotations

import _thread
import sys
import time

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..snaptrace import Tracer

# Characters of a text; the rest is left out.
LENGTH_MAX = 10_000
# Seconds that a value may take, and how many types that took longer are remembered.
SLOW = 0.1
SLOW_TYPES_MAX = 64
# What VizTracer shows for a value whose `repr` fails.
NOT_DISPLAYABLE = "Not Displayable"

# The threads that are about to turn a value into text.
_busy: set[int] = set()
_slow: list[type] = []


def is_busy() -> bool:
    """Return whether this is called, by the program's own code, while this thread turns a value into text."""
    return _thread.get_ident() in _busy


def text_of(value: object, tracer: Tracer, describe: Callable[[object], str] = repr) -> str:
    """Return a value as text, at most about `LENGTH_MAX` characters of it. It never raises what `describe` raises.

    Args:
        value: what to show.
        tracer: what must not record the calls that this takes.
        describe: makes the text.
    """
    thread, kind = _thread.get_ident(), type(value)
    if thread in _busy:
        return NOT_DISPLAYABLE
    if any(kind is slow for slow in _slow):
        return f"<{kind.__name__} object, whose repr is slow>"
    _busy.add(thread)
    tracer.pause()
    begin = time.monotonic()
    try:
        return _shortened(str(describe(value)))
    except Exception:
        return NOT_DISPLAYABLE
    finally:
        if time.monotonic() - begin > SLOW and len(_slow) < SLOW_TYPES_MAX:
            _slow.append(kind)
        tracer.resume()
        _busy.discard(thread)


def attributes_of(value: object) -> str:
    """Return what objprint says of an object, if it is installed; else its `repr`, or its attributes if it has none."""
    try:
        from objprint import objstr

        return str(objstr(value, color=False))
    except ImportError:
        pass
    if type(value).__repr__ is not object.__repr__ or not hasattr(value, "__dict__"):
        return repr(value)
    lines = [f"  .{name} = {attribute!r}" for name, attribute in vars(value).items()]
    return "\n".join([f"<{type(value).__name__} {id(value):#x}", ",\n".join(lines), ">"])


def _shortened(text: str) -> str:
    if len(text) <= LENGTH_MAX:
        return text
    return f"{text[:LENGTH_MAX]}... ({len(text) - LENGTH_MAX} more characters)"


def caller_of_tracer() -> tuple[str, int]:
    """Return the file and line of the code that called the function which calls this."""
    frame = sys._getframe(2)
    return frame.f_code.co_filename, frame.f_lineno
