"""A short storm test: families of processes die in random ways, and every call is in the report. See tests/storm."""

from conftest import ROOT


def test_storm(sandbox):
    done = sandbox.python(ROOT / "tests" / "storm" / "storm.py", "--deaths", "100", "--seed", "1", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
