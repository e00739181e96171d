"""`viztracer --combine` and `--align_combine`, which merge files of earlier runs."""

import pytest
import tree

pytestmark = pytest.mark.one_version


@pytest.fixture
def two_runs(sandbox):
    """The ring files of two runs, one after the other."""
    sandbox.script("def f(): pass\nf()\n")
    for directory in ("first", "second"):
        done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", directory, "script.py")
        assert (done.returncode, done.stderr) == (0, "")
    rings = [*(sandbox.path / "first").glob("*.bin"), *(sandbox.path / "second").glob("*.bin")]
    assert len(rings) == 2
    return rings


def starts(report):
    """When each process made its first call."""
    first = {}
    for event in tree.spans(report):
        first[event["pid"]] = min(event["ts"], first.get(event["pid"], event["ts"]))
    return sorted(first.values())


def test_combine(sandbox, two_runs):
    done = sandbox.viztracer("--combine", *two_runs, "-o", "combined.json")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Use the following command to open the report:")
    assert "combined.json: " in done.stderr
    assert sandbox.report("combined.json") == sandbox.merge(*two_runs)
    first, second = starts(sandbox.report("combined.json"))
    assert second - first > 1000  # in us: no interpreter starts in a millisecond


def test_align_combine_lets_the_runs_begin_together(sandbox, two_runs):
    done = sandbox.viztracer("--align_combine", *two_runs, "-o", "combined.json")
    assert done.returncode == 0, done.stderr
    apart = starts(sandbox.merge(*two_runs))
    together = starts(sandbox.report("combined.json"))
    assert together[1] - together[0] < apart[1] - apart[0]
    assert tree.trees(sandbox.report("combined.json")).keys() == tree.trees(sandbox.merge(*two_runs)).keys()


def test_quiet_and_the_usual_name(sandbox, two_runs):
    done = sandbox.viztracer("--quiet", "--combine", *two_runs)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sandbox.report("result.json") == sandbox.merge(*two_runs)
    done = sandbox.viztracer("--quiet", "-o", "x.json.gz", "--output_dir", "new/place", "--combine", *two_runs)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sandbox.report("new/place/x.json.gz") == sandbox.report("result.json")


def test_a_program_after_the_dashes_is_run_and_nothing_combined(sandbox, two_runs):
    done = sandbox.viztracer("--quiet", "-o", "x.json", "--combine", *two_runs, "--", "script.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(starts(sandbox.report("x.json"))) == 1


def test_bad_inputs_are_named(sandbox, two_runs):
    done = sandbox.viztracer("--quiet", "--combine", "missing.bin", two_runs[0], "-o", "x.json")
    expected = "viztracer-merge: missing.bin: No such file or directory\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)
    assert len(starts(sandbox.report("x.json"))) == 1
    done = sandbox.viztracer("--quiet", "--combine", "missing.bin", "-o", "y.json")
    assert done.returncode == 2
    assert not (sandbox.path / "y.json").exists()


OPENED_BY = [
    ("x.json", "Use the following command to open the report:\nvizviewer DIR/x.json\n"),
    ("x.json.gz", "Use the following command to open the report:\nvizviewer DIR/x.json.gz\n"),
    ("x.html", "Use the following command to open the report:\nvizviewer DIR/x.html\n"),
    ("x.pftrace", "Use the following command to open the report:\nvizviewer DIR/x.pftrace\n"),
    ("x.speedscope.json", "Open the report on this page: https://www.speedscope.app\n"),
    (
        "x y.folded",
        "Use the following command to draw a flame graph of the report:\n"
        "flamegraph.pl --countname ns 'DIR/x y.folded' > 'DIR/x y.svg'\n",
    ),
    ("x.csv", ""),
]


@pytest.mark.parametrize(("name", "opened_by"), OPENED_BY, ids=[name for name, _ in OPENED_BY])
def test_what_opens_the_report_is_named(sandbox, two_runs, name, opened_by):
    """Only what does open it; any program for tables opens a `.csv`."""
    recorded = sandbox.viztracer("-o", name, "script.py")
    combined = sandbox.viztracer("-o", name, "--combine", *two_runs)
    assert (recorded.returncode, combined.returncode) == (0, 0)
    plain = [done.stdout.replace(str(sandbox.path), "DIR") for done in (recorded, combined)]
    assert plain[0].partition("Total Entries: ")[2].partition("\n")[2] == opened_by
    assert plain[1] == opened_by
