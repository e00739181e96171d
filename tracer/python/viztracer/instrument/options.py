"""What to instrument: the options ``--log_var``, ``--log_number``, ``--log_attr``, ``--log_func_exec``, and others."""

from __future__ import annotations

import re

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable


class Patterns:
    """Regular expressions, of which one has to match a name completely.

    Args:
        patterns: the expressions.

    Raises:
        ValueError: one of them is no regular expression.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = []
        for pattern in patterns:
            try:
                self._patterns.append(re.compile(pattern))
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def match(self, name: str) -> bool:
        """Return whether one of the expressions matches the whole name."""
        return any(pattern.fullmatch(name) for pattern in self._patterns)


class InstrumentOptions:
    """What to instrument.

    Args:
        log_var: variables of which each value is recorded as an instant event.
        log_number: variables of which each value is recorded as a counter.
        log_attr: attributes of which each value is recorded.
        log_func_exec: functions of which each assignment is shown with the call.
        log_func_entry: functions of which each call is recorded as an instant event.
        log_exception: whether exceptions are recorded where they are raised.
        magic_comment: whether comments that begin with ``!viztracer:`` are obeyed.

    Raises:
        ValueError: a text is no regular expression.
    """

    def __init__(
        self,
        log_var: Iterable[str] | None = None,
        log_number: Iterable[str] | None = None,
        log_attr: Iterable[str] | None = None,
        log_func_exec: Iterable[str] | None = None,
        log_func_entry: Iterable[str] | None = None,
        log_exception: bool = False,
        magic_comment: bool = False,
    ) -> None:
        self.log_var = Patterns(log_var or ())
        self.log_number = Patterns(log_number or ())
        self.log_attr = Patterns(log_attr or ())
        self.log_func_exec = Patterns(log_func_exec or ())
        self.log_func_entry = Patterns(log_func_entry or ())
        self.log_exception = log_exception
        self.magic_comment = magic_comment

    def __bool__(self) -> bool:
        return any(vars(self).values())
