"""`CodeMonkey`: source instrumentation for programs that use VizTracer's class of this name."""

from __future__ import annotations

from .command_line.source_options import PATTERNS, SWITCHES
from .instrument.compiler import Compiler, flags_of_caller
from .instrument.options import InstrumentOptions
from .output.terminal import complain

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any


class CodeMonkey:
    """Compiles instrumented code, as VizTracer's class of this name does.

    Args:
        file_name: the file that the code is of.
    """

    def __init__(self, file_name: str) -> None:
        self.file_name = file_name
        self._settings: dict[str, Any] = {}

    def add_instrument(self, inst_type: str, inst_args: dict[str, Any]) -> None:
        """Ask for one kind of instrumentation.

        Args:
            inst_type: ``log_var``, ``log_number``, ``log_attr``, ``log_func_exec``, ``log_func_entry`` or
                ``log_exception``.
            inst_args: a dict with one value, the list of regular expressions; empty for ``log_exception``.

        Raises:
            ValueError: there is no such kind, or an expression is none.
        """
        if inst_type not in PATTERNS and inst_type not in SWITCHES:
            raise ValueError(f"{inst_type} is not supported")
        is_switch = inst_type in SWITCHES
        self._settings[inst_type] = is_switch or [pattern for patterns in inst_args.values() for pattern in patterns]
        InstrumentOptions(**self._settings)

    def add_source_processor(self) -> None:
        """Ask for comments that begin with ``!viztracer:`` to be obeyed."""
        self._settings["magic_comment"] = True

    def compile(
        self,
        source: Any,
        filename: Any,
        mode: str,
        flags: int = 0,
        dont_inherit: bool = False,
        optimize: int = -1,
        **others: Any,
    ) -> Any:
        """Compile as `compile` does, with what was asked for."""
        if not dont_inherit:
            flags |= flags_of_caller(depth=1)
        compiler = Compiler(InstrumentOptions(**self._settings), complain)
        return compiler.compile(source, filename, mode, flags, optimize, **others)
