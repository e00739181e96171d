"""Calls as data: DuckDB, Polars, pandas and PyArrow read the same table, whose sums are those of `--top --json`."""

import collections
import ctypes
import json
import operator
import os
import re
import signal
import struct
import sys
import threading
import time
import warnings
import zlib

import pytest
import viztracer
from conftest import Sandbox, library, program

pytestmark = pytest.mark.one_version

pyarrow = library("pyarrow", one_version=True)
duckdb = library("duckdb", one_version=True)
polars = library("polars", one_version=True)
pandas = library("pandas", one_version=True)
parquet = library("pyarrow.parquet", one_version=True)

COLUMNS = {
    **dict.fromkeys(("host", "boot", "process", "thread", "task", "function", "module", "file"), "word"),
    **{"pid": "uint32", "tid": "uint64", "line": "uint32", "depth": "uint32", "args": "string"},
    **dict.fromkeys(("start_ns", "duration_ns", "self_ns", "id", "parent"), "int64"),
    **dict.fromkeys(("raised", "unfinished", "clipped"), "bool"),
}
# What --top and the tables both know of a function over all processes: calls, its own time, and how they ended.
SUMS = ("calls", "self_ns", "unfinished", "raised")
QUERY = """
select function, file, line, count(*), sum(self_ns)::bigint, sum(unfinished::int)::int, sum(raised::int)::int
from calls group by all
"""
# Offsets in a file's header, from format/FORMAT.md.
PID, BOOT, FILE_ID, ARGUMENTS_SIZE, HOST, CRC, ARGUMENTS = 56, 80, 112, 132, 184, 508, 1024
# Programs of several threads, tasks and processes, with exceptions, open calls and arguments.
PROGRAMS = (
    "mixture.py 3000",
    "threads.py",
    "io_tasks.py",
    "exceptions.py",
    "primes_processes.py",
    "frames_open_at_stop.py",
)


def top(sandbox, *arguments):
    """What --top says of each function over all processes."""
    done = sandbox.viztracer_merge(*arguments, "--top", "1000000", "--json")
    assert done.returncode in (0, 1), done.stderr
    rows = json.loads(done.stdout)["all"]["top"]
    name = lambda row: None if row["function"] == "unknown function" else row["function"]  # noqa: E731
    return {(name(row), row["file"] or None, row["line"] or None): tuple(row[k] for k in SUMS) for row in rows}


def by_duckdb(calls):
    return {tuple(row[:3]): tuple(row[3:]) for row in duckdb.sql(QUERY).fetchall()}


def by_polars(calls):
    frame = calls if isinstance(calls, polars.DataFrame) else polars.DataFrame(calls)
    sums = (polars.len(), polars.sum("self_ns"), polars.sum("unfinished"), polars.sum("raised"))
    names = [polars.col(name).cast(polars.String) for name in ("function", "file")]
    rows = frame.group_by(*names, "line").agg(*sums).rows()
    return {tuple(row[:3]): tuple(row[3:]) for row in rows}


def by_pandas(calls):
    frame = pandas.DataFrame.from_arrow(calls)
    groups = frame.groupby(["function", "file", "line"], observed=True, dropna=False)
    sums = groups.agg(n=("id", "count"), own=("self_ns", "sum"), u=("unfinished", "sum"), r=("raised", "sum"))
    plain = lambda value, kind=str: None if pandas.isna(value) else kind(value)  # noqa: E731
    return {
        (plain(name), plain(file), plain(line, int)): tuple(map(int, row))
        for (name, file, line), row in zip(sums.index, sums.itertuples(index=False))
    }


def by_pyarrow(calls):
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for batch in pyarrow.RecordBatchReader.from_stream(calls):
        batch.validate(full=True)
        for row in batch.select(["function", "file", "line", *SUMS[1:]]).to_pylist():
            one = sums[row["function"], row["file"], row["line"]]
            one[:] = map(operator.add, one, (1, *(int(row[name]) for name in SUMS[1:])))
    return {key: tuple(values) for key, values in sums.items()}


ENGINES = [by_duckdb, by_polars, by_pandas, by_pyarrow]


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """A directory with ring files of all kinds of programs, some of them killed."""
    sandbox = Sandbox(tmp_path_factory.mktemp("calls"))
    options = ("--quiet", "--log_async", "--log_func_args", "--pid_suffix", "--output_dir", "rings")
    for name in PROGRAMS:
        assert sandbox.viztracer(*options, *program(name).split()).returncode == 0
    sandbox.script("import os\ndef dies():\n    len('a')\n    os.kill(os.getpid(), 9)\ndies()\n")
    assert sandbox.viztracer(*options, "script.py").returncode != 0
    return sandbox


def copies(ring, directory, count, boots=1):
    """Copy a ring file, as if that many processes had written it, on as many machines as there are boots."""
    directory.mkdir()
    content = bytearray(ring.read_bytes())
    (size,) = struct.unpack_from("<I", content, ARGUMENTS_SIZE)
    for number in range(count):
        struct.pack_into("<I", content, PID, 100_000 + number)
        content[BOOT : BOOT + 16] = bytes([number % boots + 1] * 16)
        content[HOST : HOST + 64] = f"node{number % boots}".encode().ljust(64, b"\0")
        content[FILE_ID : FILE_ID + 16] = os.urandom(16)
        checksum = zlib.crc32(content[ARGUMENTS : ARGUMENTS + size], zlib.crc32(content[:CRC]))
        struct.pack_into("<I", content, CRC, checksum)
        (directory / f"result_{number}.bin").write_bytes(content)
    return directory


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_read_what_top_counts(traced, engine):
    expected = top(traced, "rings")
    assert len(expected) > 300 and any(row[2] for row in expected.values()) and any(row[3] for row in expected.values())
    calls = viztracer.calls(traced.path / "rings")
    assert engine(calls) == expected
    assert engine(calls) == expected, "a table can be read again"


def test_the_columns_have_these_types(traced):
    schema = pyarrow.schema(viztracer.calls(traced.path / "rings"))
    kind = lambda of: "word" if pyarrow.types.is_dictionary(of) else str(of)  # noqa: E731
    assert {field.name: kind(field.type) for field in schema} == COLUMNS
    begin = int(schema.metadata[b"viztracer.begin_ns"])
    assert 0 < time.time_ns() - begin < 3600e9
    processes = json.loads(schema.metadata[b"viztracer.metadata"])["processes"]
    assert {process["ending"] for process in processes} == {"exited", "killed by SIGKILL"} or len(processes) > 8
    assert all("overwritten" in thread and "events" not in thread for of in processes for thread in of["threads"])


def test_rows_are_a_forest(traced):
    calls = viztracer.calls(traced.path / "rings")  # noqa: F841
    # No call is around an outermost one; others lie inside of their parents. What a call took is its own or theirs.
    wrong = duckdb.sql("""
        with inner_times as (select parent as id, sum(duration_ns) as inner_ns from calls group by parent)
        select count(*) filter (x.depth = 0 and x.parent is not null),
            count(*) filter (x.depth > 0 and (y.id is null or y.pid <> x.pid or y.tid <> x.tid
                or x.depth <> y.depth + 1 or x.start_ns < y.start_ns
                or x.start_ns + x.duration_ns > y.start_ns + y.duration_ns)),
            count(*) filter (x.self_ns <> x.duration_ns - coalesce(inner_ns, 0)),
            count(*) - count(distinct x.id)
        from calls x left join calls y on x.parent = y.id left join inner_times on inner_times.id = x.id
    """).fetchall()
    assert wrong == [(0, 0, 0, 0)]


@pytest.mark.parametrize(
    ("cuts", "options"),
    [
        ({"max_depth": 3}, ["--max_depth", "3"]),
        ({"drop_c_functions": True}, ["--drop_c_functions"]),
        ({"min_duration": 0.00001}, ["--min_duration", "10us"]),
        ({"since": "5ms", "until": 0.4}, ["--since", "5ms", "--until", "400ms"]),
        ({"last": 0.05}, ["--last", "50ms"]),
        ({"func": "^(main|dies|worker)"}, ["--func", "^(main|dies|worker)"]),
        ({"process_name": "MainProcess"}, ["--process_name", "MainProcess"]),
        ({"pid": "some"}, []),
    ],
)
def test_cuts_are_those_of_the_command(traced, cuts, options):
    if "pid" in cuts:
        pids = polars.DataFrame(viztracer.calls(traced.path / "rings"))["pid"].unique().to_list()[1:3]
        cuts, options = {"pid": pids}, [f"--pid={pid}" for pid in pids]
    expected = top(traced, "rings", *options)
    assert expected and expected != top(traced, "rings")
    assert by_polars(viztracer.calls(traced.path / "rings", **cuts)) == expected


def test_functions_of_many_processes_of_several_machines(traced, sandbox, small_trace):
    directory = copies(small_trace, sandbox.path / "rings", 1000, boots=4)
    calls = viztracer.calls(directory)
    expected = top(sandbox, "rings")
    assert by_duckdb(calls) == by_polars(calls) == expected
    hosts = duckdb.sql("select host, boot, count(distinct pid) from calls group by all order by boot").fetchall()
    assert hosts == [(f"node{number - 1}", f"{number:02x}" * 16, 250) for number in range(1, 5)]
    assert sandbox.viztracer_merge("-q", "rings", "-o", "hosts.parquet/").returncode == 0
    assert by_polars(polars.read_parquet(sandbox.path / "hosts.parquet/**/*.parquet")) == expected
    files = duckdb.sql(f"select count(*) from glob('{sandbox.path}/hosts.parquet/*/*.parquet')").fetchall()
    assert files == [(1000,)]


def test_a_report_in_json_is_the_same_table(traced, sandbox):
    assert traced.viztracer_merge("-q", "rings", "-o", sandbox.path / "a.json").returncode == 0
    calls = viztracer.calls(sandbox.path / "a.json")
    expected = top(sandbox, "a.json")
    assert by_polars(calls) == expected == top(traced, "rings")
    # The processes of one file have files of their own.
    assert sandbox.viztracer_merge("-q", "a.json", "-o", "a.parquet/").returncode == 0
    assert by_polars(polars.read_parquet(sandbox.path / "a.parquet/*/*.parquet")) == expected
    pids = {str(pid) for pid in polars.DataFrame(calls)["pid"]}
    assert {path.stem.split("-")[0] for path in sandbox.path.glob("a.parquet/*/*")} == pids and len(pids) > 5


def test_a_selection_of_nothing_is_an_empty_table(traced):
    calls = viztracer.calls([traced.path / "rings"], pid=2**32 - 1)
    assert polars.DataFrame(calls).columns == [field.name for field in pyarrow.schema(calls)]
    assert by_duckdb(calls) == by_pyarrow(calls) == {}


def test_damaged_files(sandbox, small_trace):
    content = small_trace.read_bytes()
    path = sandbox.path / "damaged.bin"
    warned = 0
    for at in range(4096, len(content), max(1, len(content) // 100)):
        path.write_bytes(content[:at] + bytes(byte ^ 0xFF for byte in content[at : at + 7]) + content[at + 7 :])
        if sandbox.viztracer_merge("-q", path, "-o", "a.json").returncode == 2:
            with pytest.raises(RuntimeError, match="damaged.bin"):
                viztracer.calls(path)
            continue
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            calls = viztracer.calls(path)
            assert by_pyarrow(calls) == top(sandbox, path)
        assert bool(caught) == any("damaged" in line for line in calls.losses)
        assert all(issubclass(warning.category, RuntimeWarning) for warning in caught)
        warned += bool(caught)
    assert warned > 3


def test_what_cannot_be_read(sandbox, small_trace):
    bad = sandbox.path / "bad.bin"
    bad.write_bytes(b"no ring file" * 1000)
    with pytest.raises(RuntimeError, match=r"bad\.bin: not a ring file"):
        viztracer.calls(bad)
    with pytest.raises(RuntimeError, match="missing"):
        viztracer.calls(sandbox.path / "missing")
    with pytest.warns(RuntimeWarning, match=r"bad\.bin: not a ring file"):
        calls = viztracer.calls([bad, small_trace])
    assert by_duckdb(calls) == top(sandbox, small_trace)
    assert any("bad.bin" in line for line in calls.losses)


@pytest.mark.parametrize(
    "cuts",
    [{"last": "soon"}, {"func": "("}, {"since": "2s", "until": "1s"}, {"last": 0}, {"as_of": "then"}, {"last": -1}],
)
def test_wrong_cuts(small_trace, cuts):
    with pytest.raises(ValueError, match="."):
        pyarrow.table(viztracer.calls(small_trace, **cuts))


def test_hostile_names(sandbox):
    names = ["=cmd()", "a\0b", "\u202eevil", "\x1b[31m", "'; drop table x; --", "x" * 3000, "💥", "../../etc", "a\nb"]
    sandbox.script(f"""
import threading
names = {names!r}
for name in names:
    space = {{}}
    exec(compile("def f(): pass", name.replace("\\0", "") + ".py", "exec"), space)
    function = space["f"]
    function.__code__ = function.__code__.replace(co_qualname=name, co_name=name)
    thread = threading.Thread(target=function, name=name)
    thread.start()
    thread.join()
""")
    assert sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", "script.py").returncode == 0
    calls = viztracer.calls(sandbox.path / "rings")
    expected = top(sandbox, "rings")
    assert sum(name in {key[0] for key in expected} for name in names) >= 6
    assert by_duckdb(calls) == by_polars(calls) == by_pandas(calls) == by_pyarrow(calls) == expected
    threads = set(polars.DataFrame(calls)["thread"].cast(polars.String))
    assert len(threads) == len(names) + 1
    assert sandbox.viztracer_merge("-q", "rings", "-o", "a.parquet", "-o", "b.parquet/").returncode == 0
    for path in ("a.parquet", "b.parquet/**/*.parquet"):
        assert by_polars(polars.read_parquet(sandbox.path / path)) == expected


def threads_of_this_process():
    return len(os.listdir("/proc/self/task"))


def test_a_reader_that_stops_early_leaves_nothing_behind(traced):
    calls = viztracer.calls(traced.path / "rings")
    before = threads_of_this_process()
    open_files = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        reader = pyarrow.RecordBatchReader.from_stream(calls)
        assert reader.read_next_batch().num_rows > 0
        del reader
    deadline = time.monotonic() + 60
    while threads_of_this_process() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads_of_this_process() <= before
    assert len(os.listdir("/proc/self/fd")) <= open_files


def test_two_threads_read_at_once(traced):
    calls = viztracer.calls(traced.path / "rings")
    expected, found = by_pyarrow(calls), []
    threads = [threading.Thread(target=lambda: found.append(by_pyarrow(calls))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.fixture
def interruptible():
    """Ctrl+C interrupts, also where the shell that started the tests ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="operator.call")
def test_an_interrupt_stops_the_reading(traced, interruptible):
    """No byte code runs between the signal and the reading, so the reader is the one that notices."""
    reader = pyarrow.RecordBatchReader.from_stream(viztracer.calls(traced.path / "rings"))
    steps = [ctypes.pythonapi.PyErr_SetInterrupt, reader.read_next_batch]
    with pytest.raises(KeyboardInterrupt):
        try:
            collections.deque(map(operator.call, steps))
        except pyarrow.ArrowInvalid as error:
            assert "interrupted by KeyboardInterrupt" in str(error)  # noqa: PT017


def test_a_forked_child_reads_on(sandbox, traced):
    sandbox.script(f"""
import os, pyarrow, viztracer
calls = viztracer.calls({str(traced.path / "rings")!r})
rows = pyarrow.table(calls).num_rows
reader = pyarrow.RecordBatchReader.from_stream(calls)
begun = reader.read_next_batch().num_rows
child = os.fork()
rest = sum(batch.num_rows for batch in reader)
assert begun + rest == rows == pyarrow.table(calls).num_rows, (begun, rest, rows)
if child == 0: os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
""")
    done = sandbox.python("script.py", timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_traced_program_reads_its_own_ring(sandbox):
    sandbox.script("""
import glob, pyarrow, viztracer
def work(n): return len("a" * n)
def main():
    for n in range(100): work(n)
    rows = pyarrow.table(viztracer.calls(glob.glob("rings/*.bin"), func="^main ")).to_pylist()
    assert sum(row["function"] == "work" for row in rows) == 100
    (this,) = (row for row in rows if row["function"] == "main")
    assert this["unfinished"] and this["duration_ns"] > 0
    print("seen")
main()
""")
    done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "rings", "script.py")
    assert (done.returncode, done.stdout) == (0, "seen\n"), done.stderr


def test_a_file_in_parquet_is_the_same_table(traced, sandbox):
    output = sandbox.path / "calls.parquet"
    assert traced.viztracer_merge("-q", "rings", "-o", output, "-o", sandbox.path / "a.json").returncode == 0
    streamed, stored = pyarrow.table(viztracer.calls(traced.path / "rings")), parquet.read_table(output)
    assert stored.column_names == streamed.column_names
    for name in stored.column_names:
        column = streamed[name]
        plain = column.cast(pyarrow.string()) if pyarrow.types.is_dictionary(column.type) else column
        assert plain.combine_chunks().equals(stored[name].combine_chunks()), name
    calls = polars.read_parquet(output)
    assert by_duckdb(calls) == by_polars(calls) == top(traced, "rings")
    metadata = stored.schema.metadata
    assert json.loads(metadata[b"viztracer.metadata"]) == sandbox.metadata("a.json")
    begins = parquet.ParquetFile(output).metadata.row_group(0).column(stored.column_names.index("start_ns")).statistics
    assert begins.min == pyarrow.compute.min(stored["start_ns"]).as_py() >= int(metadata[b"viztracer.begin_ns"])


def test_parquet_to_a_pipe(traced, sandbox):
    done = traced.run("sh", "-c", f"viztracer-merge -q rings -o - --format parquet > {sandbox.path}/piped",
                      env=os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert by_polars(polars.read_parquet(sandbox.path / "piped")) == top(traced, "rings")


def test_a_directory_replaces_nothing(sandbox, small_trace):
    target = sandbox.path / "calls.parquet"
    target.mkdir()
    (target / "mine").write_text("mine")
    done = sandbox.viztracer_merge("-q", small_trace, "-o", "calls.parquet/")
    assert done.returncode != 0 and "empty directory" in done.stderr
    assert sorted(path.name for path in sandbox.path.rglob("*")) == ["calls.parquet", "mine"]
    (target / "mine").unlink()
    assert sandbox.viztracer_merge("-q", small_trace, "-o", "calls.parquet/").returncode == 0
    assert by_polars(polars.read_parquet(target / "**/*.parquet")) == top(sandbox, small_trace)
    assert sandbox.viztracer_merge("-q", small_trace, "-o", "none.parquet/", "--pid", "1").returncode == 1
    assert not (sandbox.path / "none.parquet").exists()
    assert not [path for path in sandbox.path.iterdir() if path.name.startswith(".")]


def test_a_run_writes_parquet(sandbox):
    sandbox.script("def f(): pass\nf()\n")
    done = sandbox.viztracer("-o", "run.parquet", "script.py")
    assert done.returncode == 0 and "vizviewer" not in done.stdout, done.stdout
    names = polars.read_parquet(sandbox.path / "run.parquet")["function"]
    assert list(names).count("f") == 1


def test_it_describes_itself(small_trace):
    assert re.fullmatch("<viztracer calls of 1 process>", repr(viztracer.calls(small_trace)))


def test_arguments_are_those_of_the_report(traced):
    assert traced.viztracer_merge("-q", "rings", "-o", "a.json").returncode == 0
    spans = (event.get("args", {}) for event in traced.report("a.json")["traceEvents"] if event["ph"] in "XB")
    logged = [event["func_args"] for event in spans if "func_args" in event]
    table = pyarrow.table(viztracer.calls(traced.path / "rings"))["args"].drop_null().to_pylist()
    counted = collections.Counter(json.dumps(json.loads(text)["func_args"], sort_keys=True) for text in table)
    assert counted == collections.Counter(json.dumps(arguments, sort_keys=True) for arguments in logged)
    assert len(logged) > 1000
