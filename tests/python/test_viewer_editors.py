"""`vizviewer` for editors: they open the address that it prints, without a token, and get in once."""

import http.client
import os
import re
import urllib.parse

import pytest
from served import serving
from test_viewer_strangers import as_nobody

EDITOR = re.compile(r"view your trace on http://localhost:(\d+)")  # what the extension for VizTracer waits for


@pytest.fixture
def report(sandbox):
    assert sandbox.viztracer("--quiet", "-o", "r.html", "-c", "pass").returncode == 0
    return sandbox.path / "r.html"


def visit(viewer, method="GET", path="/", **headers):
    return viewer.ask(method, path, **({"Host": f"localhost:{viewer.port}"} | headers))


def test_address_is_printed_as_viztracer_prints_it(sandbox, report):
    with serving(sandbox, report) as viewer:
        printed = "".join(viewer.lines)
        assert EDITOR.search(printed)[1] == str(viewer.port)
        assert viewer.page in printed


def test_first_visitor_is_led_to_the_report(sandbox, report):
    with serving(sandbox, report) as viewer:
        answer = visit(viewer)
        assert answer.status == 302
        where = urllib.parse.urlsplit(answer.headers["Location"])
        assert where.netloc == f"localhost:{viewer.port}"
        assert where.path == urllib.parse.urlsplit(viewer.page).path
        assert visit(viewer, path=where.path).content == report.read_bytes()
        second = visit(viewer)
        assert second.status == 404 and viewer.token not in str(second.headers) + second.content.decode()
        assert viewer.status(viewer.page) == 200


def test_list_of_several_traces_is_reached_as_well(sandbox, report):
    with serving(sandbox, report, report.parent) as viewer:
        assert visit(viewer).headers["Location"] == f"http://localhost:{viewer.port}/{viewer.token}/"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("HEAD", "/", {}),
        ("GET", "/index.html", {}),
        ("GET", "/", {"Host": "elsewhere.example"}),
        ("GET", "/", {"Sec_Fetch_Mode": "no-cors"}),
        ("GET", "/", {"Sec_Fetch_Mode": "cors", "Origin": "https://elsewhere.example"}),
    ],
)
def test_what_is_no_visit_does_not_use_it_up(sandbox, report, method, path, headers):
    with serving(sandbox, report) as viewer:
        assert visit(viewer, method, path, **headers).status in (403, 404)
        assert visit(viewer, Sec_Fetch_Mode="navigate").status == 302


def test_it_can_be_switched_off(sandbox, report):
    with serving(sandbox, "--no_redirect", report) as viewer:
        assert not EDITOR.search("".join(viewer.lines))
        assert visit(viewer).status == 404


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # by pytest's own watch over the time
def test_another_user_of_the_machine_is_no_visitor(sandbox, report):
    with serving(sandbox, report) as viewer:

        def ask():
            connection = http.client.HTTPConnection("127.0.0.1", viewer.port, timeout=120)
            connection.request("GET", "/")
            answer = connection.getresponse()
            return os.geteuid(), answer.status, viewer.token in str(answer.headers)

        assert as_nobody(ask) == [65534, 404, False]
        assert visit(viewer).status == 302
