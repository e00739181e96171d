"""The composite action of GitHub, and the jobs in docs/ci.md: their scripts run here as there, without GitHub."""

import json
import os
import re
import shutil
import sys

import pytest
from conftest import BIN, ROOT, library
from test_documents import blocks

pytestmark = pytest.mark.one_version
yaml = library("yaml")

ACTION = ROOT / ".github" / "actions" / "trace"
PROGRAM = """
import subprocess, sys
def leaf(): pass
def parse(times):
    for _ in range(times): leaf()
parse(int(sys.argv[1]))
if len(sys.argv) == 2: subprocess.run([sys.executable, sys.argv[0], "1", "child"], check=True)
sys.exit(int(sys.argv[2]) if sys.argv[2:] and sys.argv[2].isdigit() else 0)
"""
WORKFLOW = """
on: push
jobs:
  trace:
    runs-on: ubuntu-latest
    steps:
      - uses: ./.github/actions/trace
        with: {with}
"""


class Job:
    """A job that uses the action with these inputs. Its scripts run with bash as a runner of GitHub runs them."""

    def __init__(self, sandbox, **inputs):
        self.action = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
        defaults = {name: told.get("default") for name, told in self.action["inputs"].items()}
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= defaults.keys()
        self.inputs = defaults | {"version": "none"} | given
        assert None not in self.inputs.values(), "a required input is missing"
        self.sandbox, self.status, self.printed = sandbox, {}, ""
        self.summary = sandbox.path / "summary.md"
        temporary = sandbox.path / "runner_temp"
        temporary.mkdir(exist_ok=True)
        self.environment = os.environ | {
            "PATH": f"{sandbox.path / 'bin'}:{BIN}:{os.environ['PATH']}",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(sandbox.path / "output"),
            "RUNNER_TEMP": str(temporary),
        }
        for step in self.action["runs"]["steps"]:
            self.step(step)

    def step(self, step):
        """Runs a step if its condition holds. An action of GitHub's own always ends well here."""
        if not self.holds(step.get("if", "success()")):
            self.status[step["name"]] = None
        elif "run" in step:
            environment = {name: self.filled(text) for name, text in step["env"].items()}
            script = self.sandbox.script(step["run"], "step.sh")
            bash = ("bash", "--noprofile", "--norc", "-eo", "pipefail", script)
            done = self.sandbox.run(*bash, env=self.environment | environment)
            self.printed += done.stdout + done.stderr
            self.status[step["name"]] = done.returncode
        else:
            self.status[step["name"]] = 0

    def filled(self, text):
        """A text with the inputs in it, and nothing else of the context."""
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: self.inputs[found[1]], text)

    def holds(self, condition):
        """Whether a condition holds. It has the few shapes that the action uses."""
        names = {step["id"]: step["name"] for step in self.action["runs"]["steps"] if "id" in step}

        def outcome(found):
            status = self.status[names[found[1]]]
            return repr("skipped" if status is None else "failure" if status else "success")

        failed = any(self.status.values())
        text = condition.removeprefix("${{").removesuffix("}}").strip()
        if "cancelled()" not in text and "success()" not in text:
            text = f"success() && {text}"
        text = re.sub(r"inputs\.([\w-]+)", lambda found: repr(self.inputs[found[1]]), text)
        text = re.sub(r"steps\.(\w+)\.outcome", outcome, text)
        text = text.replace("!cancelled()", "True").replace("success()", str(not failed)).replace("&&", "and")
        return eval(text, {"__builtins__": {}})

    @property
    def failed(self):
        return [name for name, status in self.status.items() if status]

    def text(self):
        return self.summary.read_text("utf-8")


@pytest.fixture
def job(sandbox):
    sandbox.script(PROGRAM, "prog.py")
    return lambda **inputs: Job(sandbox, **inputs)


def test_the_trace_is_kept_and_the_summary_has_the_table(sandbox, job):
    done = job(command="prog.py 30000")
    assert done.failed == [] and done.status["Install viztracer-ring"] is done.status["Compare"] is None, done.printed
    text = done.text()
    assert re.search(r"^\| 30,001 \| .* \| `leaf \(.*prog\.py:3\)` \|$", text, re.MULTILINE)
    assert "2 processes ended in order" in done.printed
    sizes = dict(re.findall(r"^\| `(trace\.\S+)` \| (\d+) \|$", text, re.MULTILINE))
    kept = {path.name: str(path.stat().st_size) for path in (sandbox.path / "trace").iterdir()}
    assert sizes == kept and kept.keys() == {"trace.html", "trace.json.gz"}
    keep = next(step for step in done.action["runs"]["steps"] if "uses" in step)
    assert (sandbox.path / done.filled(keep["with"]["path"])).is_dir()
    assert len([*(sandbox.path / done.filled(done.action["outputs"]["directory"]["value"])).iterdir()]) == 2


def test_the_step_has_the_status_of_the_program(job):
    done = job(command="prog.py 30000 7")
    assert done.failed == ["Trace"] and done.status["Trace"] == 7
    assert "`leaf (" in done.text() and done.status["Keep the reports"] == 0


def test_a_killed_program_leaves_a_trace(sandbox, job):
    sandbox.script("import os\ndef dies(): os.kill(os.getpid(), 9)\ndies()\n", "dies.py")
    done = job(command="dies.py")
    assert done.failed == ["Trace"] and done.status["Trace"] in (-9, 137)
    assert "ended without a word" in done.printed and " dies (" in done.printed
    assert "calls never ended" in done.text() and done.status["Keep the reports"] == 0


def test_a_broken_rule_fails_the_job_after_the_table(sandbox, job):
    job(command="prog.py 30", artifact="base", directory="base_traces")
    rules = "calls>+50% of func ^nothing$\n\ncalls>+50% of func ^leaf \n"
    done = job(command="prog.py 90", base="base/trace.json.gz", fail_on=rules)
    assert done.failed == ["Compare"] and done.status["Compare"] == 3
    assert re.search(r"31 -> 91 \| .*`leaf \(", done.text()) and "--fail_on 'calls>+50% of func ^leaf '" in done.printed
    # The same is no failure with other rules.
    shutil.rmtree(sandbox.path / "traces")
    assert job(command="prog.py 90", base="base/*.gz", fail_on="calls>+1000").failed == []


def test_without_a_base_nothing_is_compared(job):
    done = job(command="prog.py 3", base="base/trace.json.gz", fail_on="calls>+0%")
    assert done.failed == [] and "There are no traces of a base" in done.text()


def test_a_program_that_is_not_there_fails_the_job(job):
    done = job(command="missing.py")
    assert done.status["Trace"] and done.status["Keep the reports"] is None


def test_inputs_are_words_and_never_commands(sandbox, job):
    """A name of a branch may be in an input, and a stranger may have chosen it."""
    sandbox.script("import json, sys\njson.dump(sys.argv[1:], open('words', 'w'))\n", "words.py")
    evil = "$(touch evil) `touch evil` ; touch evil & ${PATH} * \\\\"
    job(command=f"words.py 'two words' \"{evil}\" {evil}")
    words = json.loads((sandbox.path / "words").read_text())
    assert words[0] == "two words" and "`touch" in words and "${PATH}" in words and "*" in words
    for name in ("options", "directory", "reports", "merge-options", "artifact", "top", "base", "fail-on", "version"):
        shutil.rmtree(sandbox.path / "traces", ignore_errors=True)
        job(**{"command": "words.py"} | {name.replace("-", "_"): f"x'\"; touch evil; $(touch evil)\n`touch evil`"})
    assert not (sandbox.path / "evil").exists()


@pytest.mark.parametrize(
    ("version", "what"), [("latest", "viztracer-ring"), ("0.1.0", "viztracer-ring==0.1.0"), ("none", None)]
)
def test_the_version_that_is_installed(sandbox, job, version, what):
    (sandbox.path / "bin").mkdir()
    python = sandbox.path / "bin" / "python"
    # Only pip is replaced: what it would install is not there.
    python.write_text(f'#!/bin/sh\n[ "$1 $2" != "-m pip" ] && exec {sys.executable} "$@"\nshift 2\necho "$@" > pip\n')
    python.chmod(0o755)
    assert job(command="prog.py 3", version=version).failed == []
    asked = sandbox.path / "pip"
    assert (asked.read_text() if asked.exists() else None) == (what and f"install {what}\n")


def test_scripts_get_inputs_from_the_environment_only():
    action = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "") and ("uses" in step or step["shell"] == "bash")
        assert step.get("uses", "actions/").startswith("actions/"), "only GitHub's own actions"
    text = (ACTION / "action.yml").read_text("utf-8")
    assert all(f"inputs.{name} " in text for name in action["inputs"])
    assert all(told["description"] for told in action["inputs"].values())


# --- the documents ---


def test_workflows_are_checked_against_the_action(actionlint):
    assert actionlint(WORKFLOW.replace("{with}", "{command: prog.py, fail-on: calls>+5%}")) == ""
    assert 'missing input "command"' in actionlint(WORKFLOW.replace("{with}", "{base: x}"))
    assert '"fail_on" is not defined' in actionlint(WORKFLOW.replace("{with}", "{command: x, fail_on: y}"))


def test_the_steps_of_the_action(actionlint):
    """actionlint checks workflows only. So the steps are those of a workflow with the same inputs here."""
    action = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
    inputs = {name: {"type": "string", "required": True} for name in action["inputs"]}
    jobs = {"trace": {"runs-on": "ubuntu-latest", "steps": action["runs"]["steps"]}}
    workflow = {"on": {"workflow_call": {"inputs": inputs}}, "jobs": jobs}
    assert actionlint(json.dumps(workflow)) == ""
    assert actionlint(json.dumps(workflow).replace("inputs.base", "inputs.basis"))
    assert "SC2086" in actionlint(json.dumps(workflow).replace('\\"$BASE\\"', "$BASE"))


def documented(first):
    """The job in docs/ci.md that has this key at its top."""
    (found,) = (text for text in blocks("docs/ci.md", "yaml") if first in yaml.safe_load(text))
    return found


def test_the_workflow_of_the_document(actionlint):
    workflow = documented("jobs")
    assert actionlint(workflow) == ""
    (steps,) = (job["steps"] for job in yaml.safe_load(workflow)["jobs"].values())
    assert all(step["uses"].startswith(("actions/", "./.github/actions/trace")) for step in steps if "uses" in step)


def test_the_jobs_of_the_document_for_gitlab(sandbox):
    """The scripts of both jobs run one after the other, as if the cache had kept the base."""
    sandbox.script(PROGRAM, "prog.py")
    jobs = yaml.safe_load(documented("trace"))
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}

    def run(name, times):
        lines = [line for line in jobs[name]["script"] if not line.startswith("pip install")]
        assert len(lines) == len(jobs[name]["script"]) - 1
        script = "\n".join(lines).replace("-m pytest tests", f"prog.py {times}").replace("mypackage/", "prog.py")
        assert script.count(f"prog.py {times}") == 1
        return sandbox.run("bash", "-eo", "pipefail", sandbox.script(script, "job.sh"), env=environment)

    base = run("trace-base", 30)
    assert base.returncode == 0, base.stderr
    kept = jobs["trace-base"]["cache"]["paths"]
    assert kept == jobs["trace"]["cache"]["paths"] and all((sandbox.path / path).exists() for path in kept)
    shutil.rmtree(sandbox.path / "traces")
    same = run("trace", 30)
    assert same.returncode == 0 and " functions, " in same.stdout and "calls>+5% of func prog.py: kept" in same.stdout
    assert all((sandbox.path / path).exists() for path in jobs["trace"]["artifacts"]["paths"])
    for path in ("traces", *jobs["trace"]["artifacts"]["paths"]):
        shutil.rmtree(sandbox.path / path)
    more = run("trace", 9000)
    assert more.returncode == 3 and " 31 -> 9,001 " in more.stdout, (more.stdout, more.stderr)
