"""`--top` and `--last_words` as JSON: what the text says, for programs."""

import json
import re
import signal
from pathlib import Path

import pytest
from conftest import ROOT

PROGRAM = """
import multiprocessing, os, signal, time
def leaf(n): return len(str(n))
def work(n):
    for i in range(n): leaf(i)
def dies():
    work(30)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(100)
if __name__ == "__main__":
    work(100)
    process = multiprocessing.get_context("fork").Process(target=dies)
    process.start()
    process.join()
"""


@pytest.fixture
def rings(sandbox):
    """The ring files of a process and of its child, which was killed."""
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", "--", sandbox.script(PROGRAM))
    assert done.returncode == 0, done.stderr
    return sandbox.path / "rings"


def answer(sandbox, *words):
    done = sandbox.viztracer_merge("-q", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def documented(title):
    """The words in backticks of a section of merge/README.md."""
    text = (ROOT / "merge" / "README.md").read_text("utf-8")
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`([a-z_0-9]+)`", section))


def keys(value):
    """The keys of all objects in a document."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


QUESTIONS = {
    "info": ("--info", "--json"),
    "top": ("--top", "3", "--json"),
    "last-words": ("--last_words", "--json"),
    "calls": ("calls", "--json"),
    "compare": ("compare", "--json"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_document_names_its_schema(sandbox, rings, question):
    inputs = [rings, rings] if question == "compare" else [rings]
    done = sandbox.viztracer_merge(*QUESTIONS[question], *inputs)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert list(document)[:2] == ["schema", "version"]
    assert document["schema"] == f"viztracer-ring/{question}/1"
    assert document["version"] == sandbox.viztracer_merge("--version").stdout.split()[-1]
    assert f'"{document["schema"]}"' in (ROOT / "merge" / "README.md").read_text("utf-8")


def test_each_key_is_documented(sandbox, rings):
    top = answer(sandbox, "--top", "3", rings)
    words = answer(sandbox, "--last_words", rings)
    done = sandbox.viztracer_merge("calls", "--json", "-q", rings)
    assert keys(top) <= documented("The document of `--top N --json`")
    assert keys(words) <= documented("The document of `--last_words --json`")
    calls = json.loads(done.stdout)
    assert keys(calls) - keys([call["arguments"] for call in calls["calls"]]) <= documented(
        "The document of `calls --json`"
    )


def test_the_functions_are_those_of_the_table(sandbox, rings):
    document = answer(sandbox, "--top", "5", "--sort", "calls", rings)
    text = sandbox.viztracer_merge("-q", "--top", "5", "--sort", "calls", rings).stdout
    tables = [document["all"], *document["processes"]]
    titles = re.findall(r"([\d,]+) calls of ([\d,]+) functions", text)
    assert [(f"{table['calls']:,}", f"{table['functions']:,}") for table in tables] == titles
    assert document["sort"] == "calls" and document["more_processes"] == 0 and document["bad"] == []
    (leaf,) = [row for row in answer(sandbox, "--top", "9999", rings)["all"]["top"] if row["function"] == "leaf"]
    assert (leaf["calls"], leaf["line"], leaf["is_c"]) == (130, 3, False)
    assert Path(leaf["file"]) == sandbox.path / "script.py"
    for table in tables:
        calls = [row["calls"] for row in table["top"]]
        assert calls == sorted(calls, reverse=True) and len(calls) == 5
        for row in table["top"]:
            assert row["min_ns"] <= row["p50_ns"] <= row["p99_ns"] <= row["max_ns"] <= row["total_ns"]
            assert row["self_ns"] <= row["total_ns"]
    assert len({process["pid"] for process in document["processes"]}) == 2


def test_the_last_words_are_those_of_the_text(sandbox, rings):
    document = answer(sandbox, "--last_words", rings)
    assert (document["ended_in_order"], document["end_unknown"]) == (1, 0)
    (killed,) = document["processes"]
    assert killed["ending"] == f"killed by {signal.SIGKILL.name}" and killed["damaged"] == 0
    (thread,) = killed["threads"]
    own = [call["function"] for call in thread["open"] if call["file"] == str(sandbox.path / "script.py")]
    assert own[-1] == "dies" and thread["open"][-1]["is_c"]
    assert [call["how"] for call in thread["ended"]] == ["returned"] * 20
    assert {"leaf", "work"} <= {call["function"] for call in thread["ended"]}
    times = [call["before_end_ns"] for call in thread["ended"]]
    assert times == sorted(times, reverse=True)


def test_what_json_does_not_go_with(sandbox, small_trace):
    for words in (["--json"], ["--json", "--dump"], ["--top", "3", "--json", "--markdown"], ["--json", "-o", "x.json"]):
        done = sandbox.viztracer_merge(small_trace, *words)
        assert (done.returncode, done.stdout) == (2, ""), words
