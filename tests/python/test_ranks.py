"""Ranks of distributed programs: their names, and the clocks of their machines."""

import os
import re
import struct
import zlib

import pytest
import tree

HOST = os.uname().nodename
WRONG = 7_000_000_000  # ns by which the wall clock of the other machine is wrong

NAMED = {
    "torchrun": ({"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4"}, f"rank 3 on {HOST}"),
    "Open MPI": ({"OMPI_COMM_WORLD_RANK": "12", "OMPI_COMM_WORLD_SIZE": "16"}, f"rank 12 on {HOST}"),
    "MVAPICH": ({"MV2_COMM_WORLD_RANK": "1", "MV2_COMM_WORLD_SIZE": "2"}, f"rank 1 on {HOST}"),
    "MPICH": ({"PMI_RANK": "0", "PMI_SIZE": "2"}, f"rank 0 on {HOST}"),
    "PMIx": ({"PMIX_RANK": "5", "PMIX_NAMESPACE": "job.1"}, f"rank 5 on {HOST}"),
    "Slurm": ({"SLURM_PROCID": "7", "SLURM_STEP_NUM_TASKS": "8", "SLURMD_NODENAME": "node07"}, "rank 7 on node07"),
    "torchrun under Slurm": (
        {"RANK": "9", "WORLD_SIZE": "16", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURMD_NODENAME": "n1"},
        "rank 9 on n1",
    ),
    "a host name that is no UTF-8": (
        {"RANK": "1", "WORLD_SIZE": "2", "SLURMD_NODENAME": "n\udcff\udcfe"},
        "rank 1 on n\ufffd\ufffd",
    ),
}

# Four ranks, which meet three times a round and then work for different times.
RANKS = """
import os, socket, subprocess, sys, time

def barrier(connection):
    connection.sendall(b"x")
    connection.recv(1)

def step(rank, round):
    time.sleep(0.0005 * ((rank + round) % 4))

if len(sys.argv) > 1:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        rank = int(os.environ["RANK"])
        for round in range(40):
            step(rank, round)
            barrier(connection)
else:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ranks = [
            subprocess.Popen([sys.executable, __file__, port], env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "4"})
            for rank in range(4)
        ]
        connections = [server.accept()[0] for _ in ranks]
        for _ in range(40):
            for connection in connections:
                connection.recv(1)
            for connection in connections:
                connection.sendall(b"x")
        assert [rank.wait() for rank in ranks] == [0] * 4
"""


def run_of_ranks(sandbox):
    """The directory with the ring files of a run."""
    done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", sandbox.script(RANKS))
    assert done.returncode == 0, done.stderr
    return "rings"


def process_name(report):
    (named,) = (event for event in report["traceEvents"] if event["name"] == "process_name")
    return named["args"]["name"]


@pytest.mark.parametrize("launcher", NAMED)
def test_a_process_has_the_name_of_its_rank(sandbox, launcher):
    variables, name = NAMED[launcher]
    done = sandbox.viztracer("--quiet", sandbox.script("print()"), env={**os.environ, **variables})
    assert done.returncode == 0, done.stderr
    assert process_name(sandbox.report("result.json")) == f"{name}: MainProcess"


@pytest.mark.parametrize(
    "variables",
    [
        {"RANK": "3"},
        {"RANK": "three", "WORLD_SIZE": "4"},
        {"RANK": "-1", "WORLD_SIZE": "4"},
        {"RANK": "", "WORLD_SIZE": "4"},
        {"RANK": "9" * 5000, "WORLD_SIZE": "4"},
        {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"},  # a batch script
    ],
)
def test_what_is_no_rank_names_nothing(sandbox, variables):
    done = sandbox.viztracer("--quiet", sandbox.script("print()"), env={**os.environ, **variables})
    assert done.returncode == 0, done.stderr
    assert process_name(sandbox.report("result.json")) == "MainProcess"


def test_a_name_that_the_user_gives_stays(sandbox):
    program = "from viztracer import VizTracer\nwith VizTracer(process_name='mine', verbose=0): print()"
    done = sandbox.python("-c", program, env={**os.environ, "RANK": "1", "WORLD_SIZE": "2"})
    assert done.returncode == 0, done.stderr
    assert process_name(sandbox.report("result.json")) == "mine"


def move_to_another_machine(path, offset, drift):
    """Change a ring file as if a machine had recorded it whose clock is set and drifts so (format/FORMAT.md)."""
    content = bytearray(path.read_bytes())
    (segment_size,) = struct.unpack_from("<I", content, 16)
    (opened,) = struct.unpack_from("<Q", content, 168)

    def move(anchor):
        ticks, monotonic, realtime = struct.unpack_from("<3Q", content, anchor)
        if ticks:
            monotonic += offset + round((monotonic - opened) * drift)
            struct.pack_into("<3Q", content, anchor, ticks, monotonic, realtime + WRONG)

    struct.pack_into("<I", content, 20, 1)  # ticks, which only anchors convert
    content[80:96] = bytes(range(16))
    for anchor in [136, 160, 512 + 8, *range(4096 + 32, len(content), segment_size)]:
        move(anchor)
    (arguments_size,) = struct.unpack_from("<I", content, 132)
    checksum = zlib.crc32(content[1024 : 1024 + arguments_size], zlib.crc32(content[:508]))
    struct.pack_into("<I", content, 508, checksum)
    path.write_bytes(content)


def steps(report):
    """When each step began, in us after the first step of rank 0, by rank and number."""
    ranks = {
        event["pid"]: int(found[1])
        for event in report["traceEvents"]
        if event["name"] == "process_name" and (found := re.match(r"rank (\d) on ", event["args"]["name"]))
    }
    found = {}
    for span in sorted(tree.spans(report), key=lambda span: span["ts"]):
        if span["pid"] in ranks and span["name"].startswith("step "):
            found.setdefault(ranks[span["pid"]], []).append(span["ts"])
    return {rank: [time - found[0][0] for time in times] for rank, times in found.items()}


def test_machines_are_placed_by_a_barrier(sandbox):
    whole = sandbox.merge(run_of_ranks(sandbox))
    truth = steps(whole)
    assert {rank: len(times) for rank, times in truth.items()} == dict.fromkeys(range(4), 40)
    pids = {
        int(event["args"]["name"].split()[1]): event["pid"]
        for event in whole["traceEvents"]
        if event["name"] == "process_name" and event["args"]["name"].startswith("rank ")
    }
    for rank in (2, 3):
        move_to_another_machine(sandbox.path / f"rings/result_{pids[rank]}.bin", 123_456_789_000, 50e-6)
    ranks = [f"rings/result_{pids[rank]}.bin" for rank in range(4)]

    by_the_wall_clock = steps(sandbox.merge(*ranks))
    assert abs(by_the_wall_clock[2][0] - truth[2][0]) > WRONG / 2000

    done = sandbox.viztracer_merge(*ranks, "--barrier", "^barrier", "-o", "placed.json")
    assert done.returncode == 0, done.stderr
    placed = sandbox.report("placed.json")
    alignment = placed["viztracer_metadata"]["alignment"]
    (host,) = alignment["hosts"]
    assert (alignment["method"], host["calls"], host["files"]) == ("barrier", 40, 2)
    uncertainty = host["uncertainty_ns"] / 1000
    line = re.search(r"(\S+) and 1 more of its machine \(.*\): placed by 40 calls of the barrier, within \S+", done.stderr)
    assert line and line[1] == ranks[2], done.stderr
    assert host["host"] == HOST
    for rank, times in steps(placed).items():
        for time, true in zip(times, truth[rank], strict=True):
            assert abs(time - true) <= uncertainty + 1, (rank, time, true, uncertainty)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("^nothing", "no process has called it"),
        ("^step", "and another process of its machine were not in it at the same time"),
    ],
)
def test_what_is_no_barrier_is_refused(sandbox, pattern, reason):
    done = sandbox.viztracer_merge(run_of_ranks(sandbox), "--barrier", pattern, "-o", "placed.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("viztracer-merge: --barrier cannot place the machines: ")
    assert done.stderr.endswith(f"{reason}\n")
    assert not (sandbox.path / "placed.json").exists()


def test_a_barrier_does_not_go_with_runs_that_begin_together(sandbox):
    sandbox.script("print()")
    assert sandbox.viztracer("--quiet", "-o", "a.json", "script.py").returncode == 0
    done = sandbox.viztracer_merge("a.json", "--barrier", "x", "--align", "start", "-o", "placed.json")
    assert (done.returncode, done.stderr) == (
        2,
        "viztracer-merge: --barrier cannot place the machines: --align start moves each run by its begin\n",
    )
