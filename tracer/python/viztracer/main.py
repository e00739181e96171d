"""The command ``viztracer``: its options, and the ways to name the program to run."""

from __future__ import annotations

import argparse
import os
import re
import sys

from . import report_kinds
from .command_line import UsageError, VizTracersError, add_recording_options, recording_options
from .options import check_together
from .version import __version__

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        hint = "; options of the program come after --" if message.startswith("ambiguous option") else ""
        raise UsageError(message + hint)


EPILOG = """\
examples:
  viztracer prog.py arg                        run prog.py, write result.json
  viztracer -m pytest tests                    run a module
  viztracer -o out.json.gz -- prog.py -o x     options after -- are the program's
  viztracer --combine a.bin b.bin -o out.json  merge files of earlier runs
  viztracer --pid_suffix --output_dir D prog.py
                                               leave a ring file per process in D; merge them any time, also
                                               after a crash or while they run, with: viztracer-merge D -o out.json

Without --pid_suffix the ring files are in a directory viztracer_* in /dev/shm, or next to the report if /dev/shm has
little free space. The directory is removed once the report is written, also if a signal or os._exit ends the program.
After SIGKILL it stays; viztracer-merge reads it.

exit status: the program's own; 1 if there is no such program; 2 for a wrong command line.
"""
OUTPUT_HELP = (
    "the report: .json, .pftrace (for Perfetto) or .speedscope.json, each also with .gz; .html (a page), "
    ".csv (functions) or .folded (stacks) [result.json]"
)
MODE = re.compile(r"-[cm]|--(cmd_string|module)(=|$)")
DOUBLE_DASHES = ("--", "--run")
RCFILE = ".viztracerrc"


def main() -> int:
    """Run the command with the arguments of this process; return its exit status, or end the process with the program.

    VizTracer's words about a wrong command line are on stdout, ours on stderr.
    """
    try:
        return run(sys.argv[1:])
    except VizTracersError as error:
        print(error)
    except UsageError as error:
        print(f"viztracer: {error}", file=sys.stderr)
    return 2


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Raises:
        UsageError: the arguments make no sense.
    """
    options, command = parse(arguments)
    if options.version:
        print(__version__)
        return 0
    from .commands import run as program

    status = program.run(options, command)
    if status is None and (options.combine or options.align_combine):
        from .commands import combine

        status = combine.combine(options)
    if status is None:
        build_parser().print_help()
        return 0
    return status


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split the arguments into ours and the command: all after ``--``, or else all that we do not know.

    Raises:
        UsageError: they contradict each other or cannot be understood.
    """
    parser = build_parser()
    _read_rcfile(parser, arguments)
    split = next((index for index, word in enumerate(arguments) if word in DOUBLE_DASHES), None)
    options, command = parser.parse_known_args(arguments[:split])
    if split is not None:
        if command:
            raise UsageError(f"unrecognized arguments: {' '.join(command)}; {_mistaken(parser, command[0])}")
        command = list(arguments[split + 1 :])
    elif _is_unknown_option(options, arguments, command):
        raise UsageError(_mistaken(parser, command[0]))
    _check(options)
    if not command and options.cmd_string is None and options.module is None:
        _check_swallowed(options)
    if options.log_multiprocess or options.log_subprocess:
        print("--log_multiprocess and --log_subprocess are no longer needed to trace multi-process program")
    return options, command


def _check(options: argparse.Namespace) -> None:
    """See that the options make sense, each by itself and together."""
    if output := options.output_file:
        if not output.endswith(report_kinds.ALL):
            raise VizTracersError(f"Only these kinds of report are supported: {', '.join(report_kinds.ALL)}")
        if options.open and not report_kinds.can_show(output):
            kinds = ", ".join(report_kinds.FOR_VIZVIEWER)
            raise VizTracersError(f"--open shows reports in {kinds}, not {output}")
    try:
        check_together(recording_options(options))
    except ValueError as error:
        raise VizTracersError(error) from None


def _check_swallowed(options: argparse.Namespace) -> None:
    """See that the program is not among the values of an option that takes any number of them."""
    for name in ("include_files", "exclude_files"):
        if values := getattr(options, name):
            from . import mistakes

            raise UsageError(mistakes.of_swallowed_program(f"--{name}", values))


def _is_unknown_option(options: argparse.Namespace, arguments: Sequence[str], command: Sequence[str]) -> bool:
    """Whether the first word that we do not know is like an option, and before the program."""
    if not command or not command[0].startswith("-") or command[0] == "-":
        return False
    if options.module is None and options.cmd_string is None:
        return True
    mode = next(index for index, argument in enumerate(arguments) if MODE.match(argument))
    return list(arguments).index(command[0]) < mode


def _mistaken(parser: argparse.ArgumentParser, word: str) -> str:
    """Return what to say of a word that is no option."""
    from . import mistakes

    if not word.startswith("-"):
        return "the program and its arguments come after --"
    return mistakes.of_option(word, [*parser._option_string_actions])


def _read_rcfile(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Take defaults from the configuration file, if there is one."""
    path = RCFILE
    for index, word in enumerate(arguments):
        if word in DOUBLE_DASHES:
            break
        name, equals, value = word.partition("=")
        if len(name) > len("--") and "--rcfile".startswith(name):  # options may be abbreviated
            path = value if equals else "".join(arguments[index + 1 : index + 2])
    if path == RCFILE and not os.path.exists(path):
        return
    from . import rcfile

    try:
        values, unknown = rcfile.defaults(path, parser._actions)
    except ValueError as error:
        raise UsageError(error) from None
    parser.set_defaults(**values)
    if unknown:
        print(f"viztracer: {path}: not supported: {', '.join(unknown)}", file=sys.stderr)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = Parser(
        prog="viztracer",
        usage="viztracer [options] (prog.py | -m module | -c code) [arguments of the program]",
        description="Trace the calls of Python functions, and of C functions by Python code, in all processes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--version", action="store_true", help="print the version")
    add("-c", "--cmd_string", metavar="CODE", help="run this source text")
    add("-m", "--module", metavar="MODULE", help="run a library module")
    output = parser.add_mutually_exclusive_group().add_argument
    output("-o", "--output_file", metavar="FILE", help=OUTPUT_HELP)
    output("-u", "--unique_output_file", action="store_true", help="name the report by program, time and pid")
    add("--output_dir", metavar="DIR", help="the report's directory, made if missing")
    add("--pid_suffix", action="store_true", help="leave a ring file per process; with -o, a report per process")
    add("--quiet", action="store_true", help="print nothing")
    add_recording_options(parser)
    add("--ignore_multiprocess", action="store_true", help="record only this process and what it forks")
    add("--no_wait", action="store_true", help="do not wait for processes that outlive this one")
    add("--open", action="store_true", help="show what was recorded in the browser, see vizviewer --help")
    add("--combine", metavar="FILE", nargs="*", help="merge ring files of earlier runs; nothing is run")
    add("--align_combine", metavar="FILE", nargs="*", help="the same, as if these runs had begun together")
    add("--rcfile", metavar="FILE", help="read defaults of these options from it [.viztracerrc, if there is one]")
    add("--log_exit", action="store_true", help=argparse.SUPPRESS)  # what runs at exit is recorded in any case
    add("--minimize_memory", action="store_true", help=argparse.SUPPRESS)  # no event is kept in memory
    add("--sanitize_function_name", action="store_true", help=argparse.SUPPRESS)  # every name can be written
    add("--log_multiprocess", action="store_true", help=argparse.SUPPRESS)
    add("--log_subprocess", action="store_true", help=argparse.SUPPRESS)
    return parser
