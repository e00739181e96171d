"""The page's numbers equal those of `--top` and `.folded`, row by row and column by column."""

import csv
from collections import Counter

import pytest
from conftest import sandboxes

NUMBERS = ["calls", "total_ns", "self_ns", "mean_ns", "max_ns", "raised", "unfinished"]

# Rows of the table of functions by the scope that is chosen in the panel: all (0), processes by pid, threads by tid.
TABLES = """async ([from, to]) => {
    const { trace, panels, range } = window.viztracer;
    range(from, to);
    const { functions } = trace;
    const of = async (where) => {
        panels.scope.setWhere(where);
        const rows = await panels.scope.rows(() => {});
        return rows.map((row) => [
            [functions.name(row.function), functions.file(row.function), functions.line(row.function)],
            [row.calls, row.total, row.own, row.mean, row.max, row.raised, row.unfinished],
        ]);
    };
    const scopes = [[0, ""]];
    if (trace.processes.length === 1) scopes.push([trace.processes[0].pid, ""]);
    else scopes.push(...trace.processes.map(({ pid, index }) => [pid, `p${index}`]));
    const threads = trace.tracks.filter(({ kind }) => kind === "thread").map(({ tid, index }) => [tid, `t${index}`]);
    const all = async (scopes) => {
        const found = [];
        for (const [id, where] of scopes) found.push([id, await of(where)]);
        return found;
    };
    return { processes: await all(scopes), threads: await all(threads) };
}"""

# By process and stack of labels, the time that is the stack's own.
STACKS = """async () => {
    const { trace, panels } = window.viztracer;
    const found = [];
    for (const { pid, index } of trace.processes) {
        panels.scope.setWhere(trace.processes.length === 1 ? "" : `p${index}`);
        const tree = await panels.scope.tree(() => {});
        for (let node = 1; node < tree.count; node += 1) {
            const labels = tree.path(node).map((of) => trace.functions.label(of));
            if (tree.own[node] > 0) found.push([[pid, ...labels], tree.own[node]]);
        }
        const own = tree.own.subarray(0, tree.count).reduce((sum, time) => sum + time, 0);
        if (own !== tree.total[0] || tree.rest !== 0) throw new Error(`${own} of ${tree.total[0]}`);
    }
    return found;
}"""


def tables(sandbox, *arguments, source="rings"):
    """The program's tables, by the process's id, 0 for all. Without an event there is no report, and so no table."""
    done = sandbox.viztracer_merge(source, "-q", "-o", "report.csv", *arguments)
    if done.returncode == 1 and "select none of the" in done.stderr:
        return {}
    assert done.returncode == 0, done.stderr
    found = {}
    with open(sandbox.path / "report.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            function = (row["function"], row["file"], int(row["line"]))
            found.setdefault(int(row["pid"]), {})[function] = [int(row[name]) for name in NUMBERS]
    return found


def stacks(sandbox, *arguments):
    """Own times by process and stack, of all its threads together."""
    done = sandbox.viztracer_merge("rings", "-q", "-o", "report.folded", *arguments)
    assert done.returncode == 0, done.stderr
    found = Counter()
    for line in (sandbox.path / "report.folded").read_text(encoding="utf-8").splitlines():
        stack, _, own = line.rpartition(" ")
        process, _, *labels = stack.split(";")
        found[(int(process.rpartition("(")[2].rstrip(")")), *labels)] += int(own)
    return found


def as_dict(rows):
    return {tuple(function): numbers for function, numbers in rows}


def by_process(found):
    return {pid: as_dict(rows) for pid, rows in found["processes"] if rows}


def show(sandbox, page, *arguments, source="rings"):
    done = sandbox.viztracer_merge(source, "-q", "-o", "report.html", *arguments)
    assert done.returncode == 0, done.stderr
    page.open(sandbox.path / "report.html")


def compare(sandbox, page, *arguments):
    """All tables of the page for a selection, and its stacks, with the program's."""
    show(sandbox, page, *arguments)
    found = page.evaluate(TABLES, [None, None])
    assert by_process(found) == tables(sandbox, *arguments)
    threads = {}
    for tid, rows in found["threads"]:
        threads.setdefault(tid, []).append(as_dict(rows))
    for tid, (rows, *others) in threads.items():
        assert others == [], "two threads with one id tell nothing"
        assert rows == tables(sandbox, "--tid", str(tid), *arguments).get(0, {})
    assert {tuple(stack): own for stack, own in page.evaluate(STACKS)} == stacks(sandbox, *arguments)
    assert page.errors == []


def record(sandbox, *arguments):
    done = sandbox.viztracer("--log_async", "--pid_suffix", "--output_dir", "rings", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["mutual_recursion", "threads", "primes_processes", "tasks", "exceptions"])
def test_tables_are_those_of_the_program_itself(sandbox, page, name):
    record(sandbox, sandboxes.program(f"{name}.py"), *(["gather"] if name == "tasks" else []))
    compare(sandbox, page)


@pytest.mark.parametrize("seed", [1, 2])
def test_so_are_those_of_random_calls_in_threads_tasks_and_killed_children(sandbox, page, seed):
    record(sandbox, "--", sandboxes.program("mixture.py"), str(seed))
    found = tables(sandbox)
    assert len(found) == 4
    assert all(any(row[column] > 0 for row in found[0].values()) for column in range(len(NUMBERS)))
    compare(sandbox, page)
    # A range of the page is what would be there of a report of that time only.
    half = int(page.evaluate("window.viztracer.trace.duration / 2"))
    selection = ["--since", f"{half}ns", "--until", f"{half + half // 2}ns"]
    assert by_process(page.evaluate(TABLES, [half, half + half // 2])) == tables(sandbox, *selection)
    compare(sandbox, page, *selection)
    compare(sandbox, page, "--drop_c_functions", "--max_depth", "9")


@pytest.mark.parametrize(("program", "entries"), [("mixture.py 1", 4000), ("tasks.py gather", 40), ("threads.py", 300)])
def test_so_are_those_of_rings_that_were_overwritten(sandbox, page, program, entries):
    """Unknown time is shown as such in tables, stacks and ranges, on threads and in tasks."""
    name, *arguments = program.split()
    record(sandbox, "--tracer_entries", str(entries), "--", sandboxes.program(name), *arguments)
    unknown = ("[overwritten]", "", 0)
    assert tables(sandbox)[0][unknown][1] > 0
    compare(sandbox, page)
    assert page.evaluate("window.viztracer.trace.functions.overwritten") >= 0
    half = int(page.evaluate("window.viztracer.trace.duration / 2"))
    compare(sandbox, page, "--until", f"{half}ns")


def test_so_are_those_of_a_report_that_was_merged_before_where_tasks_are_threads(sandbox, page):
    record(sandbox, "--", sandboxes.program("mixture.py"), "3")
    assert sandbox.viztracer_merge("rings", "-q", "-o", "merged.json").returncode == 0
    show(sandbox, page, source="merged.json")
    found = by_process(page.evaluate(TABLES, [None, None]))
    expected = tables(sandbox, source="merged.json")
    assert sum(row[5] for row in expected[0].values()) > 0
    assert found == expected
    assert page.errors == []
