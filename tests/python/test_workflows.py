"""This repository's own workflows on GitHub. Its machines are not here: actionlint reads the workflows, the rest is
what they say of themselves and of the platforms."""

import json
import os
import re

import pytest
from conftest import ROOT, library

pytestmark = pytest.mark.one_version
yaml = library("yaml")

WORKFLOWS = ROOT / ".github" / "workflows"
PLATFORMS = json.loads((ROOT / "packaging" / "platforms.json").read_text("utf-8"))


def text(name):
    return (WORKFLOWS / name).read_text("utf-8")


def jobs(name):
    return yaml.safe_load(text(name))["jobs"]


def steps():
    """(workflow, job, step) of every step."""
    for path in WORKFLOWS.iterdir():
        for name, job in jobs(path.name).items():
            for step in job.get("steps", ()):
                yield path.name, name, step


@pytest.mark.parametrize("name", sorted(path.name for path in WORKFLOWS.iterdir()))
def test_actionlint_has_nothing_to_say(actionlint, name):
    assert actionlint(text(name), name) == ""
    assert '"reference" is not defined' in actionlint(text(name).replace("github.ref }", "github.reference }"), name)


def test_the_machines_are_known(actionlint):
    """A matrix that is read while the workflow runs tells actionlint nothing, so the platforms are written into it."""
    for name, job in (("ci.yml", "test"), ("release.yml", "wheels")):
        workflow = yaml.safe_load(text(name))
        workflow["on"] = workflow.pop(True)  # what YAML takes the word for
        workflow["jobs"][job]["strategy"]["matrix"]["include"] = PLATFORMS
        assert actionlint(json.dumps(workflow), name) == ""
        assert 'label "macos-15' in actionlint(json.dumps(workflow).replace('"macos-15"', '"macos-15-none"'), name)


@pytest.fixture
def outputs(sandbox):
    """What the job that reads the platforms hands to the others."""
    (step,) = (step for step in jobs("ci.yml")["platforms"]["steps"] if "run" in step)
    assert step["shell"] == "python"
    given = sandbox.path / "outputs"
    script = sandbox.script(step["run"])
    done = sandbox.python(script, cwd=ROOT, env=os.environ | {"GITHUB_OUTPUT": str(given)})
    assert done.returncode == 0, done.stderr
    return {name: json.loads(value) for name, value in (line.split("=", 1) for line in given.read_text().splitlines())}


def test_the_matrix_is_the_table_of_platforms(outputs):
    declared = jobs("ci.yml")["platforms"]["outputs"]
    assert declared == {name: f"${{{{ steps.read.outputs.{name} }}}}" for name in outputs}
    assert outputs["all"] == PLATFORMS
    assert outputs["wheels"] == [platform for platform in PLATFORMS if platform["tracer"].startswith("tested")]
    assert 0 < len(outputs["wheels"]) < len(PLATFORMS)
    include = {name: jobs(file)[name]["strategy"]["matrix"]["include"] for file, name in
               (("ci.yml", "test"), ("release.yml", "wheels"))}  # fmt: skip
    assert include == {"test": "${{ fromJson(needs.platforms.outputs.all) }}",
                       "wheels": "${{ fromJson(needs.test.outputs.wheels) }}"}  # fmt: skip
    assert jobs("release.yml")["test"]["uses"] == "./.github/workflows/ci.yml"


def test_each_platform_has_a_machine_and_a_wheel_of_its_kind():
    kinds = {"gnu": "manylinux2014", "musl": "musllinux_1_2"}
    for platform in PLATFORMS:
        kind = platform["target"].rsplit("-", 1)[1] if "-linux-" in platform["target"] else ""
        assert platform["wheel"] == kinds.get(kind, "off"), platform
        is_arm = platform["processor"] == "aarch64"
        assert platform["target"].startswith("aarch64" if is_arm else "x86_64"), platform
        system = {"Linux": "ubuntu", "Linux with musl": "ubuntu", "Windows": "windows", "macOS": "macos"}
        assert platform["runner"].startswith(system[platform["system"]]), platform


def test_the_versions_of_cpython_are_those_of_the_package():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    versions = re.findall(r"Python :: (3\.\d+)", project)
    for name in ("ci.yml", "release.yml"):
        assert yaml.safe_load(text(name))["env"]["PYTHONS"].split() == versions
    (built,) = (step["with"]["args"] for _, job, step in steps() if job == "wheels" and "PyO3/" in step.get("uses", ""))
    assert built.endswith(f"--interpreter {' '.join(versions)}")
    assert built.startswith("${{ endsWith(matrix.target, '-musl') && '--zig' || '' }} ")


def test_jobs_can_do_no_more_than_they_must():
    may_write = {
        ("release.yml", "attest"): {"attestations": "write", "id-token": "write"},
        ("release.yml", "publish"): {"id-token": "write"},
    }
    for path in WORKFLOWS.iterdir():
        workflow = yaml.safe_load(path.read_text("utf-8"))
        assert workflow["permissions"] == {"contents": "read"} and "concurrency" in workflow
        for name, job in workflow["jobs"].items():
            assert job.get("permissions") == may_write.get((path.name, name)), name
            assert "timeout-minutes" in job or "uses" in job, name
            # Where a job may write, nothing but actions runs, and only for a tag that is pushed.
            if (path.name, name) in may_write:
                assert all("uses" in step for step in job["steps"]) and job["if"] == "github.event_name == 'push'"
    assert yaml.safe_load(text("release.yml"))[True]["push"] == {"tags": ["v*"]}  # True: `on`, as YAML reads it
    assert jobs("release.yml")["publish"]["environment"]["name"] == "pypi"


def test_actions_have_versions_and_few_are_not_github_s():
    used = {step["uses"] for _, _, step in steps() if "uses" in step}
    versions = {}
    for action in used:
        name, _, version = action.partition("@")
        assert re.fullmatch(r"v\d+|release/v\d+", version), action
        assert versions.setdefault(name, version) == version, f"{name} has two versions"
    others = {name for name in versions if not name.startswith("actions/")}
    assert others == {"PyO3/maturin-action", "pypa/gh-action-pypi-publish"}
    for _, _, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


def test_scripts_get_no_text_of_a_stranger():
    """A name of a branch or a title can hold commands. Scripts read such texts from the environment."""
    assert all("${{" not in step.get("run", "") for _, _, step in steps())


def test_what_is_uploaded_is_what_was_tested():
    release = jobs("release.yml")

    def needs(name):
        direct = release[name].get("needs", [])
        direct = [direct] if isinstance(direct, str) else direct
        return set(direct).union(*map(needs, direct))

    assert needs("publish") == {"version", "test", "wheels", "source", "check", "attest"}
    targets = set(re.findall(r"\bmake ([\w-]+)", text("ci.yml")))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert {"test", "check-wheels", "check-crates"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
