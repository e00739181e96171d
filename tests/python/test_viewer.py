"""The command `vizviewer`: serves a report to this machine only."""

import os
import signal
import socket
import subprocess
import urllib.request
from contextlib import contextmanager

import pytest
from conftest import BIN, heed_interrupts, program


@contextmanager
def serving(sandbox, file):
    """vizviewer on a free port, without a browser; gives the address of what it serves."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [BIN / "vizviewer", "--server_only", "--port", str(port), file]
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    options = {"cwd": sandbox.path, "env": env, "stdout": subprocess.PIPE, "text": True, "preexec_fn": heed_interrupts}
    with subprocess.Popen(command, **options) as viewer:
        try:
            for line in viewer.stdout:
                if f"http://127.0.0.1:{port}" in line:
                    break
            else:
                pytest.fail("vizviewer ended without serving")
            yield f"http://127.0.0.1:{port}"
        finally:
            viewer.send_signal(signal.SIGINT)
            viewer.stdout.read()
    assert viewer.returncode == 0


@pytest.mark.parametrize("name", ["traced.json", "traced.json.gz"])
def test_report_is_served_as_it_is(sandbox, name):
    assert sandbox.viztracer("-o", name, program("recursion.py")).returncode == 0
    with serving(sandbox, name) as address, urllib.request.urlopen(f"{address}/{name}", timeout=60) as answer:
        assert answer.read() == (sandbox.path / name).read_bytes()
        assert answer.headers["Access-Control-Allow-Origin"] == "https://ui.perfetto.dev"


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.json", "File missing.json does not exist!"), ("notes.txt", "Do not support file type notes.txt")],
)
def test_refusals(sandbox, name, message):
    (sandbox.path / "notes.txt").touch()
    done = sandbox.run(BIN / "vizviewer", name)
    assert done.returncode == 1
    assert message in done.stdout
