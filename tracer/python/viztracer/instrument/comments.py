"""``--magic_comment``: comments such as ``# !viztracer: log_var("a", a) if a > 1`` are obeyed.

A comment on a line of its own stands for a call of that method of the tracer. Behind a statement, ``# !viztracer: log``
records what the statement assigns, or that it has run.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize

from . import syntax

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = re.compile(r"#\s*!viztracer:\s*(.*)")
METHODS = ("log_instant", "log_var")
# After these nothing of the same block runs.
LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
BLOCKS = ("body", "orelse", "finalbody")


class Comment:
    """A comment that is a command.

    Args:
        line: its line.
        column: its column.
        command: what it says.
        condition: the condition after ``if``.
        opens_block: whether the code before it ends with a colon, so that a block follows.
        is_alone: whether nothing else is on its line.
    """

    def __init__(
        self,
        line: int,
        column: int,
        command: ast.expr,
        condition: ast.expr | None,
        *,
        opens_block: bool,
        is_alone: bool,
    ) -> None:
        self.line = line
        self.column = column
        self.command = command
        self.condition = condition
        self.opens_block = opens_block
        self.is_alone = is_alone


def obey(tree: ast.Module, source: str) -> list[int]:
    """Insert what the comments of a source say into its tree; return the lines of comments that make no sense."""
    unknown: list[int] = []
    statements = Statements(tree)
    for comment in reversed(list(_comments(source, unknown))):  # from the end, so that indexes stay valid
        inserted = statements.insert_alone(comment) if comment.is_alone else statements.insert_beside(comment, source)
        if not inserted:
            unknown.append(comment.line)
    return sorted(unknown)


def _comments(source: str, unknown: list[int]) -> Iterator[Comment]:
    last = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (found := MAGIC.fullmatch(token.string)):
            line, column = token.start
            if parsed := _parsed(found[1]):
                is_alone = not token.line[:column].strip()
                yield Comment(line, column, *parsed, opens_block=last == ":", is_alone=is_alone)
            else:
                unknown.append(line)
        elif token.type not in NO_CODE:
            last = token.string


def _parsed(text: str) -> tuple[ast.expr, ast.expr | None] | None:
    """Return the command and the condition of a comment; None if it has none."""
    for attempt in (text, f"{text} else None"):
        try:
            expression = ast.parse(attempt.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if isinstance(expression, ast.IfExp):
            return expression.body, expression.test
        return expression, None
    return None


class Statements:
    """The blocks of statements of a module, to insert into.

    Args:
        tree: the module.
    """

    def __init__(self, tree: ast.Module) -> None:
        # Each block with the line on which its owner begins.
        self._blocks: list[tuple[int, list[ast.stmt]]] = []
        for node in ast.walk(tree):
            for block in (getattr(node, field, None) for field in BLOCKS):
                if isinstance(block, list) and block:
                    self._blocks.append((getattr(node, "lineno", 0), block))

    def insert_alone(self, comment: Comment) -> bool:
        """Insert the call that a comment on a line of its own stands for; return False if it stands for none."""
        command = comment.command
        if not (isinstance(command, ast.Call) and isinstance(command.func, ast.Name) and command.func.id in METHODS):
            return False
        call = syntax.call("comment", command.func.id, *command.args)
        call.keywords = command.keywords
        block, index = self._gap(comment)
        beside = block[min(index, len(block) - 1)]
        block.insert(index, _conditional(call, comment, beside))
        return True

    def insert_beside(self, comment: Comment, source: str) -> bool:
        """Insert what a comment behind a statement asks for; return False if it asks for nothing that is known."""
        if not (isinstance(comment.command, ast.Name) and comment.command.id == "log"):
            return False
        found = self._statement_at(comment)
        if found is None:
            return False
        block, index = found
        node = block[index]
        targets = _targets(node)
        text = _text(node, comment, source)
        if targets and not any(syntax.acts(part) for part in targets):
            names = [ast.get_source_segment(source, target) or ast.unparse(target) for target in targets]
            calls = [syntax.call("comment", "log_var", name, _loaded(part)) for name, part in zip(names, targets)]
        else:
            calls = [syntax.call("comment", "log_instant", text)]
        inserted = [_conditional(call, comment, node) for call in calls]
        inner: list[ast.stmt] | None = getattr(node, "body", None)
        if inner is None:
            following = index if isinstance(node, LEAVES) else index + 1
            block[following:following] = inserted
        else:
            first = _begin(inner)
            inner[first:first] = inserted
        return True

    def _gap(self, comment: Comment) -> tuple[list[ast.stmt], int]:
        """Return the block that a line belongs to, and the index of the statement that follows in it."""
        if comment.opens_block:
            following = [(_line(block[0]), block, 0) for _, block in self._blocks if _line(block[0]) > comment.line]
            if following:
                _, block, index = min(following, key=lambda found: (found[0], -found[1][0].col_offset))
                return block, index
        gaps = []
        for owner, block in self._blocks:
            index = sum(_line(node) < comment.line for node in block)
            is_inside = index < len(block) or owner < comment.line
            begins_before = index > 0 or owner == 0
            if is_inside and begins_before and (not index or _end(block[index - 1]) < comment.line):
                gaps.append((block[0].col_offset, _line(block[index - 1]) if index else 0, block, index))
        # The deepest block that is not indented further than the comment, and of those the nearest.
        fitting = [gap for gap in gaps if gap[0] <= comment.column] or gaps
        _, _, block, index = max(fitting, key=lambda gap: gap[:2])
        return block, max(index, _begin(block)) if index == 0 else index

    def _statement_at(self, comment: Comment) -> tuple[list[ast.stmt], int] | None:
        """Return the innermost statement that a comment stands behind, by its block and index."""
        found = None
        for _, block in self._blocks:
            for index, node in enumerate(block):
                position = (node.lineno, node.col_offset)
                if node.lineno <= comment.line <= _header_end(node) and (found is None or position > found[0]):
                    found = position, block, index
        return found and found[1:]


def _conditional(call: ast.expr, comment: Comment, beside: ast.AST) -> ast.stmt:
    """Return a statement that evaluates a call if something is recorded and the comment's condition holds."""
    tests: list[ast.expr] = [syntax.is_recording()]
    if comment.condition:
        tests.append(comment.condition)
    test = ast.BoolOp(ast.And(), tests) if len(tests) > 1 else tests[0]
    node: ast.stmt = ast.If(test, [ast.Expr(call)], [])
    for part in ast.walk(node):
        if hasattr(part, "lineno"):  # of the comment's own text
            ast.copy_location(part, beside)
    located: ast.stmt = syntax.located(node, beside)
    return located


def _targets(node: ast.stmt) -> list[ast.expr]:
    """Return what a statement assigns to."""
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, (ast.AugAssign, ast.For, ast.AsyncFor)) or (isinstance(node, ast.AnnAssign) and node.value):
        return [node.target]
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [item.optional_vars for item in node.items if item.optional_vars]
    return []


def _loaded(target: ast.expr) -> ast.expr:
    """Return a target of an assignment as an expression to evaluate; starred ones are in a list then."""
    return ast.parse(f"({ast.unparse(target)})", mode="eval").body


def _text(node: ast.stmt, comment: Comment, source: str) -> str:
    """Return the text of a statement, or of the line before its block."""
    if not hasattr(node, "body"):
        return ast.get_source_segment(source, node) or ast.unparse(node)
    return source.split("\n")[comment.line - 1][: comment.column].strip()


def _begin(block: list[ast.stmt]) -> int:
    """Return the index before which nothing may be inserted: that of what follows the docstring and ``__future__``."""
    index = 0
    first = block[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        index = 1
    while index < len(block):
        node = block[index]
        if not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        index += 1
    return index


def _line(node: ast.stmt) -> int:
    """Return the line that a statement begins on, with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(int(decorator.lineno) for decorator in decorators)])


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _header_end(node: ast.stmt) -> int:
    """Return the line that a statement ends on; of one with a block, the line before the block."""
    body: list[ast.stmt] | None = getattr(node, "body", None)
    if not isinstance(body, list) or not body:
        return _end(node)
    return max(node.lineno, _line(body[0]) - 1) if body[0].lineno > node.lineno else node.lineno
