"""`vizviewer` is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise."""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import conformance
import pytest
import served
from conformance import ROWS, SAME, case, check
from conftest import BIN, VIZTRACER_PYTHON, heed_interrupts

PAGE = "<html></html>"
TRACE = '{"traceEvents": [{"ph": "X", "name": "f", "ts": 1, "dur": 2, "pid": 1, "tid": 1}]}'
NOT_NEEDED = "viztracer: --use_external_processor is not needed.*"
BRIEFLY = ("--once", "--server_only", "--timeout", "1", "--port", "0")


def viewer(feature, *arguments, **options):
    files = {"r.json": TRACE, "r.html": PAGE, "r.txt": "", "empty/there.json": TRACE}
    return case(feature, *arguments, command="vizviewer", files=files, **options)


CASES = [
    viewer("what `vizviewer` refuses", "none.json"),
    viewer("what `vizviewer` refuses", "r.txt"),
    viewer("what `vizviewer` refuses", "--port", "x", "r.json"),
    viewer("what `vizviewer` refuses", "--timeout", "x", "r.json", aspects=("status",)),
    viewer("what `vizviewer` refuses", aspects=("status", "stdout")),
    viewer("`vizviewer` with a port that there is not", "--port", "70000", "r.json", ours={"status": 1, "stderr": ""}),
    viewer("several files", *BRIEFLY, "r.html", "r.json", ours={"status": 0, "stdout": "View your trace on .*"}),
    viewer("`--once` when nobody asks", *BRIEFLY, "r.html", ours={"status": 0, "stderr": "no browser has fetched .*"}),
    viewer("`--flamegraph`", *BRIEFLY, "--flamegraph", "r.json", ours={"status": 0, "stdout": r"View .*#t=flame\n"}),
    viewer("`--use_external_processor`", *BRIEFLY, "--use_external_processor", "r.json", ours={"status": 0}),
    viewer("`--use_external_processor`", *BRIEFLY, "--use_external_processor", "empty", ours={"status": 0}),
]
OPTION_ROWS = {
    ("positional", "name"): "several files",
    ("positional", "values"): "several files",
    ("--timeout", "default"): "`--timeout` by default",
    ("--p", "abbreviation"): "`--p` for `--port`",
}
FEATURES = (
    {one_case.values[0].feature for one_case in CASES}
    | {*OPTION_ROWS.values()}
    | {
        "what `vizviewer` prints",
        "who may read what `vizviewer` serves",
        "a port that is taken",
        "`--open`",
    }
)


@pytest.mark.one_version
@pytest.mark.parametrize("one_case", CASES)
def test_viewer(tmp_path, one_case):
    check(tmp_path, one_case)


@pytest.mark.one_version
def test_options(sandbox):
    assert conformance.different_options(sandbox, "viztracer.viewer:viewer_main") == OPTION_ROWS.keys()
    assert all(ROWS[feature] != SAME for feature in OPTION_ROWS.values())


@contextlib.contextmanager
def viewing(sandbox, commands):
    """A vizviewer that serves a page: its port, and the lines that it prints, the last of which says how to end it."""
    (sandbox.path / "r.html").write_text(PAGE)
    options = {"cwd": sandbox.path, "stdout": subprocess.PIPE, "preexec_fn": heed_interrupts, "text": True}
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(served.reserved_port())
        command = [commands / "vizviewer", "--server_only", "--port", str(port), "r.html"]
        process = stack.enter_context(subprocess.Popen([commands / "python", "-u", *command], **options))
        try:
            lines = []
            while not lines or lines[-1] and not lines[-1].startswith("Press"):
                lines.append(process.stdout.readline())
            yield port, lines
        finally:
            process.kill()


def printed(sandbox, commands):
    """What a vizviewer prints that serves a page, with its port as a word."""
    with viewing(sandbox, commands) as (port, lines):
        return conformance.COLOR.sub("", "".join(lines)).replace(str(port), "PORT")


@pytest.mark.one_version
def test_what_an_editor_waits_for_is_printed(sandbox):
    assert ROWS["what `vizviewer` prints"] == SAME
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(lambda commands: printed(sandbox, commands), (VIZTRACER_PYTHON.parent, BIN))
    ours = re.sub(r"^This address works once.*\n", "", ours, flags=re.MULTILINE)
    assert theirs == ours
    assert "view your trace on http://localhost:PORT\n" in ours


@pytest.mark.one_version
def test_port_that_is_taken(tmp_path):
    assert ROWS["a port that is taken"] == SAME
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        taken = viewer("a port that is taken", "--server_only", "--port", port, "r.html").values[0]
        theirs, ours = conformance.both(tmp_path, taken)
    assert theirs.status == ours.status == 1
    assert theirs.stdout.startswith(f'Error! Port {port} is already in use, try another port with "--port"')
    assert ours.stdout.startswith(theirs.stdout.rstrip("\n"))


def answers(sandbox, commands):
    """What a vizviewer answers to those who know its port: at an address that other machines could ask as well; twice
    at this machine's own, to a request without a token; and to one that claims to come from another site.

    True: it gives the report.
    """
    with viewing(sandbox, commands) as (port, _):
        return [
            gives_report("127.0.0.2", port),  # is asked only if all addresses of the machine are served
            *(gives_report("127.0.0.1", port, path) for path in ("/r.html", "/localtrace")),
            gives_report("127.0.0.1", port, "/r.html", Host="example.com", Origin="http://example.com"),
        ]


def gives_report(address, port, path="/", **headers):
    connection = http.client.HTTPConnection(address, port, timeout=served.DEADLINE)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status == 200 and answer.read().decode() == PAGE
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


@pytest.mark.one_version
def test_only_this_machine_is_served(sandbox):
    """test_viewer.py and test_viewer_strangers.py prove it in detail."""
    assert ROWS["who may read what `vizviewer` serves"] == "better"
    assert answers(sandbox, VIZTRACER_PYTHON.parent) == [True] * 4
    assert answers(sandbox, BIN) == [False] * 4


# VizTracer's `--open` takes a fixed port, which somebody else may have. So this gives its viewer another one.
SITE = """
import os, sys
if "viztracer.viewer" in sys.orig_argv: sys.argv += ["--port", os.environ["VIEWER_PORT"]]
"""
# It stores the page to which it is led.
BROWSER = """
import os, sys, urllib.request
sys.path.insert(0, {tests!r})
import served
url = sys.argv[1]
page = urllib.request.urlopen(served.target(url) if url.startswith("file:") else url).read()
with open({shown!r} + ".new", "wb") as file: file.write(page)
os.rename(file.name, {shown!r})
"""
OPENED = "import sys\ndef find_me(): return 3\nprint('ran')\nsys.exit(find_me())\n"


def opened(directory, commands, report):
    """What a run with `--open` does: exit status, what it prints, and whether the browser has got its report."""
    directory.mkdir()
    shown, browser = directory / "shown", directory / "browser.py"
    browser.write_text(BROWSER.format(tests=str(Path(__file__).parent), shown=str(shown)))
    (directory / "sitecustomize.py").write_text(SITE)
    (directory / "prog.py").write_text(OPENED)
    with served.reserved_port() as port:
        own = {"BROWSER": f"{sys.executable} {browser} %s", "PYTHONPATH": str(directory), "VIEWER_PORT": str(port)}
        command = [commands / "viztracer", "--quiet", "--open", "-o", report, "prog.py"]
        options = {"cwd": directory, "env": os.environ | own, "stdin": subprocess.DEVNULL, "text": True}
        done = subprocess.run(command, capture_output=True, timeout=served.DEADLINE, **options)
    deadline = time.monotonic() + served.DEADLINE
    while not shown.exists():  # the browser may be slower than the command
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return done.returncode, done.stdout, done.stderr, "find_me" in shown.read_text(encoding="utf-8")


@pytest.mark.one_version
def test_the_report_of_a_run_is_opened(tmp_path):
    assert ROWS["`--open`"] == SAME
    with ThreadPoolExecutor(2) as pool:
        directories, commands = (tmp_path / "theirs", tmp_path / "ours"), (VIZTRACER_PYTHON.parent, BIN)
        theirs, ours = pool.map(opened, directories, commands, ("r.html", "r.html"))
    assert theirs == ours == (3, "ran\n", "", True)
