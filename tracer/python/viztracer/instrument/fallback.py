"""Lets instrumented code run where `log.SourceLog` is not among the builtins: the program may choose other builtins."""

from __future__ import annotations

import ast

from . import syntax
from .log import NAME, SourceLog

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import TypeVar

    Tree = TypeVar("Tree", ast.Module, ast.Interactive)

METHODS = [name for name in dir(SourceLog) if not name.startswith("_") and name not in ("assigned", "tracer")]
# Without any builtin, not even `NameError`. What has the methods is a function, since a class would need a builtin.
SOURCE = f"""
global {NAME}
try:
    {NAME}
except:
    def {NAME}(*_, **__): pass
    {" = ".join(f"{NAME}.{method}" for method in METHODS)} = {NAME}
    {NAME}.assigned = lambda _, value: value
    {NAME}.tracer = None
"""


def add(tree: Tree) -> None:
    """Insert statements into instrumented code so that its calls do nothing if there is nothing that they can call."""
    if any(isinstance(node, ast.Name) and node.id == NAME for node in ast.walk(tree)):
        index = syntax.begin(tree.body)
        beside = tree.body[min(index, len(tree.body) - 1)]
        statements = ast.parse(SOURCE).body
        for statement in statements:
            for node in ast.walk(statement):
                if hasattr(node, "lineno"):
                    ast.copy_location(node, beside)
        tree.body[index:index] = statements
