"""`VCompressor`: VizTracer's compressed reports, for ``viztracer --compress`` and ``--decompress``."""

from __future__ import annotations

import os

from .compressed.reader import Reader
from .compressed.writer import Writer
from .output import report_text

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any


class VCompressor:
    """Reads and writes VizTracer's compressed reports."""

    def compress(self, data: dict[str, Any], filename: str) -> None:
        """Write a report into a compressed file.

        Raises:
            ValueError: `data` is no report, `filename` is no path, or the file cannot be written.
        """
        if not isinstance(data, dict):
            raise ValueError("You need to pass in a dict")
        if not isinstance(data.get("traceEvents"), list):
            raise ValueError("Unable to find traceEvents")
        if not all(isinstance(event, dict) for event in data["traceEvents"]):
            raise ValueError("traceEvents has something that is no event: each has to be a dict")
        if not isinstance(filename, (str, os.PathLike)):
            raise ValueError(f"filename must be a str or a path, not {type(filename).__name__}")  # noqa: TRY004
        content = Writer().file(data)
        try:
            with open(filename, "wb") as file:
                file.write(content)
        except OSError as error:
            raise ValueError(f"Can't open file {filename} to write: {error.strerror}") from None

    def decompress(self, filename: str) -> dict[str, Any]:
        """Return the report that a compressed file holds.

        Raises:
            ValueError: the file cannot be read, is of another version, or is damaged.
            TypeError: `filename` is no path.
        """
        if not isinstance(filename, (str, os.PathLike)):
            raise TypeError(f"filename must be a str or a path, not {type(filename).__name__}")
        try:
            with open(filename, "rb") as file:
                content = file.read()
        except OSError as error:
            raise ValueError(f"Can't open file {filename} to read: {error.strerror}") from None
        return Reader(content).report()


def compress(report: str, output: str) -> None:
    """Compress a report in JSON, as ``viztracer --compress`` does.

    Raises:
        ValueError: there is no such report, or the result cannot be written.
    """
    from .report_builder import get_json

    _check_input(report, ".json", "Only support compressing json report")
    VCompressor().compress(get_json(report), output)


def decompress(compressed: str, output: str) -> None:
    """Write the report of a compressed file in JSON, as ``viztracer --decompress`` does.

    Raises:
        ValueError: there is no such file, it is damaged, or the result cannot be written.
    """
    _check_input(compressed, "", "")
    report = VCompressor().decompress(compressed)
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.writelines(report_text.parts_of(report))
    except OSError as error:
        raise ValueError(f"Can't open file {output} to write: {error.strerror}") from None


def _check_input(path: str, extension: str, refusal: str) -> None:
    if not os.path.exists(path):
        raise ValueError(f"Unable to find file {path}")
    if not path.endswith(extension):
        raise ValueError(refusal)
