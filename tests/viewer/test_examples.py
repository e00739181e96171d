"""The examples of VizTracer's documentation in the page: one process, three threads, three processes, asyncio tasks.

Every number is known from the program, not from the trace. Pixels are those of screenshots.
"""

import re
import subprocess
from collections import Counter

import pytest
from conftest import sandboxes
from drawn import LANE, Report

UNFINISHED = 1


def trace(sandbox, name, *options):
    """What `viztracer` makes of a program of tests/programs, and the pid that it had."""
    command = [sandboxes.BIN / "viztracer", "-o", "report.html", *options, sandboxes.program(name)]
    with subprocess.Popen(command, cwd=sandbox.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        process.communicate(timeout=120)
    assert process.returncode == 0
    return sandbox.path / "report.html", process.pid


@pytest.fixture
def traced(sandbox, page):
    def traced(name, *options):
        path, pid = trace(sandbox, name, *options)
        return Report(page, path), pid

    return traced


def test_one_process(traced):
    report, pid = traced("formulas.py")
    assert report.rows() == [("process", "formulas.py", f"pid {pid}"), ("track", "MainThread", f"tid {pid}")]
    (track,) = report.tracks
    formulas = ["1 + 2 * 3", "(1 + 2) * 3", "2 * (3 + 4 * (5 - 1)) - 7", "((8 - 3) * (2 + 2) - 6) * 9"]
    every = "".join(formulas)
    expressions = len(formulas) + every.count("(")
    terms = expressions + len(re.findall("[-+]", every))
    factors = terms + every.count("*")
    assert track.counts("calculate", "tokenize") == [4, 4]
    assert track.counts("expression", "term", "factor") == [expressions, terms, factors] == [10, 18, 24]
    tokens = len(re.findall(r"\d|[-+*()]", every))
    assert tokens == 44 and track.counts("list.pop", "str.replace", "str.split") == [tokens, 8, 4]

    calculations = track.all("calculate")
    names = {"calculate", "tokenize", "expression", "term", "factor"}
    assert [track.shape(call, names) for call in calculations[:2]] == [
        "calculate(tokenize expression(term(factor) term(factor factor)))",
        "calculate(tokenize expression(term(factor(expression(term(factor) term(factor))) factor)))",
    ]

    for call in calculations:
        report.zoom(*track.time(call))
        assert call in report.assert_drawn(track, range(call, track.last(call) + 1))
    for name in names:
        call = track.all(name)[-1]
        report.zoom(*track.time(call))
        assert report.assert_drawn(track, [call]) == [call]
    # Between two of them is nothing, if something is around them.
    one, other = calculations[1:3]
    begin, end = track.ends[one], track.starts[other]
    for edge, call, into in ((begin, one, -1), (end, other, 1)):
        span = min(end - begin, track.ends[call] - track.starts[call])
        report.zoom(edge - span, edge + span)
        y = report.top(track, call)
        inside, outside = (report.x(edge + part * span / 2) for part in (into, -into))
        assert report.pixels([(inside, y), (outside, y)]) == [report.color(track, call), report.background]
        assert report.pixels([(outside, y - LANE)]) == [report.color(track, track.parents[call])]
    report.assert_fine()


def test_three_threads(traced):
    report, pid = traced("three_threads.py")
    workers = [report.track(f"worker {n}") for n in (1, 2, 3)]
    assert report.rows() == [
        ("process", "three_threads.py", f"pid {pid}"),
        ("track", "MainThread", f"tid {pid}"),
        *(("track", f"worker {n}", f"tid {worker.tid}") for n, worker in enumerate(workers, 1)),
    ]
    assert len({track.tid for track in report.tracks}) == 4
    rounds, fibonacci = 3, 2 * 987 - 1
    for worker in workers:
        counts = worker.counts("work", "fetch", "fib", "save", "time.sleep")
        assert counts == [1, rounds, rounds * fibonacci, rounds, 2 * rounds]
        work = worker.only("work")
        steps = [worker.names[call] for call in worker.children[work]]
        assert steps == ["Barrier.wait", *["fetch", "fib", "save"] * rounds]
        for save in worker.all("save"):
            steps = [worker.names[call] for call in worker.children[save]]
            assert steps == ["_thread.lock.acquire", "time.sleep", "_thread.lock.release"]
    main = report.track("MainThread")
    assert main.counts("Thread.start", "Thread.join", "work", "fib") == [3, 3, 0, 0]
    for start, worker in zip(main.all("Thread.start"), workers, strict=True):
        assert worker.starts[0] >= main.starts[start]

    # They begin together: when the last one comes to the barrier, all are at work.
    at_work = [worker.time(worker.only("work")) for worker in workers]
    begin, end = max(start for start, _ in at_work), min(end for _, end in at_work)
    assert begin < end
    # And sleep in turns while they hold the lock.
    asleep = [(w.starts[c], w.ends[c]) for w in workers for c in w.all("time.sleep") if w.caller(c) == "save"]
    asleep.sort()
    assert all(one[1] <= other[0] for one, other in zip(asleep, asleep[1:], strict=False))

    report.zoom(begin, end)
    for worker in workers:
        work = worker.only("work")
        parts = [work, *worker.all("fetch"), *worker.all("save"), *worker.all("time.sleep")]
        assert work in report.assert_drawn(worker, [part for part in parts if worker.starts[part] >= begin] + [work])
    columns = [report.x(begin + (end - begin) * part / 10) for part in range(1, 10)]
    tops = [report.top(worker, worker.only("work")) for worker in workers]
    assert tops == sorted(tops)
    for worker, top in zip(workers, tops, strict=True):
        color = report.color(worker, worker.only("work"))
        assert report.pixels([(x, top) for x in columns]) == [color] * len(columns)
    report.assert_fine()


def test_three_processes(sandbox, page):
    program = sandboxes.program("primes_processes.py")
    path, pid = trace(sandbox, "primes_processes.py")
    directly = Report(page, path)
    assert_primes(directly, pid)

    assert sandbox.viztracer("--pid_suffix", "--output_dir", "rings", program).returncode == 0
    rings = sorted((sandbox.path / "rings").glob("*.bin"))
    prefix = ("--strip_prefix", program.rpartition("/")[0])
    assert sandbox.viztracer_merge(*rings, *prefix, "-q", "-o", "merged.html").returncode == 0
    report = Report(page, sandbox.path / "merged.html")
    pids = {int(re.fullmatch(r"result_(\d+)", ring.stem).group(1)) for ring in rings}
    assert {track.process[1] for track in report.tracks} == pids
    (pid,) = [track.process[1] for track in report.tracks if track.process[0] == "MainProcess"]
    assert_primes(report, pid)
    assert_arrows(report)

    # Every child at work, and its parent's bar above it at the same time.
    parent, *children = report.tracks
    for child in children:
        with report.without(one for one in children if one is not child):
            assert_at_work(report, parent, child)
    # Functions of these names, in these files, have these colours everywhere.
    calls = [children[0].all(name)[0] for name in ("count_primes", "count_primes.<locals>.<genexpr>", "is_prime")]
    assert len({report.color(children[0], call) for call in calls}) == 3
    report.assert_fine()


def assert_at_work(report, parent, child):
    work = child.only("count_primes")
    report.zoom(*child.time(work))
    ours = [work, parent.all("<module>")[0]]
    x = report.x(sum(child.time(work)) / 2)
    tops = [report.top(track, call) for track, call in zip((child, parent), ours, strict=True)]
    assert tops[1] < tops[0]
    colors = [report.color(track, call) for track, call in zip((child, parent), ours, strict=True)]
    assert report.pixels([(x, top) for top in tops]) == colors
    drawn = report.assert_drawn(child, [work, child.parents[work], *child.all("is_prime")[:50]])
    assert drawn[:2] == [work, child.parents[work]]


def assert_primes(report, pid):
    parent, *children = report.tracks
    names = ["MainProcess", "Process-1", "Process-2", "Process-3"]
    assert [track.process[0] for track in report.tracks] == names and parent.process[1] == pid
    assert report.rows() == [
        row
        for name, (_, number) in zip(
            ["primes_processes.py", *names[1:]], (track.process for track in report.tracks), strict=True
        )
        for row in (("process", name, f"pid {number}"), ("track", "MainThread", f"tid {number}"))
    ]
    ours = ["count_primes", "count_primes.<locals>.<genexpr>", "is_prime", "Random.randint"]
    assert parent.counts(*ours, "posix.fork", "BaseProcess.start", "BaseProcess.join") == [0, 0, 0, 0, 3, 3, 3]
    numbers = 2000
    for child in children:
        assert child.counts(*ours) == [1, numbers + 1, numbers, numbers]
        assert child.counts("posix.fork", "BaseProcess.run", "BaseProcess.start") == [1, 1, 0]
        inside = Counter(child.caller(call) for call in child.all("is_prime"))
        assert inside == {"count_primes.<locals>.<genexpr>": numbers}
        assert child.caller(child.only("count_primes")) == "BaseProcess.run"
    # Started one after the other; each was at its end when its parent had joined it.
    starts, joins = parent.all("BaseProcess.start"), parent.all("BaseProcess.join")
    assert parent.ends[starts[2]] <= parent.starts[joins[0]]
    for child, start, join in zip(children, starts, joins, strict=True):
        begin, end = child.time(child.only("count_primes"))
        assert parent.starts[start] < begin and end < parent.ends[join]
    report.assert_fine()


def assert_arrows(report):
    """From the parent's fork to each child's first call."""
    flows = report.ask("trace.flows.map((of) => [of.fromTrack.index, of.fromTime, of.toTrack.index, of.toTime])")
    parent, *children = report.tracks
    assert sorted((source, target) for source, _, target, _ in flows) == [(0, 1), (0, 2), (0, 3)]
    for _, leaves, target, arrives in flows:
        fork, child = parent.all("posix.fork")[target - 1], children[target - 1]
        assert leaves == parent.starts[fork]
        assert leaves < arrives == child.starts[0] <= child.starts[child.only("count_primes")]
        with report.without(one for one in children if one is not child):
            # A dot over the fork, and a head just before the child's first call.
            report.zoom(leaves - (arrives - leaves), arrives + (arrives - leaves))
            # The upper half of the dot, where the line is not.
            dot = report.x(leaves), report.top(parent, fork) - 6 + LANE
            head = report.x(arrives) - 4, report.top(child, 0) - 2 + LANE / 2
            points = [dot, (dot[0] - 12, dot[1] - 5), head, (head[0], head[1] + 9)]
            drawn, beside, filled, below = map(sum, report.pixels(points))
            assert drawn < beside - 50 and filled < below - 50
    report.zoom(0, report.ask("trace.duration"))


def io_tasks(report, pid):
    """What is the same with tracks for tasks and without."""
    assert report.rows()[:2] == [("process", "io_tasks.py", f"pid {pid}"), ("track", "MainThread", f"tid {pid}")]
    counts = Counter(name for track in report.tracks for name in track.names)
    tasks, rounds, rendering = 3, 3, 2 * 610 - 1
    # A coroutine is called once, and once more whenever it goes on.
    assert counts["main"] == 2 and counts["handle"] == tasks * (1 + rounds)
    assert counts["query"] == counts["sleep"] == tasks * rounds * 2
    assert counts["render"] == tasks * rounds * rendering
    assert counts["blocking_query"] == counts["time.sleep"] == 1
    report.assert_fine()
    return rounds, rendering


def test_asyncio_with_tracks_for_tasks(traced):
    report, pid = traced("io_tasks.py", "--log_async")
    rounds, rendering = io_tasks(report, pid)
    # asyncio.run itself makes two more at its end.
    names = ["Task-1", "request 1", "request 2", "request 3", "Task-2", "Task-3"]
    assert report.rows()[2:] == [("track", name, "task") for name in names]
    thread, first, *requests = report.tracks[:-2]
    assert [track.kind for track in report.tracks] == ["thread", *["task"] * len(names)]
    assert thread.counts("main", "handle", "query", "render") == [0, 0, 0, 0]
    assert first.counts("main", "handle", "create_task") == [2, 0, 3]
    for task in requests:
        blocked = int(task.name == "request 2")
        own = task.counts("handle", "query", "render", "blocking_query", "time.sleep", "main")
        assert own == [1 + rounds, 2 * rounds, rounds * rendering, blocked, blocked, 0]
        parts = [task.shape(call, {"handle", "query", "blocking_query"}) for call in task.all("handle")]
        middle = "handle(query blocking_query query)" if blocked else "handle(query query)"
        assert parts == ["handle(query)", "handle(query query)", middle, "handle(query)"]

    # The tasks begin in the order they were made in, and never run at once.
    begun, ended = zip(*(first.time(call) for call in first.all("main")), strict=True)
    handled = [[task.time(call) for call in task.all("handle")] for task in requests]
    assert [begun[0], ended[0], *(calls[0][0] for calls in handled)] == sorted(
        [begun[0], ended[0], *(calls[0][0] for calls in handled)]
    )
    assert max(end for calls in handled for _, end in calls) < begun[1]
    running = sorted(of for calls in handled for of in calls)
    assert all(one[1] <= other[0] for one, other in zip(running, running[1:], strict=False))

    # While the second one blocks, the others await: their rows are pale.
    blocking = requests[1].only("blocking_query")
    report.ask(f"timeline.rows.flip('unfolded', 't{requests[1].index}')")
    report.zoom(*requests[1].time(blocking))
    drawn = report.assert_drawn(requests[1], [blocking, requests[1].only("time.sleep"), requests[1].parents[blocking]])
    assert len(drawn) == 3
    own, asleep, _ = (report.color(requests[1], call) for call in drawn)
    assert own != asleep, "a C function's colour is a grey"
    report.ask(f"timeline.rows.flip('unfolded', 't{requests[1].index}')")
    report.rest()
    x = report.x(sum(requests[1].time(blocking)) / 2)
    tops = [report.top(task, task.all("handle")[0]) for task in requests]
    color = report.color(requests[1], requests[1].parents[blocking])
    first, second, third = report.pixels([(x, top) for top in tops])
    assert second == color and {first, third}.isdisjoint({color, report.background})
    report.assert_fine()


def test_asyncio_without_tracks_for_tasks(traced):
    report, pid = traced("io_tasks.py")
    rounds, rendering = io_tasks(report, pid)
    (thread,) = report.tracks
    assert len(report.rows()) == 2 and thread.kind == "thread"
    handles = [thread.shape(call, {"handle", "query", "blocking_query"}) for call in thread.all("handle")]
    assert handles[:3] == ["handle(query)"] * 3
    assert Counter(handles[3:]) == {
        "handle(query query)": 5,
        "handle(query blocking_query query)": 1,
        "handle(query)": 3,
    }
    blocking = thread.only("blocking_query")
    report.zoom(*thread.time(blocking))
    assert len(report.assert_drawn(thread, [blocking, thread.parents[blocking], thread.only("time.sleep")])) == 3


def test_a_call_that_never_ended_looks_different(sandbox, page):
    script = sandbox.script(
        "import os, signal, time\n"
        "def naps():\n"
        "    time.sleep(0.02)\n"
        "def dies():\n"
        "    time.sleep(0.02)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "naps()\n"
        "dies()\n"
    )
    sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert sandbox.viztracer_merge("rings", "-q", "-o", "report.html").returncode == 0
    report = Report(page, sandbox.path / "report.html")
    (track,) = report.tracks
    naps, dies = track.only("naps"), track.only("dies")
    assert (track.flags[naps], track.flags[dies]) == (0, UNFINISHED)
    looks = []
    for call in (naps, dies):
        report.zoom(*track.time(call))
        ((_, top, right, color),) = report.drawn(track, [call])
        looks.append(set(report.pixels([(right - 100 + x, top + 2) for x in range(80)])))
        assert color in looks[-1]
    assert len(looks[0]) == 1 and len(looks[1]) > 1
    report.assert_fine()
