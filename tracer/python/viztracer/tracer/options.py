"""The options of a recording: the only list of their names, types, defaults and descriptions.

The arguments and attributes of `VizTracer`, the options of the command ``viztracer`` and of the magic ``%%viztracer``,
and what a process passes to its children follow from this list. The extension reads the options it needs by the same
names (``RecordingOptions`` in ``tracer/src/tracer.rs``).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from dataclasses import KW_ONLY, InitVar, dataclass
    from typing import Any

# How many of the newest events are kept if nothing else is said: what a test run of a large project makes, 256 MB at
# most. A ring grows as it is used, so most rings stay small.
DEFAULT_ENTRIES = 16_000_000

# How many snapshots a run may take by itself if nothing else is said.
DEFAULT_SNAPSHOTS = 10

LIMIT = 1 << 63  # of numbers that the extension takes

# How long the text of a logged value may be if nothing else is said: enough for what people read, and a file of events
# is not filled by the contents of some containers.
DEFAULT_BYTES_PER_VALUE = 4096

# The types that an annotation of an option allows.
TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "str": (str,),
    "str | None": (str, type(None)),
    "list[str] | None": (list, type(None)),
    "Sequence[str] | None": (list, tuple, type(None)),
    "Sequence[object] | None": (list, tuple, type(None)),
    "Callable[..., str] | None": (object,),
}
# Annotations of arguments that are no attributes.
INIT_VARIABLES = {f"InitVar[{annotation}]": annotation for annotation in TYPES}

# Every option by its name, in the order of the arguments.
OPTIONS: dict[str, Option] = {}


class Option:
    """What is known of one option.

    Args:
        default: its value unless another one is given.
        help: what it does, for ``--help`` and for the docstring.
        metavar: what ``--help`` calls a value; empty if the option is a switch.
        on_command_line: whether ``viztracer`` and ``%%viztracer`` have the option.
        hidden: whether ``--help`` leaves it out.
        is_own: whether VizTracer lacks the option: its beginnings stand for VizTracer's options first.
        inherited: whether children of the process get it.
        may_be_empty: whether a list without values stands for something, so that a command line may have it.
        normalize: turns a value into a plain one that means the same in every process.
        error: what a value of a wrong type raises; None if any value is taken.
        validate: raises an error for a wrong value, and gets the option's name, too.
    """

    def __init__(
        self,
        default: Any,
        help: str,
        *,
        metavar: str = "",
        on_command_line: bool = True,
        hidden: bool = False,
        is_own: bool = False,
        inherited: bool = True,
        may_be_empty: bool = False,
        normalize: Callable[[Any], Any] | None = None,
        error: type[Exception] | None = TypeError,
        validate: Callable[[str, Any], None] | None = None,
    ) -> None:
        self.default = default
        self.help = help
        self.metavar = metavar
        self.on_command_line = on_command_line
        self.hidden = hidden
        self.is_own = is_own
        self.inherited = inherited
        self.may_be_empty = may_be_empty
        self.normalize = normalize
        self.error = error
        self.validate = validate
        self.annotation = ""
        self.types: tuple[type, ...] = ()
        self.keyword_only = False

    @property
    def takes_list(self) -> bool:
        """Whether a value is a list."""
        return list in self.types

    def check(self, name: str, value: object) -> None:
        """Raise the option's error if this value has a wrong type, or what `validate` raises."""
        if self.error and not isinstance(value, self.types):
            expected = " or ".join("None" if kind is type(None) else kind.__name__ for kind in self.types)
            raise self.error(f"{name} must be {expected}, not {type(value).__name__}")
        if self.validate:
            self.validate(name, value)


def _number(name: str, value: int) -> None:
    """Raise `OverflowError` for a number that the extension does not take, as VizTracer does."""
    if not -LIMIT <= value < LIMIT:
        raise OverflowError(f"{name} must be below 2**63, not {value}")


def _count(name: str, value: int) -> None:
    """Raise `ValueError` for a negative number, and what `_number` does."""
    _number(name, value)
    if value < 0:
        raise ValueError(f"{name} must be at least 0, not {value}")


def _part(name: str, value: float) -> None:
    """Raise `ValueError` for a number that is no part of something."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and less than 1, not {value}")


def _text(name: str, value: str | None) -> None:
    """Raise `ValueError` for a text that has no bytes in UTF-8."""
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} has surrogates, which no report can have: {value!a}") from None


def _texts(name: str, values: Sequence[str] | None) -> None:
    """Raise `TypeError` for a list with other things than texts, `ValueError` for texts as `_text` does."""
    for value in values or ():
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a list of str, but it has a {type(value).__name__}")
        _text(name, value)


def _patterns(name: str, values: Sequence[str] | None) -> None:
    """Raise `ValueError` for a text that is no regular expression."""
    _texts(name, values)
    if not values:
        return
    import re

    for value in values:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{name} has {value!r}, which is no regular expression: {error}") from None


def _triggers(name: str, values: Sequence[str] | None) -> None:
    """Raise `ValueError` for what takes no snapshots."""
    _texts(name, values)
    if not values:
        return
    from ..snaptrace import check_snapshot_trigger

    for value in values:
        try:
            check_snapshot_trigger(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _function(name: str, value: object) -> None:
    """Raise `TypeError` for what cannot be called."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be callable or None, not {type(value).__name__}")


def option(default: Any, help: str, **details: Any) -> Any:
    """Describe an option. A checker takes the result for the option's default value."""
    return Option(default, help, **details)


def switch(help: str) -> Any:
    """Describe an option that takes any value as true or false, as VizTracer does with this one."""
    return Option(False, help, normalize=bool, error=None)


def argument(default: Any, help: str, **details: Any) -> Any:
    """Describe an option that only the constructor of `VizTracer` has."""
    return Option(default, help, on_command_line=False, inherited=False, **details)


def _list(patterns: Sequence[str] | None) -> list[str]:
    return list(patterns or ())


def with_absolute(paths: list[str] | None) -> list[str]:
    """Return the beginnings of paths, and relative ones as absolute paths, too."""
    paths = paths or []
    return paths + [os.path.abspath(path) for path in paths if not os.path.isabs(path)]


if not TYPE_CHECKING:

    def dataclass(cls: type) -> type:
        """Register the options of a class. `dataclasses` would need ten times the import time."""
        keyword_only, descriptions = False, []
        for name, annotation in cls.__annotations__.items():
            if annotation == "KW_ONLY":
                keyword_only = True
                continue
            described = OPTIONS[name] = vars(cls)[name]
            described.annotation = INIT_VARIABLES.get(annotation, annotation)
            described.types = TYPES[described.annotation]
            described.keyword_only = keyword_only
            setattr(cls, name, described.default)
            descriptions.append(f"    {name}: {described.help}.")
        cls.__doc__ = "\n".join([cls.__doc__ or "", "", "Args:", *descriptions])
        return cls


class Parameters:
    """The parameters of the constructor, for `inspect.signature` and `help`; made only when these ask for them."""

    def __get__(self, _options: Options | None, owner: type) -> Any:
        if vars(Options)["__init__"] is not owner.__init__:  # type: ignore[misc]
            raise AttributeError("__signature__")  # a subclass has a constructor of its own
        from inspect import Parameter, Signature

        kinds = {False: Parameter.POSITIONAL_OR_KEYWORD, True: Parameter.KEYWORD_ONLY}
        return Signature(
            [
                Parameter(name, kinds[option.keyword_only], default=option.default, annotation=option.annotation)
                for name, option in OPTIONS.items()
            ]
        )


@dataclass
class Options:
    """The options as attributes, which a constructor with one argument for each of them sets."""

    tracer_entries: int = option(
        DEFAULT_ENTRIES,
        f"keep this many of the newest events per process; newer ones overwrite older ones [{DEFAULT_ENTRIES}]",
        metavar="N",
        validate=_number,
    )
    verbose: int = option(1, "0 prints nothing", on_command_line=False)
    max_stack_depth: int = option(
        -1, "do not record calls that are nested deeper than this; negative: no limit", metavar="N", validate=_number
    )
    include_files: list[str] | None = option(
        None,
        "record only functions in files whose paths begin with one of these",
        metavar="FILE",
        normalize=with_absolute,
        validate=_texts,
    )
    exclude_files: list[str] | None = option(
        None,
        "do not record functions in files whose paths begin with one of these",
        metavar="FILE",
        normalize=with_absolute,
        validate=_texts,
    )
    ignore_c_function: bool = option(False, "do not record functions that are written in C")
    ignore_frozen: bool = option(
        False, "do not record functions that are frozen into the interpreter, such as the import system"
    )
    _: KW_ONLY
    log_async: bool = option(False, "show every asyncio or trio task on its own track")
    min_duration: float = option(0, "do not record calls shorter than this; in us", metavar="TIME", normalize=float)
    max_overhead: float = option(
        0,
        "let tracing cost at most this part of the program's processor time, such as 0.05 or, on a command line, 5%: "
        "functions that are called too often are no longer recorded, and the report names them; on CPython 3.10 and "
        "3.11, calls are recorded in bursts",
        is_own=True,
        metavar="PART",
        normalize=float,
        validate=_part,
    )
    trace_self: bool = option(False, "record viztracer's own functions, too", hidden=True)
    log_func_args: bool = option(False, "record the arguments of Python functions")
    log_func_retval: bool = option(False, "record the return values of Python functions")
    log_func_with_objprint: bool = switch("format arguments and return values with the package objprint")
    bytes_per_value: int = option(
        DEFAULT_BYTES_PER_VALUE,
        f"cut the text of a logged value, such as an argument, behind this many bytes [{DEFAULT_BYTES_PER_VALUE}]",
        is_own=True,
        metavar="N",
    )
    keep_leftovers: int = option(
        -1,
        "keep this much of what dead runs hold of shared memory, such as 500MB; if they hold more, the oldest are "
        "removed, but none that was written in the last hour [1GiB, or a tenth of it if that is less]",
        is_own=True,
        metavar="SIZE",
        inherited=False,
        validate=_number,
    )
    keep_snapshot_at: list[str] | None = option(
        None,
        "keep a snapshot of all processes of the run when this happens in a process: 'handler>200ms' (a call of a "
        "function takes longer; a regular expression), exception (one that nothing handles), killed (a traced child, "
        "by a signal), SIGUSR1 or SIGUSR2",
        is_own=True,
        metavar="WHAT",
        normalize=_list,
        validate=_triggers,
    )
    keep_snapshots: int = option(
        DEFAULT_SNAPSHOTS,
        "keep this many snapshots that the processes of a run take; those by viztracer-ctl do not count "
        f"[{DEFAULT_SNAPSHOTS}]",
        is_own=True,
        metavar="N",
        validate=_count,
    )
    log_func_repr: Callable[..., str] | None = argument(
        None, "formats these values, instead of `repr`", validate=_function
    )
    log_print: bool = switch("record printed text as instant events instead of printing it")
    log_gc: bool = option(False, "record garbage collections as a counter")
    log_sparse: bool = switch("record only functions that are decorated with log_sparse")
    log_audit: Sequence[str] | None = option(
        None,
        "record audit events whose names match one of these; without RE, all",
        may_be_empty=True,
        normalize=_list,
        metavar="RE",
        validate=_patterns,
    )
    log_torch: bool = option(
        False, "record the operators of torch with its own profiler, in the first process only", inherited=False
    )
    plugins: Sequence[object] | None = argument(None, "plugins, or strings with the name of a module and its arguments")
    minimize_memory: bool = argument(False, "has no effect: no event is kept in memory", error=None)
    dump_raw: bool = argument(False, "has no effect: every record is written as it is", error=None)
    sanitize_function_name: bool = argument(False, "has no effect: every name can be written", error=None)
    pid_suffix: bool = argument(False, "insert _<pid> into the report's name", error=ValueError)
    file_info: bool = argument(True, "include the source of the traced functions in the report", error=None)
    process_name: str | None = argument(None, "the name of the process in the report", validate=_text)
    output_file: str = argument(
        "result.json",
        "the file that `save` writes; its extension selects the format: .json, .html, .pftrace and others",
        error=None,
    )
    register_global: InitVar[bool] = argument(True, "let `get_tracer` find this tracer", error=None)
    session: InitVar[str | None] = argument(
        None, "the run that this process joins, from `init_kwargs` of another process"
    )

    if not TYPE_CHECKING:
        __signature__ = Parameters()

        def __init__(self, *positional: object, **named: object) -> None:
            given = _arguments(type(self).__name__, positional, named)
            for name, value in given.items():
                OPTIONS[name].check(name, value)
            register_global, session = given.pop("register_global"), given.pop("session")
            for name, value in given.items():
                setattr(self, name, value)
            self.__post_init__(register_global, session)

    def __post_init__(self, register_global: bool, session: str | None) -> None:
        """Use the arguments that are no attributes."""

    def inherited(self) -> dict[str, Any]:
        """Return the options that other processes of the run get, all of them plain values."""
        values = {name: getattr(self, name) for name, option in OPTIONS.items() if option.inherited}
        return {name: (OPTIONS[name].normalize or _same)(value) for name, value in values.items()}

    def check(self) -> None:
        """Raise `ValueError` or `TypeError` if the attributes make no sense, which may have been changed meanwhile."""
        check_together({name: value for name, value in vars(self).copy().items() if name in OPTIONS})


def check_together(values: Mapping[str, Any]) -> None:
    """Check each of the options' values; raise `ValueError`, in VizTracer's words, if they contradict each other."""
    for name, value in values.items():
        OPTIONS[name].check(name, value)
    if values["include_files"] and values["exclude_files"]:
        raise ValueError("include_files and exclude_files can't be both specified!")
    if values["tracer_entries"] < 1:
        raise ValueError("tracer_entries must be at least 1")
    if not 1 <= values["bytes_per_value"] < 1 << 31:
        raise ValueError("bytes_per_value must be at least 1 and less than 2147483648")


def _arguments(name: str, positional: tuple[object, ...], named: dict[str, object]) -> dict[str, Any]:
    """Return the value of every option in a call. Raise `TypeError`, in Python's words, for a wrong call."""
    names = [name for name, option in OPTIONS.items() if not option.keyword_only]
    if len(positional) > len(names):
        raise TypeError(f"{name}() takes at most {len(names)} positional arguments but {len(positional)} were given")
    by_position = dict(zip(names, positional))
    for argument in named:
        if argument not in OPTIONS:
            raise TypeError(f"{name}() got an unexpected keyword argument {argument!r}")
        if argument in by_position:
            raise TypeError(f"{name}() got multiple values for argument {argument!r}")
    return {name: option.default for name, option in OPTIONS.items()} | by_position | named


def _same(value: object) -> object:
    return value
