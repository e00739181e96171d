"""``--log_exception``: exceptions are recorded where ``raise`` raises them."""

from __future__ import annotations

import ast

from . import syntax


class Exceptions(ast.NodeTransformer):
    """Records what each ``raise`` raises. The expression is evaluated once, as before."""

    def visit_Raise(self, node: ast.Raise) -> list[ast.stmt]:
        self.generic_visit(node)
        if node.exc is None:
            return [syntax.statement(syntax.call("current_exception", "Exception"), node), node]
        recorded = syntax.assigned([f"Exception - {syntax.shown(node.exc)}"], node.exc)
        node.exc = syntax.located(recorded, node.exc)
        return [node]
