"""Record a process from outside: what runs in that process. ``viztracer --attach`` has it run (`commands.attach`).

The ring file is in a directory of the attaching process, which also writes the report, so that both survive the death
of this process. It prints nothing here: stdout and stderr are the program's.
"""

from __future__ import annotations

import os

from .process import this_process
from .system import signals
from .viztracer import VizTracer

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

ANSWER = "answer"  # the file by which this process answers; it holds nothing if all is well
RUNNING = "Can't attach when VizTracer is already running."
ATTACHED = f"{RUNNING} It was attached to before"  # perhaps by a process that was killed

# By the directory that a recording was asked for with.
_attached: dict[str, VizTracer] = {}


def start_attach(directory: str, options: dict[str, Any]) -> None:
    """Begin to record into a directory of another process.

    Args:
        directory: where the answer is expected.
        options: the arguments of `VizTracer`.
    """
    reason = ""
    try:
        if _attached or this_process.recording():
            raise RuntimeError(ATTACHED if _attached else RUNNING)
        tracer = VizTracer(**options, register_global=False)
        tracer.register_exit()
        tracer.start()
        if not tracer.enable:
            raise RuntimeError("the recording could not begin; the process says why on its stderr")
        _attached[directory] = tracer
    except Exception as error:  # whatever it is, the program must not suffer from it
        reason = str(error) or type(error).__name__
    _answer(directory, reason)


def stop_attach(directory: str | None = None) -> None:
    """End what `start_attach` began with this directory, or whatever it began: the ring files are whole then."""
    for started in list(_attached):
        if directory in (None, started):
            _attached.pop(started).leave()


def uninstall_attach() -> None:
    """End a recording from outside, and no longer heed the signals of `VizTracer.install`."""
    stop_attach()
    owner = signals.heeding()
    if isinstance(owner, VizTracer):
        owner.uninstall()


def _answer(directory: str, reason: str) -> None:
    """Let the attaching process know, which sees nothing of a file that is only half there."""
    path = os.path.join(directory, ANSWER)
    try:
        with open(f"{path}.new", "w", encoding="utf-8", errors="replace") as file:
            file.write(reason)
        os.rename(f"{path}.new", path)
    except OSError:
        stop_attach(directory)  # it is gone, and nobody would ever end the recording
