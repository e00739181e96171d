"""The kinds of report, by the endings of file names, and which of them ``vizviewer`` shows."""

from __future__ import annotations

from ..snaptrace import output_kinds

ALL = tuple(output_kinds())
FOR_PERFETTO = tuple(kind for kind in ALL if kind.startswith(".pftrace"))
FOR_SPEEDSCOPE = tuple(kind for kind in ALL if kind.startswith(".speedscope"))
STACKS = ".folded"
TABLES = (".csv", ".parquet")
ANY_GZIP = ".gz"  # a trace if the user says so, but not every such file in a directory
FOR_VIZVIEWER = tuple(kind for kind in ALL if kind not in (*TABLES, STACKS, *FOR_SPEEDSCOPE, ANY_GZIP))


def can_show(name: str) -> bool:
    """Whether ``vizviewer`` shows a report of this name."""
    return name.endswith((*FOR_VIZVIEWER, ANY_GZIP)) and not name.endswith(FOR_SPEEDSCOPE)
