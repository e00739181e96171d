"""Run vizviewer, and read its answers."""

import html
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import contextmanager

from conftest import BIN, heed_interrupts

DEADLINE = 120
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/([\w-]+)/\S*")


@contextmanager
def reserved_port():
    """A port for a server that the test starts with its number.

    This socket does not listen. So servers may share the port, as they set SO_REUSEADDR, and the system gives it to
    nobody who asks for any free port.
    """
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def target(url):
    """Where the file leads to that vizviewer has the browser open."""
    with urllib.request.urlopen(url) as file:
        page = file.read().decode()
    return html.unescape(re.search(r'http-equiv="refresh" content="0; url=([^"]*)"', page)[1])


class Viewer:
    """A running vizviewer: its process, and the address that it printed."""

    def __init__(self, process, lines):
        self.process = process
        self.lines = lines  # all up to that with the address
        self.line = line = lines[-1]
        found = ADDRESS.search(line)
        self.page, self.port, self.token = found[0], int(found[1]), found[2]

    def get(self, url=None, **headers):
        """The answer to a request for a whole address, or for one below the token."""
        if url is None or not url.startswith("http"):
            url = self.page if url is None else f"http://127.0.0.1:{self.port}/{self.token}/{url}"
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=DEADLINE)

    def ask(self, method, path, **headers):
        """The answer to a request that is sent as it is written here."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        connection.putrequest(method, path, skip_host=True)
        for name, value in ({"Host": f"127.0.0.1:{self.port}"} | headers).items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def status(self, url, method="GET"):
        """The status of the answer to a request for a whole address."""
        return self.ask(method, urllib.parse.urlsplit(url).path).status

    def links(self, url=None):
        """The addresses on a page, with their texts."""
        with self.get(url) as answer:
            found = re.findall(r'<a href="([^"]*)">([^<]*)</a>', answer.read().decode())
        return [(html.unescape(text), html.unescape(link)) for link, text in found]


@contextmanager
def serving(sandbox, *arguments, **options):
    """vizviewer on a free port, without a browser; it must leave no file behind."""
    scratch = sandbox.path / "scratch"
    scratch.mkdir(exist_ok=True)
    command = [BIN / "vizviewer", "--server_only", "--port", "0", *arguments]
    env = os.environ | {"PYTHONUNBUFFERED": "1", "TMPDIR": str(scratch)}
    options = {"cwd": sandbox.path, "env": env, "preexec_fn": heed_interrupts, "text": True} | options
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
        try:
            lines = []
            while not any("http://127.0.0.1:" in line for line in lines[-1:]):
                lines.append(process.stdout.readline())
                assert lines[-1], process.communicate(timeout=DEADLINE)
            if "--once" not in arguments:
                assert process.stdout.readline() == "Press Ctrl+C to quit\n"
            yield Viewer(process, lines)
        finally:
            if process.returncode is None:
                process.kill() if sys.exc_info()[0] else process.send_signal(signal.SIGINT)
                process.communicate(timeout=DEADLINE)
    assert process.returncode in (0, -signal.SIGTERM, -signal.SIGHUP)
    assert os.listdir(scratch) == []
