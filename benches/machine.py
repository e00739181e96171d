"""The machine and the versions that the figures belong to."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from typing import TYPE_CHECKING

from environments import ROOT

if TYPE_CHECKING:
    from environments import Environment


def describe(environments: list[Environment]) -> dict[str, object]:
    """Return machine and versions."""
    return {
        "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processors": os.cpu_count(),
        "processor": f"{platform.machine()}, {_processor()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "load_at_start": os.getloadavg()[0],
        "python": [_python(environment) for environment in environments],
        "ours": sorted({environment.has(environment.ours, "viztracer-ring") or "" for environment in environments}),
        "viztracer": sorted(
            {environment.has(environment.viztracer, "viztracer") or "" for environment in environments}
        ),
        "commit": _commit(),
    }


def header(about: dict[str, object]) -> str:
    """Return the same as Markdown."""
    lines = [
        f"`{about['command']}`, {about['time']}, commit {about['commit']}",
        f"{about['processors']} cores ({about['processor']}), {about['kernel']}, load {about['load_at_start']:.2f}, "
        f"CPython {_joined(about['python'])}",
        f"ours: viztracer-ring {_joined(about['ours'])}; VizTracer: {_joined(about['viztracer'])}",
        *(f"not measured: {reason}" for reason in _strings(about["not_measured"])),
    ]
    return "  \n".join(lines)


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _joined(value: object) -> str:
    return ", ".join(_strings(value))


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            fields = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines())
    except (OSError, ValueError):
        return "unknown processor"
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    return f"{fields.get('model name', 'unknown processor')}, family {fields.get('cpu family', '?')}"


def _python(environment: Environment) -> str:
    code = "import platform; print(platform.python_version())"
    return subprocess.check_output([environment.ours / "python", "-c", code], text=True).strip()


def _commit() -> str:
    command = ["git", "--no-optional-locks", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    except OSError:
        return "unknown"
