"""Systems where no process sees whether another one handles a signal. A signal without a handler ends the process."""

from __future__ import annotations

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None]


def heed(start: Handler, save: Handler) -> None:
    """Raise `RuntimeError`."""
    raise RuntimeError("VizTracer.install is available on Linux only")


def forget() -> None:
    """Do nothing."""


def open_token() -> int:
    """Never called, since `heed` raises."""
    raise NotImplementedError


def heeding() -> object:
    """Return that nobody is called."""
    return None
