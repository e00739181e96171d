"""The configuration file ``.viztracerrc``: defaults for the options of the command line.

As in VizTracer, it is in the current directory, or where ``--rcfile`` says; its section ``[default]`` has a line for
each option, by its long name. Imported only if there is one.
"""

from __future__ import annotations

import argparse
import configparser

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = ".viztracerrc"
SECTION = "default"


def defaults(path: str, actions: Iterable[argparse.Action]) -> tuple[dict[str, object], list[str]]:
    """Read the file; return the values of options by their names, and the names that are no options.

    Raises:
        ValueError: the file cannot be read, or a value makes no sense.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        section = parser[SECTION]
    except KeyError:
        raise ValueError(f"{path} has no section [{SECTION}]") from None
    except OSError as error:
        raise ValueError(f"can't read {path}: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ValueError(f"can't read {path}: {' '.join(str(error).split())}") from None
    known = {action.dest: action for action in actions if action.dest not in ("help", "version", "rcfile")}
    values = {name: _value(path, section, known[name]) for name in section if name in known}
    return values, [name for name in section if name not in known]


def _value(path: str, section: configparser.SectionProxy, action: argparse.Action) -> object:
    """Return the value of an option; one that takes none is given by a word for yes or no."""
    text = section[action.dest]
    if action.nargs in ("*", "+"):
        return text.split()
    if action.nargs != 0:
        return text
    try:
        return section.getboolean(action.dest)
    except ValueError:
        raise ValueError(f"{path}: {action.dest} is yes or no, not {text!r}") from None
