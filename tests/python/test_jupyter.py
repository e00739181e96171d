"""`%load_ext viztracer` and `%%viztracer`: trace a cell, show its report below it. Tested in IPython alone."""

import html
import json
import re
import textwrap

import pytest
import tree

# Run the cells in the JSON on standard input as a kernel does; print what each one showed, and whether it failed.
SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance()
results = []
for cell in json.load(sys.stdin):
    with capture_output() as shown:
        done = shell.run_cell(cell, store_history=True)
    pages = [output.data["text/html"] for output in shown.outputs if "text/html" in output.data]
    error = done.error_before_exec or done.error_in_exec
    error = error and f"{type(error).__name__}: {error}"
    results.append({"text": shown.stdout + shown.stderr, "pages": pages, "error": error})
print(json.dumps(results))
"""
BASE = '<base href="about:srcdoc">'
LOAD = "%load_ext viztracer"
CELL = "def inner(n):\n    return n * n\n\ntotal = sum(inner(n) for n in range(9))\n"


@pytest.fixture
def run_cells(sandbox):
    """run_cells(cell, ...) -> what each of them showed after the extension was loaded."""
    shell = sandbox.script(SHELL, "shell.py")

    def run(*cells):
        env = {"HOME": str(sandbox.path), "IPYTHONDIR": str(sandbox.path / ".ipython"), "PATH": ""}
        done = sandbox.python(shell, input=json.dumps([LOAD, *cells]), env=env)
        assert done.returncode == 0, done.stderr
        loaded, *results = json.loads(done.stdout)
        assert loaded == {"text": "", "pages": [], "error": None}
        return results

    return run


def framed(shown):
    """The page inside the frame that a cell shows, without what makes it fit for a frame."""
    (page,) = shown["pages"]
    before, base, after = html.unescape(re.search(r'<iframe [^>]*srcdoc="([^"]*)"', page)[1]).partition(BASE)
    assert base == BASE and before.endswith("<head>")
    return before + after


def test_report_is_shown_below_the_cell(run_cells, sandbox):
    other = CELL.replace("inner", "other")
    traced, total, again = run_cells("%%viztracer\n" + CELL, "total", "%%viztracer --height 99\n" + other)
    assert (traced["text"], traced["error"]) == ("", None)
    page = framed(traced)
    assert page.lower().startswith("<!doctype html>")
    assert "inner" in page
    assert "Out[3]: 204" in total["text"]
    assert "other" in framed(again)
    assert "height: 99px" in again["pages"][0]
    assert {path.name for path in sandbox.path.iterdir()} == {"shell.py", ".ipython"}


def test_cell_behaves_as_without_tracing(run_cells):
    value, silent, ended, printed, failed, nonsense, after = run_cells(
        "%%viztracer\nlast = 6 * 7\nlast",
        "%%viztracer\nlast = 5\nNone",
        "%%viztracer\nlast;  # and no more",
        "%%viztracer\n!echo from the shell\nprint(last)",
        "%%viztracer\ndef breaks():\n    raise KeyError('inside')\nbreaks()",
        "%%viztracer\nthis is no Python",
        "sorted(name for name in globals() if 'viztracer' in name)",
    )
    assert "Out[2]: 42" in value["text"]
    assert "Out" not in silent["text"] + ended["text"]
    assert "from the shell" in printed["text"]
    assert "5" in printed["text"]
    assert failed["error"] == "KeyError: 'inside'"
    assert "breaks" in framed(failed)
    traceback = re.sub(r"\x1b\[[0-9;]*m", "", failed["text"])
    assert re.findall(r"In\s?\[(\d+)\], line (\d)", traceback) == [("6", "1"), ("6", "3"), ("6", "2")]
    assert "jupyter.py" not in traceback
    assert nonsense["error"].startswith("SyntaxError")
    assert nonsense["pages"] == []
    assert "Out[8]: []" in after["text"]


def test_cell_that_awaits(run_cells, sandbox):
    cell = "import asyncio\nasync def job(n):\n    await asyncio.sleep(0)\n    return n\n"
    value, failed, used, direct, called, nonsense = run_cells(
        f"%%viztracer --output_file kept.json\n{cell}first, second = await asyncio.gather(job(1), job(2))\nsecond",
        "%%viztracer\nawait job(3)\nraise KeyError('inside')",
        "first",
        "await get_ipython().run_cell_magic('viztracer', '', 'await job(4)')",
        "get_ipython().run_cell_magic('viztracer', '', '5') + 1\n'end'",
        "%%viztracer\nawait = 1",
    )
    assert "Out[2]: 2" in value["text"]
    spans = [event["name"].partition(" (")[0] for event in tree.spans(sandbox.report("kept.json"))]
    assert spans.count("job") == 4
    assert (failed["error"], len(failed["pages"])) == ("KeyError: 'inside'", 1)
    assert "Out[4]: 1" in used["text"]
    assert "Out[5]: 4" in direct["text"] and "job" in framed(direct)
    assert "Out[6]: 'end'" in called["text"]
    assert nonsense["error"].startswith("SyntaxError")


def test_what_was_recorded_is_kept(run_cells, sandbox):
    files = ("kept.json", "kept.json.gz", "kept.html")
    options = "-p 9001 --ignore_c_function --max_stack_depth 2"
    results = run_cells(*(f"%%viztracer --output_file {name} {options}\n{CELL}" for name in files))
    for name, shown in zip(files, results, strict=True):
        assert (shown["text"], shown["error"]) == ("", None)
        assert "genexpr" in framed(shown)
        if name.endswith(".html"):
            assert framed(shown) == (sandbox.path / name).read_text()
            continue
        spans = tree.spans(sandbox.report(name))  # with those of IPython's other threads
        (module,) = [event for event in spans if event["name"].startswith("<module>")]
        names = {event["name"].partition(" (")[0] for event in spans if event["tid"] == module["tid"]}
        assert names == {"<module>", "<genexpr>"}


def test_report_holds_the_text_of_the_cell(run_cells, sandbox):
    """A kernel of Jupyter names a file for each cell, and writes none of them."""
    cell = "%%viztracer --output_file kept.json\ndef commented():\n    return 1  # of one\ncommented()\n"
    name = sandbox.path / "ipykernel_1" / "2.py"
    results = run_cells(f"get_ipython().compile.get_code_name = lambda *_: {str(name)!r}", cell, cell)
    assert [result["error"] for result in results] == [None] * 3
    assert sandbox.report("kept.json")["file_info"]["files"][str(name)][0] == cell.partition("\n")[2]
    assert not name.exists()


REFUSALS = {
    "--output_file x.txt": "UsageError: --output_file: only these kinds are supported: .json, .json.gz, .html",
    "--min_duration soon": "UsageError: Can't convert soon to time. Format should be 0.3ms or 13us",
    "--include_files a --exclude_files b": "UsageError: include_files and exclude_files can't be both specified!",
    "--tracer_entries 0": "UsageError: tracer_entries must be at least 1",
    "--nonsense": "UsageError: unrecognized arguments: --nonsense",
}


def test_refusals(run_cells):
    *results, after = run_cells(*(f"%%viztracer {line}\nhas_run = True" for line in REFUSALS), "'has_run' in globals()")
    for (line, error), refused in zip(REFUSALS.items(), results, strict=True):
        assert refused["error"].startswith(error), line
        assert refused["pages"] == [], line
    assert "False" in after["text"]


def test_another_tracer(run_cells, sandbox):
    results = run_cells(
        "import viztracer; tracer = viztracer.VizTracer(verbose=0); tracer.start()",
        "%%viztracer\n1",
        "tracer.stop(); tracer.save('other.json')",
    )
    assert [result["error"] for result in results] == [None, None, None]
    assert len(results[1]["pages"]) == 1
    assert (sandbox.path / "other.json").exists()


def test_cell_of_a_kernel_that_the_command_records(sandbox):
    """The cell runs as in VizTracer, and its calls are in the report of the command: the notebook goes on."""
    awaits = "import asyncio\nawait asyncio.sleep(0, total)"
    cells = [LOAD, "%%viztracer --output_file own.json\n" + CELL + "total", "%%viztracer\n" + awaits]
    script = sandbox.script(SHELL, "shell.py")
    env = {"HOME": str(sandbox.path), "IPYTHONDIR": str(sandbox.path / ".ipython")}
    done = sandbox.viztracer("--quiet", "-o", "report.json", script, input=json.dumps(cells), env=env)
    assert done.returncode == 0, done.stderr
    _, plain, awaited = json.loads(done.stdout)
    told = "viztracer: the command viztracer records this whole process, so the cell is in its report"
    for result, value in (plain, "Out[2]: 204"), (awaited, "Out[3]: 204"):
        assert (result["error"], result["pages"]) == (None, [])
        assert told in result["text"]
        assert value in result["text"]
    assert not (sandbox.path / "own.json").exists()
    calls = [event["name"] for event in tree.spans(sandbox.report("report.json"))]
    own = [name for name in calls if name.startswith("inner (") and ".py:" not in name]  # of cells, not of files
    assert len(own) == 9


def test_report_that_is_too_large_for_the_notebook(run_cells, sandbox):
    """The report is a file next to the notebook, shown in a frame; the server says where the notebook is."""
    there = sandbox.path / "there"
    there.mkdir()
    (_, shown, kept, _, beside, away) = run_cells(
        "import viztracer.jupyter; viztracer.jupyter.SHOWN_MAX = 1000",
        "%%viztracer\n" + CELL,
        "%%viztracer --output_file 'own one.html'\n" + CELL,
        f"import os; os.environ['JPY_SESSION_NAME'] = {str(there / 'notebook.ipynb')!r}",
        "%%viztracer\n" + CELL,
        "%%viztracer --output_file away.html\n" + CELL,
    )
    assert 'src="viztracer_report.html"' in shown["pages"][0]
    assert f"it is in {sandbox.path}/viztracer_report.html" in shown["text"]
    assert "inner" in (sandbox.path / "viztracer_report.html").read_text()
    assert 'src="own%20one.html"' in kept["pages"][0]
    assert f"it is in {sandbox.path}/own one.html" in kept["text"]
    assert 'src="viztracer_report.html"' in beside["pages"][0]
    assert "inner" in (there / "viztracer_report.html").read_text()
    assert away["pages"] == []
    assert f"it is in {sandbox.path}/away.html" in away["text"]


FILTERS = {
    f"--include_files {textwrap.__file__}": {"dedent"},
    f"--exclude_files {textwrap.__file__}": {"quote"},
    "--min_duration 20s": set(),
    "--min_duration 1ns": {"dedent", "quote"},
}


def test_filters(run_cells, sandbox):
    cell = "dedent(' ' * 9)\nquote('x y')"
    run_cells(
        "from textwrap import dedent\nfrom shlex import quote",
        *(f"%%viztracer --output_file kept_{number}.json {option}\n{cell}" for number, option in enumerate(FILTERS)),
    )
    for number, (option, recorded) in enumerate(FILTERS.items()):
        names = {event["name"].partition(" (")[0] for event in tree.spans(sandbox.report(f"kept_{number}.json"))}
        assert names & {"dedent", "quote"} == recorded, option


def test_help_of_the_magic(run_cells):
    (shown,) = run_cells("get_ipython().find_cell_magic('viztracer').__doc__")
    assert "--max_stack_depth" in shown["text"]


def test_import_needs_no_ipython(sandbox):
    code = "import sys, viztracer; sys.exit('IPython' in sys.modules or 'viztracer.jupyter' in sys.modules)"
    assert sandbox.python("-c", code).returncode == 0
