"""uvicorn and gunicorn under `viztracer`: they serve, end as without it, and the report has each worker's requests."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import tree
from conftest import BIN, SHARED_MEMORY, heed_interrupts, library
from served import reserved_port

SECONDS = 120
# A worker answers with its pid. With two workers, it first waits until the other one has begun to serve, too.
APPLICATION = """
import json, os, time
def handle(path):
    open(f"served_by_{os.getpid()}", "w").close()
    deadline = time.monotonic() + 100
    workers = int(os.environ["WORKERS"])
    while len([name for name in os.listdir(".") if name.startswith("served_by_")]) < workers:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return json.dumps({"path": path, "pid": os.getpid()}).encode()
async def asgi(scope, receive, send):
    body = handle(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
def wsgi(environ, start_response):
    body = handle(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
UVICORN = ["-m", "uvicorn", "--lifespan", "off", "--port", "PORT", "--workers", "WORKERS", "application:asgi"]
GUNICORN = ["gunicorn", "--no-control-socket", "--bind", "127.0.0.1:PORT", "--workers", "WORKERS", "application:wsgi"]
SERVERS = {"uvicorn": UVICORN, "gunicorn": GUNICORN}


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as answer:
        return json.load(answer)


def serve(sandbox, command, workers, signum):
    """Run the server, send requests until every worker has answered, then the signal.

    Return who answered how often, the exit status, and what it printed.
    """
    for old in sandbox.path.glob("served_by_*"):
        old.unlink()
    with reserved_port() as port:
        return serve_on(port, sandbox, command, workers, signum)


def serve_on(port, sandbox, command, workers, signum):
    command = [str(word).replace("PORT", str(port)).replace("WORKERS", str(workers)) for word in command]
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"WORKERS": str(workers), "PATH": path, "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    server = subprocess.Popen(command, cwd=sandbox.path, env=env, preexec_fn=heed_interrupts, **pipes)
    try:
        await_listener(server, port)
        first = []
        for number in range(1, workers + 1):  # one after the other, since a worker may accept all that are there
            first.append(threaded(get, port, "/first"))
            await_workers(sandbox, number)
        answers = [thread.result(SECONDS) for thread in first] + [get(port, "/next") for _ in range(5)]
        server.send_signal(signum)
        printed, _ = server.communicate(timeout=SECONDS)
    finally:
        server.kill()
    return Counter(answer["pid"] for answer in answers), server.returncode, printed


def threaded(function, *arguments):
    pool = ThreadPoolExecutor(1)
    result = pool.submit(function, *arguments)
    pool.shutdown(wait=False)
    return result


def await_listener(server, port):
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert server.poll() is None, server.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)


def await_workers(sandbox, number):
    deadline = time.monotonic() + SECONDS
    while len(list(sandbox.path.glob("served_by_*"))) < number:
        assert time.monotonic() < deadline, f"no worker {number}"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("name", "workers", "signum"),
    [
        ("uvicorn", 1, signal.SIGTERM),
        ("uvicorn", 1, signal.SIGINT),
        ("uvicorn", 2, signal.SIGTERM),
        ("uvicorn", 2, signal.SIGINT),
        ("gunicorn", 2, signal.SIGTERM),
    ],
)
def test_requests_of_each_worker(sandbox, name, workers, signum):
    library(name)
    script = sandbox.script(APPLICATION, "application.py")
    command = SERVERS[name]
    untraced = [sys.executable, *command] if command[0] == "-m" else [BIN / command[0], *command[1:]]
    _, expected, _ = serve(sandbox, untraced, workers, signum)
    traced = [BIN / "viztracer", "--quiet", "--ignore_c_function", "-o", "report.json", "--", *command]
    if command[0] == "-m":
        traced.remove("--")
    served, status, printed = serve(sandbox, traced, workers, signum)
    assert status == expected, printed
    assert len(served) == workers
    report = sandbox.report("report.json")
    calls = Counter(event["pid"] for event in tree.spans(report) if event["name"] == f"handle ({script}:3)")
    assert calls == served, printed
    names = tree.names(report, "process_name")
    if workers > 1:
        assert len(names) >= workers + 1
    if (name, workers) == ("uvicorn", 2):
        assert all(re.fullmatch(r"SpawnProcess-\d+", names[pid]) for pid in served), names
    assert list(SHARED_MEMORY.glob("viztracer_*")) == []
