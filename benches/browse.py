"""usage: browse.py VIEWER TRACE [--site DIRECTORY] [--library FILE] [--vizviewer FILE] [--picture FILE]

Open a trace in a browser, zoom, pan and return with the keyboard. Print the measurements as JSON: `picture_s`,
`frames_ms`, `heap_mb`, `resident_mb`, and `server_mb` of the viewer `served`, or `error`. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
WINDOW = {"width": 1400, "height": 900}
PATIENCE_S = 180.0
KEYS, KEY_EVERY_S = 60, 0.03


@dataclass(frozen=True)
class Viewer:
    """Something that shows traces.

    Attributes:
        shown: a condition, in JavaScript, that holds as soon as the trace is in the window.
        keys: what zooms in, goes right, goes left, and zooms out.
        fragment: what follows the address of its site; None if the trace is a page itself.
        unfold: the text to click on to see the calls of the process.
    """

    shown: str
    keys: str = "wdas"
    fragment: str | None = None
    unfold: str | None = None


VIEWERS = {
    "ours": Viewer("window.viztracer"),
    "served": Viewer("window.viztracer"),
    "VizTracer": Viewer("document.querySelector('canvas') && !/^(Importing|Initializ)/m.test(document.body.innerText)"),
    "speedscope": Viewer("document.title.startsWith('trace - ')", "=da-", "#profileURL=/trace&title=trace"),
    "perfetto": Viewer(
        "window.app?.trace && document.querySelector('canvas') && !document.querySelector('.pf-overlay-loading')",
        fragment="",
        unfold="MainProcess",
    ),
}

# The condition is asked for in each frame; a picture is on the screen when two more have begun.
WATCH = """
(() => {
    const watch = () => {
        let shown = false;
        try { shown = Boolean(%s); } catch {}
        const note = () => { window.pictured = performance.now(); };
        requestAnimationFrame(shown ? () => requestAnimationFrame(note) : watch);
    };
    requestAnimationFrame(watch);
})();
"""
RECORD = """() => {
    window.frames = [];
    let before = performance.now();
    const tick = (now) => {
        window.frames.push(now - before);
        before = now;
        window.recording = requestAnimationFrame(tick);
    };
    window.recording = requestAnimationFrame(tick);
}"""
RECORDED = "() => { cancelAnimationFrame(window.recording); return window.frames.slice(1); }"


def main() -> None:
    """Open, move, weigh; print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("viewer", choices=VIEWERS)
    parser.add_argument("trace", type=lambda text: Path(text).resolve())
    parser.add_argument("--site", type=Path, help="where the viewer's own files are, unless the trace is a page")
    parser.add_argument("--library", type=Path, help="given for each script that the page asks the network for")
    parser.add_argument("--vizviewer", type=Path, help="the command that serves the ring files in the trace's directory")
    parser.add_argument("--picture", type=Path, help="writes what is seen in the end")
    options = parser.parse_args()
    viewer = VIEWERS[options.viewer]
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            print(json.dumps(measure(browser, viewer, options)))
        except Error as error:
            print(json.dumps({"error": str(error).splitlines()[0]}))


def measure(browser: Browser, viewer: Viewer, options: argparse.Namespace) -> dict[str, Any]:
    """Return what it took; playwright's `Error` if the page has died or shows nothing."""
    if options.viewer != "served":
        return look(browser, viewer, options, address(viewer, options))
    began = time.perf_counter()
    with vizviewer(options) as (server, page):
        waited = time.perf_counter() - began
        found = look(browser, viewer, options, page)
        found["picture_s"] += waited
        return {**found, "server_mb": peak_mb(server.pid)}


@contextmanager
def vizviewer(options: argparse.Namespace) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve ring files; give the server, and the address of the page as soon as it can be asked for."""
    command = [options.vizviewer, "--server_only", "--no_redirect", "--port", "0", options.trace]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            lines = iter(server.stdout or ())
            yield server, next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
        finally:
            server.terminate()


def look(browser: Browser, viewer: Viewer, options: argparse.Namespace, address: str) -> dict[str, Any]:
    """Open a page, move, and weigh it."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.route(lambda url: True, functools.partial(offline, options.library))
    page.add_init_script(WATCH % viewer.shown)
    page.goto(address, wait_until="commit", timeout=PATIENCE_S * 1000)
    picture = wait(page)
    if viewer.unfold:
        page.get_by_text(viewer.unfold).first.click(force=True)
    time.sleep(1)
    frames = move(page, viewer.keys)
    weight = weigh(browser, page)
    if options.picture:
        page.screenshot(path=options.picture)
    return {"picture_s": picture / 1000, "frames_ms": frames, **weight}


def offline(library: Path | None, route: Route) -> None:
    """Let nothing through but this machine's own files."""
    url = route.request.url
    if url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
        route.continue_()
    elif library and route.request.resource_type == "script":
        route.fulfill(path=library)
    else:
        route.abort()


def address(viewer: Viewer, options: argparse.Namespace) -> str:
    """Return where the trace is to be seen."""
    if viewer.fragment is None:
        return str(options.trace.as_uri())
    handler = functools.partial(Handler, options.trace, directory=str(options.site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/{viewer.fragment}"


class Handler(SimpleHTTPRequestHandler):
    """Serves a viewer, and the trace under the names that viewers ask for."""

    protocol_version = "HTTP/1.1"

    def __init__(self, trace: Path, *arguments: Any, **named: Any) -> None:
        self.trace = trace
        super().__init__(*arguments, **named)

    def translate_path(self, path: str) -> str:
        """Return the file that is meant."""
        is_trace = re.fullmatch(r"/(local)?trace(\?.*)?", path)
        return str(self.trace) if is_trace else super().translate_path(path)

    def do_GET(self) -> None:  # noqa: N802, the library's name
        """Answer; VizTracer's copy of Perfetto asks for some facts before it asks for the trace."""
        if not self.path.endswith("_info"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        return None

    def log_message(self, *_: Any) -> None:
        """Be silent."""


def wait(page: Page) -> float:
    """Return how many milliseconds after the address was entered the picture was there."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        pictured = page.evaluate("window.pictured")
        if pictured:
            return float(pictured)
        time.sleep(0.1)
    raise Error(f"no picture after {PATIENCE_S:.0f} s")


def move(page: Page, keys: str) -> list[float]:
    """Hold one key after the other, as one does; return milliseconds between the frames."""
    page.mouse.move(WINDOW["width"] / 2, WINDOW["height"] / 2)
    page.evaluate(RECORD)
    for key in keys:
        for _ in range(KEYS):
            page.keyboard.down(key)
            time.sleep(KEY_EVERY_S)
        page.keyboard.up(key)
    return list(page.evaluate(RECORDED))


def weigh(browser: Browser, page: Page) -> dict[str, float]:
    """Return MB: what the page's own objects and buffers take, and what its process has had resident at most."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    peaks = [peak_mb(process["id"]) for process in processes if process["type"] == "renderer"]
    return {"heap_mb": (heap["usedSize"] + heap.get("backingStorageSize", 0)) / 1e6, "resident_mb": max(peaks)}


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had resident."""
    (kilobytes,) = re.findall(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kilobytes) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
