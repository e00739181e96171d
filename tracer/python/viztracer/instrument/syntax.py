"""Parts of syntax trees that instrumentation makes and takes apart."""

from __future__ import annotations

import ast
import copy

from .log import PLACEHOLDER

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Function = ast.FunctionDef | ast.AsyncFunctionDef


# What may do something when it is evaluated a second time.
ACTS = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


def call(method: str, *arguments: ast.expr | str | int, keywords: Sequence[ast.keyword] = ()) -> ast.expr:
    """Return a call of a method of the log, which gives `None`; texts and numbers become constants."""
    return _if_log(_call(method, *arguments, keywords=keywords), ast.Constant(None))


def assigned(names: Sequence[str], value: ast.expr) -> ast.expr:
    """Return an expression that gives a value, and records it under each of these names."""
    recorded = value
    for name in names:
        recorded = _call("assigned", name, recorded)
    return _if_log(recorded, copy.deepcopy(value)) if names else value


def is_recording() -> ast.expr:
    """Return an expression that says whether something is recorded."""
    tracer = _if_log(_of_log("tracer"), ast.Constant(None))
    return ast.Compare(tracer, [ast.IsNot()], [ast.Constant(None)])


def _call(method: str, *arguments: ast.expr | str | int, keywords: Sequence[ast.keyword] = ()) -> ast.Call:
    values = [ast.Constant(value) if isinstance(value, (str, int)) else value for value in arguments]
    return ast.Call(_of_log(method), values, list(keywords))


def _of_log(attribute: str) -> ast.expr:
    return ast.Attribute(ast.Constant(PLACEHOLDER), attribute, ast.Load())


def _if_log(expression: ast.expr, otherwise: ast.expr) -> ast.expr:
    """Return an expression that evaluates the second one where the log is still, or again, its placeholder.

    The placeholder in the tuple stays one: `embed` replaces none inside of other constants.
    """
    placeholders: Any = (PLACEHOLDER,)
    is_placeholder = ast.Compare(ast.Constant(PLACEHOLDER), [ast.In()], [ast.Constant(placeholders)])
    return ast.IfExp(is_placeholder, otherwise, expression)


def acts(expression: ast.expr) -> bool:
    """Return whether an expression may do something when it is evaluated."""
    return any(isinstance(part, ACTS) for part in ast.walk(expression))


def statement(expression: ast.expr, beside: ast.AST) -> ast.stmt:
    """Return an expression as a statement on the line of another node."""
    node: ast.stmt = located(ast.Expr(expression), beside)
    return node


def located(new: Any, beside: ast.AST) -> Any:
    """Give a new node, and all in it that has no line yet, the lines of another node."""
    return ast.fix_missing_locations(ast.copy_location(new, beside))


def load(name: str) -> ast.Name:
    """Return the use of a variable."""
    return ast.Name(name, ast.Load())


def insert_at_begin(function: Function, statements: Sequence[ast.stmt]) -> None:
    """Insert statements at the begin of a function, after its docstring."""
    index = 1 if ast.get_docstring(function, clean=False) is not None else 0
    function.body[index:index] = statements


def begin(block: Sequence[ast.stmt]) -> int:
    """Return the index before which nothing may be inserted: that of what follows the docstring and ``__future__``."""
    index = 0
    first = block[0] if block else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        index = 1
    while index < len(block):
        node = block[index]
        if not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        index += 1
    return index


def parameters(arguments: ast.arguments) -> list[str]:
    """Return the names of a function's parameters."""
    given = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
    return [argument.arg for argument in given if argument]


def single_targets(target: ast.expr) -> Iterator[ast.expr]:
    """Iterate over the names, attributes and subscripts that an assignment to this target changes."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from single_targets(element)
    elif isinstance(target, ast.Starred):
        yield from single_targets(target.value)
    else:
        yield target


def base_name(target: ast.expr) -> str | None:
    """Return the variable that an assignment changes, directly or by an attribute or subscript of it."""
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None


def captured(pattern: ast.pattern) -> Iterator[str]:
    """Iterate over the variables that a pattern of ``match`` binds, in the order of the source."""
    name = getattr(pattern, "rest", None) or (getattr(pattern, "name", None))
    for part in ast.iter_child_nodes(pattern):
        if isinstance(part, ast.pattern):
            yield from captured(part)
    if name:
        yield name


def shown(expression: ast.expr) -> str:
    """Return the source of an expression, with the arguments of calls left out: ``ValueError()``."""
    return ast.unparse(_WithoutArguments().visit(copy.deepcopy(expression)))


class _WithoutArguments(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.Call:
        return ast.Call(self.visit(node.func), [], [])
