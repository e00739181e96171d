"""The command ``viztracer``: its options, and the ways to name the program to run."""

from __future__ import annotations

import argparse
import os
import re
import sys

from .command_line import missing_options, source_options
from .command_line.arguments import UsageError, VizTracersError, add_recording_options, recording_options, whole_number
from .output import report_kinds
from .snaptrace import is_output_name
from .system import SCRATCH, AttachingError, check_attaching
from .tracer.options import OPTIONS, check_together
from .version import __version__

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        hint = "; options of the program come after --" if message.startswith("ambiguous option") else ""
        raise UsageError(message + hint)

    def _get_option_tuples(self, option_string: str) -> list[Any]:
        """Return what the beginning of an option may stand for: VizTracer's options, if there are any."""
        found = super()._get_option_tuples(option_string)
        return [one for one in found if not (one[0].dest in OPTIONS and OPTIONS[one[0].dest].is_own)] or found


EPILOG = """\
examples:
  viztracer prog.py arg                        run prog.py, write result.json
  viztracer -m pytest tests                    run a module
  viztracer -o out.json.gz -- prog.py -o x     pass all options after -- to the program
  viztracer --combine a.bin b.bin -o out.json  merge files of earlier runs
  viztracer --attach PID -t 5                  record a running process for 5 seconds
  viztracer --pid_suffix --output_dir D prog.py
                                               keep one ring file per process in D; merge them at any time, also
                                               after a crash or during the run: viztracer-merge D -o out.json

Without --pid_suffix, the ring files are in a directory viztracer_* in {scratch}, or next to the report if {scratch} has
too little free space. viztracer removes this directory when the report is written, even if a signal or os._exit has
ended the program. After SIGKILL the directory is kept, and viztracer-merge reads it.

exit status: that of the program, but 1 instead of 0 if the report cannot be written. If the command line is wrong, no
program runs, and the status is 2, or 1 where it is 1 with VizTracer. --combine has the statuses of viztracer-merge.
"""
OUTPUT_HELP = (
    "the report: .json, .pftrace (for Perfetto) or .speedscope.json, each also with .gz; .html (a page), "
    ".csv (functions), .parquet (calls) or .folded (stacks) [result.json]"
)
MODE = re.compile(r"-[cm]|--(cmd_string|module)(=|$)")
DOUBLE_DASHES = ("--", "--run")  # the first one that is there counts
RCFILE = ".viztracerrc"


def main() -> int:
    """Run the command with the arguments of this process; return its exit status, or end the process with the program.

    VizTracer's words about a wrong command line are on stdout, ours on stderr.
    """
    try:
        return run(sys.argv[1:])
    except VizTracersError as error:
        print(error)
        return 1
    except (UsageError, AttachingError) as error:
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
    status = _attach(options)
    if status is None:
        from .commands import run as program

        status = program.run(options, command)
    if status is None and (options.compress or options.decompress):
        from .commands import compress

        status = compress.compress(options) if options.compress else compress.decompress(options)
    if status is None and (options.combine or options.align_combine):
        from .commands import combine

        status = combine.combine(options)
    if status is None:
        build_parser().print_help()
        return 0
    return status


def _attach(options: argparse.Namespace) -> int | None:
    """Do what the options want with a process that runs already; return None if there is no such option."""
    if max(options.attach, options.attach_installed) < 1 and options.t >= 0:
        print("viztracer: -t has no effect without --attach or --attach_installed", file=sys.stderr)
    if max(options.attach, options.attach_installed, options.uninstall) < 1:
        return None
    check_attaching()
    from .commands import attach

    if options.attach > 0:
        return attach.attach(options.attach, options)
    if options.attach_installed > 0:
        return attach.attach_installed(options.attach_installed, options.t)
    return attach.uninstall(options.uninstall)


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split the arguments into ours and the command: all after ``--``, or else all that we do not know.

    Raises:
        UsageError: they contradict each other or cannot be understood.
    """
    parser = build_parser()
    _read_rcfile(parser, arguments)
    split = next((arguments.index(word) for word in DOUBLE_DASHES if word in arguments), None)
    options, command = parser.parse_known_args(arguments[:split])
    if split is not None:
        if command:
            raise UsageError(f"unrecognized arguments: {' '.join(command)}; {_mistaken(parser, command[0])}")
        command = list(arguments[split + 1 :])
    elif _is_unknown_option(options, arguments, command):
        raise UsageError(_mistaken(parser, command[0]))
    elif command and (options.module is not None or options.cmd_string is not None):
        _check_not_python(parser, arguments)
    missing_options.refuse(options)
    _check(options)
    if not command and options.cmd_string is None and options.module is None:
        _check_swallowed(options)
    if options.log_multiprocess or options.log_subprocess:
        print("--log_multiprocess and --log_subprocess are no longer needed to trace multi-process program")
    return options, command


def _check(options: argparse.Namespace) -> None:
    """See that the options make sense, each by itself and together."""
    if (output := options.output_file) and not (options.compress or options.decompress):
        if not is_output_name(output):
            raise VizTracersError(f"Only these kinds of report are supported: {', '.join(report_kinds.ALL)}")
        if options.open and not report_kinds.can_show(output):
            kinds = ", ".join(report_kinds.FOR_VIZVIEWER)
            raise VizTracersError(f"--open shows reports in {kinds}, not {output}")
    try:
        check_together(recording_options(options))
        source_options.check(options)
    except (ValueError, OverflowError) as error:
        raise VizTracersError(error) from None


def _check_swallowed(options: argparse.Namespace) -> None:
    """See that the program is not among the values of an option that takes any number of them."""
    metavars = {name: option.metavar for name, option in OPTIONS.items() if option.takes_list and option.metavar}
    metavars |= {"plugins": "PLUGIN", **dict.fromkeys(source_options.PATTERNS, source_options.METAVAR)}
    for name, metavar in metavars.items():
        if values := getattr(options, name, None):
            from .command_line import mistakes

            raise UsageError(mistakes.of_swallowed_program(f"--{name}", metavar, values))


def _is_unknown_option(options: argparse.Namespace, arguments: Sequence[str], command: Sequence[str]) -> bool:
    """Whether the first word that we do not know is like an option, and before the program."""
    if not command or not command[0].startswith("-") or command[0] == "-":
        return False
    if options.module is None and options.cmd_string is None:
        return True
    return list(arguments).index(command[0]) < _mode(arguments)


def _mode(arguments: Sequence[str]) -> int:
    """Return where ``-m`` or ``-c`` is."""
    return next(index for index, argument in enumerate(arguments) if MODE.match(argument))


def _check_not_python(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """See that ``-m`` or ``-c`` is no option of an interpreter that is named before it."""
    _, words = parser.parse_known_args(arguments[: _mode(arguments)])
    if words:
        from .command_line import mistakes

        if mistakes.is_python(words[0]):
            raise UsageError(mistakes.of_python(arguments[arguments.index(words[0]) :]))


def _mistaken(parser: argparse.ArgumentParser, word: str) -> str:
    """Return what to say of a word that is no option."""
    from .command_line import mistakes

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
            following = arguments[index + 1 : index + 2]
            path = value if equals else following[0] if following else RCFILE  # the parser complains if there is none
    if path == RCFILE and not os.path.exists(path):
        return
    from .command_line import rcfile

    try:
        values, unknown = rcfile.defaults(path, filter(missing_options.is_supported, parser._actions))
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
        description="Record calls of Python functions, and of C functions by Python code, in all processes.",
        epilog=EPILOG.format(scratch=SCRATCH),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--version", action="store_true", help="print the version")
    add("-c", "--cmd_string", metavar="CODE", help="run this Python code")
    add("--module", "-m", metavar="MODULE", help="run a library module")
    output = parser.add_mutually_exclusive_group().add_argument
    output("--output_file", "-o", metavar="FILE", help=OUTPUT_HELP)
    output("--unique_output_file", "-u", action="store_true", help="name the report after the program, time and pid")
    add("--output_dir", metavar="DIR", help="the directory of the report or the ring files, created if missing")
    add("--pid_suffix", action="store_true", help="keep one ring file per process; with -o, a report per process")
    add("--quiet", action="store_true", help="print errors and warnings only")
    add_recording_options(parser)
    source_options.add_to(parser)
    add("--ignore_multiprocess", action="store_true", help="record only the first process and those forked from it")
    add("--no_wait", action="store_true", help="do not wait for child processes that are still running")
    add("--open", action="store_true", help="then show the report in the browser; see vizviewer --help")
    add("--combine", metavar="FILE", nargs="+", help="merge ring files and .json reports; run no program")
    add("--align_combine", metavar="FILE", nargs="+", help="the same, as if all runs had begun at the same time")
    add("--rcfile", metavar="FILE", help="read defaults of these options from FILE [.viztracerrc, if it exists]")
    add("--plugins", metavar="PLUGIN", nargs="+", default=[], help="modules to load as plugins, with their arguments")
    add("--compress", metavar="FILE", help="compress a .json report to a .cvf file; run no program")
    add("--decompress", metavar="FILE", help="decompress a .cvf file to a .json report; run no program")
    add("--attach", metavar="PID", type=whole_number, default=-1, help="record a running process")
    add(
        "--attach_installed",
        metavar="PID",
        type=whole_number,
        default=-1,
        help="the same, for a process that has called VizTracer().install()",
    )
    add(
        "--uninstall",
        metavar="PID",
        type=whole_number,
        default=-1,
        help="end a recording that --attach or --attach_installed has started",
    )
    add(
        "-t",
        metavar="SECONDS",
        type=float,
        default=-1.0,
        help="with --attach or --attach_installed: record for this long [until Ctrl+C]",
    )
    missing_options.add_to(parser)
    return parser
