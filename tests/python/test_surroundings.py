"""Restricted environments: the program runs as untraced, and one line on stderr says why it is not traced."""

import errno
import os
import re
import resource
import struct
import sys
import zlib

import pytest
import tree
from conftest import BIN
from witness import Witness, calls

VARIABLE = "VIZTRACER_RING_SESSION"
FUNCTIONS = """
import subprocess
@witnessed
def before(): pass
@witnessed
def after(): pass
@witnessed
def in_child(): pass
def run_child():
    print(subprocess.run([sys.executable, "child.py"]).returncode, flush=True)
before()
"""
NOBODY = 65534

root = pytest.mark.skipif(os.geteuid() != 0 and os.environ.get("CI") != "true", reason="only root may")


@pytest.fixture
def witness(sandbox):
    return Witness(sandbox)


@pytest.fixture
def mounted():
    """mounted(commands) -> the words to put before a command so that it runs after these, with mounts of its own."""
    if os.geteuid() != 0 and os.environ.get("CI") != "true":
        pytest.skip("only root may mount")
    return lambda commands: ["unshare", "-m", "sh", "-ec", f'{commands}\nexec "$@"', "sh"]


def line(words):
    """A pattern for one line of ours that holds these words."""
    return f"viztracer: [^\n]*{words}[^\n]*\n"


# --- a session that is none ---


def test_a_session_that_is_over(witness):
    """There is no message: a daemon that outlives the run may start processes for years."""
    env = {VARIABLE: f"session={'00' * 16}::{witness.sandbox.path}/gone/result"}
    done = witness.sandbox.python("child.py", env=os.environ | env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "child\n", "")


def test_a_directory_that_cannot_be_written(witness):
    source = FUNCTIONS + (
        "import re\n"
        f"session = os.environ.get('{VARIABLE}')\n"
        f"if session: os.environ['{VARIABLE}'] = re.sub('session=[^;]*', 'session={'00' * 16}::/proc/result', "
        "session)\n"
        "run_child()\nafter()\n"
    )
    stderr = line(r"cannot create a ring file in /proc\b.*not traced")
    journal = witness.same(source, "-o", "report.json", stderr=stderr)
    traced = calls(witness.sandbox.report("report.json"), journal)
    assert {name for _, name in traced} == {"before", "after"}


FUZZ = f"""
import os, random, sys
from viztracer import session

chance = random.Random(int(sys.argv[1]))
good = "session=000102030405060708090a0b0c0d0e0f::{{directory}}/result;tracer_entries=1000;verbose=1;" \\
    "max_stack_depth=-1;include_files=;exclude_files=a,b;ignore_c_function=0;min_duration=0.0;trace_self=0"
good = good.replace("{{directory}}", os.getcwd() + "/rings")
words = ["", ";", "=", ",", "%", "%2", "-1", "1e999", "nan", "9" * 30, "/no/such", "\\udcff", "☃", "id=", "x" * 5000]

def garbage():
    if chance.random() < 0.1:
        return os.fsdecode(bytes(chance.randrange(1, 256) for _ in range(chance.randrange(200))))
    fields = good.split(";")
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(fields))
        name, _, value = fields[at].partition("=")
        cut = chance.randint(0, len(value))
        word = chance.choice(words)
        fields[at] = chance.choice([name, "", f"{{name}}={{word}}", f"{{name}}={{value[:cut]}}{{word}}{{value[cut:]}}"])
    return ";".join(fields)

for number in range(500):
    text = garbage()
    pid = os.fork()
    if not pid:
        try:
            os.environ["{VARIABLE}"] = text
            session.join()
            def f(): pass
            f()
            os._exit(0)
        except BaseException as error:
            print(repr(text), repr(error), flush=True)
            os._exit(1)
    assert os.wait()[1] == 0, (number, text)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_variable_that_is_garbage(sandbox, seed):
    """Never an exception, whatever it holds, and at most one line of ours."""
    (sandbox.path / "rings").mkdir()
    done = sandbox.python("-c", FUZZ, str(seed), errors="surrogateescape")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = done.stderr.splitlines()
    assert 100 < len(lines) <= 500
    assert all(re.fullmatch(r"viztracer: .*; process \d+ is not traced", line) for line in lines)


@pytest.mark.parametrize("value", ["", ";", "nonsense", "session=", "session=:", "session=zz::/result", "=;=" * 1000])
def test_an_interpreter_starts_with_garbage(witness, value):
    done = witness.sandbox.python("child.py", env=os.environ | {VARIABLE: value})
    assert (done.returncode, done.stdout) == (0, "child\n")
    assert re.fullmatch(f"({line('is not traced')})?", done.stderr)
    assert not [*witness.sandbox.path.glob("*.bin")]


# --- a file that is already there ---

SAME_PID = """
import os, pathlib, sys
os.mkdir("rings")
pathlib.Path(f"rings/result_{os.getpid()}.bin").write_bytes(pathlib.Path(sys.argv[1]).read_bytes())
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_pid_that_was_used_before(witness, small_trace):
    """Its file stays as it is; the new process takes another name."""
    witness.sandbox.script(SAME_PID, "same_pid.py")
    command = [BIN / "viztracer", "--quiet", "--pid_suffix", "--output_dir", "rings", "--", "child.py"]
    done = witness.sandbox.python("same_pid.py", small_trace, *command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "child\n", "")
    old, new = sorted((witness.sandbox.path / "rings").iterdir(), key=lambda path: len(path.name))
    assert new.name == f"{old.stem}_1.bin"
    assert old.read_bytes() == small_trace.read_bytes()
    names = [event["name"].partition(" (")[0] for event in tree.spans(witness.sandbox.merge("rings"))]
    assert (names.count("f"), names.count("in_the_child")) == (20, 1)


# --- limits ---

ALL_DESCRIPTORS = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[1])))
descriptors = []
try:
    while True: descriptors.append(os.open(os.devnull, os.O_RDONLY))
except OSError as error: print(error.strerror)
def fill():
    for n in range(100_000): abs(n)
fill()
if not os.fork():
    fill()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]))
for descriptor in descriptors: os.close(descriptor)
after()
"""


@pytest.mark.parametrize(("limit", "traced"), [(256, 2), (64, 1)])
def test_no_descriptor_is_left(witness, limit, traced):
    """The recording goes on. A forked child takes over our own one, if the limit did not fall below that."""
    source = FUNCTIONS + ALL_DESCRIPTORS.replace("int(sys.argv[1])", str(limit))
    stderr = "" if traced == 2 else line("not tracing process .*Too many open files")
    journal = witness.same(source, "-o", "report.json", stderr=stderr)
    report = witness.sandbox.report("report.json")
    assert calls(report, journal) == journal
    assert sum(event["name"] == "builtins.abs" for event in tree.spans(report)) == traced * 100_000


@pytest.mark.parametrize("least", [30, 64])
def test_few_descriptors_from_the_start(witness, least):
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (least, least))
    witness.report(FUNCTIONS + "run_child()\nafter()\n", preexec_fn=limit)


def test_file_sizes_are_limited(witness):
    """Children cannot make a file, nor the first process its report."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
    stderr = f"({line('File too large')})+"
    source = FUNCTIONS + "run_child()\nafter()\nraise SystemExit(3)\n"  # a status of 0 would become 1
    witness.same(source, "-o", "report.json", stderr=stderr, preexec_fn=limit)
    assert not [*witness.sandbox.path.glob("report*")] and not [*witness.sandbox.path.glob("viztracer_*")]


def test_address_space_is_limited(witness):
    """The program has nearly all of it, and is traced."""
    source = """
import os
mapped = 0
for line in open("/proc/self/maps"):
    begin, end = (int(word, 16) for word in line.split()[0].split("-"))
    mapped += end - begin if "/result_" in line else 0
assert mapped <= (1 << 30) // 8 + 4096, mapped
"""
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    witness.report(FUNCTIONS + source + "after()\n", preexec_fn=limit)


# --- mounts ---

NO_SHARED_MEMORY = {
    "read-only": "mount -t tmpfs -o ro tmpfs /dev/shm",
    "full": "mount -t tmpfs -o size=64k tmpfs /dev/shm; head -c 64k /dev/zero > /dev/shm/full",
    "small": "mount -t tmpfs -o size=64k tmpfs /dev/shm",
}
SHARED_MEMORY = "mount -t tmpfs -o size=1g tmpfs /dev/shm"


@pytest.mark.parametrize("how", ["read-only", "full", "small"])
def test_no_room_in_shared_memory(witness, mounted, how):
    """The ring files are next to the report instead, and leave when it is written."""
    witness.report(FUNCTIONS + "run_child()\nafter()\n", prefix=mounted(NO_SHARED_MEMORY[how]))
    assert sorted(path.name for path in witness.sandbox.path.iterdir() if path.name != "__pycache__") == [
        "child.py",
        "journal",
        "script.py",
        "witness.py",
    ]


def test_a_quarter_of_shared_memory_is_left_to_others(witness, mounted):
    """A ring that may become larger than shared memory stops to grow, and keeps what it can."""
    source = """
import os, shutil
def leaf(): pass
for _ in range(1_500_000): leaf()
usage = shutil.disk_usage("/dev/shm")
assert usage.used > usage.total // 2, usage
assert usage.free >= usage.total // 4, usage
"""
    shared_memory = mounted("mount -t tmpfs -o size=16m tmpfs /dev/shm")
    script = witness.sandbox.script(source)
    options = ["--pid_suffix", "--output_dir", "/dev/shm/rings"]
    merge = f"{BIN}/viztracer {' '.join(options)} {script} && {BIN}/viztracer-merge /dev/shm/rings -o merged.json"
    done = witness.sandbox.run(*shared_memory, "sh", "-c", merge)
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stderr
    (process,) = witness.sandbox.metadata("merged.json")["processes"]
    assert process["failure"] == errno.ENOSPC
    (thread,) = process["threads"]
    assert thread["events"] > 500_000
    assert thread["lost"] == 0
    assert thread["events"] + thread["overwritten"] >= 1_500_000


def test_no_shared_memory(witness, mounted):
    absent = "mkdir -p dev; [ -e dev/null ] || mknod -m 666 dev/null c 1 3; mount --bind dev /dev"
    witness.report(FUNCTIONS + "assert not os.path.exists('/dev/shm')\nrun_child()\nafter()\n", prefix=mounted(absent))


@pytest.mark.parametrize("options", [["-o", "report.json"], ["--pid_suffix", "-o", "each.json"]])
def test_nothing_is_left_behind(witness, mounted, options):
    """Neither in shared memory nor where temporary files go."""
    listing = ["sh", "-c", '"$@"; find /dev/shm $TMPDIR -mindepth 1 >&2', "sh"]
    prefix = [*mounted(f"{SHARED_MEMORY}; mkdir tmp; export TMPDIR=$PWD/tmp"), *listing]
    source = FUNCTIONS + "if not os.fork():\n    in_child()\n    os._exit(0)\nos.wait()\nrun_child()\nafter()\n"
    done, _ = witness.traced(source, *options, prefix=prefix)
    assert done.stderr == ""


def test_no_proc(witness, mounted):
    prefix = mounted("mount -t tmpfs tmpfs /proc")
    witness.report(FUNCTIONS + "assert not os.listdir('/proc')\nrun_child()\nafter()\n", prefix=prefix)


# --- other roots, other users ---


@root
def test_a_child_changes_its_root(witness):
    source = """
os.makedirs("jail", exist_ok=True)
journal = os.open("journal", os.O_WRONLY | os.O_APPEND)
@witnessed
def twice(n): return n
if not os.fork():
    in_child()
    os.chroot("jail")
    for n in range(100_000): abs(n)
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.wait()[1]))
after()
"""
    report = witness.report(FUNCTIONS + source)
    assert sum(event["name"] == "builtins.abs" for event in tree.spans(report)) == 100_000


def rings_are_named(witness, source):
    """Trace a program that can no longer write its report: a line names the directory of the ring files."""
    done, journal = witness.traced(source, "-o", "report.json")
    assert (done.returncode, done.stdout) == (1, "")  # there is no report
    assert re.fullmatch(line("Ring files kept in /dev/shm/viztracer_"), done.stderr), done.stderr
    rings = re.search(r"Ring files kept in (\S+); merge", done.stderr)[1]
    assert calls(witness.sandbox.merge(rings), journal) == journal
    witness.sandbox.run("rm", "-r", rings)


@root
def test_the_program_changes_its_root(witness):
    rings_are_named(witness, FUNCTIONS + "os.makedirs('jail', exist_ok=True)\nafter()\nos.chroot('jail')\n")


@root
def test_a_child_becomes_another_user(witness):
    """It goes on in its file, which its own children cannot."""
    source = f"""
if not os.fork():
    in_child()
    os.setgid({NOBODY})
    os.setuid({NOBODY})
    for n in range(100_000): abs(n)
    if not os.fork():
        abs(0)
        os._exit(5)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.wait()[1]))
after()
"""
    stderr = line("not tracing process .*Permission denied")
    journal = witness.same(FUNCTIONS + source, "-o", "report.json", stderr=stderr)
    report = witness.sandbox.report("report.json")
    assert calls(report, journal) == journal
    assert sum(event["name"] == "builtins.abs" for event in tree.spans(report)) == 100_000


@root
def test_the_program_becomes_another_user(witness):
    rings_are_named(witness, FUNCTIONS + f"after()\nos.setuid({NOBODY})\nfor n in range(100_000): abs(n)\n")


# --- no directory, no streams ---


def test_the_current_directory_is_deleted(witness):
    child = str(witness.sandbox.path / "child.py")
    source = "os.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')\nafter()\n"
    witness.report(FUNCTIONS + source + f"subprocess.run([sys.executable, {child!r}])\n")


def test_it_starts_in_a_deleted_directory(witness):
    (witness.sandbox.path / "gone").mkdir()
    command = [BIN / "viztracer", witness.sandbox.path / "child.py"]
    done = witness.sandbox.run("sh", "-c", 'cd gone; rmdir ../gone; exec "$@"', "sh", *command)
    assert (done.returncode, done.stdout) == (1, "child\n")
    assert re.search(line("the program runs without tracing") + "$", done.stderr), done.stderr


@pytest.mark.parametrize("home", [None, "/does/not/exist"])
def test_there_is_no_home(witness, home):
    env = {name: value for name, value in os.environ.items() if name != "HOME"} | ({"HOME": home} if home else {})
    witness.report(FUNCTIONS + "run_child()\nafter()\n", env=env)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "<&-"])
@pytest.mark.parametrize("fails", [False, True])
def test_closed_streams(witness, closed, fails):
    """Also when there is something to complain of: it goes nowhere, least of all into a file of the program's."""
    source = FUNCTIONS + "file = os.open('mine', os.O_WRONLY | os.O_CREAT)\nrun_child()\nafter()\nsys.exit(3)\n"
    prefix = ["sh", "-c", f'"$@" {closed}', "sh"]
    options = ["--output_dir", "/proc/no"] if fails else ["-o", "report.json"]
    stderr = line("runs without tracing") if fails and "2>" not in closed else ""
    journal = witness.same(source, *options, stderr=stderr, prefix=prefix)
    assert (witness.sandbox.path / "mine").read_bytes() == b""
    if not fails:
        report = witness.sandbox.report("report.json")
        assert calls(report, journal) == journal


# --- the clock ---


def set_back(ring, seconds):
    """Rewrites a ring file as if the clock of the machine had been set back before the process began: FORMAT.md."""
    content = bytearray(ring.read_bytes())
    (segment_size,) = struct.unpack_from("<I", content, 16)
    for anchor in [136, 160, 512 + 8, *range(4096 + 32, len(content), segment_size)]:
        (realtime,) = struct.unpack_from("<Q", content, anchor + 16)
        if realtime:
            struct.pack_into("<Q", content, anchor + 16, realtime - seconds * 10**9)
    (length,) = struct.unpack_from("<I", content, 132)
    struct.pack_into("<I", content, 508, zlib.crc32(content[:508] + content[1024 : 1024 + length]))
    ring.write_bytes(content)


def test_the_clock_is_set_back_during_the_run(witness):
    """Times are from the monotonic clock: the child's calls are between the parent's fork and its wait."""
    source = FUNCTIONS + "pid = os.fork()\nif not pid:\n    in_child()\n    os._exit(0)\nos.waitpid(pid, 0)\nafter()\n"
    _, journal = witness.traced(source, "--pid_suffix", "--output_dir", "rings")
    before = witness.sandbox.merge("rings")
    (child,) = {pid for pid, name in journal if name == "in_child"}
    set_back(witness.sandbox.path / "rings" / f"result_{child}.bin", 3600)
    report = witness.sandbox.merge("rings")
    assert calls(report, journal) == journal
    assert report["traceEvents"] == before["traceEvents"]
    for metadata in (report["viztracer_metadata"], before["viztracer_metadata"]):
        for process in metadata["processes"]:
            del process["opened_at"], process["last_at"]  # by the clock that was set back
    assert report["viztracer_metadata"] == before["viztracer_metadata"]
