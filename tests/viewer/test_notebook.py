"""`%%viztracer` in a real JupyterLab: the report below a cell, and in the saved notebook."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
DEADLINE = 120
SMALL = "%%viztracer\ndef inner(n):\n    return n * n  # a remark\n\nsum(inner(n) for n in range(9))"
ASYNC = "%%viztracer --log_async\nimport asyncio\nawait asyncio.gather(*map(asyncio.sleep, [0] * 3))\nabs(-3)"
LARGE = SMALL.replace("inner", "large")
CELLS = ["%load_ext viztracer", SMALL, ASYNC, "import viztracer.jupyter\nviztracer.jupyter.SHOWN_MAX = 1000", LARGE]


def until(condition, problem=lambda: None):
    """What the condition gives once it is true."""
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < end, problem()
        time.sleep(0.05)
    return found


class Lab:
    """A JupyterLab that serves one directory, to who knows its token."""

    def __init__(self, directory):
        self.directory, self.log = directory, directory / ".log"
        places = {name: str(directory / f".{name}") for name in ("HOME", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")}
        places |= {f"JUPYTER_{name}_DIR": str(directory / f".{name}") for name in ("CONFIG", "DATA", "RUNTIME")}
        self.env = os.environ | places | {"JUPYTERLAB_WORKSPACES_DIR": str(directory / ".workspaces")}
        options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={directory}"]
        options += ["--expose-app-in-browser", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        with self.log.open("wb") as log:
            command = [BIN / "jupyter-lab", *options]
            self.process = subprocess.Popen(command, env=self.env, cwd=directory, stdout=log, stderr=log)

    def address(self):
        """Where it is, once it is there."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            (info,) = map(json.loads, (file.read_text() for file in self.directory.glob(".RUNTIME/jpserver-*.json")))
            self.url, self.token = info["url"], info["token"]
            return urllib.request.urlopen(f"{self.url}api?token={self.token}", timeout=DEADLINE)
        except (ValueError, OSError):
            return None

    def open(self, page):
        """Open the notebook in a browser."""
        page.goto(f"{self.url}lab/tree/traced.ipynb?reset&token={self.token}")
        return page


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    try:
        until(lab.address, lab.log.read_text)
        yield lab
    finally:
        lab.process.terminate()
        lab.process.wait(DEADLINE)


@pytest.fixture(scope="module")
def notebook(lab, browser):
    """Runs all cells of a notebook, saves it, ends the kernel; gives the path, and the page that shows it."""
    empty = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    cells = [empty | {"id": f"cell{number}", "source": text} for number, text in enumerate(CELLS)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = lab.directory / "traced.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}))
    context = browser.new_context()
    page = lab.open(context.new_page())
    kernel = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
    until(lambda: page.evaluate(f"{kernel}?.status === 'idle'"), lab.log.read_text)
    for command in ("notebook:run-all-cells", "docmanager:save", "kernelmenu:shutdown"):
        page.evaluate("async (name) => { await jupyterapp.commands.execute(name); }", command)
    yield path, page
    context.close()


def outputs(path, number):
    """What a cell of a saved notebook has shown: texts by kind, and what was printed."""
    found = {}
    for output in json.loads(path.read_text())["cells"][number]["outputs"]:
        found |= output.get("data", {output.get("name", "error"): output.get("text", output)})
    return {kind: "".join(text) for kind, text in found.items()}


def reports(page, count):
    """The frames of a page with reports in them, once they show something."""
    def shown():
        frames = [frame.content_frame() for frame in page.query_selector_all("iframe[title=viztracer]")]
        return len(frames) == count and all(frame.evaluate("!!window.viztracer") for frame in frames) and frames

    return until(shown)


def names(frame):
    """The names of all functions that were called."""
    return set(frame.evaluate("""() => {
        const { tracks, functions } = viztracer.trace;
        return tracks.flatMap((track) => Array.from(track.function, (id) => functions.name(id)));
    }"""))


def test_reports_are_below_the_cells(notebook):
    path, page = notebook
    small, tasks, large = reports(page, 3)
    assert "inner" in names(small)
    assert {"sleep", "builtins.abs"} <= names(tasks)
    assert tasks.evaluate("viztracer.trace.tracks.filter(({ kind }) => kind === 'task').length") >= 3
    assert "large" in names(large)
    assert any("# a remark" in text for text in small.evaluate("[...viztracer.trace.sources.values()].flat()"))
    assert outputs(path, 1)["text/plain"] == "204"
    assert outputs(path, 2)["text/plain"] == "3"


def test_a_report_keeps_its_steps_and_leaves_the_history_of_the_notebook_alone(notebook):
    _, page = notebook
    frame = reports(page, 3)[0]
    before = page.evaluate("history.length")
    frame.evaluate("viztracer.select(viztracer.trace.tracks[0], 0)")
    back = "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', altKey: true }))"
    until(lambda: frame.evaluate(f"() => {{ {back}; return viztracer.timeline.selection === null; }}"))
    assert page.evaluate("history.length") == before


def test_large_report_is_a_file_beside_the_notebook(notebook):
    path, page = notebook
    file = path.with_name("viztracer_report_cell4.html")
    assert "large" in file.read_text()
    assert f"it is in {file}" in outputs(path, 4)["stdout"]
    assert f"/files/{file.name}" in reports(page, 3)[2].url


def test_reports_stay_in_the_saved_notebook(notebook, lab, browser):
    context = browser.new_context()
    frames = reports(lab.open(context.new_page()), 3)
    assert ["inner" in names(frame) for frame in frames] == [True, False, False]
    context.close()


def test_reports_stay_in_what_nbconvert_makes(notebook, lab, browser):
    path, _ = notebook
    command = [BIN / "jupyter-nbconvert", "--to", "html", path]
    subprocess.run(command, env=lab.env, check=True, capture_output=True, timeout=DEADLINE)
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(path.with_suffix(".html").as_uri(), wait_until="commit")
    frames = reports(page, 3)
    assert ["large" in names(frame) for frame in frames] == [False, False, True]
    context.close()
