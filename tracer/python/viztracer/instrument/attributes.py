"""``--log_attr``: each value of an attribute is recorded."""

from __future__ import annotations

import ast
import copy

from . import syntax
from .assignments import Bindings

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from .options import Patterns

NOT_READ = "(not read, since that would run code a second time)"


class Attributes(Bindings):
    """Records attributes that are assigned to, of any object.

    Args:
        patterns: which attributes.
    """

    def __init__(self, patterns: Patterns) -> None:
        self.patterns = patterns
        self._classes: list[str] = []

    def record(self, target: ast.expr) -> list[ast.expr]:
        """Return a call that reads the attribute and records its value."""
        if not self._is_wanted(target):
            return []
        assert isinstance(target, ast.Attribute)
        name = f"Attribute Assign - {syntax.shown(target)}"
        if syntax.acts(target.value):
            return [syntax.call("variable", name, NOT_READ)]
        owner = copy.deepcopy(target.value)
        return [syntax.call("attribute", name, owner, self._real_name(target.attr))]

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        """Where the owner of the attribute cannot be evaluated a second time, record the value that it gets."""
        self.generic_visit(node)
        once, again = [], []
        for target in node.targets:
            if isinstance(target, ast.Attribute) and self._is_wanted(target) and syntax.acts(target.value):
                once.append(f"Attribute Assign - {syntax.shown(target)}")
            else:
                again.append(target)
        node.value = syntax.located(syntax.assigned(once, node.value), node.value)
        return [node, *self.recorded(again, node)]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()
        return node

    def _is_wanted(self, target: ast.expr) -> bool:
        return isinstance(target, ast.Attribute) and self.patterns.match(target.attr)

    def _real_name(self, attribute: str) -> str:
        """Return the name that a private attribute has outside of its class."""
        is_private = attribute.startswith("__") and not attribute.endswith("__")
        if not (is_private and self._classes and self._classes[-1].strip("_")):
            return attribute
        return f"_{self._classes[-1].lstrip('_')}{attribute}"
