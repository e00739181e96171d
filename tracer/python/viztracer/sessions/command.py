"""The command ``viztracer-ctl``: lists sessions, shows what they record, switches them, removes dead ones."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
import time

from ..output.quoting import printable, quote
from ..output.sizes import duration, size
from ..system import SCRATCH, clock_ns
from ..version import __version__
from . import discovery, removal, snapshot, status, switching, times
from .discovery import Session

EPILOG = """\
examples:
  viztracer-ctl list                 the sessions of this user, living and dead
  viztracer-ctl status               what the processes of the living ones record now
  viztracer-ctl status 3f9a --watch  the same of one session each second, named by the first digits of its id
  viztracer-ctl snapshot --last 5s   what all processes did in the last 5 s, as a report, while they go on
  viztracer-ctl pause                have the processes of the only living session record nothing for now
  viztracer-ctl resume               have them record again
  viztracer-ctl mark 'new version'   record a named instant in all of them
  viztracer-ctl clean --older 1d     remove dead sessions that have recorded nothing for a day, with their ring files

A session is a traced run. Sessions are found in {scratch}. Those of runs with --pid_suffix and without -o are not there:
their ring files are in the directory that the user has named.

exit status: 0; 1 if there is no such session, if a snapshot is missing or incomplete, or if a session cannot be removed
or switched; 2 for wrong options; 130 after Ctrl+C.
"""
FAILED, WRONG_COMMAND_LINE, INTERRUPTED = 1, 2, 128 + signal.SIGINT
LIST_HEADINGS = ["SESSION", "STATE", "AGE", "PROCESSES", "SIZE", "COMMAND"]
INTERVAL = 1.0  # seconds between two looks
WITHOUT_SESSION = (
    "Runs with --pid_suffix and without -o are merged with: viztracer-merge DIRECTORY --as_of now -o snapshot.json"
)
CLEAR = "\033[H\033[2J"


class FailureError(Exception):
    """The command cannot do what it should; the message says why."""


def main() -> int:
    """Run the command with the arguments of this process; return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of all languages, for a terminal of one
    options = build_parser().parse_args()
    try:
        result: int = options.run(options)
        print(end="", flush=True)
    except (FailureError, snapshot.SnapshotError, switching.RefusalError, discovery.NoSharedMemoryError) as error:
        complain(str(error))
        return FAILED
    except BrokenPipeError:  # the reader has read enough
        _write_no_more()
        return 0
    except OSError as error:
        complain(str(error))
        _write_no_more()
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return result


def _write_no_more() -> None:
    """Have what is still to be written to stdout go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog="viztracer-ctl",
        description="List the traced sessions of this user, show or save what they record, switch them, and remove dead "
        "ones.",
        epilog=EPILOG.format(scratch=SCRATCH),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="list living and dead sessions")
    listing.set_defaults(run=show_list)
    showing = commands.add_parser("status", help="show what each process records")
    showing.add_argument("session", nargs="?", metavar="SESSION", help="first digits of an id [all living sessions]")
    showing.add_argument("--watch", action="store_true", help="show it again each second, until Ctrl+C")
    showing.set_defaults(run=show_status)
    taking = commands.add_parser("snapshot", help="write a report on what a living session has recorded; it goes on")
    taking.add_argument("session", nargs="?", metavar="SESSION", help="first digits of an id [the only living session]")
    taking.add_argument(
        "-o", "--output", metavar="OUT", help="the report [snapshot_<date>-<time>_ctl.json]; never replaced"
    )
    taking.add_argument("--last", type=seconds, metavar="TIME", help="only the last part of this length, such as 5s")
    taking.set_defaults(run=take_snapshot)
    cleaning = commands.add_parser("clean", help="remove dead sessions; living ones stay")
    cleaning.add_argument(
        "--older",
        type=seconds,
        default=0.0,
        metavar="TIME",
        help="only those that have recorded nothing for this time, such as 30min, 12h or 1d",
    )
    cleaning.set_defaults(run=clean)
    switches = switching.add_commands(commands)
    for switch in switches:
        switch.set_defaults(named=_meant)
    for command in (listing, showing, taking, cleaning, *switches):
        command.add_argument("--json", action="store_true", help="print JSON")
    return parser


def seconds(text: str) -> float:
    """Read a time; argparse shows what is wrong with it."""
    try:
        return times.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def show_list(options: argparse.Namespace) -> int:
    """Print a row about each session."""
    sessions = discovery.find()
    if options.json:
        print(json.dumps({"sessions": list(map(status.describe, sessions))}, indent=2))
        return 0
    if not sessions:
        print("no sessions")
        return 0
    print(table([LIST_HEADINGS, *map(_row, sessions)], words={0, 1, 5}))
    return 0


def _row(session: Session) -> list[str]:
    held, age = size(session.size), duration(session.age)
    return [session.id, session.shown_state, age, str(len(session.rings)), held, session.shown_command]


def show_status(options: argparse.Namespace) -> int:
    """Print a table about the processes of each session that is meant."""
    while True:
        sessions = _meant(options.session)
        shown = status.look(sessions, INTERVAL)
        if not options.json:
            text = "\n".join(map(_status_text, shown)) or "no living session"
            clear = CLEAR if options.watch and sys.stdout.isatty() else ""
            print(clear + text, flush=True)
        else:
            documents = {"sessions": [session.document() for session in shown]}
            print(json.dumps(documents, indent=None if options.watch else 2), flush=True)
        if not options.watch:
            return 0
        if not any(session.is_living for session in sessions):
            if options.session:
                return 0  # nothing will change any more
            time.sleep(INTERVAL)


def _status_text(shown: status.SessionStatus) -> str:
    lines = [f"{shown.heading()}: {shown.session.shown_command}", table(shown.rows(), words={1, 2}), *shown.remarks()]
    return "\n".join(lines) + "\n"


def _meant(begin: str | None) -> list[Session]:
    """Return the sessions that a user means: those whose ids begin so, or the living ones.

    Raises:
        FailureError: there is none, or there are several.
    """
    sessions = discovery.find()
    if begin is None:
        return [session for session in sessions if session.is_living]
    found = [session for session in sessions if session.has_id(begin.lower())]
    if not found:
        raise FailureError(f"no session begins with {quote(begin)}; see viztracer-ctl list")
    if len(found) > 1:
        ids = ", ".join(session.id for session in found)
        raise FailureError(f"{len(found)} sessions begin with {quote(begin)}: {ids}")
    return found


def take_snapshot(options: argparse.Namespace) -> int:
    """Write a report on what a living session has recorded, as of now."""
    as_of = clock_ns()
    if options.last == 0:
        raise FailureError("--last must be more than no time")
    session = _living(options.session)
    output = options.output or snapshot.vacant(snapshot.file_name("ctl", time.time()))
    snapshot.check_output(output)
    lock = snapshot.share(session.directory)
    try:
        merged = snapshot.write(session.directory, output, as_of, options.last)
    finally:
        os.close(lock)
    for line in (*merged.problems, *merged.losses):
        complain(line)
    if options.json:
        facts = {"events": merged.events, "incomplete": merged.short, "problems": merged.problems}
        print(json.dumps({"snapshot": os.path.abspath(output), "session": session.id} | facts, indent=2))
    else:
        if options.session is None:
            complain(f"snapshot of {session.shown_to(None)}")
        print(output, *merged.short, sep="\n")
    return FAILED if merged.problems else 0


def _living(begin: str | None) -> Session:
    """Return the living session that a user means.

    Raises:
        FailureError: there is none, or there are several, or it is dead.
    """
    sessions = _meant(begin)
    if not sessions:
        raise FailureError(f"no living session. {WITHOUT_SESSION}")
    if len(sessions) > 1:
        raise FailureError(f"name one of the living sessions: {', '.join(session.id for session in sessions)}")
    (session,) = sessions
    if not session.directory:
        raise FailureError(f"{session.id} has no ring files any more")
    if not session.is_living:
        raise FailureError(f"{session.id} is dead; merge it with: viztracer-merge {quote(session.directory)}")
    return session


def clean(options: argparse.Namespace) -> int:
    """Remove dead sessions, and say which and how much they held."""
    removed, problems = [], []
    for session in discovery.find():
        if session.is_living:
            continue
        try:
            if not removal.has_rested(session, options.older):
                continue
            document, command = status.describe(session), _row(session)[-1]
            removal.remove(session)
            removed.append(document)
            if not options.json:
                print(f"removed {session.id}: {size(session.size)}, {command}")
        except removal.RefusalError as error:
            problems.append((session, str(error)))
        except OSError as error:
            problems.append((session, f"{quote(session.directory or session.block)}: {error.strerror}"))
    for session, problem in problems:
        complain(f"{session.id} stays: {problem}")
    freed = sum(document["size"] for document in removed)
    if options.json:
        stays = [{"id": session.id, "reason": problem} for session, problem in problems]
        print(json.dumps({"removed": removed, "size": freed, "stays": stays}, indent=2))
    else:
        print(f"removed {len(removed)} dead session{'' if len(removed) == 1 else 's'}, {size(freed)}")
    return FAILED if problems else 0


def table(rows: list[list[str]], words: set[int]) -> str:
    """Align cells in columns: those of words at the left, numbers at the right."""
    rows = [list(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]

    def line(row: list[str]) -> str:
        cells = (cell.ljust(w) if index in words else cell.rjust(w) for index, (cell, w) in enumerate(zip(row, widths)))
        return "  ".join(cells).rstrip()

    return "\n".join(map(line, rows))


def complain(text: str) -> None:
    """Print a line on stderr."""
    print(f"viztracer-ctl: {printable(text)}", file=sys.stderr)
