"""Runs the traced program.

The only module of the package whose calls are recorded: a trace shows that the program is run by ``builtins.exec``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType


def execute(
    start: Callable[[], None],
    pause: Callable[[], None],
    code: CodeType,
    namespace: dict[str, Any],
) -> None:
    """Record the execution of `code` from `start` to `pause`; after it, the other threads go on."""
    start()
    try:
        exec(code, namespace)
    finally:
        pause()
