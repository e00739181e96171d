"""Takes README's pictures of the page: `make pictures`, or `pictures.py NAME...` for some of them.

Traces programs of tests/programs, opens the reports in the machine's Chromium, and writes .github/NAME.png.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from drawn import AT_REST
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "programs"
BIN = Path(sys.executable).parent
LIBRARY = sysconfig.get_path("stdlib")

# What the scripts below begin with.
TOOLS = """
    const { trace, timeline } = window.viztracer;
    const { functions } = trace;
    const calls = (name) => trace.tracks.flatMap((track) => Array.from({ length: track.count }, (_, call) => call)
        .filter((call) => functions.name(track.function[call]) === name)
        .map((call) => ({ track, call, start: track.start[call], end: track.start[call] + track.duration[call] })));
    const zoom = (from, to) => timeline.zoomTo(from - (to - from) / 100, to + (to - from) / 100);
    const hide = (name) => trace.tracks.filter((track) => track.name === name)
        .forEach(({ index }) => timeline.rows.flip("hidden", `t${index}`));
"""

# Narrow, so that they can be read beside each other.
WIDTH = 700


@dataclass
class Picture:
    """Of a program, what is shown by a script; of the whole window if that has a size, else of the rows."""

    program: str
    show: str
    record: tuple[str, ...] = ()
    merge: tuple[str, ...] = ()
    window: tuple[int, int] | None = None


PICTURES = {
    "viewer": Picture(
        "primes_processes.py",
        """
        timeline.rows.flip("collapsed", `t${trace.tracks[0].index}`);
        window.viztracer.panels.open("functions");
        """,
        merge=("--func", r"^(posix\.fork|BaseProcess\.join|count_primes)\b", "--max_depth", "4"),
        window=(1400, 900),
    ),
    "example-process": Picture(
        "formulas.py",
        """
        const all = calls("calculate");
        zoom(all[1].start, all.at(-1).end);
        """,
        merge=("--func", r"^calculate\b"),
    ),
    "example-threads": Picture(
        "three_threads.py",
        """
        const all = calls("work");
        zoom(Math.min(...calls("fetch").map(({ start }) => start)), Math.max(...all.map(({ end }) => end)));
        hide("MainThread");
        """,
        merge=("--func", r"^work\b", "--max_depth", "5"),
    ),
    "example-processes": Picture(
        "primes_processes.py",
        """
        const [parent] = trace.tracks;
        timeline.rows.flip("collapsed", `t${parent.index}`);
        zoom(parent.start[0], trace.duration);
        """,
        merge=("--func", r"^(posix\.fork|BaseProcess\.join|count_primes)\b", "--max_depth", "4"),
    ),
    "example-tasks": Picture(
        "io_tasks.py",
        """
        const all = calls("handle");
        zoom(Math.min(...all.map(({ start }) => start)), Math.max(...all.map(({ end }) => end)));
        hide("MainThread");
        """,
        record=("--log_async",),
        merge=("--func", r"^handle\b", "--max_depth", "5"),
    ),
}


def report(picture, folder):
    """The page of what the picture's program did, with no path of this machine in it."""
    options = ("--quiet", "--pid_suffix", "--output_dir", "rings", *picture.record)
    record = [BIN / "viztracer", *options, PROGRAMS / picture.program]
    prefixes = ("--strip_prefix", PROGRAMS, "--strip_prefix", LIBRARY)
    merge = [BIN / "viztracer-merge", "rings", "-q", "-o", "report.html", *prefixes, *picture.merge]
    for command in (record, merge):
        subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL)
    return folder / "report.html"


def rest(page):
    end = time.monotonic() + 120
    while not page.evaluate(AT_REST):
        assert time.monotonic() < end, "the page is never at rest"
        time.sleep(0.05)


def clip(page):
    """The ruler and all rows."""
    ruler = page.locator("canvas.ruler").bounding_box()
    height = ruler["height"] + page.evaluate("window.viztracer.timeline.rows.layout.height")
    return {"x": 0, "y": ruler["y"], "width": WIDTH, "height": height}


def take(browser, name, picture):
    with tempfile.TemporaryDirectory() as folder:
        path = report(picture, Path(folder))
        width, height = picture.window or (WIDTH, 800)
        scale = 1 if picture.window else 2
        viewport = {"width": width, "height": height}
        context = browser.new_context(offline=True, viewport=viewport, device_scale_factor=scale)
        page = context.new_page()
        page.goto(path.as_uri())
        rest(page)
        page.evaluate(f"() => {{ {TOOLS} {picture.show} }}")
        rest(page)
        target = ROOT / ".github" / f"{name}.png"
        page.screenshot(path=target, clip=None if picture.window else clip(page))
        context.close()
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1000} kB")


def main(names):
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in names or PICTURES:
            take(browser, name, PICTURES[name])
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
