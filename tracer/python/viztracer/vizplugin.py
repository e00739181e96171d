"""Plugins: objects that are informed of what a tracer does, and may change what it saves."""

from __future__ import annotations

import sys

from .util import color_print, compare_version
from .version import VIZTRACER_VERSION

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .tracer.loaded_trace import LoadedTrace

NEWER = "The plugin support version is higher than viztracer version. Consider update your viztracer"


class VizPluginError(Exception):
    """A plugin did not do what it was asked for."""


class VizPluginBase:
    """What a plugin derives from."""

    def __init__(self) -> None:
        pass

    def support_version(self) -> str:
        """Return the version of VizTracer that the plugin was written for. Every plugin has to say this."""
        raise NotImplementedError("Plugin of viztracer has to implement support_version method")

    def message(self, m_type: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Take a message and answer it.

        Args:
            m_type: ``"event"`` or ``"command"``.
            payload: of an event, ``{"when": "initialize" | "pre-start" | "post-stop" | "pre-save"}``; of a command,
                ``{"cmd_type": "terminate"}``.

        Returns:
            What is to be done. After an event, ``{"action": "handle_data", "handler": function}`` has the function
            called with the tracer's data. A command has to be answered with ``{"success": True}``.
        """
        return {}


class VizPluginManager:
    """The plugins of a tracer.

    Args:
        tracer: the tracer.
        plugins: plugin objects, or texts of which the first word names a module with a function ``get_vizplugin``,
            which gets the whole text and returns the plugin.

    Raises:
        TypeError: an element is neither.
        SystemExit: there is no such module or function, which is said on stdout.
    """

    def __init__(self, tracer: LoadedTrace, plugins: Sequence[object] | None) -> None:
        self._tracer = tracer
        self._plugins: list[VizPluginBase] = []
        self._is_started = False
        for plugin in plugins or ():
            if isinstance(plugin, str):
                plugin = _named(plugin)
            if not isinstance(plugin, VizPluginBase):
                raise TypeError("Invalid plugin!")
            if compare_version(plugin.support_version(), VIZTRACER_VERSION) > 0:
                color_print("WARNING", NEWER)
            self._plugins.append(plugin)
            self._send(plugin, "event", {"when": "initialize"})

    @property
    def has_plugin(self) -> bool:
        """Whether there is a plugin."""
        return bool(self._plugins)

    def event(self, when: str) -> None:
        """Inform all plugins of an event; of a stop, once after each start."""
        if when == "post-stop" and not self._is_started:
            return
        self._is_started = when == "pre-start"
        for plugin in self._plugins:
            self._send(plugin, "event", {"when": when})

    def command(self, cmd: dict[str, Any]) -> None:
        """Send all plugins a command.

        Raises:
            VizPluginError: a plugin was asked to end and has not.
        """
        for plugin in self._plugins:
            self._send(plugin, "command", cmd)

    def terminate(self) -> None:
        """Have all plugins end, and forget them.

        Raises:
            VizPluginError: a plugin has not ended.
        """
        self.command({"cmd_type": "terminate"})
        self._plugins.clear()

    def _send(self, plugin: VizPluginBase, kind: str, payload: dict[str, Any]) -> None:
        """Send a plugin a message, and do what its answer asks for."""
        answer = plugin.message(kind, payload)
        if answer is None:
            answer = {}  # what a method without a `return` gives
        if not isinstance(answer, dict):
            raise VizPluginError(f"{plugin} answered {payload} with {answer!r}, which is no dict")
        if payload.get("cmd_type") == "terminate" and not answer.get("success"):
            raise VizPluginError(f"{plugin} failed to process {payload}")
        if answer.get("action") == "handle_data":
            handler = answer.get("handler")
            if not callable(handler):
                raise VizPluginError(f"{plugin} asked to handle data without a function as its handler")
            handler(self._tracer.data)


def _named(text: str) -> VizPluginBase:
    """Return the plugin that a text such as ``"module --option"`` stands for; end the process if there is none."""
    import importlib

    name = text.split()[0] if text.strip() else ""
    try:
        module = importlib.import_module(name)
    except (ImportError, ValueError) as error:
        if isinstance(error, ImportError) and error.name not in (None, name, name.partition(".")[0]):
            raise  # the module is there, but what it imports is not
        print(f"There's no module named {name}, maybe you need to install it")
        sys.exit(1)
    if not hasattr(module, "get_vizplugin"):
        print(f"Unable to find get_vizplugin in {name}. Incorrect plugin.")
        sys.exit(1)
    if not callable(module.get_vizplugin):
        print(f"Unable to find get_vizplugin as a callable in {name}. Incorrect plugin.")
        sys.exit(1)
    plugin: VizPluginBase = module.get_vizplugin(text)
    return plugin
