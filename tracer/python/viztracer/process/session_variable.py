"""The environment variable by which the processes that descend from a traced one learn of the run.

It holds the options of the recording and what else a descendant needs to know, as ``name=value`` separated by ``;``.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VARIABLE = "VIZTRACER_RING_SESSION"


def announce(fields: Mapping[str, object]) -> None:
    """Have every Python process that descends from this one, and inherits its environment, join the run.

    Args:
        fields: the `init_kwargs` of the tracer that records this process; ``output``, the run's report; ``ending``,
            the `Ending.address` by which this process ends the run once it has become another program, or nothing; and
            ``is_interruptible``, if the tracers of the run are.
    """
    os.environ[VARIABLE] = ";".join(f"{name}={_pack(value)}" for name, value in fields.items() if value is not None)


def withdraw() -> None:
    """Do not trace the processes that start from now on."""
    os.environ.pop(VARIABLE, None)


def read() -> dict[str, str]:
    """Return the packed fields of the run that the environment names; none if it names no run."""
    fields = os.environ.get(VARIABLE, "").split(";")
    return dict(field.split("=", 1) for field in fields if "=" in field)


def unpack(text: str, like: object) -> Any:
    """Return the value that this text was made of, a value of the kind of `like`."""
    if isinstance(like, list):
        return [unpack(part, "") for part in text.split(",") if part]
    if isinstance(like, (bool, int, float)):
        return type(like)(float(text))
    return text.replace("%2C", ",").replace("%3B", ";").replace("%25", "%")


def _pack(value: object) -> str:
    """Return a value as text without the characters that separate values."""
    if isinstance(value, list):
        return ",".join(map(_pack, value))
    text = str(int(value) if isinstance(value, bool) else value)
    return text.replace("%", "%25").replace(";", "%3B").replace(",", "%2C")
