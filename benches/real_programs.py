"""Do real programs run under the tracer as they run without it?  ``benches/run programs``

Each program is installed from PyPI and started as its users start it, once without the tracer and once under
`viztracer`. Servers get requests and are then stopped by a signal. The columns show: whether output (apart from
numbers and the order of lines) and exit status are the same; what exists afterwards (a report, or the line with the
command that merges); the row of `--top` with the known hot function; the number of processes in the report; how many
times longer the program took. Below the table are all lines in which the tracer reports data as lost or processes as
killed or crashed.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from environments import ENVS, Missing
from question import Answer, Bench, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from environments import Environment

APPLICATIONS = Path(__file__).parent / "applications"
PACKAGES = (
    "pytest pytest-xdist pytest-cov flask gunicorn uvicorn hypercorn django celery rq dask[distributed] joblib "
    "nbconvert ipykernel black mypy setuptools wheel"
).split()
REQUESTS = 20
SECONDS = 120
HOT = "busy"
GRAVE = re.compile(r"kill|crash|lost|could not|unfinished|overwritten", re.IGNORECASE)


@dataclass(frozen=True)
class Program:
    """A program and how it is used.

    Attributes:
        name: what the table calls it.
        command: the program's name or ``-m`` and a module, and its arguments; `PORT` is replaced by a free port.
        stop: the signal that ends a server; 0 if the program ends by itself.
        is_server: whether it answers requests at `PORT`.
        hot: the function that takes most of the time; empty if unknown.
        before: a command that runs untraced in the same directory first.
        redis: whether it needs a Redis server at `PORT`.
    """

    name: str
    command: Sequence[str]
    stop: int = 0
    is_server: bool = False
    hot: str = HOT
    before: Sequence[str] = ()
    redis: bool = False


PROGRAM_LIST = (
    Program("pytest", ("-m", "pytest", "-q", "test_busy.py")),
    Program("pytest, xdist", ("-m", "pytest", "-q", "-n", "2", "test_busy.py")),
    Program("pytest, coverage", ("-m", "pytest", "-q", "--cov=.", "test_busy.py")),
    Program(
        "flask, reloader",
        ("flask", "--app", "flask_app", "run", "--debug", "--port", "PORT"),
        stop=signal.SIGINT,
        is_server=True,
    ),
    Program(
        "gunicorn",
        ("gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "flask_app:app"),
        stop=signal.SIGTERM,
        is_server=True,
    ),
    Program("uvicorn", ("uvicorn", "asgi_app:app", "--port", "PORT"), stop=signal.SIGTERM, is_server=True),
    Program(
        "uvicorn, workers",
        ("uvicorn", "asgi_app:app", "--workers", "2", "--port", "PORT"),
        stop=signal.SIGINT,
        is_server=True,
    ),
    Program("hypercorn", ("hypercorn", "asgi_app:app", "-b", "127.0.0.1:PORT"), stop=signal.SIGTERM, is_server=True),
    Program("django", ("django_project.py", "runserver", "PORT"), stop=signal.SIGINT, is_server=True),
    Program(
        "celery",
        ("celery", "-A", "celery_app", "worker", "-c", "2", "-l", "warning"),
        stop=signal.SIGTERM,
        before=("python", "celery_app.py"),
    ),
    Program(
        "rq",
        ("rq", "worker", "--burst", "--url", "redis://127.0.0.1:PORT"),
        before=("python", "rq_job.py", "PORT"),
        redis=True,
    ),
    Program("dask", ("dask_job.py",)),
    Program("joblib", ("joblib_job.py",)),
    Program("notebook", ("jupyter-nbconvert", "--to", "markdown", "--execute", "notebook.ipynb")),
    Program("black", ("black", "--diff", "flask_app.py"), hot=""),
    Program("mypy", ("mypy", "--no-incremental", "test_busy.py"), hot=""),
    Program("pip", ("pip", "list", "--format", "freeze"), hot=""),
)


@dataclass
class Run:
    """How a program ended, and what it printed."""

    status: int
    lines: Counter[str]
    said: list[str]
    seconds: float


def answer(bench: Bench) -> Answer:
    """Run every program on the newest Python version."""
    result = Answer("Real programs", (__doc__ or "").partition("\n\n")[2].strip())
    environment = bench.environments[-1]
    binaries = install(environment)
    rows, grave = [], []
    for program in PROGRAM_LIST:
        if program.redis and not shutil.which("redis-server"):
            rows.append([program.name, "not run: there is no redis-server", *[""] * 5])
            continue
        print(f"  {program.name}", file=sys.stderr, flush=True)
        untraced = run(program, binaries, bench.scratch, traced=False)
        traced = run(program, binaries, bench.scratch, traced=True)
        found = Report(binaries, bench.scratch / "traced", traced)
        rows.append(row(program, untraced, traced, found))
        grave += [f"{program.name}: {line}" for line in traced.said if GRAVE.search(line)]
        difference = {"more": traced.lines - untraced.lines, "less": untraced.lines - traced.lines}
        result.samples.append(
            {
                "program": program.name,
                "status": [untraced.status, traced.status],
                "seconds": [untraced.seconds, traced.seconds],
                "said": traced.said,
                **{name: sorted(lines) for name, lines in difference.items()},
            }
        )
        for directory in ("untraced", "traced"):
            shutil.rmtree(bench.scratch / directory, ignore_errors=True)
    head = (
        f"CPython {environment.version}",
        "output",
        "status",
        "afterwards",
        "row of hot function",
        "processes",
        "times",
    )
    result.table(head, rows)
    result.note("\n".join(["```text", *grave, "```"]) if grave else "The tracer speaks of nothing lost.")
    return result


def install(environment: Environment) -> Path:
    """Return a virtual environment with the programs and this package."""
    installed = ENVS / f"programs-py{environment.version}"
    python = installed / "bin/python"
    if not (installed / ".programs").exists():
        subprocess.run([environment.ours / "python", "-m", "venv", "--clear", installed], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        if subprocess.run([*pip, *PACKAGES, "redis"], check=False).returncode:
            raise Missing(f"cannot install the programs into {installed}; see above")
        (installed / ".programs").touch()
    (wheel,) = (Path(__file__).parents[1] / f"target/wheels/py{environment.version}").glob("*.whl")
    again = ["--force-reinstall", "--no-deps", str(wheel)]
    subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "-q", "install", *again], check=True)
    return installed / "bin"


def run(program: Program, binaries: Path, scratch: Path, *, traced: bool) -> Run:
    """Run a program in a copy of the applications' directory."""
    directory = scratch / ("traced" if traced else "untraced")
    shutil.copytree(APPLICATIONS, directory)
    port = free_port()
    redis = start_redis(port, directory) if program.redis else None
    environment = {"PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(directory), "LANG": "C.UTF-8"}
    fill = [[part.replace("PORT", str(port)) for part in words] for words in (program.before, program.command)]
    if fill[0]:
        subprocess.run([binaries / fill[0][0], *fill[0][1:]], cwd=directory, env=environment, check=True)
    command = traced_command(binaries, fill[1]) if traced else untraced_command(binaries, fill[1])
    began = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            if program.is_server:
                ask(port)
            elif program.stop:
                time.sleep(6)  # it says by nothing that it has done its work
            if program.stop:
                process.send_signal(program.stop)
            output, _ = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            if redis:
                redis.terminate()
                redis.wait()
    return result_of(process.returncode, output, time.monotonic() - began)


def untraced_command(binaries: Path, words: Sequence[str]) -> list[str | Path]:
    """Return the command that runs a program without the tracer."""
    if words[0] == "-m" or words[0].endswith(".py"):
        return [binaries / "python", *words]
    return [binaries / words[0], *words[1:]]


def traced_command(binaries: Path, words: Sequence[str]) -> list[str | Path]:
    """Return the command that runs a program under the tracer."""
    program = [*words[:2], "--", *words[2:]] if words[0] == "-m" else ["--", *words]
    return [binaries / "viztracer", "-o", "report.json", *program]


# What differs from run to run in a line: identifiers, addresses of objects, numbers, and the directory.
CHANGES = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b0x[0-9a-f]+\b|\b[0-9a-f]{8,}\b|\d+(?:[.:,]\d+)*|/(?:un)?traced")


def result_of(status: int, output: str, seconds: float) -> Run:
    """Separate the program's own lines from those of the tracer; remove what differs between runs."""
    own, said = Counter[str](), []
    for line in re.sub(r"\x1b\[[0-9;]*m", "", output).splitlines():
        if is_ours(line):
            said.append(line)
        else:
            own[CHANGES.sub("#", line).strip()] += 1
    return Run(status, own, said, seconds)


def is_ours(line: str) -> bool:
    """Whether the tracer has printed this line, of the kinds that it prints after a run."""
    beginnings = ("viztracer: ", "vizviewer ", "Total Entries: ", "Use the following command", "Use --tracer_entries")
    middles = ("Circular buffer is full", "Wait for child processes", "(pid ")
    return line.startswith(beginnings) or any(middle in line for middle in middles)


def ask(port: int) -> None:
    """Send the requests, the first one as soon as a server listens."""
    give_up = time.monotonic() + SECONDS
    for _ in range(REQUESTS):
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=SECONDS) as response:
                    response.read()
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.1)


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start_redis(port: int, directory: Path) -> subprocess.Popen[bytes]:
    """Start a Redis server that keeps nothing."""
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    time.sleep(1)
    return server


class Report:
    """What a traced program left.

    Args:
        binaries: the directory of the commands.
        directory: where the program ran.
        traced: how it ended.
    """

    def __init__(self, binaries: Path, directory: Path, traced: Run) -> None:
        self.path = directory / "report.json"
        self.binaries = binaries
        self.says_how = any("viztracer-merge " in line for line in traced.said)

    def kind(self) -> str:
        """Return what is there: a report, a line that says how to get it, or nothing."""
        return "report" if self.path.exists() else "line" if self.says_how else "NOTHING"

    def processes(self) -> str:
        """Return how many processes the report has."""
        if not self.path.exists():
            return ""
        events = json.loads(self.path.read_bytes())["traceEvents"]
        return str(sum(event.get("name") == "process_name" for event in events))

    def place_of(self, function: str) -> str:
        """Return the row of a function in `--top`, by self time over all processes."""
        if not function or not self.path.exists():
            return ""
        command = [self.binaries / "viztracer-merge", "--top", "20", "--sort", "self", self.path]
        top = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        names = [line for line in top.partition("\n\n")[0].splitlines() if re.search(r"\.py:\d+|^\s*[\d.]+", line)]
        rows = [index for index, line in enumerate(names, 1) if function in line]
        return str(rows[0]) if rows else "none"


def row(program: Program, untraced: Run, traced: Run, report: Report) -> list[str]:
    """Return a program's line of the table."""
    more, less = traced.lines - untraced.lines, untraced.lines - traced.lines
    same = "same" if not more and not less else f"+{more.total()} -{less.total()} lines"
    status = str(traced.status) if traced.status == untraced.status else f"{traced.status}, untraced {untraced.status}"
    times = number(traced.seconds / untraced.seconds, 2)
    return [program.name, same, status, report.kind(), report.place_of(program.hot), report.processes(), times]
