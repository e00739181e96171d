"""``--magic_comment``: comments such as ``# !viztracer: log_var("a", a) if a > 1`` are obeyed.

A comment on a line of its own stands for a call of that method of the tracer. Behind a statement, ``# !viztracer: log``
records what the statement assigns, or that it has run.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from bisect import bisect_left

from . import syntax

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAGIC = re.compile(r"#\s*!viztracer:\s*(.*)")
METHODS = ("log_instant", "log_var")
# After these nothing of the same block runs.
LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)


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
    comments = list(_comments(source, unknown))
    if comments:  # most sources have none
        statements = Statements(tree, source)
        for comment in reversed(comments):  # from the end, so that indexes stay valid
            inserted = statements.insert_alone(comment) if comment.is_alone else statements.insert_beside(comment)
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


class Block:
    """A block of statements as it is in the source, and as it becomes.

    Args:
        statements: the list in the tree, to insert into.
    """

    def __init__(self, statements: list[ast.stmt]) -> None:
        self.changed = statements
        self.statements = tuple(statements)
        self.lines = [_line(node) for node in statements]
        self.column = statements[0].col_offset if statements else 0

    def insert(self, index: int, inserted: list[ast.stmt]) -> None:
        """Insert statements before the one with this index, but after the docstring and ``__future__``."""
        index = max(index, syntax.begin(self.statements))
        self.changed[index:index] = inserted


class Statements:
    """The blocks of statements of a module, to insert into from the end to the begin.

    Args:
        tree: the module.
        source: its text.
    """

    def __init__(self, tree: ast.Module, source: str) -> None:
        self._lines = source.split("\n")
        self._module = Block(tree.body)
        # The blocks of each statement, in the order of the source.
        self._inner: dict[ast.stmt, list[Block]] = {}
        # By line, the innermost statement that the line belongs to, but to no block of it: its block and index.
        self._at: dict[int, tuple[Block, int]] = {}
        blocks = [self._module]
        for block in blocks:
            for index, node in enumerate(block.statements):
                self._inner[node] = inner = [Block(statements) for statements in _blocks(node)]
                blocks.extend(inner)
                for line in range(node.lineno, _header_end(node) + 1):
                    self._at[line] = block, index  # what is inside of others comes later, and so does what is behind

    def insert_alone(self, comment: Comment) -> bool:
        """Insert the call that a comment on a line of its own stands for; return False if it stands for none."""
        command = comment.command
        if not (isinstance(command, ast.Call) and isinstance(command.func, ast.Name) and command.func.id in METHODS):
            return False
        gap = self._gap(comment)
        if gap is None:
            return False
        block, index = gap
        call = syntax.call("comment", command.func.id, *command.args, keywords=command.keywords)
        beside = block.statements[min(index, len(block.statements) - 1)] if block.statements else comment.command
        block.insert(index, [_conditional(call, comment, beside)])
        return True

    def insert_beside(self, comment: Comment) -> bool:
        """Insert what a comment behind a statement asks for; return False if it asks for nothing that is known."""
        if not (isinstance(comment.command, ast.Name) and comment.command.id == "log"):
            return False
        if comment.line not in self._at:
            return False
        block, index = self._at[comment.line]
        node = block.statements[index]
        targets = _targets(node)
        if targets and not any(syntax.acts(part) for part in targets):
            calls = [syntax.call("comment", "log_var", self._text(part), _loaded(part)) for part in targets]
        else:
            is_whole = not self._inner[node]
            text = self._text(node) if is_whole else self._lines[comment.line - 1][: comment.column].strip()
            calls = [syntax.call("comment", "log_instant", text)]
        inserted = [_conditional(call, comment, node) for call in calls]
        if isinstance(node, (*LEAVES, ast.Match)):
            block.insert(index, inserted)
        elif inner := self._inner[node]:
            inner[0].insert(0, inserted)
        else:
            block.insert(index + 1, inserted)
        return True

    def _gap(self, comment: Comment) -> tuple[Block, int] | None:
        """Return the block that a line belongs to, and the index of the statement that follows in it.

        None if the line is in the middle of a statement.
        """
        block = self._module
        while True:
            index = bisect_left(block.lines, comment.line)
            if index == 0 or _end(block.statements[index - 1]) < comment.line:
                return self._deepest(block, index, comment.column)
            inner = self._inner[block.statements[index - 1]]
            begun = sum(block.lines[0] < comment.line for block in inner)
            is_between = begun == 0 or _end(inner[begun - 1].statements[-1]) < comment.line
            if is_between and comment.opens_block and begun < len(inner):
                return inner[begun], 0
            if begun == 0:
                return None
            block = inner[begun - 1]

    def _deepest(self, block: Block, index: int, column: int) -> tuple[Block, int]:
        """Return the innermost block that may go on here and is not indented further than a column."""
        gap = block, index
        while index and (inner := self._inner[block.statements[index - 1]]):
            block = inner[-1]
            index = len(block.statements)
            if block.column <= column:
                gap = block, index
        return gap

    def _text(self, node: ast.stmt | ast.expr) -> str:
        """Return the source of a node."""
        lines = [line.encode() for line in self._lines[node.lineno - 1 : node.end_lineno]]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"\n".join(lines).decode()


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Iterate over the blocks of a statement, in the order of the source."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        part = getattr(node, field, None) or []
        if field in ("handlers", "cases"):
            yield from (inner.body for inner in part)
        elif part:
            yield part


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


def _line(node: ast.stmt) -> int:
    """Return the line that a statement begins on, with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(int(decorator.lineno) for decorator in decorators)])


def _end(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


def _header_end(node: ast.stmt) -> int:
    """Return the line that a statement ends on; of one with a block, the line before the block."""
    if isinstance(node, ast.Match):
        return _end(node.subject)
    body: list[ast.stmt] | None = getattr(node, "body", None)
    if not isinstance(body, list) or not body:
        return _end(node)
    return max(node.lineno, _line(body[0]) - 1) if body[0].lineno > node.lineno else node.lineno
