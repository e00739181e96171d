"""Large runs: `vizviewer` serves a page with little detail, and tiles and functions for it."""

import base64
import json
import os
import re
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest
from served import serving

pytestmark = pytest.mark.one_version

PROGRAM = """
import threading

def leaf():
    pass

def branch(n):
    for _ in range(n):
        leaf()

def work():
    for n in range(60):
        branch(n % 7)

def main():
    work()
    other = threading.Thread(target=work)
    other.start()
    other.join()

main()
"""


@pytest.fixture(scope="module")
def rings(tmp_path_factory):
    """A directory with the ring file of a program with several hundred calls."""
    from conftest import Sandbox

    sandbox = Sandbox(tmp_path_factory.mktemp("large"))
    (sandbox.path / "program.py").write_text(PROGRAM)
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "program.py").returncode == 0
    return sandbox.path / "rings"


@pytest.fixture
def viewer(sandbox, rings):
    """vizviewer, for which this is a large trace."""
    with large(sandbox, rings) as viewer:
        yield viewer


def large(sandbox, rings, limits="100,120"):
    scratch = sandbox.path / "scratch"
    return serving(sandbox, rings, env=os.environ | {"TMPDIR": str(scratch), "VIZTRACER_TILES": limits})


def header_of(viewer):
    with viewer.get() as answer:
        page = answer.read().decode()
        policy = answer.headers["Content-Security-Policy"]
    header = json.loads(re.search(r'id="header">(.*?)</script>', page, re.DOTALL)[1])
    return page, header, policy


def ask(viewer, what, **parameters):
    place = urllib.parse.urlsplit(viewer.page).path.rpartition("/")[0]
    query = urllib.parse.urlencode({name.rstrip("_"): value for name, value in parameters.items()})
    return viewer.ask("GET", f"{place}/{what}?{query}", Origin="null")


def calls_in(tile):
    """What the tile says of itself, and the bytes of its blocks."""
    text = tile.decode()
    about = json.loads(re.search(r'id="tile">(.*?)</script>', text)[1])
    blocks = re.findall(r'class="block" data-process="0" data-uncompressed>(.*?)</script>', text)
    return about, sum(len(base64.b64decode(block)) for block in blocks)


def test_the_page_has_less_and_says_so(viewer, sandbox, rings):
    page, header, policy = header_of(viewer)
    shown = sum(calls for process in header["processes"] for _, _, calls in process["calls"])
    assert sandbox.viztracer_merge(rings, "-q", "-o", "all.json").returncode == 0
    events = json.loads((sandbox.path / "all.json").read_text())["traceEvents"]
    assert header["served"]["calls"] == sum(event["ph"] == "X" for event in events)
    assert shown <= 120 < header["served"]["calls"]
    assert header["served"]["shortest"] > 0
    place = f"http://127.0.0.1:{viewer.port}{urllib.parse.urlsplit(viewer.page).path.rpartition('/')[0]}/"
    assert policy.endswith(f"; connect-src {place}")
    assert "connect-src http://127.0.0.1:*" in page


def test_a_tile_has_all_calls_of_a_short_time(viewer):
    _, header, _ = header_of(viewer)
    trace, all_calls = header["served"]["id"], header["served"]["calls"]
    answer = ask(viewer, "tile", from_=0, to=10**12, shortest=0, trace=trace)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "null")
    about, size = calls_in(answer.content)
    assert sum(calls for *_, calls in about["calls"]) == all_calls
    assert (about["merged"], about["from"], about["to"], about["shortest"]) == (0, 0, 10**12, 0)
    assert size > all_calls
    merged, _ = calls_in(ask(viewer, "tile", from_=0, to=10**12, shortest=10**9, trace=trace).content)
    shown = sum(calls for *_, calls in merged["calls"])
    assert shown + merged["merged"] == all_calls
    assert shown < 20


def test_functions_are_those_of_top(viewer, sandbox, rings):
    _, header, _ = header_of(viewer)
    trace = header["served"]["id"]

    def top(*options):
        answer = sandbox.viztracer_merge(rings, "--top", "1000", "--json", *options)
        return json.loads(answer.stdout)["all"]

    whole = json.loads(ask(viewer, "functions", from_=0, trace=trace).content)["all"]
    assert whole == top()
    part = json.loads(ask(viewer, "functions", from_=1000, to=2_000_000, trace=trace).content)["all"]
    assert part == top("--since", "1us", "--until", "2ms")
    second = header["processes"][0]["threads"][1]
    thread = json.loads(ask(viewer, "functions", from_=0, where="0_1", trace=trace).content)["all"]
    assert thread == top("--tid", str(second["tid"]))
    busy = json.loads(ask(viewer, "functions", from_=0, busy="1", trace=trace).content)["all"]
    assert busy == top("--busy")


def test_wrong_requests_get_a_reason(viewer):
    _, header, _ = header_of(viewer)
    right = {"from_": 0, "to": 9, "shortest": 0, "trace": header["served"]["id"]}
    wrong = [{"from_": "x"}, {"to": "-1"}, {"shortest": ""}, {"from_": 9}, {"to": "9" * 19}, {"from_": "0 "}]
    for change in wrong:
        answer = ask(viewer, "tile", **(right | change))
        assert (answer.status, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8"), change
    many = "&".join(f"from={n}" for n in range(20))
    place = urllib.parse.urlsplit(viewer.page).path.rpartition("/")[0]
    assert viewer.ask("GET", f"{place}/tile?{many}&trace={right['trace']}").status == 400
    for where in ("", "a", "0_1_2", ".", "1" * 9):
        assert ask(viewer, "functions", from_=0, where=where or "x", trace=right["trace"]).status == 400, where
    assert ask(viewer, "tile", **(right | {"trace": "other"})).status == 410
    assert ask(viewer, "tile", from_=0, to=9, shortest=0).status == 410
    assert ask(viewer, "tiles", **right).status == 404
    token = place.split("/")[1]
    assert viewer.ask("GET", f"{place.replace(token, token[:-1])}/tile?from=0").status == 404


def test_many_ask_at_once(viewer):
    _, header, _ = header_of(viewer)
    trace = header["served"]["id"]

    def tile(_):
        return ask(viewer, "tile", from_=0, to=10**12, shortest=0, trace=trace)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(tile, range(24)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_a_small_run_is_one_page(sandbox, rings):
    with large(sandbox, rings, "100000,120") as viewer:
        page, header, policy = header_of(viewer)
        assert "served" not in header
        assert "connect-src" not in page + policy
        assert ask(viewer, "tile", from_=0, to=9, shortest=0, trace="x").status == 410


def test_rings_that_changed_are_opened_again(sandbox, rings):
    copy = sandbox.path / "rings"
    copy.mkdir()
    for ring in rings.iterdir():
        (copy / ring.name).write_bytes(ring.read_bytes())
    with large(sandbox, copy) as viewer:
        _, before, _ = header_of(viewer)
        os.utime(next(copy.iterdir()))
        _, after, _ = header_of(viewer)
        trace = before["served"]["id"]
        assert after["served"]["id"] != trace
        assert ask(viewer, "tile", from_=0, to=9, shortest=0, trace=trace).status == 410
        assert ask(viewer, "tile", from_=0, to=9, shortest=0, trace=after["served"]["id"]).status == 200
