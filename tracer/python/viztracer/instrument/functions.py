"""``--log_func_entry`` and ``--log_func_exec``: calls of functions, and what they assign, are recorded."""

from __future__ import annotations

import ast

from . import syntax
from .assignments import Assignments

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from .options import Patterns


class _OfFunctions(ast.NodeTransformer):
    """Changes the functions whose names are wanted, wherever they are defined."""

    def __init__(self, patterns: Patterns) -> None:
        self.patterns = patterns

    def change(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Change a function. A subclass says how."""
        raise NotImplementedError

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._visit(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        self._visit(node)
        return node

    def _visit(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.generic_visit(node)
        if self.patterns.match(node.name):
            self.change(node)


class Entries(_OfFunctions):
    """Records an instant event where a function begins."""

    def change(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Insert the call that records it."""
        call = syntax.call("variable", f"Function Entry - {function.name}", f"{function.name} is called")
        syntax.insert_at_begin(function, [syntax.statement(call, function)])


class Executions(_OfFunctions):
    """Shows the assignments of a function with its call."""

    def change(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Insert calls after the function's own assignments, not after those of functions and classes inside of it."""
        steps = _Steps()
        body: list[ast.stmt] = []
        for part in function.body:
            changed = steps.visit(part)
            body.extend(changed if isinstance(changed, list) else [changed])
        function.body = body


class _Steps(Assignments):
    """Inserts a call after each assignment."""

    def record(self, target: ast.expr) -> list[ast.expr]:
        name = syntax.base_name(target)
        return [syntax.call("step", name, syntax.load(name), target.lineno)] if name else []

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        self.generic_visit(node)
        evaluated = ast.Tuple([node, *self.record(node.target)], ast.Load())
        first: ast.expr = syntax.located(ast.Subscript(evaluated, ast.Constant(0), ast.Load()), node)
        return first

    def _pass_over(self, node: ast.AST) -> ast.AST:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _pass_over
