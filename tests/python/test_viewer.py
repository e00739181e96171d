"""The command `vizviewer`: what it serves, to whom, and how it ends."""

import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import BIN, Sandbox, heed_interrupts, program
from served import ADDRESS, DEADLINE, serving

PERFETTO = "https://ui.perfetto.dev"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """recorded(kind) -> what `viztracer` recorded of a small program: a report of this kind, or a directory."""
    sandbox = Sandbox(tmp_path_factory.mktemp("recorded"))

    @functools.cache
    def record(kind):
        where = ["-o", f"recorded.{kind}"] if kind else ["--pid_suffix", "--output_dir", "rings"]
        assert sandbox.viztracer(*where, program("recursion.py")).returncode == 0
        return sandbox.path / where[-1]

    return record


@pytest.fixture
def traced(sandbox, recorded):
    """traced(name) -> a copy of it under this name: a report, or a directory of ring files."""

    def trace(name):
        (shutil.copy if "." in name else shutil.copytree)(recorded(name.partition(".")[2]), sandbox.path / name)
        return sandbox.path / name

    return trace


def test_report_is_served_as_it_is(sandbox, traced):
    report = traced("a report.html")
    with serving(sandbox, report) as viewer, viewer.get() as answer:
        assert answer.read() == report.read_bytes()
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in answer.headers
        head = viewer.ask("HEAD", urllib.parse.urlsplit(viewer.page).path)
        assert (head.status, head.content) == (200, b"")
        assert int(head.headers["Content-Length"]) == report.stat().st_size


@pytest.mark.one_version
@pytest.mark.parametrize("name", ["traced.json", "traced.json.gz", "rings"])
def test_trace_is_merged_into_a_report(sandbox, traced, name):
    with serving(sandbox, traced(name)) as viewer, viewer.get() as answer:
        assert viewer.page.endswith(".html")
        page = answer.read().decode()
        assert "<html" in page
        assert "fib" in page


@pytest.mark.one_version
def test_ring_files_of_a_run_are_one_trace(sandbox):
    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program("primes_processes.py")).returncode == 0
    rings = sorted((sandbox.path / "rings").iterdir())
    assert len(rings) == 4
    with serving(sandbox, *rings) as viewer, viewer.get() as answer:
        page = answer.read().decode()
        assert all(ring.stem.partition("_")[2] in page for ring in rings)


@pytest.mark.one_version
@pytest.mark.parametrize("name", ["traced.json", "traced.json.gz", "traced.pftrace", "rings"])
def test_perfetto_gets_the_trace(sandbox, traced, name):
    trace = traced(name)
    option = [] if name.endswith(".pftrace") else ["--perfetto"]
    with serving(sandbox, *option, trace) as viewer:
        assert f"{PERFETTO}/#!/?url={viewer.page}" in viewer.line
        with viewer.get(Origin=PERFETTO) as answer:
            content = answer.read()
            assert answer.headers["Access-Control-Allow-Origin"] == PERFETTO
    if trace.is_file():
        assert content == trace.read_bytes()
    else:
        assert sandbox.viztracer_merge(trace, "-q", "-o", "merged.pftrace").returncode == 0
        assert content == (sandbox.path / "merged.pftrace").read_bytes()


@pytest.mark.one_version
def test_perfetto_may_ask_this_machine_for_traces_only(sandbox, traced):
    asking = {"Origin": PERFETTO, "Access-Control-Request-Private-Network": "true"}
    with serving(sandbox, "--perfetto", traced("traced.json")) as viewer:
        path = urllib.parse.urlsplit(viewer.page).path
        answer = viewer.ask("OPTIONS", path, **asking)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == PERFETTO
        assert answer.headers["Access-Control-Allow-Private-Network"] == "true"
        report = path.replace("/trace/", "/") + ".html"
        assert viewer.ask("OPTIONS", report, **asking).status == 404
        answer = viewer.ask("GET", report, **asking)
        assert answer.status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.one_version
def test_perfettos_port(sandbox, traced):
    with serving(sandbox, "--perfetto", traced("traced.json")) as viewer:
        viewer.process.send_signal(signal.SIGINT)
        _, complaint = viewer.process.communicate(timeout=DEADLINE)
        assert f"Perfetto's page reads from port 9001 only, not {viewer.port}" in complaint
        assert "if the browser asks whether Perfetto's page may reach this device, allow it\n" in complaint


@pytest.fixture
def viewer_of_two(sandbox):
    """A viewer of two reports, with a third one beside them."""
    for name in ("one.html", "two.html", "three.html"):
        (sandbox.path / name).write_text(name)
    with serving(sandbox, "--no_redirect", "one.html", "two.html") as viewer:
        yield viewer


def test_only_who_knows_the_token_gets_something(viewer_of_two):
    place = "/0/" + viewer_of_two.links()[0][1].rpartition("/")[2]
    for token in ("", "x", viewer_of_two.token[:-1], viewer_of_two.token + "x", "%00", "%C3%A9"):
        for path in (f"/{token}", f"/{token}/", f"/{token}{place}"):
            assert viewer_of_two.ask("GET", path).status == 404, path
    assert viewer_of_two.ask("GET", "/").status == 404
    assert viewer_of_two.ask("GET", "/favicon.ico").status == 404
    with socket.create_connection(("127.0.0.1", viewer_of_two.port), timeout=DEADLINE) as connection:
        connection.sendall(b"GET /\xff\xfe/0/one.html HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.0 404"
    assert len(viewer_of_two.token) >= 20


def test_only_who_calls_it_by_its_address_gets_something(viewer_of_two):
    path = f"/{viewer_of_two.token}/"
    others = ["evil.example", f"evil.example:{viewer_of_two.port}", "127.0.0.1.evil.example", "localhost.example", ""]
    others += ["evil.example:127.0.0.1", "127.0.0.1:x", "127.0.0.1:1/", "localhost:9001 evil.example", "[::1]"]
    for host in others:
        assert viewer_of_two.ask("GET", path, Host=host).status == 403, host
    for host in (f"127.0.0.1:{viewer_of_two.port}", "127.0.0.1:1234", "localhost:9001", "localhost"):
        assert viewer_of_two.ask("GET", path, Host=host).status == 200, host


def test_only_what_was_named_is_served(viewer_of_two, sandbox):
    top = f"/{viewer_of_two.token}"
    absolute = urllib.parse.quote(str(sandbox.path / "three.html"), safe="")
    for place in (
        *("three.html", "0/three.html", "0/../three.html", "2/three.html", "0/%2e%2e/three.html", "-1/two.html"),
        *("0//etc/passwd", "../../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", f"0/{absolute}", "0/trace/one"),
        *("0", "0/", "x/", "0/one.html/", "1e0/one.html", "²/one.html", "99999999999999999999999/one.html"),
    ):
        answer = viewer_of_two.ask("GET", f"{top}/{urllib.parse.quote(place, safe='/%')}")
        assert answer.status == 404, place
        assert b"three" not in answer.content
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"):
        assert viewer_of_two.ask(method, f"{top}/").status == 501, method


def test_only_this_machine_is_served(viewer_of_two):
    with open("/proc/net/tcp", encoding="ascii") as file:
        listening = [line.split()[1] for line in file if line.split()[3] == "0A"]
    assert [place for place in listening if place.endswith(f":{viewer_of_two.port:04X}")] == [
        f"0100007F:{viewer_of_two.port:04X}"
    ]


def test_flame_graph_is_opened(sandbox):
    for name in ("one.html", "two.html"):
        (sandbox.path / name).write_text(name)
    with serving(sandbox, "--flamegraph", "one.html") as viewer:
        assert viewer.page.endswith("/0/one.html#t=flame")
    with serving(sandbox, "--flamegraph", "one.html", "two.html") as viewer:
        assert viewer.page.endswith("/")
        assert {link.rpartition("/")[2] for _, link in viewer.links()} == {"one.html#t=flame", "two.html#t=flame"}


def test_external_processor_is_not_needed(sandbox, traced):
    with serving(sandbox, "--use_external_processor", traced("a.html")) as viewer:
        assert viewer.get().read() == (sandbox.path / "a.html").read_bytes()
        viewer.process.send_signal(signal.SIGINT)
        _, complaint = viewer.process.communicate(timeout=DEADLINE)
    assert complaint.startswith("viztracer: --use_external_processor is not needed")
    assert complaint.count("\n") == 1


def test_file_that_changes_while_it_is_sent(viewer_of_two, sandbox):
    """The size of the answer is the announced one. Files that are gone or not there yet get other answers."""
    path = urllib.parse.urlsplit(dict(viewer_of_two.links())["one.html"]).path
    file = sandbox.path / "one.html"
    told = 50_000_000  # more than the buffers between the two hold
    for size in (2 * told, told // 2, 0):
        os.truncate(file, told)
        with socket.create_connection(("127.0.0.1", viewer_of_two.port), timeout=DEADLINE) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
            received = connection.recv(1)
            os.truncate(file, size)
            while part := connection.recv(1 << 20):
                received += part
        head, _, content = received.partition(b"\r\n\r\n")
        assert f"Content-Length: {told}".encode() in head
        assert len(content) == told if size > told else size <= len(content) < told
    assert viewer_of_two.ask("GET", path).content == b""
    file.write_text("again")
    assert viewer_of_two.ask("GET", path).content == b"again"
    file.unlink()
    gone = viewer_of_two.ask("GET", path)
    assert gone.status == 500
    assert b"one.html" in gone.content


def test_many_ask_at_once(viewer_of_two, sandbox):
    (sandbox.path / "one.html").write_bytes(os.urandom(1_000_000))
    link = dict(viewer_of_two.links())["one.html"]
    with ThreadPoolExecutor(32) as pool:
        pages = list(pool.map(lambda _: viewer_of_two.get(link).read(), range(64)))
    assert set(pages) == {(sandbox.path / "one.html").read_bytes()}


def test_directory_is_a_list(sandbox, small_trace):
    def make(name, age, content=b"<p>"):
        path = sandbox.path / "many" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1_700_000_000 - age,) * 2)

    ring = small_trace.read_bytes()
    make("old.html", 30)
    make("new.json", 10, b"{}" * 750_000)
    make('<script>alert("&")</script>.html'.replace("/", "\u2215"), 20)
    make("run_1.bin", 50, ring)
    make("run_2.bin", 40, ring)
    make("weights.bin", 0, b"x" * 1000)
    make(".hidden.html", 0)
    make("notes.txt", 0)
    make("profile.speedscope.json", 0)
    make("below/inner.html", 0, b"inner")
    make("below/other.html", 5)
    os.utime(sandbox.path / "many" / "below", (1_600_000_000,) * 2)
    (sandbox.path / "many" / "outside").symlink_to("/etc")
    (sandbox.path / "many" / "outside.html").symlink_to("/etc/passwd")
    with serving(sandbox, "many") as viewer:
        links = viewer.links()
        own = [(text, link) for text, link in links if text != "in Perfetto"]
        assert [text for text, _ in own] == [
            "new.json", '<script>alert("&")<\u2215script>.html', "old.html", "run_1.bin and 1 more", "below/",
        ]
        assert own == links  # since Perfetto's page could not read from this port
        listed = viewer.ask("GET", f"/{viewer.token}/0/", Host="localhost:9001").content.decode()
        assert listed.count(f'<a href="{PERFETTO}/#!/?url=http://127.0.0.1:9001/') == 2
        assert listed.count('<a href="http://localhost:9001/') == 5
        with viewer.get() as answer:
            page = answer.read().decode()
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "<script" not in page
        assert "1.5 MB" in page and "run, 2 ring files" in page and "2023-11-1" in page
        assert [text for text, _ in viewer.links(own[-1][1])] == ["inner.html", "other.html"]
        with viewer.get(viewer.links(own[-1][1])[0][1]) as answer:
            assert answer.read() == b"inner"
        with viewer.get(own[3][1]) as answer:
            assert b"<html" in answer.read()
        with pytest.raises(urllib.error.HTTPError) as refused:
            viewer.get(own[0][1])
        assert refused.value.code == 500
        assert "new.json" in refused.value.read().decode()


def test_list_shows_what_is_there_now(sandbox, small_trace):
    directory = sandbox.path / "many"
    directory.mkdir()
    with serving(sandbox, "many") as viewer:
        with viewer.get() as answer:
            assert b"no trace here" in answer.read()
        (directory / "run.bin").write_bytes(small_trace.read_bytes())
        ((_, link),) = viewer.links("0/")
        with viewer.get(link) as answer:
            assert b"<html" in answer.read()
        (directory / "run.bin").write_bytes(b"now it is damaged")
        with pytest.raises(urllib.error.HTTPError):
            viewer.get(link)
        viewer.process.send_signal(signal.SIGINT)
        first = viewer.process.communicate(timeout=DEADLINE)[1].splitlines()[0]
        assert first == f"viztracer: there is no trace in {directory}: the page stays empty until there is"


def test_once_ends_when_the_report_was_fetched(sandbox, traced):
    with serving(sandbox, "--once", "--timeout", "600", traced("traced.html")) as viewer:
        assert viewer.ask("HEAD", urllib.parse.urlsplit(viewer.page).path).status == 200
        assert viewer.ask("GET", f"/{viewer.token}/favicon.ico").status == 404
        assert viewer.process.poll() is None
        assert viewer.get().read()
        assert viewer.process.communicate(timeout=DEADLINE) == ("", "")
    assert viewer.process.returncode == 0


@pytest.mark.one_version
def test_once_ends_when_a_trace_of_many_was_fetched(sandbox, traced):
    rings, report = traced("rings"), traced("traced.html")
    with serving(sandbox, "--once", "--timeout", "600", rings, report) as viewer:
        assert viewer.process.poll() is None
        links = dict(viewer.links())
        assert viewer.links(links["rings/"])
        assert viewer.process.poll() is None
        assert viewer.get(links["traced.html"]).read() == report.read_bytes()
        viewer.process.communicate(timeout=DEADLINE)
    assert viewer.process.returncode == 0


def test_once_ends_when_nobody_asks(sandbox, traced):
    options = ["--server_only", "--port", "0", "--once", "--timeout", "0.1"]
    done = sandbox.run(BIN / "vizviewer", *options, traced("a.html"))
    said = "viztracer: no browser has fetched the report for 0.1 s, so vizviewer ends\n"
    assert (done.returncode, done.stderr) == (0, said)


@pytest.mark.parametrize("time", ["-3", "-inf", "nan", "soon"])
def test_time_to_wait_that_is_none(sandbox, time):
    done = sandbox.run(BIN / "vizviewer", "--once", f"--timeout={time}", "a.html")
    assert done.returncode == 2
    assert done.stderr.endswith(f"error: argument --timeout: '{time}' is no number of seconds\n")


def test_version(sandbox):
    done = sandbox.run(BIN / "vizviewer", "--version")
    assert (done.returncode, done.stdout) == (0, sandbox.viztracer("--version").stdout)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_it_and_removes_its_files(sandbox, traced, signum):
    with serving(sandbox, traced("rings")) as viewer:
        assert len(os.listdir(sandbox.path / "scratch")) == 1
        viewer.process.send_signal(signum)
        out, complaint = viewer.process.communicate(timeout=DEADLINE)
        assert (out, complaint) == ("", "")
        assert viewer.process.returncode == (0 if signum == signal.SIGINT else -signum)
        assert os.listdir(sandbox.path / "scratch") == []


@pytest.mark.one_version
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_merge(sandbox, small_trace, signum):
    """Or comes when it has just been done: the end is the same."""
    scratch = sandbox.path / "scratch"
    for directory in (scratch, sandbox.path / "rings"):
        directory.mkdir()
    for number in range(300):
        (sandbox.path / "rings" / f"{number}.bin").write_bytes(small_trace.read_bytes())
    env = os.environ | {"TMPDIR": str(scratch)}
    options = {"cwd": sandbox.path, "env": env, "preexec_fn": heed_interrupts, "stdout": subprocess.PIPE}
    command = [BIN / "vizviewer", "--server_only", "--port", "0", "rings"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, **options) as process:
        deadline = time.monotonic() + DEADLINE
        while not list(scratch.glob("*/*")):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.001)
        process.send_signal(signum)
        _, complaint = process.communicate(timeout=DEADLINE)
    assert (process.returncode, complaint) == (0 if signum == signal.SIGINT else -signum, b"")
    assert os.listdir(scratch) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.json"], "File missing.json does not exist!"),
        (["good.html", "missing.json"], "File missing.json does not exist!"),
        (["notes.txt"], "Do not support file type notes.txt; vizviewer shows .json, .json.gz, "),
        (["x.speedscope.json"], "Do not support file type x.speedscope.json; open it on https://www.speedscope.app"),
        (["--perfetto", "good.html"], "good.html: Perfetto's page cannot show a report, only what it was made of"),
        (["--port", "70000", "good.html"], "There is no port 70000"),
        (["/dev/null"], "/dev/null is neither a regular file nor a directory"),
        (["bad.json"], "bad.json"),
        (["bad.bin"], "bad.bin: not a ring file"),
    ],
)
def test_refusals(sandbox, arguments, message):
    for name in ("notes.txt", "x.speedscope.json", "good.html"):
        (sandbox.path / name).touch()
    for name in ("bad.json", "bad.bin"):
        (sandbox.path / name).write_text("neither JSON nor records")
    done = sandbox.run(BIN / "vizviewer", "--server_only", *arguments)
    assert done.returncode == 1
    assert message in done.stdout
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") <= 3


def test_wrong_options(sandbox):
    assert sandbox.run(BIN / "vizviewer").returncode == 2
    assert sandbox.run(BIN / "vizviewer", "--port", "x", "y.json").returncode == 2
    assert sandbox.run(BIN / "vizviewer", "--help").returncode == 0


def test_port_is_taken(sandbox):
    (sandbox.path / "a.html").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = sandbox.run(BIN / "vizviewer", "--server_only", "--port", port, "a.html")
    expected = f'Error! Port {port} is already in use, try another port with "--port" (0: any that is free)\n'
    assert (done.returncode, done.stdout, done.stderr) == (1, expected, "")


@pytest.fixture
def browser(sandbox, monkeypatch):
    """A browser that goes where it is led to; browser() waits for the address and the page."""
    shown = sandbox.path / "shown"
    script = sandbox.script(
        "import sys, urllib.request\n"
        f"sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "import os, served\n"
        "url = served.target(sys.argv[1])\n"
        "page = urllib.request.urlopen(url.partition('?url=')[2] or url).read()\n"
        f"with open({str(shown)!r} + '.new', 'wb') as file:\n"
        "    file.write(url.encode() + b'\\n' + page)\n"
        f"os.rename(file.name, {str(shown)!r})\n",
        "browser.py",
    )
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} %s")

    def seen():
        deadline = time.monotonic() + DEADLINE
        while not shown.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        url, _, page = shown.read_bytes().partition(b"\n")
        return url.decode(), page

    return seen


def test_browser_is_opened(sandbox, traced, browser):
    report = traced("a.html")
    done = sandbox.run(BIN / "vizviewer", "--port", "0", "--once", "--timeout", "600", report)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    url, page = browser()
    assert ADDRESS.fullmatch(url)
    assert page == report.read_bytes()


@pytest.mark.one_version
def test_browser_is_opened_at_perfettos_page(sandbox, traced, browser):
    trace = traced("a.pftrace")
    assert sandbox.run(BIN / "vizviewer", "--port", "0", "--once", "--timeout", "600", trace).returncode == 0
    url, page = browser()
    assert url.startswith(f"{PERFETTO}/#!/?url=http://127.0.0.1:")
    assert page == trace.read_bytes()


def test_no_browser(sandbox, traced):
    env = os.environ | {"BROWSER": "/nonexistent/browser %s", "PATH": "/nonexistent"}
    command = [BIN / "vizviewer", "--port", "0", traced("a.html")]
    options = {"env": env, "preexec_fn": heed_interrupts, "stdout": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, stderr=subprocess.PIPE, **options) as process:
        complaint = process.stderr.readline()
        process.send_signal(signal.SIGINT)
    assert complaint.startswith("viztracer: no browser was found: open http://127.0.0.1:")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (["-o", "a.html"], "/a.html"),
        (["-o", "a.json"], "/a.html"),
        (["-o", "a.json", "--pid_suffix"], "/a_PID.html"),
        (["--pid_suffix", "--output_dir", "rings"], "/result_PID.html"),
    ],
)
def test_viztracer_opens_what_it_recorded(sandbox, browser, small_trace, options, place):
    (sandbox.path / "rings").mkdir()
    (sandbox.path / "rings" / "earlier.bin").write_bytes(small_trace.read_bytes())
    script = sandbox.script("import sys\ndef find_me(): return 3\nsys.exit(find_me())\n")
    done = sandbox.viztracer("--open", *options, script)
    assert done.returncode == 3, done.stderr
    url, page = browser()
    assert re.sub(r"_\d+\.", "_PID.", url).endswith(place)
    assert b"find_me" in page


def test_viztracer_opens_nothing_that_cannot_be_shown(sandbox):
    done = sandbox.viztracer("--open", "-o", "a.csv", program("recursion.py"))
    assert done.returncode == 1
    assert "--open shows reports in .json, .json.gz, " in done.stdout
