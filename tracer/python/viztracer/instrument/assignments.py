"""The base of what inserts something after assignments of every form."""

from __future__ import annotations

import ast

from . import syntax

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeVar

    Loop = TypeVar("Loop", ast.For, ast.AsyncFor)
    With = TypeVar("With", ast.With, ast.AsyncWith)


class Assignments(ast.NodeTransformer):
    """Inserts statements after assignments, and at the begin of the block for which a statement binds something."""

    def record(self, target: ast.expr) -> list[ast.expr]:
        """Return the expressions to evaluate after an assignment to this target. A subclass says which."""
        raise NotImplementedError

    def recorded(self, targets: Sequence[ast.expr], beside: ast.AST) -> list[ast.stmt]:
        """Return statements, on the line of a node, for an assignment to these targets."""
        singles = [single for target in targets for single in syntax.single_targets(target)]
        return [syntax.statement(expression, beside) for single in singles for expression in self.record(single)]

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        self.generic_visit(node)
        return [node, *self.recorded(node.targets, node)]

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        self.generic_visit(node)
        return [node, *self.recorded([node.target], node)]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        self.generic_visit(node)
        return [node, *self.recorded([node.target], node)] if node.value else [node]


class Bindings(Assignments):
    """Inserts statements after everything that binds variables: also loops, ``with``, ``except`` and ``match``."""

    def visit_For(self, node: ast.For) -> ast.For:
        return self._visit_loop(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AsyncFor:
        return self._visit_loop(node)

    def visit_With(self, node: ast.With) -> ast.With:
        return self._visit_with(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AsyncWith:
        return self._visit_with(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        self.generic_visit(node)
        if node.name:
            node.body[:0] = self.recorded([syntax.load(node.name)], node)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        self.generic_visit(node)
        names = [syntax.load(name) for name in syntax.captured(node.pattern)]
        node.body[:0] = self.recorded(names, node.pattern)
        return node

    def _visit_loop(self, node: Loop) -> Loop:
        self.generic_visit(node)
        node.body[:0] = self.recorded([node.target], node.target)
        return node

    def _visit_with(self, node: With) -> With:
        self.generic_visit(node)
        targets = [item.optional_vars for item in node.items if item.optional_vars]
        node.body[:0] = self.recorded(targets, node.items[0].context_expr)
        return node
