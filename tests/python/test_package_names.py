"""The distribution: the wheel that only has VizTracer's name, and VizTracer itself beside this package."""

import importlib.metadata
import re
import shutil
import sys
from pathlib import Path

import pytest
import viztracer
from conftest import BIN, VIZTRACER_PYTHON, ROOT, VERSION

OURS = Path(viztracer.__file__).parent
THEIRS = VIZTRACER_PYTHON.parents[1] / "lib" / f"python{VERSION}" / "site-packages" / "viztracer"
# Without site: only what is added by hand is there, and a .pth file in it is read.
IMPORT = "import site, sys; site.addsitedir(sys.argv[1]); import viztracer; print('imported', viztracer.__version__)"


def test_name_of_viztracer_is_a_wheel_that_needs_this_package():
    try:
        wheel = importlib.metadata.distribution("viztracer")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the wheel is not installed: `make test` does that")
    assert wheel.version.startswith("1.1.1+")
    assert wheel.requires == ["viztracer-ring"]
    assert {file.parts[0] for file in wheel.files} == {f"viztracer-{wheel.version}.dist-info"}  # it owns no module
    assert importlib.metadata.version("viztracer-ring") == viztracer.__version__


def test_wheels_are_made_by_make():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^RELEASED := .*target/wheels/name/\.built", makefile, re.MULTILINE)
    assert re.search(r"^wheels: \$\(RELEASED\)", makefile, re.MULTILINE)


@pytest.fixture
def site(tmp_path):
    """site(*PACKAGES) -> a directory of packages into which these were installed, one over the other."""

    def install(*packages):
        directory = tmp_path / "site"
        for package in packages:
            shutil.copytree(
                package, directory / "viztracer", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )
            if package == OURS:
                shutil.copy(OURS.parent / "viztracer_ring.pth", directory)
        return directory

    return install


@pytest.mark.parametrize("order", [[OURS, THEIRS], [THEIRS, OURS]], ids=["VizTracer last", "VizTracer first"])
def test_viztracer_beside_this_package_is_noticed_at_import(sandbox, site, order):
    directory = site(*order)
    done = sandbox.run(sys.executable, "-S", "-c", IMPORT, directory)
    version = viztracer.__version__ if order[-1] == OURS else "1.1.1"
    assert (done.returncode, done.stdout) == (0, f"imported {version}\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"viztracer: VizTracer and viztracer-ring are both installed in {directory} and have replaced"
    )
    mend = "pip uninstall -y viztracer, then install the wheel of viztracer-ring again: "
    assert line.endswith(f"{mend}pip install --force-reinstall --no-deps FILE")


@pytest.mark.parametrize("order", [[OURS, THEIRS], [THEIRS, OURS]], ids=["VizTracer last", "VizTracer first"])
def test_a_program_that_does_not_import_it_sees_nothing(sandbox, site, order):
    code = "import site, sys; site.addsitedir(sys.argv[1]); import json; print('ran')"
    done = sandbox.run(sys.executable, "-S", "-c", code, site(*order))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


@pytest.mark.parametrize("package", [OURS, THEIRS], ids=["this package", "VizTracer"])
def test_one_of_them_alone_is_fine(sandbox, site, package):
    done = sandbox.run(sys.executable, "-S", "-c", IMPORT, site(package))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("imported ")


def test_pip_has_nothing_to_object(sandbox):
    try:
        importlib.metadata.distribution("viztracer")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the wheel is not installed: `make test` does that")
    shown = sandbox.run(BIN / "python", "-m", "pip", "--disable-pip-version-check", "show", "viztracer")
    assert "Version: 1.1.1+" in shown.stdout
