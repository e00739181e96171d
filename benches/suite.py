"""Run the benchmarks: ``benches/run [QUESTION...] [--runs N] [--python 3.12,3.13]``.

Each benchmark is a file that answers one question: its docstring has the question and the method, its output a table.
The tables go to stdout. The tables and all raw samples go to ``results/``: to ``latest.md`` and ``latest.json`` if all
benchmarks run, otherwise to files named after the benchmarks. No benchmark passes or fails by a time.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import artifacts
import budget
import bytes_per_call
import calls
import control
import estimates
import filters
import logged_data
import machine
import merge
import overhead
import pages
import processes
import real_programs
import real_test_suites
import snapshots
import startup
import switching
import whole_job
from environments import Missing, found
from question import Answer, Bench

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results"
QUESTIONS: dict[str, Callable[[Bench], Answer]] = {
    "overhead": overhead.answer,
    "filters": filters.answer,
    "logging": logged_data.answer,
    "switching": switching.answer,
    "control": control.answer,
    "budget": budget.answer,
    "estimates": estimates.answer,
    "whole_job": whole_job.answer,
    "merge": merge.answer,
    "calls": calls.answer,
    "pages": pages.answer,
    "bytes_per_call": bytes_per_call.answer,
    "artifacts": artifacts.answer,
    "startup": startup.answer,
    "processes": processes.answer,
    "snapshots": snapshots.answer,
    "programs": real_programs.answer,
    "pytest": real_test_suites.answer,
}


def main() -> int:
    """Answer the questions of the command line; return the exit status."""
    options = parse()
    asked = options.questions or list(QUESTIONS)
    environments, missing = found(options.python)
    for reason in missing:
        print(f"not measured: {reason}", file=sys.stderr)
    if not environments:
        return 2
    about = machine.describe(environments)
    about.update(command=shlex.join(["benches/run", *sys.argv[1:]]), not_measured=missing)
    print(machine.header(about), flush=True)
    answers = {}
    with tempfile.TemporaryDirectory(prefix="viztracer-bench-") as scratch:
        for name in asked:
            try:
                answers[name] = ask(name, Bench(environments, options.runs, Path(scratch, name)))
            except (Missing, subprocess.CalledProcessError) as reason:
                complain(name, reason)
                return 2
    save("latest" if asked == list(QUESTIONS) else "_".join(asked), about, answers)
    return 0


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="benches/run", description="Measure, and print tables in Markdown.")
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=f"{', '.join(QUESTIONS)} [all]")
    parser.add_argument("--runs", type=int, metavar="N", help="samples of each kind [each question's own number]")
    parser.add_argument("--python", type=lambda text: text.split(","), metavar="VERSIONS", help="3.12,3.13 [all found]")
    options = parser.parse_args()
    for name in options.questions:
        if name not in QUESTIONS:
            parser.error(f"there is no question {name!r}; choose from {', '.join(QUESTIONS)}")
    return options


def ask(name: str, bench: Bench) -> Answer:
    """Answer one question in its own directory; print the answer and the time that it took."""
    began = time.monotonic()
    print(f"{name}:", file=sys.stderr)
    bench.scratch.mkdir()
    answer = QUESTIONS[name](bench)
    shutil.rmtree(bench.scratch)
    print(f"\n{answer.text()}", flush=True)
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return answer


def save(stem: str, about: dict[str, object], answers: dict[str, Answer]) -> None:
    """Write the tables and the samples behind them."""
    RESULTS.mkdir(exist_ok=True)
    text = "\n\n".join([machine.header(about), *(answer.text() for answer in answers.values())])
    (RESULTS / f"{stem}.md").write_text(text + "\n")
    samples = [json.dumps({"question": name, **sample}) for name in answers for sample in answers[name].samples]
    head = json.dumps(about, indent=1).removesuffix("\n}")
    lines = ",\n  ".join(samples)
    (RESULTS / f"{stem}.json").write_text(f'{head},\n "samples": [\n  {lines}\n ]\n}}\n')


def complain(name: str, reason: Missing | subprocess.CalledProcessError) -> None:
    """Print why a question has no answer, and the output of the failed command."""
    print(f"benches/run: {name}: {reason}", file=sys.stderr)
    if isinstance(reason, subprocess.CalledProcessError) and reason.output:
        output = reason.output
        print(output.decode(errors="replace") if isinstance(output, bytes) else output, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
