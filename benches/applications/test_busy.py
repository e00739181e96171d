"""Tests for pytest, some of which fail; the hot function is `busy`."""

import pytest


def busy(count):
    return sum(number % 7 for number in range(count))


@pytest.mark.parametrize("count", range(60_000, 60_020))
def test_busy(count):
    assert busy(count) > 0


def test_fails():
    assert busy(10) == 0
