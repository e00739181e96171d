"""``%%viztracer`` for notebooks: run a cell under the tracer and show the report below it.

The report is a part of the cell's output, so no server is needed, and it is still there when the notebook is opened
again. IPython is imported only here, and only once a shell asks for the magic.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from inspect import CO_COROUTINE
from types import CodeType
from typing import Any

from .command_line.arguments import VizTracersError, add_recording_options, recording_options
from .output import report, terminal
from .process import this_process
from .snaptrace import merge
from .system import is_own
from .tracer.options import check_together
from .viztracer import VizTracer

# Jupyter passes on any amount, since its `iopub_data_rate_limit` counts only what is printed; but each save of the
# notebook sends it all, and others (Colab) take no notebook of more than 20 MB.
SHOWN_MAX = 15_000_000
OUTPUTS = (".json", ".json.gz", ".html")
# The page keeps its view in its address, which in such a frame is not where its links would start from.
HEAD, HEAD_OF_FRAME = "<head>", '<head><base href="about:srcdoc">'
LAST_VALUE = "__viztracer_last_value__"
RUN_CELL_MAGIC = "get_ipython().run_cell_magic"  # and a tuple of texts, as IPython writes the first line of a cell
# In a division, since IPython has an opinion about output that is nothing but a frame.
FRAME = """\
<div><iframe title="viztracer" style="width: 100%; height: {height}px; border: 1px solid #8884" allowfullscreen
 {source}></iframe></div>"""


def load_ipython_extension(shell: Any) -> None:
    """Make the magic known to this shell."""
    parser = _parser()

    def viztracer(line: str, cell: str) -> Any:
        __tracebackhide__ = True
        return _trace(shell, _parse(parser, line), cell)

    def awaited(lines: list[str]) -> list[str]:
        """Have IPython await what the magic returns if the cell awaits something."""
        return ["await ", *lines] if _is_async(shell, "".join(lines)) else lines

    viztracer.__doc__ = parser.format_help()
    shell.register_magic_function(viztracer, magic_kind="cell")
    shell.input_transformers_post.append(awaited)


def _parser() -> Any:
    from IPython.core.magic_arguments import MagicArgumentParser

    parser = MagicArgumentParser("%%viztracer", description="Trace the cell and show the report below it.")
    add = parser.add_argument
    add("--output_file", metavar="FILE", help=f"keep what was recorded in this file, too: {', '.join(OUTPUTS)}")
    add_recording_options(parser)
    add("--height", metavar="PIXELS", type=int, default=600, help="of the report [600]")
    add("-p", "--port", metavar="N", help="does nothing, as the report needs no server")
    return parser


def _parse(parser: Any, line: str) -> Any:
    """Return the options in the magic's line. Raise IPython's `UsageError` if they cannot be understood."""
    from IPython.core.error import UsageError

    try:
        return parser.parse_args(shlex.split(line))
    except VizTracersError as error:
        raise UsageError(str(error)) from None


def _is_async(shell: Any, text: str) -> bool:
    """Tell whether this is a call of the magic for a cell that awaits something."""
    if not text.startswith(f"{RUN_CELL_MAGIC}('viztracer', "):
        return False
    try:
        _, _, cell = ast.literal_eval(text.strip().removeprefix(RUN_CELL_MAGIC))
        return bool(shell.should_run_async(cell, transformed_cell=shell.transform_cell(cell)))
    except (ValueError, SyntaxError):
        return False  # somebody has written more than that, or nonsense


def _trace(shell: Any, options: Any, cell: str) -> Any:
    """Run a cell and show its report; return the value of its last expression, or what to await for that."""
    __tracebackhide__ = True
    _check(options)
    code, text = _compile(shell, cell)
    recording = this_process.recording()
    if recording and not recording.gives_way:
        terminal.complain("the command viztracer records this whole process, so the cell is in its report")
        shown: AbstractContextManager[Any] = nullcontext(nullcontext())
    else:
        shown = _shown(options, code.co_filename, text)
    run = _run_async if code.co_flags & CO_COROUTINE else _run
    return run(shown, code, shell.user_ns)


def _run(shown: AbstractContextManager[Any], code: CodeType, namespace: dict[str, Any]) -> Any:
    __tracebackhide__ = True
    with shown as tracer, tracer:
        exec(code, namespace)
    return namespace.pop(LAST_VALUE, None)


async def _run_async(shown: AbstractContextManager[Any], code: CodeType, namespace: dict[str, Any]) -> Any:
    __tracebackhide__ = True
    with shown as tracer, tracer:
        await eval(code, namespace)
    return namespace.pop(LAST_VALUE, None)


def _check(options: Any) -> None:
    """Raise IPython's `UsageError` if the options make no sense."""
    from IPython.core.error import UsageError

    if options.output_file and not options.output_file.endswith(OUTPUTS):
        raise UsageError(f"--output_file: only these kinds are supported: {', '.join(OUTPUTS)}")
    try:
        check_together(recording_options(options))
    except (ValueError, OverflowError) as error:
        raise UsageError(str(error)) from None


def _compile(shell: Any, cell: str) -> tuple[CodeType, str]:
    """Return the code of a cell, which keeps the value of its last expression, and the text it was made of."""
    text = shell.transform_cell(cell)
    number = len(shell.history_manager.input_hist_parsed) - 1  # `execution_count` may be the next one's already
    name = shell.compile.cache(text, number, raw_code=cell)
    tree = shell.transform_ast(shell.compile.ast_parse(text, name))
    ends_with_semicolon = getattr(shell.displayhook, "semicolon_at_end_of_expression", lambda _: False)
    if not ends_with_semicolon(text) and tree.body and isinstance(last := tree.body[-1], ast.Expr):
        target = ast.Name(LAST_VALUE, ast.Store())
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
        ast.fix_missing_locations(tree)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell.should_run_async(cell, transformed_cell=text) else 0
    with shell.compile.extra_flags(flags):
        return shell.compile(tree, name, "exec"), text


@contextmanager
def _shown(options: Any, path: str, text: str) -> Iterator[VizTracer]:
    """Give a tracer, and show what it has recorded inside, also if that raised.

    Args:
        options: of the magic.
        path: the file that the cell's code names.
        text: what ought to be there.
    """
    with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
        page = os.path.join(directory, "cell.html")
        output = os.path.abspath(options.output_file) if options.output_file else page
        tracer = VizTracer(**recording_options(options), verbose=0, output_file=output)
        try:
            with _on_disk(path, text):
                yield tracer
        finally:
            if tracer.total_entries:
                if output.endswith(".html"):
                    page = output
                else:
                    merge([output], page)
                _show(page, options.height, is_kept=not page.startswith(directory))


@contextmanager
def _on_disk(path: str, text: str) -> Iterator[None]:
    """Let a cell's text be where its file name says, for the report to hold it: a kernel does not write it there."""
    is_written = False
    try:
        if os.path.isabs(path):
            directory = os.path.dirname(path)
            os.makedirs(directory, 0o700, exist_ok=True)
            if is_own(directory):
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
    """Show a report below the cell: as a part of the notebook, or, if it is too large for that, as a file beside it."""
    from IPython.display import HTML, display

    with open(page, encoding="utf-8") as file:
        text = file.read().replace(HEAD, HEAD_OF_FRAME, 1)
    text = text.replace("&", "&amp;").replace('"', "&quot;")
    if len(text) <= SHOWN_MAX:
        display(HTML(FRAME.format(height=height, source=f'srcdoc="{text}"')))
        return
    beside = _directory_of_notebook()
    if not is_kept:
        page = shutil.copy(page, os.path.join(beside, _name_of_file()))
    path = report.relative(page, beside)
    if not path.startswith(os.pardir) and not os.path.isabs(path):
        display(HTML(FRAME.format(height=height, source=f'src="{urllib.parse.quote(path)}"')))
    terminal.say(f"This report is too large for the notebook ({len(text) / 1e6:.1f} MB): it is in {page}")


def _directory_of_notebook() -> str:
    """Return where the notebook is, as far as its server says that, from where a frame's file is looked for."""
    directory = os.path.dirname(os.environ.get("JPY_SESSION_NAME", ""))
    return directory if os.path.isabs(directory) and os.access(directory, os.W_OK) else os.getcwd()


def _name_of_file() -> str:
    """Return a name that is the cell's own, so that it replaces only what it has shown before."""
    from IPython import get_ipython

    try:
        cell = get_ipython().get_parent()["metadata"]["cellId"]
    except (AttributeError, KeyError):  # no kernel, or a client that names no cells
        return "viztracer_report.html"
    return f"viztracer_report_{re.sub('[^0-9A-Za-z]', '', cell)[:12]}.html"
