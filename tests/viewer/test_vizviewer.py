"""What `vizviewer` serves, in the browser: with its headers, and opened as its options say."""

import re
import subprocess
import sys
from pathlib import Path

from conftest import sandboxes

BIN = Path(sys.executable).parent


def test_flame_graph_is_open(browser, sandbox):
    assert sandbox.viztracer("-o", "a.html", sandboxes.program("recursion.py")).returncode == 0
    command = [BIN / "vizviewer", "--server_only", "--port", "0", "--flamegraph", sandbox.path / "a.html"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)))[0]
            context = browser.new_context()
            page = context.new_page()
            errors = []
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.goto(address)
            page.get_by_role("tab", name="Flame graph", selected=True).wait_for()
            page.locator("#panes canvas").first.wait_for()
            assert page.evaluate("window.viztracer.state().tab") == "flame"
            assert errors == []
            context.close()
        finally:
            process.terminate()
