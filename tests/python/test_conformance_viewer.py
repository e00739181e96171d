"""`vizviewer` is VizTracer's, but for the rows of COMPATIBILITY.md that say otherwise."""

import re
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import conformance
import pytest
from conformance import ROWS, SAME, case, check
from conftest import BIN, PEER, heed_interrupts

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
    }
)


@pytest.mark.merge_only
@pytest.mark.parametrize("one_case", CASES)
def test_viewer(tmp_path, one_case):
    check(tmp_path, one_case)


@pytest.mark.merge_only
def test_options(sandbox):
    assert conformance.different_options(sandbox, "viztracer.viewer:viewer_main") == OPTION_ROWS.keys()
    assert all(ROWS[feature] != SAME for feature in OPTION_ROWS.values())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def printed(sandbox, commands):
    """What a vizviewer prints that serves a page, up to its last line, with its port as a word."""
    (sandbox.path / "r.html").write_text(PAGE)
    port = str(free_port())
    command = [commands / "vizviewer", "--server_only", "--port", port, "r.html"]
    options = {"cwd": sandbox.path, "stdout": subprocess.PIPE, "preexec_fn": heed_interrupts, "text": True}
    with subprocess.Popen([commands / "python", "-u", *command], **options) as process:
        try:
            lines = iter(process.stdout.readline, "")
            shown = "".join(line for line in lines if not (line.startswith("Press") and process.send_signal(2)))
        finally:
            process.kill()
    return conformance.COLOR.sub("", shown).replace(port, "PORT")


@pytest.mark.merge_only
def test_what_an_editor_waits_for_is_printed(sandbox):
    assert ROWS["what `vizviewer` prints"] == SAME
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(lambda commands: printed(sandbox, commands), (PEER.parent, BIN))
    ours = re.sub(r"^That leads to the report once.*\n", "", ours, flags=re.MULTILINE)
    assert theirs == ours
    assert "view your trace on http://localhost:PORT\n" in ours


@pytest.mark.merge_only
def test_port_that_is_taken(tmp_path):
    assert ROWS["a port that is taken"] == SAME
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        taken = viewer("a port that is taken", "--server_only", "--port", port, "r.html").values[0]
        theirs, ours = conformance.both(tmp_path, taken)
    assert theirs.status == ours.status == 1
    assert theirs.stdout.startswith(f'Error! Port {port} is already in use, try another port with "--port"')
    assert ours.stdout.startswith(theirs.stdout.rstrip("\n"))


@pytest.mark.merge_only
def test_only_this_machine_is_served():
    """test_viewer.py and test_viewer_strangers.py prove it in detail."""
    assert ROWS["who may read what `vizviewer` serves"] == "better"
