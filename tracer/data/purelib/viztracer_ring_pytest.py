"""The plugin ``viztracer`` of pytest: its options. What they ask for is in `viztracer.pytest_run`.

pytest imports this module in every run on a machine that has the package. So it stands beside the package, which takes
longer to import, and it works if the package is replaced by VizTracer or has no extension for this interpreter.

For pytest: PYTEST_DONT_REWRITE, since there are no assertions.
"""

from __future__ import annotations

import argparse

import pytest

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

DIRECTORY, SLOWEST, MAX_OVERHEAD = "--viztracer", "--viztracer_slowest", "--viztracer_max_overhead"
# By option: where its value is. No option of another plugin has one there by chance.
DESTINATIONS = {name: f"viztracer_ring_{name.strip('-')}" for name in (DIRECTORY, SLOWEST, MAX_OVERHEAD)}
HELP = {
    DIRECTORY: (
        "DIR",
        "record the calls of all processes of the run into ring files in DIR, each test as a span; write it with =, "
        "since pytest would take a DIR after a space for a path of tests when it looks for its root directory",
    ),
    SLOWEST: ("N", "with --viztracer: show for the N slowest phases of tests in which functions they spent their time"),
    MAX_OVERHEAD: (
        "PART",
        "with --viztracer: let tracing cost at most this part of the processor time, such as 10%%; 0: no limit "
        "[5%%, or none before CPython 3.12]",
    ),
}
TAKEN = (
    "viztracer: another plugin has the option {}, so the one of viztracer-ring is off; -p no:viztracer hides this line"
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options."""
    pluginmanager.register(Options(parser), "viztracer-options")


class Options:
    """Our options. Each is off if another plugin or a ``conftest.py`` has one of the same name, before or after us.

    pytest would refuse the second one. So those of us are among those of its parser only while that parses.

    Args:
        parser: that of pytest.
    """

    def __init__(self, parser: pytest.Parser) -> None:
        self._group = parser.getgroup("viztracer", "recording of the calls (viztracer-ring)")
        self._parser = parser
        self._run: Any = None
        self._taken = [name for name in DESTINATIONS if name in self._names_of_others()]
        for name, destination in DESTINATIONS.items():
            if name not in self._taken:
                metavar, text = HELP[name]
                self._group.addoption(name, metavar=metavar, dest=destination, help=text)
        self._known: dict[str, argparse.Action] | None = _options_of(parser)
        if self._known is not None:
            self._ours = {name: self._known.pop(name) for name in DESTINATIONS if name not in self._taken}
            self._parse = parser.optparser._parse_known_args
            parser.optparser._parse_known_args = self._parse_with_ours  # type: ignore[method-assign]

    def _parse_with_ours(self, *args: Any, **kwargs: Any) -> Any:
        known = self._known or {}
        added = {name: action for name, action in self._ours.items() if name not in known}
        known.update(added)
        try:
            return self._parse(*args, **kwargs)
        finally:
            for name in added:
                del known[name]

    def taken(self) -> list[str]:
        """Return the names of the options that are not ours."""
        others = self._known if self._known is not None else self._names_of_others()
        return [name for name in DESTINATIONS if name in self._taken or name in others]

    def _names_of_others(self) -> set[str]:
        groups = [self._parser._anonymous, *self._parser._groups]
        options = [option for group in groups if group is not self._group for option in group.options]
        return {name for option in options for name in option.names()}

    def pytest_plugin_registered(self) -> None:
        """Make way in a pytest whose parser begins to exist when it parses: those of us are in our group only."""
        if self._known is None and (taken := self.taken()):
            self._taken = taken
            self._group.options[:] = [one for one in self._group.options if not set(one.names()) & set(taken)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> None:
        """Begin to record, if the options say so, before any file of the tests is imported."""
        options = self._values(getattr(early_config, "known_args_namespace", early_config.option))
        directory = options[DIRECTORY]
        if directory is None:
            return
        try:
            from viztracer.pytest_run import plugin
        except ImportError as error:
            raise pytest.UsageError(f"--viztracer: viztracer-ring must be installed again: {error}") from None
        self._run = plugin.begin(early_config, directory, options[MAX_OVERHEAD])

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Stop recording if it is a ``conftest.py`` that has the option; else see what else is asked for."""
        if self._run is None:
            return
        options = self._values(config.option)
        if options[DIRECTORY] is None:
            self._run.abandon()
        else:
            self._run.show_slowest(options[SLOWEST])

    def _values(self, namespace: argparse.Namespace) -> dict[str, str | None]:
        """Return what the command line says; None for options that are not ours."""
        taken = self.taken()
        return {
            name: None if name in taken else getattr(namespace, destination, None)
            for name, destination in DESTINATIONS.items()
        }

    def pytest_report_header(self) -> str | None:
        """Say that options are not ours."""
        taken = self.taken()
        return TAKEN.format(taken[0]) if taken else None


def _options_of(parser: pytest.Parser) -> dict[str, argparse.Action] | None:
    """Return what a parser knows, by name; None before pytest 9, whose parser begins to exist when it parses."""
    optparser = getattr(parser, "optparser", None)
    known = getattr(optparser, "_option_string_actions", None)
    return known if isinstance(known, dict) and hasattr(optparser, "_parse_known_args") else None
