"""What `make wheels` builds, and environments that have nothing but the package."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "target/wheels"
PLATFORMS = json.loads((ROOT / "packaging/platforms.json").read_text("utf-8"))
# The wheels for this machine; all wheels, or those in the directories that the variable names.
HERE = sorted((BUILT / "manylinux2014").glob("py*/*.whl"))
FOREIGN = sorted(wheel for platform in PLATFORMS for wheel in (BUILT / platform["target"]).glob("py*/*.whl"))
GIVEN = os.environ.get("VIZTRACER_WHEELS", "")
NAMED = sorted(wheel for name in GIVEN.split() for wheel in (ROOT / name).rglob("viztracer_ring-*.whl"))
WHEELS = NAMED if GIVEN else HERE + FOREIGN


def interpreters():
    """{version: path} of every interpreter that `make wheels` finds."""
    found = subprocess.run([ROOT / "tests/scripts/find_pythons.sh"], stdout=subprocess.PIPE, text=True, check=False)
    return dict(line.split("=", 1) for line in found.stdout.splitlines())


@dataclass
class Environment:
    """A virtual environment. Its commands see nothing of the caller's settings."""

    path: Path

    @property
    def bin(self):
        return self.path / "bin"

    def run(self, *command, **options):
        """Run a command, which must succeed, and return it. Its name is that of a file in `bin`."""
        name, *arguments = map(str, command)
        variables = {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": os.environ["HOME"]}
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
        variables |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        options = {"cwd": self.path, "text": True, "stdin": subprocess.DEVNULL} | options
        options["env"] = variables | options.get("env", {})
        done = subprocess.run([str(self.bin / name), *arguments], capture_output=True, check=False, **options)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done

    def pip(self, *arguments, **options):
        return self.run("python", "-m", "pip", "--disable-pip-version-check", "-q", *arguments, **options)

    def files(self):
        """Everything in the environment."""
        return {str(path.relative_to(self.path)) for path in self.path.rglob("*")}


@pytest.fixture(params=HERE or [None], ids=lambda wheel: wheel.parent.name if wheel else "none")
def wheel(request):
    """The path of each wheel for this machine."""
    assert request.param, "there are no wheels: `make wheels` builds them"
    return request.param


@pytest.fixture
def empty(wheel, tmp_path):
    """An environment for the wheel's interpreter that contains pip only."""
    return environment(tmp_path / "environment", interpreters()[wheel.parent.name.removeprefix("py")])


def environment(path, python=sys.executable):
    subprocess.run([python, "-m", "venv", path], check=True)
    return Environment(path)
