"""SIGKILL at random times of programs that log data of all kinds: all that they know to be logged is in their files."""

import os
import random
import re
import signal
import struct
import subprocess
import time

import pytest
from conftest import BIN, group_lives, program

PATH = program("logs_for_ever.py")
KINDS = ("instant", "variable", "counter", "object", "raw", "call", "print", "exception", "assigned", "audit", "args")
ROW = struct.Struct(f"<{2 + len(KINDS)}Q")
WORKERS = 3
KILLS = 3  # in each test, merged together
ALL = (
    *("--log_func_args", "--log_func_retval", "--log_print", "--log_gc", "--log_exception", "--log_audit"),
    *(part for name in ("var", "number", "attr", "func_exec", "func_entry") for part in (f"--log_{name}", ".*")),
    *("--magic_comment", "--log_async"),
)
HANGS = 120  # seconds


class LoggingProgram:
    """Run logs_for_ever.py in a process group of its own."""

    def __init__(self, directory, how, log, *options):
        self._log = directory / log
        self._log.write_bytes(bytes(ROW.size * WORKERS))
        command = [BIN / "viztracer", *ALL, *options, "--pid_suffix", "--output_dir", directory / "rings", "--"]
        self._process = subprocess.Popen(
            [*command, PATH, self._log, str(WORKERS), how],
            cwd=directory,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            give_up = time.monotonic() + HANGS
            while group_lives(self._process.pid):
                assert time.monotonic() < give_up, "a worker does not die"
                time.sleep(0.001)

    def wait_for(self, number):
        """Return as soon as one worker has logged this number, and each one some."""
        give_up = time.monotonic() + HANGS
        while not all(row[-1] for row in self.rows()) or max(row[-1] for row in self.rows()) < number:
            assert self._process.poll() is None, "the program ended by itself"
            assert time.monotonic() < give_up, "the program hangs"
            time.sleep(0.0002)  # the program logs many events meanwhile: it is killed in the middle of any

    def rows(self):
        """For each worker: process, thread, and the last number that is known to be logged for each of KINDS."""
        return list(ROW.iter_unpack(self._log.read_bytes()))


def kill_some(sandbox, how, seed, *options):
    """Return the rows of processes that were killed, by (process, worker), and the report of all."""
    chance, rows = random.Random(seed), {}
    for number in range(KILLS):
        with LoggingProgram(sandbox.path, how, f"log_{number}", *options) as victim:
            victim.wait_for(int(2 ** chance.uniform(0, 9)))
            time.sleep(chance.random() / 1000)
            victim.__exit__()
            for worker, (pid, _, *counts) in enumerate(victim.rows()):
                rows[pid, worker] = dict(zip(KINDS, counts, strict=True))
    assert len(rows) == KILLS * WORKERS
    report = sandbox.merge("rings")
    assert all(process.get("damaged", 0) == 0 for process in report["viztracer_metadata"]["processes"])
    return rows, report


MODES = [(how, seed) for how in ("threads", "tasks", "forks") for seed in range(2)]


@pytest.mark.parametrize(("how", "seed"), MODES)
def test_what_was_logged_is_there(sandbox, how, seed):
    rows, report = kill_some(sandbox, how, seed)
    found = found_numbers(report)
    for (pid, worker), counts in rows.items():
        for kind, count in counts.items():
            numbers = found[kind].get((pid, worker), [])
            assert numbers == list(range(1, len(numbers) + 1)), (kind, worker)
            assert len(numbers) in (count, count + 1), (kind, worker)
    check_open_calls(report, rows)


@pytest.mark.parametrize("how", ["threads", "tasks", "forks"])
def test_a_ring_that_went_round_has_the_newest(sandbox, how):
    rows, report = kill_some(sandbox, how, 9, "--tracer_entries", "1000")
    found = found_numbers(report)
    is_round = False
    for (pid, worker), counts in rows.items():
        for kind, count in counts.items():
            numbers = found[kind].get((pid, worker), [])
            last = numbers[-1] if numbers else count
            assert last in (count, count + 1), (kind, worker)
            assert numbers == list(range(last + 1 - len(numbers), last + 1)), (kind, worker)
            is_round |= len(numbers) < count
    assert is_round
    check_open_calls(report, rows)


def found_numbers(report):
    """By kind, then by (process, worker): the numbers that were logged, in the order of time."""
    found = {kind: {} for kind in KINDS}
    events = (event for event in report["traceEvents"] if event["ph"] != "X" or PATH in event["name"])
    known = [(event, *numbered) for event in events if (numbered := number_of(event))]
    for event, kind, worker, number in sorted(known, key=lambda of_event: of_event[0]["ts"]):
        numbers = found[kind].setdefault((event["pid"], worker), [])
        if kind != "assigned" or numbers[-1:] != [number]:  # both `--log_var` and `--log_number` log it
            numbers.append(number)
    return found


NAMES = {
    "variable": re.compile(r"variable (\d+) = (\d+)"),
    "print": re.compile(r"print - (\d+) (\d+)\n"),
    "exception": re.compile(r"Exception - ValueError\(\) = ValueError\((\d+), (\d+)\)"),
    "assigned": re.compile(r"Variable Assign - assigned = \((\d+), (\d+)\)"),
}


def number_of(event):
    """The kind, the worker and the number that an event was logged with; None if it is another event."""
    name, args = event["name"], event.get("args") or {}
    if event["ph"] == "X":
        return number_of_call(event, args)
    if name == "instant":
        return "instant", args["worker"], args["number"]
    if event["ph"] == "C" and name.startswith("counter ") and args:
        return "counter", int(name.split()[1]), args["number"]
    if event["ph"] == "O":
        return "object", int(name.split()[1]), args["snapshot"]["number"]
    if name == "raw":
        return "raw", event["id"], args["number"]
    if name == "logs.audit":
        return "audit", *map(int, args["args"])
    for kind, pattern in NAMES.items():
        if match := pattern.fullmatch(name):
            return (kind, *map(int, match.groups()))
    return None


def number_of_call(event, args):
    """Check that the values of a call belong together."""
    function = event["name"].partition(" (")[0]
    if "func_args" not in args or function not in ("called", "work", "assigns", "waits"):
        return None
    worker, number = int(args["func_args"]["worker"]), int(args["func_args"]["number"])
    if "return_value" in args:
        assert args["return_value"] == (f"-{number}" if function == "called" else "None")
        assert "unfinished" not in args
    if function == "called":
        assert args["func_args"]["text"] == repr("x" * (number % 100))
        return ("call", worker, number) if "return_value" in args else None
    if function == "assigns" and ("exec_steps" in args or "return_value" in args):
        (step,) = args["exec_steps"]
        assert step.endswith(f" assigned = ({worker}, {number})")
    if function == "waits":
        assert args.get("again", number) == number
        assert "again" in args or "unfinished" in args
    if function == "work":
        assert args.get("added", number) == number
        assert "added" in args or "unfinished" in args
        return ("args", worker, number) if "added" in args else None
    return None


def check_open_calls(report, rows):
    """Every worker has an open call of `works`, and all open calls but the innermost have their arguments."""
    stacks = {}
    calls = [event for event in report["traceEvents"] if event["ph"] == "X" and PATH in event["name"]]
    is_open = [event for event in calls if (args := event.get("args")) and args.get("unfinished")]
    for event in sorted(is_open, key=lambda event: (event["ts"], -event["dur"])):
        if "overwritten" not in event["args"]:
            stacks.setdefault((event["pid"], event.get("thread", event["tid"])), []).append(event)
    assert {pid for pid, _ in stacks} == {pid for pid, _ in rows}
    for (pid, _), stack in stacks.items():
        for event in stack[:-1]:
            assert "<module>" in event["name"] or "func_args" in event["args"], event
        for event in stack:
            args = event["args"].get("func_args", {})
            if event["name"].startswith("work (") and args:
                counts = rows[pid, int(args["worker"])]
                number = int(args["number"])
                assert number in (counts["instant"], counts["instant"] + 1)
                assert ("added" in event["args"]) >= (counts["args"] == number)
