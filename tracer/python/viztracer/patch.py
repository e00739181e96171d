"""For programs that install VizTracer's hooks: nothing is installed, since child processes join by themselves."""

from __future__ import annotations

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any


def install_all_hooks(*_arguments: Any, **_named: Any) -> None:
    """Do nothing."""


def patch_multiprocessing(*_arguments: Any, **_named: Any) -> None:
    """Do nothing."""


def patch_subprocess(*_arguments: Any, **_named: Any) -> None:
    """Do nothing."""


def patch_spawned_process(*_arguments: Any, **_named: Any) -> None:
    """Do nothing."""
