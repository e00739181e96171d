"""The page of `viztracer-merge compare`: both sides on one time line, and the flame graph of the difference."""

import json

import pytest

PROGRAM = """
def leaf(): pass
def parse():
    for _ in range({leaf}): leaf()
def {other}(): parse()
{other}()
"""
# By the names in a path of the tree: the calls of both sides.
CALLS = """async () => {
    const { trace, panels } = window.viztracer;
    const { tree, base, head } = await panels.scope.difference(() => {});
    const found = {};
    for (let node = 1; node < tree.count; node += 1) {
        const names = tree.path(node).map((of) => trace.functions.name(of));
        const at = names.lastIndexOf("<module>");
        if (at >= 0) found[names.slice(at + 1).join(" ")] = [base.calls[node], head.calls[node]];
        if (tree.total[node] !== base.total[node] + head.total[node]) throw new Error(names.join());
    }
    return found;
}"""


@pytest.fixture
def compared(sandbox, page):
    """The page of a base of two runs and of a head, opened."""
    runs = {"base_1": (10, "old"), "base_2": (30, "old"), "head": (25, "new")}
    for run, (leaf, other) in runs.items():
        script = sandbox.script(("\n" if run == "head" else "") + PROGRAM.format(leaf=leaf, other=other))
        done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", run, script)
        assert done.returncode == 0, done.stderr
    done = sandbox.viztracer_merge("compare", "base_*", "head", "-o", "difference.html")
    assert done.returncode == 0, done.stderr
    page.open(sandbox.path / "difference.html")
    yield page
    assert page.errors == []


def test_both_sides_are_there(compared):
    names = compared.evaluate("window.viztracer.trace.processes.map(({ name }) => name)")
    assert [name.split(": ")[0] for name in names] == ["base 1", "base 2", "head"]
    starts = compared.evaluate("window.viztracer.trace.tracks.map(({ start }) => start[0])")
    assert max(starts) < 5e9  # they begin together


def test_the_flame_graph_of_the_difference(compared):
    compared.until("document.querySelector('#pane-difference output')?.textContent.startsWith('all: total')")
    assert compared.evaluate("window.viztracer.state().tab") == "difference"
    calls = compared.evaluate(CALLS)
    # Lines have moved, and the base has two runs: 10 and 30 calls are 20 on average.
    assert calls["old parse leaf"] == [20, 0] and calls["new parse leaf"] == [0, 25]
    assert calls[""] == [1, 1]


def test_it_is_used_by_keys(compared):
    compared.until("document.querySelector('#pane-difference output')?.textContent.startsWith('all: total')")
    compared.page.locator("#pane-difference canvas").focus()
    for key in ("ArrowDown", "Enter"):
        compared.page.keyboard.press(key)
    assert " → " in compared.evaluate("document.querySelector('#pane-difference output').textContent")
    assert len(compared.evaluate("window.viztracer.panels.difference.graph.graph.path")) == 1
    compared.page.keyboard.press("Escape")
    compared.page.locator("#timeline").click()
    compared.page.keyboard.press("3")
    assert compared.evaluate("window.viztracer.state().tab") == "flame"
    compared.page.keyboard.press("8")
    assert compared.evaluate("window.viztracer.state().tab") == "difference"


def test_other_pages_compare_ranges_only(sandbox, page):
    (sandbox.path / "a.json").write_text(json.dumps([{"ph": "X", "pid": 1, "tid": 1, "ts": 1, "dur": 1, "name": "f"}]))
    assert sandbox.viztracer_merge("a.json", "-q", "-o", "a.html").returncode == 0
    page.open(sandbox.path / "a.html")
    assert page.evaluate("window.viztracer.trace.comparison") is None
    page.page.get_by_role("tab", name="Difference").click()
    assert "press “Hold as A”" in page.page.locator("#pane-difference .hint").first.inner_text()
    assert not page.page.locator("#pane-difference canvas").is_visible()
