"""Answers the browser, and nobody else.

Whoever asks must know the random token in the path, so other users of the machine get nothing. He must have called the
server by an address of this machine, so a page elsewhere gets nothing by making its own name resolve to it. Only
Perfetto's page may read across origins, and only traces.
"""

from __future__ import annotations

import html
import http.server
import os
import re
import secrets
import socketserver
import sys
import threading
import time
import urllib.parse
from http import HTTPStatus
from typing import cast

from .. import report
from . import listing
from .catalog import Catalog, Entry, Kind
from .workbench import Workbench

PERFETTO = "https://ui.perfetto.dev"
PERFETTO_PORT = 9001  # the only one that its page may read from
HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")  # any port: it may be forwarded from another machine
TOKEN_BYTES = 16
CONTENT_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".gz": "application/gzip"}


class Server(http.server.ThreadingHTTPServer):
    """The server.

    Args:
        port: on 127.0.0.1; 0 for any free one.
        catalog: what may be asked for.
        workbench: makes what is asked for.
        prefers_perfetto: whether traces are shown by Perfetto's page.
        fragment: how a report is opened, as in its page's address.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True

    def __init__(
        self, port: int, catalog: Catalog, workbench: Workbench, *, prefers_perfetto: bool, fragment: str = ""
    ) -> None:
        self.catalog = catalog
        self.workbench = workbench
        self.prefers_perfetto = prefers_perfetto
        self.fragment = fragment
        self.top: list[Entry] = []
        self.title = ""
        self.was_fetched = False  # a trace, or a report, and completely
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._lock = threading.Lock()
        self._busy = 0
        self._idle_since = time.monotonic()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind, without asking the name service what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle is no error."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            report.complain(f"the browser got no answer: {error!r}")

    def offer(self, title: str, entries: list[Entry]) -> None:
        """Show these first, from now on: as a list, or at once if there is only one."""
        self.title, self.top = title, entries
        self._idle_since = time.monotonic()

    @property
    def first_page(self) -> str:
        """Where to begin."""
        host = f"127.0.0.1:{self.server_port}"
        return self.link(self.top[0], host) if len(self.top) == 1 else f"http://{host}/{self.token}/"

    def link(self, entry: Entry, host: str) -> str:
        """Where an entry is shown, if this server is called so."""
        if entry.kind is Kind.PERFETTO or (self.prefers_perfetto and entry.is_fit_for_perfetto):
            return self.perfetto_link(entry, host)
        page = "" if entry.kind is Kind.DIRECTORY else f"{entry.stem}.html{self.fragment}"
        return f"http://{host}/{self.token}/{entry.number}/{page}"

    def perfetto_link(self, entry: Entry, host: str) -> str:
        """Where Perfetto's page shows an entry."""
        host = host.replace("localhost", "127.0.0.1")  # which is what its page may read from
        return f"{PERFETTO}/#!/?url=http://{host}/{self.token}/{entry.number}/trace/{entry.stem}"

    def idle_seconds(self) -> float:
        """For how long nobody has asked for anything."""
        with self._lock:
            return 0 if self._busy else time.monotonic() - self._idle_since

    def begin_request(self) -> None:
        """Somebody asks."""
        with self._lock:
            self._busy += 1

    def end_request(self, *, fetched: bool) -> None:
        """He has got his answer."""
        with self._lock:
            self._busy -= 1
            self._idle_since = time.monotonic()
            self.was_fetched |= fetched
        self.workbench.wake()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    server_version = "vizviewer"
    sys_version = ""
    timeout = 60  # seconds that a browser may be silent in the middle
    has_answered = False

    @property
    def _server(self) -> Server:
        return cast(Server, self.server)

    @property
    def _host(self) -> str:
        return self.headers.get("Host", "")

    def do_GET(self) -> None:
        """Serve a page or a trace."""
        self._answer()

    def do_HEAD(self) -> None:
        """Serve what stands before it."""
        self._answer()

    def do_OPTIONS(self) -> None:
        """Tell a browser whether Perfetto's page may ask this machine for a trace."""
        place = self._place()
        if place is None:
            return
        if place[1:2] != ["trace"]:
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing to ask for.")
            return
        self.send_response(HTTPStatus.NO_CONTENT)
        self._allow_perfetto()
        self.send_header("Access-Control-Allow-Methods", "GET, HEAD")
        if self.headers.get("Access-Control-Request-Private-Network") == "true":
            self.send_header("Access-Control-Allow-Private-Network", "true")
        self.end_headers()

    def end_headers(self) -> None:
        """Add what is true of every answer."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")  # the token is in the path
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.has_answered = True
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        place = self._place()
        if place is None:
            return
        fetched = False
        self._server.begin_request()
        try:
            fetched = self._serve(place)
        except (RuntimeError, OSError) as error:
            if self.has_answered:
                raise
            self._send_page(listing.problem(str(error)), HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            self._server.end_request(fetched=fetched)

    def _place(self) -> list[str] | None:
        """Return the parts of the path below the token; or refuse and return None."""
        if not HOST.fullmatch(self._host):
            self._refuse(HTTPStatus.FORBIDDEN, "This server is asked by its address only: 127.0.0.1.")
            return None
        path = urllib.parse.urlsplit(self.path).path
        token, *place = path.removeprefix("/").split("/")
        if not secrets.compare_digest(os.fsencode(token), os.fsencode(self._server.token)):
            self._refuse(HTTPStatus.NOT_FOUND, "The address is the one that vizviewer printed, with all its letters.")
            return None
        return place

    def _serve(self, place: list[str]) -> bool:
        """Serve what is at a place; return whether it was a report or a trace, and is all sent."""
        server = self._server
        if place in ([], [""]):
            if len(server.top) == 1:
                self._redirect(server.link(server.top[0], self._host))
            else:
                self._send_list(server.title, server.top)
            return False
        try:
            entry = server.catalog[int(place[0])]
        except (KeyError, ValueError):
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such trace.")
            return False
        if place[1:] == [""] and entry.kind is Kind.DIRECTORY:
            self._send_list(entry.paths[0], server.catalog.inside(entry.paths[0]))
        elif place[1:] == [f"{entry.stem}.html"] and entry.kind in (Kind.REPORT, Kind.TRACE, Kind.RUN):
            return self._send_file(server.workbench.page(entry))
        elif place[1:] == ["trace", entry.stem] and entry.is_fit_for_perfetto:
            return self._send_file(server.workbench.trace(entry), for_perfetto=True)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page.")
        return False

    def _send_list(self, title: str, entries: list[Entry]) -> None:
        host = self._host
        offers_perfetto = host.endswith(f":{PERFETTO_PORT}")
        choices = [
            listing.Choice(
                entry,
                link=self._server.link(entry, host),
                perfetto=self._server.perfetto_link(entry, host) if offers_perfetto else None,
            )
            for entry in entries
        ]
        self._send_page(listing.page(title, choices))

    def _send_page(self, text: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        content = text.encode(errors="replace")
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPES[".html"])
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_file(self, path: str, *, for_perfetto: bool = False) -> bool:
        with open(path, "rb") as file:
            self.send_response(HTTPStatus.OK)
            kind = CONTENT_TYPES.get(os.path.splitext(path)[1], "application/octet-stream")
            self.send_header("Content-Type", kind)
            size = os.fstat(file.fileno()).st_size
            self.send_header("Content-Length", str(size))
            if for_perfetto:
                self._allow_perfetto()
            self.end_headers()
            if self.command == "HEAD":
                return False
            # No more than was told if the file grows meanwhile; and whoever gets less, will ask again.
            return size == 0 or self.connection.sendfile(file, count=size) == size

    def _allow_perfetto(self) -> None:
        self.send_header("Access-Control-Allow-Origin", PERFETTO)

    def _redirect(self, target: str) -> None:
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.send_error(status, explain=html.escape(reason))
