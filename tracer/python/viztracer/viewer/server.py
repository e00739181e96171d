"""Answers the browser, and nobody else.

A request must carry the random token in its path, so other users of the machine get nothing; each entry has its own
token. It must name the server by an address of this machine, so a page elsewhere gets nothing by making its own name
resolve to this address. Only Perfetto's page may read across origins, and only traces. A report may come from anybody:
it runs in an origin of its own, and knows no token but its own.
"""

from __future__ import annotations

import errno
import html
import http.server
import os
import re
import secrets
import socket
import socketserver
import sys
import threading
import time
import urllib.parse
from http import HTTPStatus
from typing import BinaryIO, cast

from ..output import terminal
from ..system.viewing import has_input, is_welcome
from . import foreign, listing
from .catalog import Catalog, Entry, Kind, new_token
from .connections import CONNECTIONS_MAX, Connections
from .tiles import BusyError, GoneError, RequestError
from .workbench import Workbench

PERFETTO = "https://ui.perfetto.dev"
PERFETTO_PORT = 9001  # the only one that its page may read from
HOST = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")  # any port: it may be forwarded from another machine
NUMBER = re.compile(r"[0-9]{1,18}")
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# No page may hold one of ours in a frame. What we write ourselves runs nothing; a report runs as if it came from
# elsewhere, so that it reads nothing of this server; a trace is no page.
OWN_PAGE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
REPORT = "sandbox allow-scripts allow-downloads; frame-ancestors 'none'"
TRACE = "sandbox; default-src 'none'; frame-ancestors 'none'"
OF_LARGE = ("tile", "functions")  # what the page of a large trace asks for
CONTENT_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".gz": "application/gzip"}


class Server(http.server.ThreadingHTTPServer):
    """The server.

    Args:
        port: on 127.0.0.1; 0 for any free one.
        catalog: what may be asked for.
        workbench: makes what is asked for.
        prefers_perfetto: whether traces are shown by Perfetto's page.
        fragment: how a report is opened, as in its page's address.
        has_door: whether the address without a token leads to the first page, once.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    allow_reuse_port = False  # or another user's server could share it
    request_queue_size = CONNECTIONS_MAX

    def __init__(
        self,
        port: int,
        catalog: Catalog,
        workbench: Workbench,
        *,
        prefers_perfetto: bool,
        fragment: str = "",
        has_door: bool = False,
    ) -> None:
        self.catalog = catalog
        self.workbench = workbench
        self.prefers_perfetto = prefers_perfetto
        self.fragment = fragment
        self.has_door = has_door
        self.top: list[Entry] = []
        self.was_fetched = False  # a trace, or a report, and completely
        self.token = new_token()  # of the list of what the user named
        self.connections = Connections()
        self.was_asked = threading.Event()  # by somebody who knows a token
        self._lock = threading.Lock()
        self._busy = 0
        self._idle_since = time.monotonic()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind, without asking the name service what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a connection. If the process can have no more, wait 0.1 s; the connection stays in the queue."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in EXHAUSTED:
                self.connections.end_oldest()
                time.sleep(0.1)
            raise

    def process_request(self, request: object, client_address: object) -> None:
        """Answer in a thread, if there are not too many."""
        if self.connections.admit(cast(socket.socket, request)):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: object) -> None:
        """Close a connection."""
        self.connections.forget(cast(socket.socket, request))
        super().shutdown_request(request)  # type: ignore[arg-type]

    def service_actions(self) -> None:
        """Look after the connections, about twice a second."""
        self.connections.expire()

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle is no error."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            terminal.complain(f"the browser got no answer: {error!r}")

    def offer(self, entries: list[Entry]) -> None:
        """Show these first, from now on: as a list, or at once if there is only one."""
        self.top = entries
        self._idle_since = time.monotonic()

    @property
    def first_page(self) -> str:
        """Where to begin."""
        return self.first_page_of(f"127.0.0.1:{self.server_port}")

    def first_page_of(self, host: str) -> str:
        """Where to begin if this server is called so."""
        return self.link(self.top[0], host) if len(self.top) == 1 else f"http://{host}/{self.token}/"

    def link(self, entry: Entry, host: str) -> str:
        """Where an entry is shown, if this server is called so."""
        if entry.kind is Kind.PERFETTO or (self.prefers_perfetto and entry.is_fit_for_perfetto):
            return self.perfetto_link(entry, host)
        page = "" if entry.kind is Kind.DIRECTORY else f"{entry.stem}.html{self.fragment}"
        return f"http://{host}/{entry.token}/{entry.number}/{page}"

    def perfetto_link(self, entry: Entry, host: str) -> str:
        """Where Perfetto's page shows an entry."""
        host = host.replace("localhost", "127.0.0.1")  # which is what its page may read from
        return f"{PERFETTO}/#!/?url=http://{host}/{entry.token}/{entry.number}/trace/{entry.stem}"

    def close_door(self) -> bool:
        """From now on nobody gets in without a token; return whether somebody would have until now."""
        with self._lock:
            was_open, self.has_door = self.has_door, False
        return was_open

    def idle_seconds(self) -> float:
        """For how long nobody has asked for anything."""
        with self._lock:
            return 0 if self._busy else time.monotonic() - self._idle_since

    def begin_request(self) -> None:
        """Count a request that carries a token."""
        self.was_asked.set()
        with self._lock:
            self._busy += 1

    def end_request(self, *, fetched: bool) -> None:
        """Count a request as answered; `fetched` says whether it got a whole report or trace."""
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
    policy = OWN_PAGE

    @property
    def _server(self) -> Server:
        return cast(Server, self.server)

    @property
    def _host(self) -> str:
        return ",".join(self.headers.get_all("Host", [])) if self.headers else ""  # HTTP/0.9 knows none

    def do_GET(self) -> None:
        """Serve a page or a trace, or lead an editor's browser, which knows no token, to the first page."""
        if self.path == "/" and self._is_let_in():
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", self._server.first_page_of(self._host))
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer()

    def do_HEAD(self) -> None:
        """Serve what stands before it."""
        self._answer()

    def do_OPTIONS(self) -> None:
        """Tell a browser whether Perfetto's page may ask this machine for a trace."""
        asked = self._asked()
        if asked is None:
            return
        _, rest = asked
        if rest[:1] != ["trace"]:
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
        self.send_header("Content-Security-Policy", self.policy)
        self.has_answered = True
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        asked = self._asked()
        if asked is None:
            return
        fetched = False
        self._server.begin_request()
        try:
            fetched = self._serve(*asked)
        except (RuntimeError, OSError) as error:
            if self.has_answered:
                raise
            self._send_page(listing.problem(str(error)), HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            self._server.end_request(fetched=fetched)

    def _is_let_in(self) -> bool:
        """Whether this is the first visitor without a token, and is the user who started this server.

        A page elsewhere that has its reader's browser load something from here is no visitor.
        """
        is_visit = HOST.fullmatch(self._host) and self.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        return bool(is_visit) and is_welcome(self.connection) and self._server.close_door()

    def _asked(self) -> tuple[Entry | None, list[str]] | None:
        """Return the entry that is asked for, or None for the list of all, and the rest of the path.

        Or refuse and return None, if it is somebody who does not know the token.
        """
        if not HOST.fullmatch(self._host):
            self._refuse(HTTPStatus.FORBIDDEN, "This server is asked by its address only: 127.0.0.1.")
            return None
        path = re.split("[?#]", self.path, maxsplit=1)[0]
        given, *rest = path.removeprefix("/").split("/")
        entry = self._server.catalog.get(int(rest[0])) if rest and NUMBER.fullmatch(rest[0]) else None
        token = entry.token if entry else self._server.token
        if not secrets.compare_digest(os.fsencode(given), os.fsencode(token)):
            self._refuse(HTTPStatus.NOT_FOUND, "The address is the one that vizviewer printed, with all its letters.")
            return None
        self._server.connections.recognize(self.connection)
        return entry, rest[1:] if entry else rest

    def _serve(self, entry: Entry | None, rest: list[str]) -> bool:
        """Serve what the rest of a path names; return whether it was a report or a trace, and is all sent."""
        server = self._server
        if entry is None and rest in ([], [""]) and len(server.top) > 1:
            self._send_list("Traces", server.top)
        elif entry is None:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such trace.")
        elif rest == [""] and entry.kind is Kind.DIRECTORY:
            self._send_list(entry.paths[0], *server.catalog.inside(entry))
        elif rest == [f"{entry.stem}.html"] and entry.kind in (Kind.REPORT, Kind.TRACE, Kind.RUN):
            page = server.workbench.page(entry)
            policy = REPORT
            if server.workbench.large(entry):  # its page asks for more, but only about its own trace
                policy += f"; connect-src http://{self._host}/{entry.token}/{entry.number}/"
            return self._send_file(page, CONTENT_TYPES[".html"], policy)
        elif len(rest) == 1 and rest[0] in OF_LARGE and entry.kind is Kind.RUN:
            self._send_of_large(entry, rest[0])
        elif rest == ["trace", entry.stem] and entry.is_fit_for_perfetto:
            kind = CONTENT_TYPES.get(os.path.splitext(entry.paths[0])[1], "application/octet-stream")
            return self._send_file(server.workbench.trace(entry), kind, TRACE)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page.")
        return False

    def _send_list(self, title: str, entries: list[Entry], left_out: int = 0) -> None:
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
        self._send_page(listing.page(title, choices, left_out))

    def _send_page(self, text: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        content = text.encode(errors="replace")
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPES[".html"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_file(self, file: BinaryIO, kind: str, policy: str) -> bool:
        with file:
            self.policy = policy
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            size = os.fstat(file.fileno()).st_size
            before = foreign.before(file) if policy.startswith(REPORT) else b""
            self.send_header("Content-Length", str(len(before) + size))
            if policy is TRACE:
                self._allow_perfetto()
            self.end_headers()
            if self.command == "HEAD":
                return False
            self.wfile.write(before)
            # No more than the announced size if the file grows meanwhile. A browser that gets less asks again.
            return size == 0 or self.connection.sendfile(file, count=size) == size

    def _send_of_large(self, entry: Entry, what: str) -> None:
        """Send what the page of a large trace asks for, or why there is none, as text."""
        self.policy = TRACE
        large = self._server.workbench.large(entry)
        query = self.path.partition("?")[2]
        status, content = HTTPStatus.GONE, b"The trace was opened again: reload this page."
        try:
            if large:
                asked = urllib.parse.parse_qs(query, max_num_fields=10)
                status, content = HTTPStatus.OK, large.answer(what, asked, self._is_left)
        except GoneError:
            pass
        except (RequestError, ValueError) as error:
            status, content = HTTPStatus.BAD_REQUEST, str(error).encode()
        except BusyError:
            status, content = HTTPStatus.SERVICE_UNAVAILABLE, b"The server is busy: try again."
        except RuntimeError as error:
            status, content = HTTPStatus.CONFLICT, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Access-Control-Allow-Origin", "null")  # of the page, which has an origin of its own
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _is_left(self) -> bool:
        """Whether the browser waits for the answer no more."""
        return has_input(self.connection) and not self.connection.recv(1, socket.MSG_PEEK)

    def _allow_perfetto(self) -> None:
        self.send_header("Access-Control-Allow-Origin", PERFETTO)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.send_error(status, explain=html.escape(reason))
