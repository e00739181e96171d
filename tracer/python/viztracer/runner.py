"""Runs the traced program.

The only module of the package whose calls are recorded: a trace shows that the program is run by ``builtins.exec``.
"""

from __future__ import annotations

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any


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
