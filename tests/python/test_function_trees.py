"""`FuncTree`: the calls of a report as a tree."""

import itertools

import pytest
from viztracer.functree import FuncTree, FuncTreeNode

pytestmark = pytest.mark.one_version


def event(name, start, duration):
    return {"ph": "X", "name": name, "ts": start, "dur": duration}


CALLS = [
    event("outer (/a.py:1)", 0, 100),
    event("first (/a.py:2)", 10, 50),
    event("builtins.len", 20, 10),
    event("leaf (/a b.py:3)", 40, 10),
    event("second (/a.py:4)", 70, 10),
    event("late (/a.py:5)", 200, 5),
]


def names(node):
    return {node.fullname.split()[0]: [names(child) for child in node.children]}


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(CALLS))))[::37])
def test_events_in_any_order_make_the_same_tree(order):
    tree = FuncTree(1, 2)
    for index in order:
        tree.add_event(CALLS[index])
    inside = [{"first": [{"builtins.len": []}, {"leaf": []}]}, {"second": []}]
    assert names(tree.root) == {"__ROOT__": [{"outer": inside}, {"late": []}]}
    assert all(child.parent is node for node in tree.inorder_traverse() for child in node.children)
    assert [node.fullname for node in tree.inorder_traverse()] == ["__ROOT__", *(call["name"] for call in CALLS)]


def tree_of(calls):
    tree = FuncTree()
    for call in calls:
        tree.add_event(call)
    return tree


def test_names_are_taken_apart():
    node = FuncTreeNode(event("A.f.<locals>.g (/dir (x)/a b.py:12)", 1, 2))
    assert (node.is_python, node.funcname, node.filename, node.lineno) == (
        True,
        "A.f.<locals>.g",
        "/dir (x)/a b.py",
        12,
    )
    assert (node.start, node.end) == (1, 3)
    node = FuncTreeNode(event("builtins.len", 1, 2))
    assert (node.is_python, node.funcname, node.filename, node.lineno) == (False, None, None, None)


def test_calls_are_found_by_time():
    tree = tree_of(CALLS)
    found = {time: tree.node_by_timestamp(time).funcname for time in (-5, 0, 45, 150, 200, 900)}
    assert found == {-5: "outer", 0: "outer", 45: "outer", 150: "outer", 200: "late", 900: "late"}
    assert tree.first_ts() == 0 and tree.first_node().funcname == "outer"
    with pytest.raises(IndexError):
        FuncTree().first_ts()


def test_trees_are_compared_without_times():
    moved = tree_of([event(call["name"], call["ts"] + 7, call["dur"]) for call in CALLS])
    assert moved.is_same(tree_of(CALLS)) and FuncTree().is_same(FuncTree())
    assert not moved.is_same(tree_of(CALLS[:-1]))
    assert not tree_of([CALLS[0]]).is_same(tree_of([CALLS[1]]))


def test_times_are_shifted():
    tree = tree_of(CALLS[1:])
    tree.normalize(tree.first_ts())
    assert [node.start for node in tree.inorder_traverse()][1:] == [0, 10, 30, 60, 190]


def test_call_that_overlaps_stands_beside():
    tree = tree_of([event("a (x:1)", 10, 10), event("b (x:1)", 5, 8)])
    assert names(tree.root) == {"__ROOT__": [{"b": []}, {"a": []}]}
    with pytest.raises(ValueError, match="does not lie inside"):
        tree.first_node().adopt(FuncTreeNode(event("c (x:1)", 500, 1)))


def test_deep_trees_need_no_recursion_to_be_walked():
    calls = [event(f"f{depth} (x:1)", depth, 20_000 - 2 * depth) for depth in range(3000)]
    assert sum(1 for _ in tree_of(calls).inorder_traverse()) == 3001
