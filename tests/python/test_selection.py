"""Selected parts of a trace, compared with the whole report call by call."""

import datetime
import re

import pytest
import tree
from conftest import Sandbox

pytestmark = pytest.mark.one_version

PROGRAM = """
import os, sys, threading, time
def leaf(n): return len(str(n))
def node(n):
    for i in range(3): leaf(i)
    if n: node(n - 1)
def phase():
    for n in range(300): node(n % 7)
def work():
    phase()
    time.sleep(0.01)
    phase()
threads = [threading.Thread(target=work, name=f"worker-{n}") for n in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
if os.fork() == 0:
    phase()
    sys.exit()
os.wait()
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """A sandbox with ring files, and their whole report."""
    sandbox = Sandbox(tmp_path_factory.mktemp("selection"))
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", sandbox.script(PROGRAM))
    assert done.returncode == 0, done.stderr
    return sandbox, sandbox.merge("rings")


def select(sandbox, *options, output="selected.json"):
    """The report of a selection; its counts must say how much it is."""
    done = sandbox.viztracer_merge("rings", "-o", output, *options)
    assert done.returncode == 0, done.stderr
    report = sandbox.report(output)
    threads = [thread for process in report["viztracer_metadata"]["processes"] for thread in process["threads"]]
    assert sum(thread["events"] for thread in threads) == len(tree.spans(report))
    return report, sum(thread.get("left_out", 0) for thread in threads)


def facts(report):
    """Each call as its track, begin, end and name, sorted."""
    return sorted((e["pid"], e["tid"], *tree.nanoseconds(e), e["name"]) for e in tree.spans(report))


def is_clipped(event):
    return bool((event.get("args") or {}).get("clipped"))


def thirds(report):
    """Return two times between which a third of the calls begin, at any speed."""
    starts = sorted(start for _, _, start, _, _ in facts(report))
    return starts[len(starts) // 3], starts[len(starts) * 2 // 3]


@pytest.mark.parametrize("bounds", ["since", "until", "since until"])
@pytest.mark.parametrize("more", [[], ["--max_depth", "10000"]])
def test_time(trace, bounds, more):
    """Calls that reach over an edge are cut there and say so; all others are as they were, or not there."""
    sandbox, whole = trace
    begin, end = thirds(whole)
    options = {"since": ["--since", f"{begin}ns"], "until": ["--until", f"{end}ns"]}
    begin, end = begin if "since" in bounds else 0, end if "until" in bounds else 1 << 60
    report, left_out = select(sandbox, *sum((options[bound] for bound in bounds.split()), more))
    expected = []
    for pid, tid, start, stop, name in facts(whole):
        if start < end and (stop > begin or start >= begin):
            expected.append((pid, tid, max(start, begin), min(stop, end), name))
    assert facts(report) == sorted(expected)
    assert 0 < len(expected) < len(facts(whole)) and left_out == len(facts(whole)) - len(expected)
    originals = set(facts(whole))
    for event in tree.spans(report):
        is_whole = (event["pid"], event["tid"], *tree.nanoseconds(event), event["name"]) in originals
        assert is_clipped(event) != is_whole
    tree.check_nesting(report)


def test_last(trace):
    sandbox, whole = trace
    end = max(stop for *_, stop, _ in facts(whole))
    last = end - thirds(whole)[1]
    report, _ = select(sandbox, "--last", f"{last}ns")
    starts = [start for _, _, start, _, _ in facts(report)]
    assert end - last - 1 <= min(starts)  # the trace ends when the last file is closed, a little after its last call
    assert 0 < len(starts) < len(facts(whole))


def test_a_moment_of_the_wall_clock(trace):
    sandbox, whole = trace
    base = whole["viztracer_metadata"]["baseTimeNanoseconds"]
    moment = base + 5_000_000
    second = datetime.datetime.fromtimestamp(moment // 10**9, datetime.timezone.utc)
    report, _ = select(sandbox, "--since", f"{second:%Y-%m-%dT%H:%M:%S}.{moment % 10**9:09}Z")
    assert facts(report) == facts(select(sandbox, "--since", "5ms")[0])


def test_processes_and_threads(trace):
    sandbox, whole = trace
    names = tree.names(whole, "thread_name")
    (pid, tid), _ = next((track, name) for track, name in names.items() if name == "worker-1")
    assert facts(select(sandbox, "--tid", str(tid))[0]) == [fact for fact in facts(whole) if fact[1] == tid]
    assert facts(select(sandbox, "--pid", str(pid))[0]) == [fact for fact in facts(whole) if fact[0] == pid]
    pids = [option for fact in {fact[0] for fact in facts(whole)} for option in ("--pid", str(fact))]
    assert facts(select(sandbox, *pids)[0]) == facts(whole)
    (main,) = [pid for pid, name in tree.names(whole, "process_name").items() if name == "MainProcess"]
    of_main = [fact for fact in facts(whole) if fact[0] == main]
    assert facts(select(sandbox, "--process_name", "MainProcess")[0]) == of_main


def test_calls(trace):
    sandbox, whole = trace
    long = [fact for fact in facts(whole) if fact[3] - fact[2] >= 20_000]
    assert 0 < len(long) < len(facts(whole))
    assert facts(select(sandbox, "--min_duration", "20us")[0]) == long
    python = [fact for fact in facts(whole) if fact[4].endswith(")")]
    assert facts(select(sandbox, "--drop_c_functions")[0]) == python


def test_depth(trace):
    sandbox, whole = trace
    report, _ = select(sandbox, "--max_depth", "6")
    for track, calls in tree.trees(whole).items():
        assert tree.trees(report)[track] == [call for call in calls if call.depth < 6]


def test_functions(trace):
    """What matches and what it calls, on its own level."""
    sandbox, whole = trace
    report, _ = select(sandbox, "--func", r"^node ")
    for track, calls in tree.trees(whole).items():
        expected, depth = [], None
        for call in calls:
            if depth is not None and call.depth <= depth:
                depth = None
            if depth is None and call.name.startswith("node "):
                depth = call.depth
            if depth is not None:
                expected.append(call._replace(depth=call.depth - depth))
        assert tree.trees(report).get(track, []) == expected
    assert any(call.name == "builtins.len" for calls in tree.trees(report).values() for call in calls)


def test_any_number_of_threads_gives_the_same_bytes(trace):
    sandbox, _ = trace
    for options in (["--func", "leaf"], ["--since", "3ms", "--min_duration", "1us"]):
        texts = set()
        for threads in ("1", "2", "8"):
            select(sandbox, *options, "--threads", threads)
            texts.add((sandbox.path / "selected.json").read_bytes())
        assert len(texts) == 1


def test_a_killed_process(sandbox):
    """Frames that were open when it died are clipped like others."""
    script = sandbox.script(
        "import os, signal, time\n"
        "def inner(): time.sleep(0.02); os.kill(os.getpid(), signal.SIGKILL)\n"
        "def outer(): inner()\n"
        "outer()\n"
    )
    sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    for options in (["--last", "5ms"], ["--last", "5ms", "--max_depth", "100"]):
        report, _ = select(sandbox, *options)
        names = {re.sub(r" .*", "", event["name"]) for event in tree.spans(report)}
        assert {"inner", "outer", "posix.kill"} <= names
        assert all(event["args"]["unfinished"] for event in tree.spans(report) if event["name"].startswith("inner "))


@pytest.mark.parametrize(
    "options",
    [["--pid", "99"], ["--func", "nothing"], ["--process_name", "x"], ["--tid", "9"], ["--since", "1d"]],
)
def test_a_selection_of_nothing_is_no_report_and_replaces_none(trace, options):
    sandbox, whole = trace
    said = f"viztracer-merge: the options that select a part select none of the {len(tree.spans(whole)):,} events"
    good = sandbox.path / "good.json"
    good.write_text("good")
    for strict in ([], ["--strict"]):
        reports = ["-o", "good.json", "-o", "nothing.csv", "-o", "nothing.parquet/"]
        done = sandbox.viztracer_merge("rings", *strict, *reports, *options)
        assert (done.returncode, done.stderr) == (1, f"{said}, so there is no report\n")
        assert good.read_text() == "good" and not list(sandbox.path.glob("nothing*"))
        done = sandbox.viztracer_merge("rings", *strict, "--top", "3", *options)
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, said)


def test_a_selection_of_nothing_is_none_of_the_slowest_calls(trace):
    sandbox, _ = trace
    for strict, status in ([], 0), (["--strict"], 1):
        done = sandbox.viztracer_merge("calls", "rings", *strict, "--func", "^nothing$")
        assert (done.returncode, done.stdout) == (status, "no call matches\n")
        assert ("select none of the" in done.stderr) == bool(status)


def test_last_words_of_no_process(trace):
    sandbox, _ = trace
    done = sandbox.viztracer_merge("rings", "--last_words", "--pid", "99")
    said = "viztracer-merge: the options that select a part select none of the processes\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


@pytest.mark.parametrize("options", [["--since", "yesterday"], ["--last", "5"], ["--func", "("], ["--pid", "x"]])
def test_nonsense_is_refused(trace, options):
    sandbox, _ = trace
    done = sandbox.viztracer_merge("rings", "-o", "none.json", *options)
    assert done.returncode == 2
    assert options[0] in done.stderr
    assert not (sandbox.path / "none.json").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--since", "3s", "--until", "1s"], "--until must be later than --since"),
        (["--since", "1s", "--until", "1000ms"], "--until must be later than --since"),
        (["--since", "2026-11-22T11:23:20", "--until", "2026-11-22T11:23:19"], "--until must be later than --since"),
        (["--until", "1s", "--last", "0s"], "--last must be more than no time"),
    ],
)
def test_bounds_that_leave_no_time_are_refused(trace, options, reason):
    sandbox, _ = trace
    for what in (["-o", "none.json", "-o", "none.csv"], ["--top", "3"], ["--info"]):
        done = sandbox.viztracer_merge("rings", *what, *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"viztracer-merge: no time is left to show: {reason}\n"
    assert not list(sandbox.path.glob("none.*"))


def test_the_last_time_counts_back_from_until(trace):
    sandbox, whole = trace
    begin, end = thirds(whole)
    shown, _ = select(sandbox, "--since", f"{begin}ns", "--until", f"{end}ns")
    again, _ = select(sandbox, "--last", f"{end - begin}ns", "--until", f"{end}ns")
    assert again["traceEvents"] == shown["traceEvents"] and tree.spans(shown)
    # From the begin on, if there is no more before; no call is shown with an end before its start.
    first, _ = select(sandbox, "--last", "1s", "--until", f"{begin}ns")
    same, _ = select(sandbox, "--until", f"{begin}ns")
    assert first["traceEvents"] == same["traceEvents"] and tree.spans(first)
    assert all(event["dur"] >= 0 for event in tree.spans(first))
    # Behind the end there is nothing to count.
    last, _ = select(sandbox, "--last", "5ms")
    late, _ = select(sandbox, "--last", "5ms", "--until", "1h")
    assert late["traceEvents"] == last["traceEvents"] and tree.spans(last)


def test_perfetto_shows_the_same(trace, perfetto):
    sandbox, whole = trace
    begin, end = thirds(whole)
    for options in (["--since", f"{begin}ns", "--until", f"{end}ns"], ["--func", "^node ", "--max_depth", "3"]):
        shown = []
        for output in ("selected.json", "selected.pftrace"):
            assert sandbox.viztracer_merge("rings", "-o", output, *options).returncode == 0
            seen = perfetto(sandbox.path / output)
            assert seen["errors"] == []
            shown.append(seen["slices"])
        assert shown[0] == shown[1] > 0
