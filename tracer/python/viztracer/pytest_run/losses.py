"""What the summary says about ring files that could not grow, such as on a full disk."""

from __future__ import annotations

import os

import pytest

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

OUTPUT = "viztracer_loss"  # what a worker of pytest-xdist tells at its end: an error number


class Losses:
    """The losses of the processes that run tests, as far as they end in order; not those of other processes."""

    def __init__(self) -> None:
        self._failures: list[int] = []

    def note(self, failure: int | None) -> None:
        """Note why a ring file could not grow; an error number, if it could not."""
        if failure:
            self._failures.append(failure)

    def lines(self) -> list[str]:
        """Return a line about the losses, if there are any."""
        if not self._failures:
            return []
        count = len(self._failures)
        files, reason = f"{count} ring file{'s' * (count != 1)}", os.strerror(self._failures[0])
        return [f"viztracer: {files} could not grow ({reason}): older calls and spans of tests were lost"]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Note what a worker has told."""
        self.note((getattr(node, "workeroutput", None) or {}).get(OUTPUT))
