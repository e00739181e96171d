"""Fixtures: reports opened from files in a real browser that has no network."""

import importlib.util
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

_spec = importlib.util.spec_from_file_location("sandboxes", Path(__file__).parents[1] / "python" / "conftest.py")
sandboxes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sandboxes)

PATIENCE = 120  # seconds
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def sandbox(tmp_path):
    return sandboxes.Sandbox(tmp_path)


class Browser:
    """A browser whose pages get longer than the half a minute of Playwright to do what is expected."""

    def __init__(self, browser):
        self.browser = browser

    def new_context(self, **settings):
        context = self.browser.new_context(**settings)
        context.set_default_timeout(PATIENCE * 1000)
        return context


@pytest.fixture(scope="session")
def browser():
    assert CHROMIUM, "no Chromium: install Debian's `chromium`, or set the variable CHROMIUM to the path of one"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=PATIENCE * 1000)
        yield Browser(browser)
        browser.close()


class Page:
    """A report in the browser, and what went wrong in it."""

    def __init__(self, page):
        self.page = page
        self.errors = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self.requested)

    def requested(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.errors.append(f"asks for {request.url}")

    def open(self, path, condition="window.viztracer !== undefined"):
        """Open a report and wait until it is shown. (wait_for_function evaluates text, which the page forbids.)"""
        self.page.goto(Path(path).as_uri())
        return self.until(condition)

    def open_events(self, sandbox, events):
        """Merge the events of a trace in JSON, and open the report."""
        (sandbox.path / "trace.json").write_text(json.dumps({"traceEvents": events, "viztracer_metadata": {}}))
        done = sandbox.viztracer_merge("trace.json", "-q", "-o", "report.html")
        assert done.returncode == 0, done.stderr
        return self.open(sandbox.path / "report.html")

    def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not self.evaluate(condition):
            assert time.monotonic() < end, f"not in {PATIENCE} s: {condition}; {self.alerts()} {self.errors}"
            time.sleep(0.01)
        return self

    def evaluate(self, script, *arguments):
        return self.page.evaluate(script, *arguments)

    def alerts(self):
        return [element.inner_text() for element in self.page.query_selector_all("[role=alert]")]


@pytest.fixture
def page(browser):
    context = browser.new_context(offline=True)
    yield Page(context.new_page())
    context.close()
