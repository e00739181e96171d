"""Arrows to child processes, and the open calls of processes that died."""

import itertools

import pytest
from conftest import sandboxes

ARROWS = """() => viztracer.trace.flows.map(({ fromTrack, fromTime, toTrack, toTime }) =>
    [fromTrack.process.pid, fromTime, toTrack.process.pid, toTime, toTrack.start[0]])"""


def merged(sandbox, page, *options):
    done = sandbox.viztracer_merge("rings", "-q", "-o", "report.html", *options)
    assert done.returncode == 0, done.stderr
    return page.open(sandbox.path / "report.html")


def test_an_arrow_whose_end_was_cut_away_is_not_drawn(sandbox, page):
    program = sandboxes.program("primes_processes.py")
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program).returncode == 0
    arrows = sorted(merged(sandbox, page).evaluate(ARROWS), key=lambda arrow: arrow[1])
    assert len(arrows) >= 2
    for _, start, _, end, first in arrows:
        assert start <= end == first
    _, start, child, _, _ = arrows[-1]
    left = merged(sandbox, page, "--since", f"{int(start) - 1}ns").evaluate(ARROWS)
    assert child in [arrow[2] for arrow in left]
    assert merged(sandbox, page, "--since", f"{int(max(arrow[3] for arrow in arrows)) + 1}ns").evaluate(ARROWS) == []
    assert page.errors == []


def test_an_arrow_to_overwritten_history_ends_where_the_process_began(sandbox, page):
    script = sandbox.script(
        "import multiprocessing\n"
        "def leaf(): pass\n"
        "def child():\n"
        "    for n in range(30000): leaf()\n"
        "multiprocessing.set_start_method('fork')\n"
        "process = multiprocessing.Process(target=child)\n"
        "process.start()\n"
        "process.join()\n"
    )
    options = ("--tracer_entries", "5000", "--pid_suffix", "--output_dir", "rings")
    assert sandbox.viztracer(*options, script).returncode == 0
    ((_, start, _, end, first),) = merged(sandbox, page).evaluate(ARROWS)
    assert start <= end < first


@pytest.mark.parametrize("threads", [1, 3])
def test_last_words_have_the_calls_that_ended_last(sandbox, page, threads):
    functions = "".join(f"def f{n}(): pass\n" for n in range(30))
    script = sandbox.script(
        "import os, signal, threading\n"
        f"{functions}"
        "def work(done):\n"
        "    for n in range(30): globals()[f'f{n}']()\n"
        "    done.wait()\n"
        f"barrier = threading.Barrier({threads})\n"
        f"for n in range({threads - 1}): threading.Thread(target=work, args=[barrier]).start()\n"
        "work(barrier)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    said = sandbox.viztracer_merge("rings", "--last_words").stdout
    expected = []
    for ended in said.split("that ended, newest last")[1:]:
        lines = itertools.takewhile(str.strip, ended.splitlines()[1:])
        expected.append([line.split()[0] for line in lines])
    assert len(expected) == threads and {len(calls) for calls in expected} == {20}, said
    merged(sandbox, page).evaluate("() => viztracer.panels.open('words')")
    found = page.evaluate(
        "() => [...document.querySelectorAll('.last-words section > div')].map((of) =>"
        " [...of.querySelectorAll('ol:last-child li bdi:first-child')].map((name) => name.textContent))"
    )
    assert sorted(found) == sorted(expected)
    page.page.locator(".last-words section > div ol:last-child button").last.click()
    track, call = page.evaluate("viztracer.state().selection")
    name = page.evaluate(f"viztracer.trace.functions.name(viztracer.trace.tracks[{track}].function[{call}])")
    assert name == found[-1][-1]
    assert page.errors == []
