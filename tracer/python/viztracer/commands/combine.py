"""Combine what earlier runs have left into one report: ``--combine`` and ``--align_combine``."""

from __future__ import annotations

import os
import time

from .. import snaptrace
from ..output import report

OK, INCOMPLETE = 0, 1  # exit statuses with which there is a report

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import argparse


def combine(options: argparse.Namespace) -> int:
    """Merge the files that the options name; return the exit status."""
    inputs: list[str] = options.combine or options.align_combine
    output = _output(options)
    if options.output_dir:
        try:
            os.makedirs(options.output_dir, exist_ok=True)
        except OSError:
            pass  # the merge reports it
    align_start = not options.combine
    status = snaptrace.combine(inputs, output, align_start=align_start, quiet=options.quiet)
    if status in (OK, INCOMPLETE) and not options.quiet:
        report.say_how_to_open(output)
    if options.open and status in (OK, INCOMPLETE):
        from . import show

        show.show([os.path.abspath(output)])
    return status


def _output(options: argparse.Namespace) -> str:
    """Return the path of the report."""
    output: str = options.output_file or "result.json"
    if options.unique_output_file:
        output = f"combined_{time.strftime('%Y%m%d_%H%M%S')}_{os.getpid()}.json"
    return os.path.join(options.output_dir, output) if options.output_dir else output
