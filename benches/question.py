"""The input and the result of a benchmark."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from environments import Environment

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Bench:
    """The input of each benchmark.

    Attributes:
        environments: the Python versions to measure, oldest first.
        runs: samples of each kind, if the user asked for a number.
        scratch: an empty directory on a disk, removed at the end.
    """

    environments: list[Environment]
    runs: int | None
    scratch: Path

    def rounds(self, default: int) -> Iterable[int]:
        """Number the rounds; in each, every contender is measured once, so that all see the same machine."""
        rounds = self.runs or default
        for number in range(rounds):
            if sys.stderr.isatty():
                print(f"  round {number + 1} of {rounds}", end="\r", file=sys.stderr, flush=True)
            yield number


@dataclass
class Answer:
    """Tables, and the samples behind them.

    Attributes:
        title: the question.
        method: how it was measured, in a few sentences.
        samples: every raw sample, for the JSON file.
    """

    title: str
    method: str
    samples: list[dict[str, object]] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> None:
        """Add a table: its first column is text, the others are numbers."""
        rule = ["---"] + ["---:"] * (len(head) - 1)
        lines = [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]
        self._parts.append("\n".join([f"**{caption}**\n", *lines] if caption else lines))

    def note(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(text)

    def text(self) -> str:
        """Return all of it as Markdown."""
        return "\n\n".join([f"## {self.title}", self.method, *self._parts])


def median(values: Iterable[float]) -> float:
    """Return the median; NaN, which shows as a dash, if there is nothing."""
    values = list(values)
    return statistics.median(values) if values else float("nan")


def number(value: float, digits: int = 1) -> str:
    """Return a number for a table, a dash for NaN."""
    return "–" if value != value else f"{value:,.{digits}f}"
