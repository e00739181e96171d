"""SIGKILL at random times: all earlier calls of the program are in its file, except perhaps the last one."""

import random

import pytest
import tree
from counting_program import MODULE, WORK, WORK_FOR_EVER, CountingProgram

KILLS = 10  # in each test, merged together: 300 in all
RING = 500


def kill_some(sandbox, threads, seed, *options):
    """Returns {(pid, tid): calls counted by the program itself} and the report of all that were killed."""
    moments = random.Random(seed)
    counted = {}
    for number in range(KILLS):
        with CountingProgram(sandbox.path, threads, *options, log=f"log_{number}") as victim:
            victim.wait_for(int(2 ** moments.uniform(0, 12)))
            victim.kill()
            counted |= {(victim.pid, tid): count for tid, count in victim.counts().items()}
    assert len(counted) == KILLS * threads
    return counted, sandbox.merge("rings")


@pytest.mark.parametrize(("threads", "seed"), [*((1, seed) for seed in range(10)), *((3, seed) for seed in range(5))])
def test_at_most_one_record_of_a_thread_is_missing(sandbox, threads, seed):
    counted, report = kill_some(sandbox, threads, seed)
    ended, unfinished = calls_by_thread(report)
    for thread, count in counted.items():
        assert ended.get(thread, []).count(WORK) in (count - 1, count)
        assert_open_frames(thread, unfinished[thread])
    tree.check_nesting(report)  # every call inside its caller


@pytest.mark.parametrize(("threads", "seed"), [*((1, seed) for seed in range(5)), *((3, seed) for seed in range(10))])
def test_a_ring_that_went_round_holds_the_newest_calls_and_no_torn_one(sandbox, threads, seed):
    counted, report = kill_some(sandbox, threads, seed, "--tracer_entries", str(RING))
    ended, unfinished = calls_by_thread(report)
    metadata = {(p["pid"], t["tid"]): t for p in report["viztracer_metadata"]["processes"] for t in p["threads"]}
    for thread, count in counted.items():
        assert metadata[thread]["events"] + metadata[thread]["overwritten"] >= count - 1
        assert_open_frames(thread, unfinished[thread])
    for pid in {pid for pid, _ in counted}:
        of_process = [thread for thread in counted if thread[0] == pid]
        shown = sum(len(ended.get(thread, [])) for thread in of_process)
        assert shown >= min(sum(counted[thread] for thread in of_process), RING) - threads
    tree.check_nesting(report)


def calls_by_thread(report):
    """By (pid, tid): the names of the calls that ended, and of those that were open at the kill, outermost first."""
    ended, open_calls, unfinished = {}, [], {}
    for event in tree.spans(report):
        if (args := event.get("args")) and args.get("unfinished"):
            open_calls.append(event)
        else:
            ended.setdefault((event["pid"], event["tid"]), []).append(event["name"])
    for event in sorted(open_calls, key=lambda event: (event["ts"], -event["dur"])):
        unfinished.setdefault((event["pid"], event["tid"]), []).append(event["name"])
    return ended, unfinished


def assert_open_frames(thread, names):
    """The program's own frames, from its beginning (in the main thread) down to the loop that never ends."""
    pid, tid = thread
    expected = [MODULE, WORK_FOR_EVER] if pid == tid else [WORK_FOR_EVER]
    own = [name for name in names if name in (MODULE, WORK_FOR_EVER, WORK)]
    assert own in (expected, [*expected, WORK])
