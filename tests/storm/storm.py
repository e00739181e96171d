"""Trace families of processes that die at random times in random ways, and compare every ring file with the journal
that its process kept. See README.md beside this file.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

FAMILY = Path(__file__).with_name("family.py")
BIN = Path(sys.executable).parent
HANGS = 240  # seconds that no family takes
# A line of ours on stderr. The interpreter may be below a directory that is called viztracer-ring.
OURS = re.compile(r"viztracer: |/viztracer/|panick")

# Options of the runs: plain, a ring that goes round, few events per process.
OPTIONS = ([], ["--tracer_entries", "500"], ["--ignore_c_function"], ["--include_files", str(FAMILY)])


class Wrong(Exception):
    """A family's ring files do not hold what they must."""


class Outcome(NamedTuple):
    """What became of one family."""

    deaths: int
    files: int
    states: Counter
    calls: int
    leftovers: int


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deaths", type=int, help="end after as many processes have died [1000]")
    parser.add_argument("--minutes", type=float, help="end after that time")
    parser.add_argument("--seed", type=int, default=1, help="where the families' seeds begin [1]")
    parser.add_argument("--family", type=int, help="one family only: repeat what failed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="families at a time [processors]")
    parser.add_argument("--keep", action="store_true", help="leave the files of all families")
    options = parser.parse_args()
    if options.deaths is None and options.minutes is None:
        options.deaths = 1000
    sys.exit(storm(options))


def storm(options):
    """Runs families until there were enough deaths; prints a table; returns the exit status."""
    begin = time.monotonic()
    total, families, wrong = Outcome(0, 0, Counter(), 0, 0), 0, []

    def enough():
        late = options.minutes is not None and time.monotonic() - begin > 60 * options.minutes
        return late or (options.deaths is not None and total.deaths >= options.deaths)

    with ThreadPoolExecutor(options.jobs) as pool:
        for seeds in rounds(options):
            for seed, outcome in zip(seeds, pool.map(lambda seed: attempt(seed, options.keep), seeds)):
                families += 1
                if isinstance(outcome, Outcome):
                    total = Outcome(*(a + b for a, b in zip(total, outcome)))
                else:
                    wrong.append(outcome)
                    print(f"family {seed}: {outcome}", flush=True)
            if enough() or options.family is not None:
                break
    print(f"families            {families:>12,}")
    print(f"deaths              {total.deaths:>12,}")
    print(f"ring files          {total.files:>12,}")
    for state, files in sorted(total.states.items()):
        print(f"  {state:<18}{files:>12,}")
    print(f"calls in journals   {total.calls:>12,}   all of them in the reports")
    print(f"half-made files     {total.leftovers:>12,}   of processes killed while they made them")
    print(f"families in error   {len(wrong):>12,}")
    print(f"seconds             {time.monotonic() - begin:>12,.0f}")
    return 1 if wrong else 0


def rounds(options):
    """Seeds of families, as many at a time as run side by side."""
    if options.family is not None:
        yield [options.family]
    seeds = random.Random(options.seed)
    while True:
        yield [seeds.getrandbits(32) for _ in range(options.jobs)]


def attempt(seed, keep):
    """What became of a family, or in words what is wrong; then its files are left."""
    directory = Path(tempfile.mkdtemp(prefix="storm_"))
    try:
        outcome = run(seed, directory)
    except Wrong as error:
        return f"{error}; its files: {directory}; again: {sys.executable} {__file__} --family {seed}"
    if not keep:
        shutil.rmtree(directory)
    return outcome


def run(seed, directory):
    """Traces a family until its last member is dead, merges and checks."""
    journals, rings = directory / "journals", directory / "rings"
    journals.mkdir()
    options = OPTIONS[seed % len(OPTIONS)]
    command = [BIN / "viztracer", "--quiet", *options, "--pid_suffix", "--output_dir", rings, "--", FAMILY]
    with open(directory / "stderr", "wb") as stderr:
        family = subprocess.Popen(
            [*map(str, command), str(seed), "0", str(journals)],
            cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip
        try:
            family.communicate(timeout=HANGS)  # its stdout ends when the last one who has it is dead
        except subprocess.TimeoutExpired:
            os.killpg(family.pid, signal.SIGKILL)
            family.communicate()
            raise Wrong("it hung") from None
    said = [line for line in (directory / "stderr").read_text().splitlines() if OURS.search(line)]
    if said:
        raise Wrong(f"stderr: {said[0]}")
    return check(directory, Counter(read(journals)), round_ring="--tracer_entries" in options)


def read(journals):
    """(pid, tid) of each call in the journals."""
    for journal in journals.iterdir():
        content = journal.read_bytes()
        for tid, _ in struct.iter_unpack("<QQ", content):
            yield int(journal.name), tid


def check(directory, journal, *, round_ring):
    """Merges the ring files and compares them with the journals.

    Raises:
        Wrong: something is undecodable, or a call is missing, or there is one too many.
    """
    report = directory / "report.json"
    merge = [BIN / "viztracer-merge", directory / "rings", "-o", report]
    done = subprocess.run(merge, capture_output=True, text=True, timeout=HANGS)
    if done.returncode != 0:
        raise Wrong(f"viztracer-merge: {done.returncode}: {done.stderr[-500:]}")
    content = json.loads(report.read_text())
    processes = content["viztracer_metadata"]["processes"]
    recorded = Counter(
        (event["pid"], event["tid"])
        for event in content["traceEvents"]
        if event["name"].startswith("work (") and "unfinished" not in event.get("args", {})
    )
    if round_ring:
        for process in processes:
            for thread in process["threads"]:
                recorded[process["pid"], thread["tid"]] += thread["overwritten"]
    images = Counter(process["pid"] for process in processes)
    # Threads of which a ring holds nothing any more are counted together.
    forgotten = Counter()
    for process in processes:
        forgotten[process["pid"]] += process.get("forgotten_events", 0)
    known = {(process["pid"], thread["tid"]) for process in processes for thread in process["threads"]}
    for (pid, tid), calls in journal.items():
        if (pid, tid) not in known and forgotten[pid] >= calls:
            forgotten[pid] -= calls
            continue
        most = calls + images[pid]  # of each image the last call may have been killed before it was written down
        if recorded[pid, tid] < calls or (recorded[pid, tid] > most and not round_ring):
            raise Wrong(f"thread {tid} of process {pid}: {calls} calls in its journal, {recorded[pid, tid]} recorded")
    return Outcome(
        deaths=len([*(directory / "journals").iterdir()]),
        files=len(processes),
        states=Counter(process["state"] for process in processes),
        calls=journal.total(),
        leftovers=len([*(directory / "rings").glob(".*")]),
    )


if __name__ == "__main__":
    main()
