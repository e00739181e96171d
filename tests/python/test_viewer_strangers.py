"""`vizviewer` on a shared machine: clients without a token, other users' files, and untrusted reports."""

import encodings.idna  # noqa: F401  # another user may not be able to read it
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.parse
from pathlib import Path

import pytest
from conftest import BIN, heed_interrupts, program
from served import ADDRESS, DEADLINE, serving, target

pytestmark = pytest.mark.one_version

NOBODY = 65534
SECRET = "what nobody else may read"
TRACE = {"traceEvents": [{"ph": "X", "name": "%s", "ts": 1, "dur": 2, "pid": 1, "tid": 1}]}


def as_nobody(function):
    """What a function gives that runs in a child process as a user without any rights."""
    if os.geteuid() != 0 and os.environ.get("CI") != "true":
        pytest.skip("only root can become another user")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(write, json.dumps(function()).encode())
        except BaseException as error:
            os.write(write, json.dumps(repr(error)).encode())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        found = json.loads(file.read())
    os.waitpid(child, 0)
    return found


def command_lines():
    """Those of all processes, as `ps` shows them to everybody."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            pass  # it has ended
    return lines


def until(condition):
    """What the condition gives once it is true."""
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def wait_for_text(path):
    return until(lambda: path.exists() and path.read_text())


# --- the browser's start ---


@pytest.fixture
def slow_browser(sandbox, monkeypatch):
    """A browser that notes what it is given, and waits until it may go where that leads, or the test is over."""
    noted, go = sandbox.path / "noted", sandbox.path / "go"
    script = sandbox.script(
        "import os, sys, time, urllib.request\n"
        f"sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "import served\n"
        f"open({str(noted)!r}, 'w').write(sys.argv[1])\n"
        f"while not os.path.exists({str(go)!r}):\n"
        f"    os.path.exists({str(noted)!r}) or sys.exit()\n"  # the directory of the test is gone
        "    time.sleep(0.01)\n"
        "url = served.target(sys.argv[1])\n"
        "urllib.request.urlopen(url.partition('?url=')[2] or url).read()\n",
        "browser.py",
    )
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} %s")
    yield noted, go
    go.touch()


@pytest.mark.parametrize("name", ["a.html", "a.json --perfetto", "two"])
def test_token_is_in_no_command_line(sandbox, slow_browser, name):
    noted, go = slow_browser
    (sandbox.path / "two").mkdir()
    for file in ("a.html", "a.json", "two/b.html", "two/c.html"):
        (sandbox.path / file).write_text(json.dumps(TRACE))
    command = [BIN / "vizviewer", "--port", "0", *name.split()]
    options = {"cwd": sandbox.path, "preexec_fn": heed_interrupts, "text": True, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
        try:
            printed = next(line for line in process.stdout if "http://127.0.0.1:" in line)
            token = ADDRESS.search(printed)[2]
            given = wait_for_text(noted)
            path = Path(urllib.parse.urlsplit(given).path)
            assert given.startswith("file:///")
            assert token in target(given)
            lines = command_lines()
            assert any("browser.py" in line for line in lines)
            assert [line for line in lines if token in line] == []
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            go.touch()
            until(lambda: not path.exists())
        finally:
            process.send_signal(signal.SIGINT)
    assert not path.parent.exists()
    assert process.returncode == 0


def test_viztracer_tells_no_token_in_a_command_line(sandbox, slow_browser):
    noted, go = slow_browser
    command = [BIN / "viztracer", "--open", "-o", "a.html", program("recursion.py")]
    with subprocess.Popen(command, cwd=sandbox.path, stdout=subprocess.DEVNULL) as process:
        token = ADDRESS.search(target(wait_for_text(noted)))[2]
        assert [line for line in command_lines() if token in line] == []
        go.touch()
    assert process.returncode == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # by pytest's own watch over the time
def test_another_user_gets_nothing(sandbox, slow_browser):
    noted, _ = slow_browser
    (sandbox.path / "a.html").write_text(SECRET)
    command = [BIN / "vizviewer", "--port", "0", "a.html"]
    options = {"cwd": sandbox.path, "preexec_fn": heed_interrupts, "text": True, "env": os.environ | {"TMPDIR": "/tmp"}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
        try:
            line = next(line for line in process.stdout if "http://127" in line)
            _, port, token = ADDRESS.search(line).group(0, 1, 2)
            given = urllib.parse.urlsplit(wait_for_text(noted)).path

            def intrude():
                found = []
                for path in ("/", "/0/a.html", "/x/0/a.html", f"/{'x' * len(token)}/0/a.html", "/../0/a.html"):
                    with socket.create_connection(("127.0.0.1", int(port)), timeout=DEADLINE) as connection:
                        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
                        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
                    found.append((answer.split()[1], SECRET in answer or token in answer))
                lines = [line for line in command_lines() if token in line]
                readable = [os.access(path, os.R_OK) for path in (given, os.path.dirname(given))]
                return found, lines, readable

            assert as_nobody(intrude) == [[["404", False]] * 5, [], [False, False]]
        finally:
            process.send_signal(signal.SIGINT)


# --- who may write to what is shown ---


@pytest.fixture
def shown(sandbox, small_trace):
    """A directory with one thing of each kind, and one outside of it that holds the same names and a secret."""
    for place, text in (("shown", "harmless"), ("outside", SECRET)):
        directory = sandbox.path / place
        for below in (directory, directory / "below"):
            below.mkdir()
            (below / "a.html").write_text(text)
            (below / "b.html").write_text(text)
        (directory / "a.json").write_text(json.dumps(TRACE) % text)
        (directory / "a.pftrace").write_text(text)
        (directory / "run.bin").write_bytes(small_trace.read_bytes())
    return sandbox.path / "shown", sandbox.path / "outside"


def plant_link(path, outside):
    path.symlink_to(outside / path.name)


def plant_fifo(path, outside):
    os.mkfifo(path)


def plant_socket(path, outside):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def plant_device(path, outside):
    if os.geteuid() != 0 and os.environ.get("CI") != "true":
        pytest.skip("only root can make a device")
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # endless zeros


def plant_directory(path, outside):
    path.mkdir()


def plant_file(path, outside):
    os.link(outside / path.name, path)


PLANTS = [plant_link, plant_fifo, plant_socket, plant_device, plant_directory, plant_file]


def plain_paths(links):
    """Where each thing is shown, by what it is called; not by Perfetto's page, which only asks for it."""
    return {text: (link.partition("?url=")[2] or link) for text, link in links}


@pytest.mark.parametrize("plant", PLANTS)
def test_what_was_swapped_after_the_list_is_not_served(sandbox, shown, monkeypatch, plant):
    directory, outside = shown
    monkeypatch.chdir(sandbox.path)
    with serving(sandbox, "shown") as viewer:
        links = plain_paths(viewer.links())
        assert set(links) == {"a.html", "b.html", "a.json", "a.pftrace", "run.bin", "below/"}
        assert {name: viewer.status(link) for name, link in links.items()} == dict.fromkeys(links, 200)
        for name in links:
            path = directory / name.rstrip("/")
            path.rename(sandbox.path / f"was {path.name}")
            if not (plant is plant_file and name == "below/"):
                plant(path, outside)
            answer = viewer.ask("GET", urllib.parse.urlsplit(links[name]).path)
            assert answer.status == 500, name
            assert SECRET not in answer.content.decode()
            assert path.name in answer.content.decode()


def test_swapped_file_is_shown_once_it_is_listed(sandbox, shown):
    directory, outside = shown
    with serving(sandbox, "shown") as viewer:
        old = plain_paths(viewer.links())["a.html"]
        os.replace(outside / "b.html", directory / "a.html")
        assert viewer.status(old) == 500
        new = plain_paths(viewer.links())["a.html"]
        assert viewer.get(new).read().decode() == SECRET
        # The page that was there before knows its address, and must not get at what has come after it.
        assert viewer.status(old) == 500


@pytest.mark.parametrize("swapped", ["below", "shown"])
def test_directory_above_is_swapped(sandbox, shown, swapped):
    """One below the directory that was named is not passed through; that one itself stays the same."""
    directory, outside = shown
    with serving(sandbox, "shown") as viewer:
        below = plain_paths(viewer.links())["below/"]
        link = plain_paths(viewer.links(below))["a.html"]
        path = directory / "below" if swapped == "below" else directory
        path.rename(sandbox.path / "was")
        path.symlink_to(outside / "below" if swapped == "below" else outside)
        if swapped == "below":
            assert (viewer.status(below), viewer.status(link)) == (500, 500)
        else:
            assert viewer.get(link).read() == b"harmless"
            assert len(viewer.links()) == 6


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_no_file_is_not_listed(sandbox, monkeypatch, shown, plant):
    directory, outside = shown
    monkeypatch.chdir(sandbox.path)
    for name in ("a.html", "a.json", "a.pftrace", "run.bin"):
        (directory / name).unlink()
        plant(directory / name, outside)
    with serving(sandbox, "shown") as viewer:
        planted = set() if plant not in (plant_directory, plant_file) else {"a.html", "a.json", "a.pftrace", "run.bin"}
        assert {text.rstrip("/") for text, _ in viewer.links()} == {"b.html", "below"} | planted


@pytest.mark.parametrize("name", ["a.html", "a.json", "a.pftrace", "run.bin"])
def test_named_file_is_served_while_it_is_the_same(sandbox, shown, name):
    """A link that the user names is followed, once and for all."""
    directory, outside = shown
    (sandbox.path / f"latest_{name}").symlink_to(directory / name)
    with serving(sandbox, f"latest_{name}") as viewer:
        address = viewer.page.partition("?url=")[2] or viewer.page
        assert viewer.status(address) == 200
        (sandbox.path / f"latest_{name}").unlink()
        (sandbox.path / f"latest_{name}").symlink_to(outside / name)
        with viewer.get(address) as answer:
            assert SECRET not in answer.read().decode(errors="replace")
        os.replace(outside / name, directory / name)
        assert viewer.status(address) == 500


def test_merge_speaks_of_files_as_they_are_called(sandbox, shown):
    directory, _ = shown
    (directory / "a.json").write_text("no trace")
    with serving(sandbox, "shown") as viewer:
        answer = viewer.ask("GET", urllib.parse.urlsplit(plain_paths(viewer.links())["a.json"]).path)
        assert (answer.status, f"{directory}/a.json" in answer.content.decode()) == (500, True)
        viewer.process.send_signal(signal.SIGINT)
        _, complaint = viewer.process.communicate(timeout=DEADLINE)
    assert f"{directory}/a.json" in complaint
    assert "vizviewer_" not in complaint + answer.content.decode()


def test_files_of_one_name_are_one_run(sandbox, small_trace):
    """They are from two directories, and more than the usual limit of open files lets in."""
    for directory in ("here", "there"):
        (sandbox.path / directory).mkdir()
        for number in range(20):
            (sandbox.path / directory / f"result_{number}.bin").write_bytes(small_trace.read_bytes())

    def limit():
        heed_interrupts()
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 4096))

    files = [f"{directory}/result_{number}.bin" for directory in ("here", "there") for number in range(20)]
    with serving(sandbox, *files, preexec_fn=limit) as viewer:
        with viewer.get() as answer:
            assert "<html" in answer.read().decode()
        viewer.process.send_signal(signal.SIGINT)
        _, complaint = viewer.process.communicate(timeout=DEADLINE)
    assert complaint == ""


# --- who wrote what is shown ---


def test_token_opens_one_thing_only(sandbox, shown):
    with serving(sandbox, "shown") as viewer:
        links = {name: urllib.parse.urlsplit(link).path for name, link in plain_paths(viewer.links()).items()}
        links["shown/"] = urllib.parse.urlsplit(viewer.page).path
        tokens = {name: path.split("/")[1] for name, path in links.items()}
        assert len(set(tokens.values())) == len(tokens) == 7
        assert all(len(token) >= 22 for token in tokens.values())  # 128 bits
        for name, path in links.items():
            _, own, rest = path.split("/", 2)
            for token in tokens.values():
                assert viewer.status(f"/{token}/{rest}") == (200 if token == own else 404), name
            assert viewer.status(f"/{own}/") == viewer.status(f"/{own}") == 404


@pytest.mark.parametrize("name", ["a.html", "a.json", "a.pftrace", "below/"])
def test_headers(sandbox, shown, name):
    with serving(sandbox, "shown") as viewer:
        headers = viewer.ask("GET", urllib.parse.urlsplit(plain_paths(viewer.links())[name]).path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"].split("; ")
    assert "frame-ancestors 'none'" in policy
    assert "allow-same-origin" not in headers["Content-Security-Policy"]
    if name in ("a.html", "a.json"):
        assert "sandbox allow-scripts allow-downloads" in policy
    else:
        assert "default-src 'none'" in policy


def test_names_are_shown_as_text(sandbox):
    directory = sandbox.path / "many"
    directory.mkdir()
    names = ["line\nbreak.html", "\x1b[31mred.html", "\u202egnp.html", "\u0085.html", "cr\r\nSet-Cookie: a=b.html"]
    names += ['"><img src=x onerror=alert(1)>.html', "{title}.html", "%s%n.html", "é ü.html"]
    for name in names:
        (directory / name).write_text("<p>")
    (directory / os.fsdecode(b"no utf-8 \xff.html")).write_text("<p>")
    with serving(sandbox, "many") as viewer:
        links = dict(viewer.links())
        expected = {"line\\nbreak.html", "\\x1b[31mred.html", "\\u202egnp.html", "\\x85.html"}
        expected |= {"cr\\r\\nSet-Cookie: a=b.html", *names[5:], "no utf-8 \\xff.html"}
        assert set(links) == expected
        for link in links.values():
            answer = viewer.ask("GET", urllib.parse.urlsplit(link).path)
            assert (answer.status, answer.headers["Set-Cookie"]) == (200, None)
            assert re.fullmatch(r"[\w./:-]+", link, re.ASCII)
    done = sandbox.run(BIN / "vizviewer", "--server_only", "many/\x1b[31mmissing\n.html")
    assert done.stdout == "File many/\\x1b[31mmissing\\n.html does not exist!\n"


def test_large_directory(sandbox):
    directory = sandbox.path / "many"
    directory.mkdir()
    for number in range(1200):
        (directory / f"{number}.html").touch()
        os.utime(directory / f"{number}.html", (number, number))
    with serving(sandbox, "many") as viewer:
        assert [text for text, _ in viewer.links()] == [f"{number}.html" for number in range(1199, 199, -1)]
        with viewer.get() as answer:
            assert "<p>200 older ones are not listed.</p>" in answer.read().decode()


# --- who comes too often, and stays too long ---


def strangers(viewer, count):
    """Connections on which nothing is asked."""
    return [socket.create_connection(("127.0.0.1", viewer.port), timeout=DEADLINE) for _ in range(count)]


def is_closed(connection):
    """Whether the other side has ended it."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def assert_silent(viewer):
    """It ends, and has said nothing."""
    viewer.process.send_signal(signal.SIGINT)
    assert viewer.process.communicate(timeout=DEADLINE) == ("", "")


def thread_count(viewer):
    return len(os.listdir(f"/proc/{viewer.process.pid}/task"))


def test_many_strangers_do_not_keep_the_user_out(sandbox):
    (sandbox.path / "a.html").write_text("<p>")
    with serving(sandbox, "a.html") as viewer:
        connections = strangers(viewer, 500)
        assert viewer.get().read() == b"<p>"
        assert thread_count(viewer) < 150
        until(lambda: thread_count(viewer) < 80)
        assert sum(map(is_closed, connections)) > 400
        for connection in connections:
            connection.close()
        assert_silent(viewer)


GARBAGE = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET //[x HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET http://[x/ HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /\xff\x00/\xe2\x80\xae HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /x/" + b"9" * 6000 + b" HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n evil.example\r\n\r\n",
    b"GET / HTTP/1.0\r\n: x\r\n\xff\r\n\r\n",
    b"GET / HTTP/1.0\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"A" * 70_000 + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x1b]0;title\x07 / HTTP/1.0\r\n\r\n",
]


def test_garbage_says_nothing_on_the_terminal(sandbox):
    (sandbox.path / "a.html").write_text("<p>")
    with serving(sandbox, "a.html") as viewer:
        for request in GARBAGE:
            (connection,) = strangers(viewer, 1)
            with connection:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                try:
                    answer = b"".join(iter(lambda: connection.recv(4096), b""))
                except ConnectionError:
                    continue  # the answer is too long to be read whole
            assert not re.match(rb"HTTP/1.\d 2", answer), request
            assert b"\x1b" not in answer
        assert viewer.get().read() == b"<p>"
        assert_silent(viewer)


def test_stranger_who_is_slow_is_sent_away(sandbox):
    (sandbox.path / "a.html").write_text("<p>")
    with serving(sandbox, "a.html") as viewer:
        (silent, slow) = strangers(viewer, 2)
        slow.sendall(b"GET / HTTP/1.0\r\n")
        began = time.monotonic()
        while not (is_closed(silent) and is_closed(slow)):
            assert time.monotonic() - began < 100
            try:
                slow.sendall(b"X: y\r\n")
            except (ConnectionError, BlockingIOError):
                pass
            time.sleep(0.2)
        assert time.monotonic() - began > 5
        assert viewer.get().read() == b"<p>"
        assert_silent(viewer)


def seconds_used(viewer):
    """Processor time."""
    fields = Path(f"/proc/{viewer.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_at_the_limit_of_descriptors_it_neither_spins_nor_dies(sandbox):
    def limit():
        heed_interrupts()
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))

    (sandbox.path / "a.html").write_text("<p>")
    with serving(sandbox, "a.html", preexec_fn=limit) as viewer:
        connections = strangers(viewer, 60)
        before = seconds_used(viewer)
        time.sleep(3)
        assert seconds_used(viewer) - before < 1
        for connection in connections:
            connection.close()

        def answer():
            try:
                return viewer.get().read()
            except (urllib.error.URLError, ConnectionError):
                return None

        assert until(answer) == b"<p>"
