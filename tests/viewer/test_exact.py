"""Exact times: nanoseconds that can be copied, starts that differ look different, and the name of the time zone."""

import json

import pytest


def call(name, ts, dur, **more):
    return {"ph": "X", "pid": 7, "tid": 1, "ts": ts, "dur": dur, "name": f"{name} (/x/a.py:1)", "args": {}} | more


SECONDS = 2_048_000_000  # in microseconds
EVENTS = [call("f", 116_812 + 83 * n, 40.5) for n in range(3)] + [
    call("g", SECONDS + 316_123 + n, 0.5) for n in range(3)
]
FACTS = """() => Object.fromEntries([...document.querySelectorAll("#pane-selection dt")]
    .map((name) => [name.textContent, name.nextElementSibling.textContent]))"""


@pytest.fixture
def opened(sandbox, browser):
    (sandbox.path / "trace.json").write_text(
        json.dumps({"traceEvents": EVENTS, "viztracer_metadata": {"baseTimeNanoseconds": 1_700_000_000_000_000_000}})
    )
    done = sandbox.viztracer_merge("trace.json", "-q", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    context = browser.new_context(timezone_id="Asia/Kolkata", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto((sandbox.path / "report.html").as_uri())
    page.locator(".names .row").first.wait_for()
    yield page
    context.close()


def facts_of(page, number):
    page.evaluate(f"window.viztracer.select(window.viztracer.trace.tracks[0], {number})")
    return page.evaluate(FACTS)


def test_starts_that_differ_look_different(opened):
    zero = opened.evaluate("viztracer.trace.zero")
    assert zero == 0
    starts = [facts_of(opened, number)["start"] for number in range(6)]
    assert starts[:3] == ["116.81 ms 116,812,000 ns", "116.90 ms 116,895,000 ns", "116.98 ms 116,978,000 ns"]
    assert starts[3:5] == ["2048.316123 s 2,048,316,123,000 ns", "2048.316124 s 2,048,316,124,000 ns"]
    facts = facts_of(opened, 0)
    assert facts["end"] == "116.85 ms 116,852,500 ns"
    assert facts["duration"] == "40.50 µs 40,500 ns" == facts["self"]


def test_nanoseconds_are_copied_by_a_click_and_by_keys(opened):
    facts_of(opened, 0)
    opened.get_by_title("Copy the duration in nanoseconds").click()
    opened.get_by_text("duration: copied").wait_for()
    assert opened.evaluate("navigator.clipboard.readText()") == "40500"
    opened.get_by_title("Copy the end in nanoseconds").focus()
    opened.keyboard.press("Enter")
    opened.get_by_text("end: copied").wait_for()
    assert opened.evaluate("navigator.clipboard.readText()") == "116852500"


def test_the_time_zone_of_the_wall_clock_is_named(opened):
    assert facts_of(opened, 0)["clock"].endswith(" UTC+5:30")
    assert opened.locator("button.wall").get_attribute("title") == "Show the time of day (UTC+5:30) on the ruler"
