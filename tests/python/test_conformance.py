"""Every row of COMPATIBILITY.md is proved by a case, and every case has its row."""

import importlib

import pytest
from conformance import ROWS
from conftest import ROOT

MODULES = [path.stem for path in sorted((ROOT / "tests/python").glob("test_conformance_*.py"))]


def test_rows_are_those_that_the_cases_prove():
    proved = {feature for name in MODULES for feature in importlib.import_module(name).FEATURES}
    assert len(ROWS) > 40
    assert proved == ROWS.keys()


@pytest.mark.parametrize("verdict", ["better", "different on purpose"])
def test_what_differs_has_a_reason(verdict):
    lines = (ROOT / "COMPATIBILITY.md").read_text("utf-8").splitlines()
    rows = [line.strip("|").split("|") for line in lines if f"| {verdict} |" in line]
    assert rows and all(reason.strip() for *_, reason in rows)
