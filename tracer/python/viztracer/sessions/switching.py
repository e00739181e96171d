"""Switches sessions: has their processes pause, resume or stop recording, and record marks.

The words are in the control block (``format/CONTROL.md``). The processes look at them themselves; none is signalled.
"""

from __future__ import annotations

import json
from functools import partial

from ..output.quoting import quote
from ..snaptrace import ControlBlock
from ..system import SCRATCH
from . import discovery

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from .discovery import Session

MARK_NAME_MAX = 64  # bytes
ID_MIN = 4  # digits that are meant for an id, rather than for a name
SWITCHES = {  # by command: what it wants, and its help
    "pause": ("paused", "record nothing until resume; the programs run at untraced speed"),
    "resume": ("recording", "record again after a pause"),
    "stop": (
        "stopped",
        "record nothing any more; the programs go on, and the report is made when all of them have ended (with "
        "--no_wait, when the first one has)",
    ),
}
NO_BLOCK = f"has no control block, a file in {SCRATCH}, so it cannot be paused, resumed, stopped or marked"


class RefusalError(Exception):
    """A session is not switched; the message says why."""


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the subcommands to those of ``viztracer-ctl``, and return their parsers."""
    parsers = []
    for command, (wanted, text) in SWITCHES.items():
        parser = commands.add_parser(command, help=text)
        parser.set_defaults(run=partial(_switch, wanted))
        parsers.append(parser)
    parser = commands.add_parser(
        "mark",
        help="record a named instant in all processes",
        description="Record an instant at the current time in all processes of a session. A process records it at the"
        " end of its next call, or when it resumes. One that ends before that, or has stopped, misses it. One that"
        " finds more than 8 new marks records the newest ones, and how many it has missed.",
    )
    parser.add_argument("name", metavar="NAME", type=_mark_name, help=f"its name, up to {MARK_NAME_MAX} bytes")
    parser.set_defaults(run=_mark)
    parsers.append(parser)
    for parser in parsers:
        parser.add_argument(
            "session", nargs="?", metavar="SESSION", help="first digits of an id [the only living session]"
        )
    return parsers


def _mark_name(text: str) -> str:
    import argparse

    if not 0 < len(text.encode(errors="surrogateescape")) <= MARK_NAME_MAX or not text.isprintable():
        raise argparse.ArgumentTypeError(f"the name of a mark has 1 to {MARK_NAME_MAX} bytes of printable text")
    return text


def choose(begin: str | None, named: Callable[[str], list[Session]]) -> Session:
    """Return the living session that a user means: the one that `named` finds, or the only one.

    Raises:
        RefusalError: there is none, or there are several.
    """
    found = named(begin) if begin is not None else [session for session in discovery.find() if session.is_living]
    if not found:
        raise RefusalError(
            "no living session; runs with --pid_suffix and without -o cannot be paused, resumed, stopped or marked"
        )
    if len(found) > 1:
        ids = ", ".join(session.id for session in found)
        raise RefusalError(f"{len(found)} sessions live: name one of {ids}")
    if not found[0].is_living:
        raise RefusalError(f"session {found[0].id} is dead: no process of it records")
    if found[0].description is None:
        raise RefusalError(f"session {found[0].id} {NO_BLOCK}")
    return found[0]


def _switch(wanted: str, options: argparse.Namespace) -> int:
    """Have the processes of a session do what the command says."""
    session = choose(options.session, options.named)
    changes = _block(session, lambda block: block.switch(wanted))
    before = session.wanted
    if before == "stopped" and wanted != "stopped":
        raise RefusalError(f"session {session.id} has stopped; its files are closed")
    if options.json:
        print(json.dumps({"id": session.id, "switch": wanted, "changed": changes}, indent=2))
    else:
        print(f"{session.shown_to(options.session)}: {wanted}{'' if changes else ' already'}")
    return 0


def _mark(options: argparse.Namespace) -> int:
    """Have the processes of a session record an instant."""
    if options.session is None:
        _check_is_name(options.name)
    session = choose(options.session, options.named)
    if session.wanted == "stopped":
        raise RefusalError(f"session {session.id} has stopped; its files are closed")
    _block(session, lambda block: block.mark(options.name))
    if options.json:
        print(json.dumps({"id": session.id, "mark": options.name}, indent=2))
    else:
        print(f"{session.shown_to(options.session)}: marked {quote(options.name)}")
    return 0


def _check_is_name(word: str) -> None:
    """Check that the only word behind ``mark`` is a name, and no id behind which the name is missing.

    Raises:
        RefusalError: it is an id.
    """
    if len(word) >= ID_MIN and any(session.has_id(word.lower()) for session in discovery.find()):
        raise RefusalError(f"{word} is a session, and the name of the mark is missing: viztracer-ctl mark NAME {word}")


def _block(session: Session, use: Callable[[ControlBlock], Any]) -> Any:
    try:
        return use(ControlBlock(session.block))
    except OSError as error:
        raise RefusalError(f"session {session.id} cannot be switched: {error}") from None
