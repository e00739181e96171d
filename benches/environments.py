"""The virtual environments of viztracer-ring and of VizTracer for each Python version, made by the Makefile."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVS = ROOT / ".envs"
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
PYPERFORMANCE = "1.14.0"


class Missing(Exception):
    """Something outside the package that a question needs is not there; the message says what to do."""


@dataclass(frozen=True)
class Environment:
    """Two virtual environments of one Python version."""

    version: str

    @property
    def ours(self) -> Path:
        """The one with this package."""
        return ENVS / f"py{self.version}" / "bin"

    @property
    def viztracer(self) -> Path:
        """The one with VizTracer."""
        return ENVS / f"viztracer-py{self.version}" / "bin"

    @property
    def monitors(self) -> bool:
        """Whether this version has `sys.monitoring`."""
        return int(self.version.split(".")[1]) >= 12

    def plain(self) -> Path:
        """Return a new virtual environment without any package."""
        return self._fresh("plain")

    def only_ours(self) -> Path:
        """Return a new virtual environment that contains only our package."""
        fresh = self._fresh("only-ours")
        (wheel,) = (ROOT / f"target/wheels/py{self.version}").glob("*.whl")
        pip = [self.ours / "python", "-m", "pip", "--disable-pip-version-check", "-q", "--python", fresh / "python"]
        subprocess.run([*pip, "install", "--no-deps", wheel], check=True)
        return fresh

    def _fresh(self, name: str) -> Path:
        directory = ENVS / f"{name}-py{self.version}"
        subprocess.run([self.ours / "python", "-m", "venv", "--clear", "--without-pip", directory], check=True)
        return directory / "bin"

    def has(self, bin_directory: Path, distribution: str) -> str | None:
        """Return the version of `distribution` in an environment; None if it is not installed."""
        python = bin_directory / "python"
        if not python.exists():
            return None
        code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
        answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        return answer.stdout.strip() or None


def found(versions: list[str] | None) -> tuple[list[Environment], list[str]]:
    """Return the Python versions that can be measured, of those asked for; and why others cannot."""
    complete, missing = [], []
    for version in versions or VERSIONS:
        environment = Environment(version)
        if not environment.has(environment.ours, "viztracer-ring"):
            missing.append(f"{version}: no viztracer-ring in .envs/py{version}; `make .envs/py{version}/.installed`")
        elif not environment.has(environment.viztracer, "viztracer"):
            name = f".envs/viztracer-py{version}"
            missing.append(f"{version}: no VizTracer in {name}; `make -B {name}/.installed`")
        else:
            complete.append(environment)
    return complete, missing


def pyperformance(benchmark: str, environment: Environment) -> Path:
    """Return the source file of one of pyperformance's benchmarks; download the suite the first time."""
    directory = ENVS / "bench"
    pattern = f"lib/python*/site-packages/pyperformance/data-files/benchmarks/{benchmark}/run_benchmark.py"
    if not any(directory.glob(pattern)):
        subprocess.run([environment.ours / "python", "-m", "venv", "--clear", directory], check=True)
        install = ["-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps"]
        python = str(directory / "bin/python")
        if subprocess.run([python, *install, f"pyperformance=={PYPERFORMANCE}"], check=False).returncode:
            raise Missing(f"cannot install pyperformance {PYPERFORMANCE} into {directory}; see above")
    return next(directory.glob(pattern))


def floor_extension(environment: Environment) -> Path | None:
    """Compile floor/floor.c for this version; None if there is no C compiler or no Python.h."""
    source = Path(__file__).parent / "floor/floor.c"
    built = ROOT / f"target/benches/py{environment.version}/floor.so"
    built.parent.mkdir(parents=True, exist_ok=True)
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    include = subprocess.check_output([environment.ours / "python", "-c", code], text=True).strip()
    compiler = os.environ.get("CC", "cc").split()
    command = [*compiler, "-O2", "-shared", "-fPIC", "-Wall", "-Werror", f"-I{include}", "-o", str(built), str(source)]
    try:
        return built if subprocess.run(command, check=False).returncode == 0 else None
    except FileNotFoundError:
        return None
