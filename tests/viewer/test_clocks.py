"""Recordings of two boots, and the time on which the page opens."""

import os
import struct
import zlib

import pytest
from test_processes import merged

PROGRAM = "import time\ndef f(): time.sleep(0.01)\nfor _ in range(20): f()\n"
# Offsets in a file's header, from format/FORMAT.md.
BOOT, SESSION, FILE_ID, ARGUMENTS_SIZE, OPENED, CRC, ARGUMENTS = 80, 96, 112, 132, 160, 508, 1024
APART = 2_048_000_000_000
STARTS = "() => viztracer.trace.processes.map((process) => process.tracks[0].start[0])"
VIEW = "() => [viztracer.view.from, viztracer.view.to]"


def as_of_another_boot(content, later):
    """Change a ring file as if another run on another machine had written it, so many nanoseconds later."""
    content = bytearray(content)
    (size,) = struct.unpack_from("<I", content, ARGUMENTS_SIZE)
    (realtime,) = struct.unpack_from("<Q", content, OPENED + 16)
    struct.pack_into("<Q", content, OPENED + 16, realtime + later)
    for identifier in (BOOT, SESSION, FILE_ID):
        content[identifier : identifier + 16] = os.urandom(16)
    struct.pack_into("<I", content, CRC, zlib.crc32(content[ARGUMENTS : ARGUMENTS + size], zlib.crc32(content[:CRC])))
    return content


@pytest.fixture
def rings(sandbox):
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", sandbox.script(PROGRAM)).returncode == 0
    return sandbox.path / "rings"


@pytest.fixture
def two_boots(sandbox, page, rings):
    (ring,) = rings.glob("*.bin")
    (rings / "z.bin").write_bytes(as_of_another_boot(ring.read_bytes(), APART))
    return merged(sandbox, page)


def test_two_boots_open_on_the_first_run_and_can_begin_together(two_boots):
    page = two_boots.page
    line = page.get_by_role("region", name="Clocks")
    assert "of 2 boots. Only the wall clock relates their times" in line.inner_text()
    assert "Clocks" == page.locator("#alerts > *").first.get_attribute("aria-label")
    first, second = two_boots.evaluate(STARTS)
    assert second - first == pytest.approx(APART)
    begin, end = two_boots.evaluate(VIEW)
    assert begin < first < end < second, "no empty minutes are in view"
    page.keyboard.press("0")
    two_boots.until("() => location.hash.includes('v=')")
    with page.expect_event("load"):
        line.get_by_role("button", name="Align the starts").click()
    two_boots.until("() => window.viztracer?.trace.areTogether === true")
    first, second = two_boots.evaluate(STARTS)
    assert first == second
    assert "All runs are moved to begin together" in line.inner_text()
    assert two_boots.evaluate("() => location.hash") == "#g=start"
    page.reload()
    two_boots.until("() => window.viztracer?.trace.areTogether === true")
    with page.expect_event("load"):
        line.get_by_role("button", name="Use the wall clock").click()
    two_boots.until("() => window.viztracer?.trace.areTogether === false")
    assert "g=" not in two_boots.evaluate("() => location.hash")
    with page.expect_event("load"):
        page.evaluate("() => { location.hash = '#g=start' }")
    two_boots.until("() => window.viztracer?.trace.areTogether === true")
    line.get_by_role("button", name="Hide the line about clocks").click()
    assert line.count() == 0
    assert two_boots.errors == []


def test_the_page_aligns_starts_as_the_command_does(sandbox, two_boots):
    with two_boots.page.expect_event("load"):
        two_boots.evaluate("() => { location.hash = '#g=start' }")
    two_boots.until("() => window.viztracer?.trace.areTogether === true")
    everything = """() => [viztracer.trace.tracks.map(({ start }) => [...start]),
        viztracer.trace.processes.map(({ opened, last }) => [opened, last]),
        String(viztracer.trace.baseRealtime), viztracer.trace.duration]"""
    own = two_boots.evaluate(everything)
    assert own == merged(sandbox, two_boots, "--align", "start").evaluate(everything)
    assert two_boots.page.get_by_role("region", name="Clocks").count() == 0


def test_a_report_of_selected_time_opens_on_that_time(sandbox, page, rings):
    merged(sandbox, page, "--last", "50ms")
    begin, end = page.evaluate(VIEW)
    duration = page.evaluate("() => viztracer.trace.duration")
    assert 0 < duration - 60_000_000 < begin < end and end == pytest.approx(duration, abs=2_000_000)
    assert page.evaluate("() => viztracer.state().view ?? null") is None
    page.page.get_by_role("button", name="All", exact=True).click()
    page.until("() => location.hash.includes('v=')")
    page.page.reload()
    page.until("() => window.viztracer !== undefined")
    assert page.evaluate(VIEW)[0] < 0, "and its address keeps that all is shown"
    assert page.errors == []
