"""A tracer that another process controls by signals: ``viztracer --attach_installed``."""

from __future__ import annotations

import os

from .plugged_trace import PluggedTrace

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from types import FrameType


class InstalledTracer(PluggedTrace):
    """The methods of `VizTracer` that install the signals and remove them again."""

    _installed: int | None = None

    if TYPE_CHECKING:  # what a subclass has

        def start(self) -> None: ...
        def save(self) -> None: ...

    def install(self) -> None:
        """Begin to record on SIGUSR1; stop and save on SIGUSR2, which ``viztracer --attach_installed`` sends."""
        from ..system import signals

        signals.heed(self._start_by_signal, self._save_by_signal)
        if self._installed is None:
            self._installed = signals.open_token()

    def uninstall(self) -> None:
        """Give the signals of `install` their default actions, and forget what was recorded but not saved."""
        if self._installed is None:
            return
        from ..system import signals

        self.stop()
        self.clear()
        signals.forget()
        os.close(self._installed)
        self._installed = None

    def _start_by_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.start()

    def _save_by_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()
        self.save()
