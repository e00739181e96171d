"""The command ``viztracer``: its options, and the ways to name the program to run."""

from __future__ import annotations

import argparse
import re
import sys

from .ring_directory import DEFAULT_ENTRIES
from .version import __version__

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence


class UsageError(Exception):
    """The options make no sense; the message is the peer's."""


EPILOG = """\
examples:
  viztracer prog.py arg                        run prog.py, write result.json
  viztracer -m pytest tests                    run a module
  viztracer -o out.json.gz -- prog.py -o x     options after -- are the program's
  viztracer --combine a.bin b.bin -o out.json  merge files of earlier runs
  viztracer --pid_suffix --output_dir D prog.py
                                               leave a ring file per process in D; merge them any time, also
                                               after a crash or while they run, with: viztracer-merge D -o out.json

Without --pid_suffix the ring files are in a directory viztracer_* in /dev/shm, or next to the report if there is
little room; it is removed once they are merged, also if SIGTERM or SIGHUP ends the program. If it is killed otherwise,
it stays, and viztracer-merge reads it.

exit status: the program's own; 1 if there is no such program; 2 for wrong options.
"""
OUTPUT_HELP = (
    "the report: .json, .pftrace (for Perfetto) or .speedscope.json, each also with .gz; .html (a page), .csv (functions) "
    "or .folded (stacks) [result.json]"
)
OUTPUT_EXTENSIONS = (".json", ".json.gz", ".pftrace", ".pftrace.gz", ".html", ".csv", ".folded")


def main() -> int:
    """Run the command with the arguments of this process; return its exit status."""
    try:
        options, command = parse(sys.argv[1:])
    except UsageError as error:
        print(error)
        return 1
    if options.version:
        print(__version__)
        return 0
    from .commands import run

    status = run.run(options, command)
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
    if "--" in arguments:
        split = list(arguments).index("--")
        options, command = parser.parse_args(arguments[:split]), list(arguments[split + 1 :])
    else:
        options, command = parser.parse_known_args(arguments)
    if options.output_file and not options.output_file.endswith(OUTPUT_EXTENSIONS):
        raise UsageError(f"Only these kinds of report are supported: {', '.join(OUTPUT_EXTENSIONS)}")
    if options.open and options.output_file:
        from .commands import show

        if not show.can_show(options.output_file):
            raise UsageError(f"--open shows reports in {', '.join(show.EXTENSIONS)}, not {options.output_file}")
    if options.include_files and options.exclude_files:
        raise UsageError("include_files and exclude_files can't be both specified!")
    if options.tracer_entries is not None and options.tracer_entries < 1:
        raise UsageError("tracer_entries must be at least 1")
    options.min_duration = microseconds(options.min_duration or "0")
    if options.log_multiprocess or options.log_subprocess:
        print("--log_multiprocess and --log_subprocess are no longer needed to trace multi-process program")
    return options, command


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog="viztracer",
        usage="viztracer [options] (prog.py | -m module | -c code) [arguments of the program]",
        description="Trace the calls of Python functions, and of C functions by Python code, in all processes and threads.",
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
    add(
        "--tracer_entries",
        metavar="N",
        type=int,
        default=DEFAULT_ENTRIES,
        help=f"the newest events to keep, per process; older ones are lost [{DEFAULT_ENTRIES}]",
    )
    add("--max_stack_depth", metavar="N", type=int, default=-1, help="the deepest nesting to record")
    add(
        "--min_duration",
        metavar="TIME",
        help="leave out shorter calls: 20 or 20us, 0.3ms, 1s",
    )
    add("--include_files", metavar="FILE", nargs="*", help="record only functions of files that begin so")
    add("--exclude_files", metavar="FILE", nargs="*", help="do not record functions of files that begin so")
    add("--ignore_c_function", action="store_true", help="do not record C functions")
    add("--ignore_frozen", action="store_true", help="do not record functions frozen into the interpreter")
    add("--log_async", action="store_true", help="give every asyncio task a track of its own")
    add("--ignore_multiprocess", action="store_true", help="record only this process and what it forks")
    add("--no_wait", action="store_true", help="do not wait for processes that outlive this one")
    add("--open", action="store_true", help="show what was recorded in the browser, see vizviewer --help")
    add("--combine", metavar="FILE", nargs="*", help="merge ring files of earlier runs; nothing is run")
    add("--align_combine", metavar="FILE", nargs="*", help="the same, as if these runs had begun together")
    add("--log_multiprocess", action="store_true", help=argparse.SUPPRESS)
    add("--log_subprocess", action="store_true", help=argparse.SUPPRESS)
    add("--trace_self", action="store_true", help=argparse.SUPPRESS)
    return parser


def microseconds(text: str) -> float:
    """Read a time such as ``20``, ``20us`` or ``0.3ms``."""
    found = re.match(r"([0-9]*\.?[0-9]+)\s*(s|ms|us|ns)?", text.strip())
    if not found:
        raise UsageError(f"Can't convert {text} to time. Format should be 0.3ms or 13us")
    return float(found[1]) * {"s": 1e6, "ms": 1e3, "us": 1, "ns": 1e-3}[found[2] or "us"]
