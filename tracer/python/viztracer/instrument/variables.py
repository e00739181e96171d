"""``--log_var`` and ``--log_number``: each value of a variable is recorded."""

from __future__ import annotations

import ast

from . import syntax
from .assignments import Bindings

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from .options import Patterns

    Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Variables(Bindings):
    """Records variables where they are bound: by statements, as parameters, by ``:=`` and in comprehensions.

    Args:
        patterns: which variables.
        method: the method of the log that records them.
    """

    def __init__(self, patterns: Patterns, method: str) -> None:
        self.patterns = patterns
        self.method = method

    def record(self, target: ast.expr) -> list[ast.expr]:
        """Return a call that records the variable which an assignment to this target changes."""
        name = syntax.base_name(target)
        return self.record_names([name] if name else [])

    def record_names(self, names: list[str]) -> list[ast.expr]:
        """Return a call for each of these variables that is wanted."""
        wanted = [name for name in names if self.patterns.match(name)]
        return [syntax.call(self.method, f"Variable Assign - {name}", syntax.load(name)) for name in wanted]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._visit_function(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        self._visit_function(node)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        """Evaluate a tuple of the calls and the body, and return its last element."""
        self.generic_visit(node)
        if calls := self.record_names(syntax.parameters(node.args)):
            evaluated = ast.Tuple([*calls, node.body], ast.Load())
            last = ast.UnaryOp(ast.USub(), ast.Constant(1))
            node.body = syntax.located(ast.Subscript(evaluated, last, ast.Load()), node.body)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        """Evaluate a tuple of the assignment and the calls, and return its first element."""
        self.generic_visit(node)
        if calls := self.record(node.target):
            evaluated = ast.Tuple([node, *calls], ast.Load())
            first: ast.expr = syntax.located(ast.Subscript(evaluated, ast.Constant(0), ast.Load()), node)
            return first
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        """Record the variables in a condition that always holds, since a comprehension has no statements."""
        self.generic_visit(node)
        names = [target.id for target in syntax.single_targets(node.target) if isinstance(target, ast.Name)]
        for call in reversed(self.record_names(names)):
            condition = ast.Compare(call, [ast.Is()], [ast.Constant(None)])
            node.ifs.insert(0, syntax.located(condition, node.target))
        return node

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.generic_visit(node)
        calls = self.record_names(syntax.parameters(node.args))
        syntax.insert_at_begin(node, [syntax.statement(call, node) for call in calls])
