"""The command ``vizviewer``: its options, its words, and its end."""

from __future__ import annotations

import argparse
import math
import os
import signal
import tempfile
import threading
from types import FrameType

from ..output import terminal
from ..output.quoting import quote
from ..output.report_kinds import FOR_SPEEDSCOPE
from ..system.viewing import ENDING_SIGNALS, KNOWS_VISITORS
from ..version import __version__
from . import browser
from .catalog import KINDS, Catalog, Entry, Kind, kind_of
from .server import PERFETTO_PORT, Server
from .workbench import Workbench

EPILOG = """\
examples:
  vizviewer result.html          show a report
  vizviewer result.json          convert a trace to a report, show it, and remove it at the end
  vizviewer temp_dir             show ring files, also of a run that crashed or is still running; if the directory
                                 has more than one trace, show a list
  vizviewer --perfetto temp_dir  show the same on https://ui.perfetto.dev, which reads the trace from this machine

A report needs no server: viztracer-merge temp_dir -o result.html writes one that opens by double click.
To see a trace of another machine, run  vizviewer --server_only result.json  there and
ssh -L 9001:127.0.0.1:9001 HOST  here. Then open the address that vizviewer prints.

The page of a directory without traces is empty until there are some.

exit status: 0, also after Ctrl+C; 1 if a FILE cannot be shown or the port cannot be used; 2 for wrong options.
"""
FLAME_GRAPH = "#t=flame"  # a tab of the page, as state.js writes it
# Seconds that a wait takes at most: the interpreter notices a signal that came just before a wait only after it.
PULSE = 0.5


class RefusalError(Exception):
    """There is nothing to serve; the message says why."""


def viewer_main() -> int:
    """Run the command with the arguments of this process; return its exit status."""
    options = build_parser().parse_args()
    end = End()
    try:
        with tempfile.TemporaryDirectory(prefix="vizviewer_", ignore_cleanup_errors=True) as directory:
            try:
                Viewer(options, directory).run()
            finally:
                end.approaches()
    except RefusalError as error:
        terminal.say(str(error))
        return 1
    except KeyboardInterrupt:
        end.come()
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog="vizviewer",
        description="Show traces in the browser. Serve only this machine, and only requests that carry a random token.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "files",
        nargs="+",
        metavar="FILE|DIR",
        help="a report (.html), a trace (.json, .json.gz, .pftrace), ring files (.bin), or a directory of such files",
    )
    add("--version", action="version", version=__version__)
    add("--server_only", "-s", action="store_true", help="do not open the browser")
    add(
        "--port",
        "-p",
        type=int,
        nargs="?",
        const=PERFETTO_PORT,
        default=PERFETTO_PORT,
        metavar="N",
        help="the port on 127.0.0.1; 0 selects a free one [9001]",
    )
    add("--once", action="store_true", help="exit when the browser has loaded a report or trace, or after --timeout")
    add(
        "--timeout",
        type=_seconds,
        nargs="?",
        const=math.inf,
        metavar="SECONDS",
        help="with --once: exit after this time without a request [10; 60 for Perfetto's page]",
    )
    add(
        "--no_redirect",
        action="store_true",
        help="do not redirect the first visitor of http://localhost:N, such as an editor, to the report",
    )
    add("--perfetto", action="store_true", help="show traces on Perfetto's page instead of the page of a report")
    add("--flamegraph", action="store_true", help="show the flame graph of a report first")
    add("--use_external_processor", action="store_true", help="no effect; accepted because VizTracer has it")
    return parser


def _seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


class Viewer:
    """What the command does.

    Args:
        options: from the command line.
        directory: for files that are removed at the end.
    """

    def __init__(self, options: argparse.Namespace, directory: str) -> None:
        self.options = options
        self.directory = directory
        self.catalog = Catalog()
        self.workbench = Workbench(directory)

    def run(self) -> None:
        """Serve what the options name, until it was fetched or for ever.

        Raises:
            RefusalError: that cannot be.
        """
        self._check()
        try:
            entries, choices = self._find()
        except OSError as error:
            raise RefusalError(f"{error.filename or error}: {error.strerror or 'cannot be read'}") from None
        with self._serve(choices) as server:
            if len(entries) == 1:
                self._prepare(entries[0])
            server.offer(entries)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for_perfetto = any(map(self._is_for_perfetto, choices))
            if not choices:
                directory = quote(entries[0].paths[0])
                terminal.complain(f"there is no trace in {directory}: the page stays empty until there is")
            self._print_address(server, for_perfetto=for_perfetto)
            if not self.options.server_only:
                browser.show(server.first_page, self.directory, server.was_asked)
            self._work(server, for_perfetto=for_perfetto)
            server.shutdown()

    def _check(self) -> None:
        options = self.options
        if options.use_external_processor:
            terminal.complain(
                "--use_external_processor is not needed and has no effect: the page is prepared before it is shown; "
                "--perfetto shows more calls than the page holds"
            )
        for file in options.files:
            if not os.path.exists(file):
                raise RefusalError(f"File {file} does not exist!")
            if file.endswith(FOR_SPEEDSCOPE):
                raise RefusalError(f"Do not support file type {file}; open it on https://www.speedscope.app")
            if not (os.path.isfile(file) or os.path.isdir(file)):
                raise RefusalError(f"{file} is neither a regular file nor a directory")
            if kind_of(file) is None:
                kinds = ", ".join(KINDS)
                raise RefusalError(f"Do not support file type {file}; vizviewer shows {kinds} and directories")

    def _find(self) -> tuple[list[Entry], list[Entry]]:
        """Return what to show first, and what there is to choose from: the same, or what is in the directory shown.

        Raises:
            OSError: something cannot be read.
        """
        entries = self.catalog.named(os.path.abspath(file) for file in self.options.files)
        choices = entries
        while len(choices) == 1 and choices[0].kind is Kind.DIRECTORY:
            entries = choices
            choices, _ = self.catalog.inside(entries[0])
        if len(choices) == 1:
            entries = choices
        if self.options.perfetto and len(entries) == 1 and entries[0].kind is Kind.REPORT:
            raise RefusalError(
                f"{self.options.files[0]}: Perfetto's page cannot show a report, only what it was made of: name that, "
                "or leave out --perfetto"
            )
        return entries, choices

    def _serve(self, entries: list[Entry]) -> Server:
        port = self.options.port
        try:
            return Server(
                port,
                self.catalog,
                self.workbench,
                prefers_perfetto=self.options.perfetto,
                fragment=FLAME_GRAPH if self.options.flamegraph else "",
                has_door=KNOWS_VISITORS and not self.options.no_redirect,
            )
        except PermissionError:
            reason = "needs rights that this user lacks"
            raise RefusalError(f'Error! Port {port} {reason}, try another port with "--port"') from None
        except OverflowError:
            raise RefusalError(f"Error! There is no port {port}, try one from 0 to 65535 with \"--port\"") from None
        except OSError:
            advice = 'try another port with "--port" (0: any that is free)'
            if port == PERFETTO_PORT and any(map(self._is_for_perfetto, entries)):
                advice = "and Perfetto's page reads from no other: end what uses it"
            raise RefusalError(f"Error! Port {port} is already in use, {advice}") from None

    def _prepare(self, entry: Entry) -> None:
        """Merge the only trace before the browser asks for it, so that errors are printed before the server starts."""
        try:
            if entry.kind is Kind.RUN and self._is_for_perfetto(entry):
                self.workbench.merge(entry, ".pftrace")
            elif entry.kind in (Kind.TRACE, Kind.RUN) and not self._is_for_perfetto(entry):
                self.workbench.merge(entry, ".html")
        except (RuntimeError, OSError) as error:
            raise RefusalError(str(error)) from None

    def _is_for_perfetto(self, entry: Entry) -> bool:
        return entry.kind is Kind.PERFETTO or (self.options.perfetto and entry.is_fit_for_perfetto)

    def _print_address(self, server: Server, *, for_perfetto: bool) -> None:
        page = server.first_page
        if for_perfetto:
            port = server.server_port
            if port != PERFETTO_PORT:
                terminal.complain(f"Perfetto's page reads from port {PERFETTO_PORT} only, not {port}: leave out --port")
            terminal.complain("if the browser asks whether Perfetto's page may reach this device, allow it")
        if not self.options.once:
            terminal.say("Running vizviewer")
            if server.has_door:  # in VizTracer's words, since an editor waits for them and opens the address
                terminal.say(f"You can also view your trace on http://localhost:{server.server_port}")
                terminal.say(f"This address works once. Until vizviewer ends, the report is at {page}")
            else:
                terminal.say(f"You can also view your trace on {page}")
            terminal.say("Press Ctrl+C to quit")
        elif self.options.server_only:
            terminal.say(f"View your trace on {page}")

    def _work(self, server: Server, *, for_perfetto: bool) -> None:
        """Merge what is asked for, until the end."""
        once, timeout = self.options.once, self.options.timeout
        if timeout is None:
            timeout = 60 if for_perfetto else 10
        while not (once and server.was_fetched):
            left = timeout - server.idle_seconds() if once else math.inf
            if left <= 0:
                terminal.complain(f"no browser has fetched the report for {timeout:g} s, so vizviewer ends")
                return
            self.workbench.work(min(left, PULSE))


class End:
    """How the command ends: by itself, by Ctrl+C, or by another signal, of which it dies once all is removed."""

    def __init__(self) -> None:
        self._signal = signal.SIGINT
        for number in ENDING_SIGNALS:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)
        raise KeyboardInterrupt

    def approaches(self) -> None:
        """Files are about to be removed; let nothing interrupt that."""
        for number in (signal.SIGINT, *ENDING_SIGNALS):
            signal.signal(number, signal.SIG_IGN)

    def come(self) -> None:
        """Die of the signal that came, unless that was Ctrl+C."""
        if self._signal != signal.SIGINT:
            signal.signal(self._signal, signal.SIG_DFL)
            signal.raise_signal(self._signal)
