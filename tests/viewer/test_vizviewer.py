"""What `vizviewer` serves, in the browser: with its headers, and opened as its options say."""

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from conftest import sandboxes

BIN = Path(sys.executable).parent


@contextmanager
def serving(*arguments):
    """vizviewer on a free port, without a browser; gives the line with the address."""
    command = [BIN / "vizviewer", "--server_only", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield next(line for line in process.stdout if "http://" in line)
        finally:
            process.terminate()


def test_flame_graph_is_open(browser, sandbox):
    assert sandbox.viztracer("-o", "a.html", sandboxes.program("recursion.py")).returncode == 0
    with serving("--flamegraph", sandbox.path / "a.html") as line:
        context = browser.new_context()
        page = context.new_page()
        errors = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(re.search(r"http://\S+", line)[0])
        page.get_by_role("tab", name="Flame graph", selected=True).wait_for()
        page.locator("#panes canvas").first.wait_for()
        assert page.evaluate("window.viztracer.state().tab") == "flame"
        assert errors == []
        context.close()


def test_perfettos_page_may_read_the_trace_and_no_other(browser, sandbox):
    """Once the user has allowed that to the browser, as it asks for pages elsewhere."""
    (sandbox.path / "a.pftrace").write_bytes(b"four")
    fetch = "async (url) => { try { return await (await fetch(url)).text(); } catch { return null; } }"
    with serving("--perfetto", sandbox.path / "a.pftrace") as line:
        url = line.partition("?url=")[2].strip()
        found = {}
        for place in ("https://ui.perfetto.dev", "https://perfetto.dev"):
            context = browser.new_context(permissions=["local-network-access"])
            context.route(re.compile("^https:"), lambda route: route.fulfill(body="<p>", content_type="text/html"))
            page = context.new_page()
            page.goto(place)
            found[place] = page.evaluate(fetch, url)
            context.close()
    assert found == {"https://ui.perfetto.dev": "four", "https://perfetto.dev": None}
