"""The plugin ``viztracer`` of pytest: its options. What they ask for is in `viztracer.pytest_run`.

pytest imports this module in every run on a machine that has the package. So it stands beside the package, which takes
longer to import, and it works if the package is replaced by VizTracer or has no extension for this interpreter.

For pytest: PYTEST_DONT_REWRITE, since there are no assertions.
"""

from __future__ import annotations

import argparse

import pytest

DIRECTORY = "viztracer_directory"
TAKEN = (
    "viztracer: another plugin has the option --viztracer, so the one of viztracer-ring is off; "
    "-p no:viztracer hides this line"
)

_is_taken: list[bool] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("viztracer", "recording of the calls (viztracer-ring)")
    try:
        group.addoption(
            "--viztracer",
            metavar="DIR",
            dest=DIRECTORY,
            help="record the calls of all processes of the run into ring files in DIR, each test as a span",
        )
    except (ValueError, argparse.ArgumentError):
        _is_taken.append(True)
        return
    group.addoption(
        "--viztracer_slowest",
        metavar="N",
        type=int,
        default=0,
        help="with --viztracer: show for the N slowest phases of tests in which functions they spent their time",
    )
    group.addoption(
        "--viztracer_max_overhead",
        metavar="PART",
        help="with --viztracer: let tracing cost at most this part of the processor time, such as 10%%; 0: no limit "
        "[5%%, or none before CPython 3.12]",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin to record, if the options say so, before any file of the tests is imported."""
    options = getattr(early_config, "known_args_namespace", early_config.option)
    if getattr(options, DIRECTORY, None) is None or _is_taken:
        return
    try:
        from viztracer.pytest_run import plugin
    except ImportError as error:
        raise pytest.UsageError(f"--viztracer: viztracer-ring must be installed again: {error}") from None
    plugin.begin(early_config, options)


def pytest_report_header() -> str | None:
    """Say that the options are not ours."""
    return TAKEN if _is_taken else None
