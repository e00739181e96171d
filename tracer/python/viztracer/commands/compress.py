"""Make a ``.cvf`` file of a report in JSON, and the other way round: ``--compress`` and ``--decompress``."""

from __future__ import annotations

import json
import os

from ..output import terminal
from ..vcompressor import VCompressor

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import argparse


def compress(options: argparse.Namespace) -> int:
    """Compress a report; return the exit status."""
    file: str = options.compress
    if not os.path.exists(file):
        return _refuse_missing(file)
    if not file.endswith(".json"):
        print("Only support compressing json report")
        return 1
    try:
        with open(file, encoding="utf-8") as report:
            data = json.load(report)
        VCompressor().compress(data, _output(options, "result.cvf"))
    except (OSError, ValueError, RecursionError) as error:
        return _complain(file, error)
    return 0


def decompress(options: argparse.Namespace) -> int:
    """Write the report that a compressed file holds; return the exit status."""
    file: str = options.decompress
    if not os.path.exists(file):
        return _refuse_missing(file)
    try:
        data = VCompressor().decompress(file)
        with open(_output(options, "result.json"), "w", encoding="utf-8", errors="surrogatepass") as report:
            json.dump(data, report)
    except (OSError, ValueError) as error:
        return _complain(file, error)
    return 0


def _output(options: argparse.Namespace, default: str) -> str:
    """Return the path of what is written, in a directory that is there."""
    output: str = options.output_file or default
    if not options.output_dir:
        return output
    os.makedirs(options.output_dir, exist_ok=True)
    return os.path.join(options.output_dir, output)


def _refuse_missing(file: str) -> int:
    print(f"Unable to find file {file}")
    return 1


def _complain(file: str, error: Exception) -> int:
    terminal.complain(f"{file}: {error}")
    return 1
