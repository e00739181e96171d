"""Reports from `vizviewer` in the browser: its headers and options."""

import html
import http.server
import json
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from conftest import Page, sandboxes

BIN = Path(sys.executable).parent


@contextmanager
def serving(*arguments):
    """vizviewer on a free port, without a browser; gives the line with the report's own address.

    The address that leads there once is for editors; `test_viewer_editors.py` tests it.
    """
    command = [BIN / "vizviewer", "--server_only", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield next(line for line in process.stdout if "report is at" in line)
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


def test_our_page_can_all_that_it_can_in_a_file(browser, sandbox):
    """Though it has an origin of its own there, since a report may be anybody's."""
    assert sandbox.viztracer("-o", "a.html", sandboxes.program("recursion.py")).returncode == 0
    with serving(sandbox.path / "a.html") as line:
        context = browser.new_context()
        page = context.new_page()
        errors = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(re.search(r"http://\S+", line)[0])
        opened = Page(page).until("window.viztracer !== undefined")
        assert opened.evaluate("origin") == "null"
        page.keyboard.press("2")
        page.locator("#pane-functions caption", has_text="functions,").wait_for()
        for button in ("Chrome trace", "Perfetto", "Functions (.csv)", "Picture", "Page with notes"):
            page.locator("#actions summary").click()
            with page.expect_download() as download:
                page.get_by_role("button", name=button).click()
            assert Path(download.value.path()).stat().st_size > 100, button
        page.get_by_role("button", name="Copy as CSV").click()
        page.locator("#status", has_text="clipboard").wait_for()
        opened.until("location.hash.includes('t=functions')")
        page.reload()
        page.get_by_role("tab", name="Functions", selected=True).wait_for()
        assert errors == []
        assert "fib" in clipboard(context)
        context.close()


def clipboard(context):
    """The text in it, as a page elsewhere reads that may."""
    context.route("https://reader.test", lambda route: route.fulfill(body="<p>", content_type="text/html"))
    context.grant_permissions(["clipboard-read"])
    page = context.new_page()
    page.goto("https://reader.test")
    page.bring_to_front()
    return page.evaluate("navigator.clipboard.readText()")


def test_viztracers_report_is_shown(browser, sandbox):
    """It needs storage, which it has none of in an origin of its own, and scripts from the network."""
    sandbox.run(
        sandboxes.VIZTRACER_PYTHON.parent / "viztracer", "-o", "viztracer.html", sandboxes.program("recursion.py")
    )
    polyfill = sandboxes.ROOT / ".envs" / "webcomponents.js" / "package" / "webcomponents.min.js"

    def network(route):
        is_polyfill = "webcomponents" in route.request.url
        route.fulfill(path=polyfill, content_type="text/javascript") if is_polyfill else route.abort()

    with serving(sandbox.path / "viztracer.html") as line:
        context = browser.new_context()
        context.route(re.compile("^https:"), network)
        page = context.new_page()
        page.goto(re.search(r"http://\S+", line)[0])
        page.get_by_text("MainThread").first.wait_for()
        assert page.evaluate("[origin, document.compatMode]") == ["null", "CSS1Compat"]
        context.close()


HOSTILE = """<!doctype html><p id=found></p><script>
const found = { origin };
const own = location.href, [, , host, token, number] = own.split("/");
const places = { own, list: `http://${host}/${token}/`, sibling: own.replace(/[^/]+$/, "secret.html") };
for (const other of [0, 1, 2, 3]) {
    places[`sibling ${other}`] = `http://${host}/${token}/${other}/secret.html`;
    places[`directory ${other}`] = `http://${host}/${token}/${other}/`;
}
(async () => {
    for (const [name, url] of Object.entries(places)) {
        try { found[name] = await (await fetch(url)).text(); } catch { found[name] = null; }
    }
    try { found.storage = Boolean(localStorage); } catch { found.storage = null; }
    found.referrer = document.referrer;
    found.opener = window.opener === null;
    found.names = performance.getEntries().map(({ name }) => name).filter((name) => name.includes("http"));
    document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>"""


def test_foreign_page_reads_nothing_else(browser, sandbox):
    (sandbox.path / "shown").mkdir()
    (sandbox.path / "shown" / "hostile.html").write_text(HOSTILE)
    (sandbox.path / "shown" / "secret.html").write_text("a secret")
    with serving(sandbox.path / "shown") as line:
        context = browser.new_context()
        page = context.new_page()
        page.goto(re.search(r"http://\S+", line)[0])
        tokens = {name: link.get_attribute("href").split("/")[3] for name, link in links(page).items()}
        tokens["the list"] = page.url.split("/")[3]
        links(page)["hostile.html"].click()
        page.locator("#found", has_text="{").wait_for()
        found = json.loads(page.locator("#found").inner_text())
        own = tokens.pop("hostile.html")
        assert own in page.url
        context.close()
    assert found.pop("origin") == "null"
    assert (found.pop("opener"), found.pop("referrer")) == (True, "")
    names = " ".join(found.pop("names"))
    assert not any(token in names for token in tokens.values())
    assert len(found) == 12
    assert set(found.values()) == {None}


def links(page):
    """What a list leads to, by its name."""
    return {link.inner_text(): link for link in page.locator("td a").all()}


def test_nobody_shows_it_in_a_page_of_his_own(browser, sandbox):
    """Even who knows the address; nor reads it, nor runs it as a script."""
    (sandbox.path / "a.html").write_text("<p id=inside>a secret")

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            text = f"<iframe src='{html.escape(address)}'></iframe><img src='{html.escape(address)}'>"
            self.wfile.write(text.encode())

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere, serving(sandbox.path / "a.html") as line:
        address = re.search(r"http://\S+", line)[0]
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        failed = []
        page.on("console", lambda message: failed.append(message.text) if message.type == "error" else None)
        page.goto(f"http://127.0.0.1:{elsewhere.server_port}/", wait_until="load")
        assert page.frames[1].locator("#inside").count() == 0
        assert any("frame-ancestors" in text for text in failed)
        assert page.evaluate("fetch('%s').catch(() => null)" % address) is None
        elsewhere.shutdown()
        context.close()
