"""The command ``vizviewer``: serves a report to Perfetto's user interface, from 127.0.0.1 only."""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import sys
import threading
import urllib.parse
import webbrowser

PERFETTO = "https://ui.perfetto.dev"
EXTENSIONS = (".json", ".gz", ".html")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves one file, to this machine and to Perfetto's page in its browser."""

    def __init__(self, *args: object, file: str, served: threading.Event, **keywords: object) -> None:
        self.file = file
        self.served = served
        super().__init__(*args, directory=os.path.dirname(file), **keywords)  # type: ignore[arg-type]

    def translate_path(self, path: str) -> str:
        """Find the one file, and nothing else of its directory."""
        name = urllib.parse.unquote(urllib.parse.urlsplit(path).path).lstrip("/")
        return self.file if name == os.path.basename(self.file) else os.path.join(os.sep, "nonexistent", "file")

    def do_GET(self) -> None:
        """Serve the file."""
        super().do_GET()
        self.served.set()

    def end_headers(self) -> None:
        """Allow Perfetto's page to read the answer."""
        self.send_header("Access-Control-Allow-Origin", PERFETTO)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def viewer_main() -> int:
    """Run the command with the arguments of this process; return its exit status."""
    options = _parser().parse_args()
    file = os.path.abspath(options.file)
    if not os.path.isfile(file):
        print(f"File {options.file} does not exist!")
        return 1
    if not file.endswith(EXTENSIONS):
        print(f"Do not support file type {options.file}")
        return 1
    served = threading.Event()
    handler = functools.partial(Handler, file=file, served=served)
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), handler)
    except OSError:
        print(f'Error! Port {options.port} is already in use, try another port with "--port"')
        return 1
    with server:
        return _serve(server, file, served, options)


def _serve(
    server: http.server.ThreadingHTTPServer,
    file: str,
    served: threading.Event,
    options: argparse.Namespace,
) -> int:
    local = f"http://127.0.0.1:{server.server_address[1]}/{urllib.parse.quote(os.path.basename(file))}"
    page = local if file.endswith(".html") else f"{PERFETTO}/#!/?url={local}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if not options.once:
        print(f"The report is at {page}\nPress Ctrl+C to quit", flush=True)
    if not options.server_only:
        webbrowser.open(page)
    try:
        served.wait(options.timeout if options.once else None)
        if not options.once:
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    server.shutdown()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vizviewer", description="Open a report in Perfetto's user interface.")
    parser.add_argument("file", help="a report: .json, .json.gz or .html")
    parser.add_argument("-s", "--server_only", action="store_true", help="do not open the browser")
    parser.add_argument("-p", "--port", type=int, default=9001, help="the port on 127.0.0.1 [9001]")
    parser.add_argument("--once", action="store_true", help="end when the report was fetched")
    parser.add_argument("--timeout", type=float, default=10, help="with --once: seconds to wait for that [10]")
    return parser


if __name__ == "__main__":
    sys.exit(viewer_main())
