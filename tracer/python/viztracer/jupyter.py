"""``%%viztracer`` for notebooks: run a cell under the tracer and show the report below it.

The report is a part of the cell's output, so no server is needed, and it is still there when the notebook is opened
again. IPython is imported only here, and only once a shell asks for the magic.
"""

from __future__ import annotations

import ast
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from . import child, report
from .snaptrace import merge
from .viztracer import VizTracer

# What a Jupyter server passes on at once: with its usual `iopub_data_rate_limit` it drops what exceeds 3 MB in 3 s.
SHOWN_MAX = 2_500_000
LARGE_REPORT = "viztracer_report.html"
OUTPUTS = (".json", ".json.gz", ".html")
# The page keeps its view in its address, which in such a frame is not where its links would start from.
HEAD, HEAD_OF_FRAME = "<head>", '<head><base href="about:srcdoc">'
NOT_THERE_YET = ("log_func_args", "log_print", "log_sparse")
LAST_VALUE = "__viztracer_last_value__"
# In a division, since IPython has an opinion about output that is nothing but a frame.
FRAME = """\
<div><iframe title="viztracer" style="width: 100%; height: {height}px; border: 1px solid #8884" allowfullscreen
 srcdoc="{page}"></iframe></div>"""


def load_ipython_extension(shell: Any) -> None:
    """Make the magic known to this shell."""
    parser = _parser()

    def viztracer(line: str, cell: str) -> None:
        _trace(shell, parser.parse_argstring(line), cell)

    viztracer.__doc__ = parser.format_help()
    shell.register_magic_function(viztracer, magic_kind="cell")


def _parser() -> Any:
    from IPython.core.magic_arguments import MagicArgumentParser

    parser = MagicArgumentParser("%%viztracer", description="Trace the cell and show the report below it.")
    add = parser.add_argument
    add("--output_file", metavar="FILE", help=f"keep what was recorded in this file, too: {', '.join(OUTPUTS)}")
    add("--tracer_entries", metavar="N", type=int, default=1_000_000, help="the newest events to keep [1000000]")
    add("--max_stack_depth", metavar="N", type=int, default=-1, help="the deepest nesting to record")
    add("--min_duration", metavar="US", type=float, default=0, help="leave out shorter calls, in us")
    add("--ignore_c_function", action="store_true", help="do not record C functions")
    add("--ignore_frozen", action="store_true", help="do not record functions frozen into the interpreter")
    add("--log_async", action="store_true", help="give every asyncio task a track of its own")
    add("--height", metavar="PIXELS", type=int, default=600, help="of the report [600]")
    add("-p", "--port", metavar="N", help="does nothing, as the report needs no server")
    for name in NOT_THERE_YET:
        add(f"--{name}", action="store_true", help="not there yet, refused")
    return parser


def _trace(shell: Any, options: Any, cell: str) -> None:
    _check(options)
    code, text = _compile(shell, cell)
    namespace = shell.user_ns
    with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
        page = os.path.join(directory, "cell.html")
        output = os.path.abspath(options.output_file) if options.output_file else page
        tracer = VizTracer(
            output_file=output,
            verbose=0,
            tracer_entries=options.tracer_entries,
            max_stack_depth=options.max_stack_depth,
            min_duration=options.min_duration,
            ignore_c_function=options.ignore_c_function,
            ignore_frozen=options.ignore_frozen,
            log_async=options.log_async,
        )
        try:
            with _on_disk(code.co_filename, text), tracer:
                exec(code, namespace)
        finally:  # also of a cell that raised
            if tracer.total_entries:
                if output.endswith(".html"):
                    page = output
                else:
                    merge([output], page)
                _show(page, options.height, is_kept=not page.startswith(directory))
    value = namespace.pop(LAST_VALUE, None)
    if value is not None:
        shell.displayhook(value)


def _check(options: Any) -> None:
    """Raise IPython's `UsageError` if the options make no sense."""
    from IPython.core.error import UsageError

    for name in NOT_THERE_YET:
        if getattr(options, name):
            raise UsageError(f"--{name} is not there yet: leave it out")
    if options.output_file and not options.output_file.endswith(OUTPUTS):
        raise UsageError(f"--output_file: only these kinds are supported: {', '.join(OUTPUTS)}")
    if options.tracer_entries < 1:
        raise UsageError("--tracer_entries must be at least 1")
    if child.recording():
        raise UsageError("another tracer records this process: stop that first")


def _compile(shell: Any, cell: str) -> tuple[CodeType, str]:
    """Return the code of a cell, which keeps the value of its last expression, and the text it was made of."""
    text = shell.transform_cell(cell)
    name = shell.compile.cache(text, shell.execution_count, raw_code=cell)
    tree = shell.transform_ast(shell.compile.ast_parse(text, name))
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        target = ast.Name(LAST_VALUE, ast.Store())
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
        ast.fix_missing_locations(tree)
    return shell.compile(tree, name, "exec"), text


@contextmanager
def _on_disk(path: str, text: str) -> Iterator[None]:
    """Let a cell's text be where its file name says, for the report to hold it: a kernel does not write it there."""
    is_written = False
    try:
        if os.path.isabs(path):
            directory = os.path.dirname(path)
            os.makedirs(directory, 0o700, exist_ok=True)
            if os.stat(directory).st_uid == os.getuid():
                with open(path, "x", encoding="utf-8") as file:
                    is_written = True
                    file.write(text)
    except OSError:
        pass  # it is there already, or the report does without
    try:
        yield
    finally:
        if is_written:
            os.unlink(path)


def _show(page: str, height: int, *, is_kept: bool) -> None:
    """Show a report below the cell, or, if it is too large for that, tell where it is kept."""
    from IPython.display import HTML, display

    with open(page, encoding="utf-8") as file:
        text = file.read().replace(HEAD, HEAD_OF_FRAME, 1)
    frame = FRAME.format(height=height, page=text.replace("&", "&amp;").replace('"', "&quot;"))
    if len(frame) <= SHOWN_MAX:
        display(HTML(frame))
        return
    if not is_kept:
        page = shutil.copy(page, LARGE_REPORT)
    report.say(f"The report is too large for a cell ({len(frame) / 1e6:.1f} MB): open {os.path.abspath(page)}")
