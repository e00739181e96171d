"""The plugins of a tracer, and reports of data that they, or the program, may have changed."""

from __future__ import annotations

from .loaded_trace import LoadedTrace, read

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from ..vizplugin import VizPluginManager


class PluggedTrace(LoadedTrace):
    """The methods of `VizTracer` that need its plugins."""

    _plugin_manager: VizPluginManager | None = None

    def load_plugins(self, plugins: Sequence[object] | None) -> None:
        """Use these plugins; see `vizplugin.VizPluginManager`."""
        if plugins:
            from ..vizplugin import VizPluginManager

            self._plugin_manager = VizPluginManager(self, plugins)

    def terminate(self) -> None:
        """Have the plugins end.

        Raises:
            VizPluginError: one has not ended.
        """
        if self._plugin_manager:
            self._plugin_manager.terminate()

    def inform_plugins(self, when: str) -> None:
        """Inform the plugins of an event: ``"pre-start"``, ``"post-stop"`` or ``"pre-save"``."""
        if self._plugin_manager:
            self._plugin_manager.event(when)

    @property
    def saves_data(self) -> bool:
        """Whether `save` has to write `data`, which the program or a plugin may have changed."""
        return self.parsed or self.log_torch or bool(self._plugin_manager and self._plugin_manager.has_plugin)

    def save_data(self, output_file: str | TextIO, *, file_info: bool, verbose: int) -> None:
        """Write `data`, after the plugins have had it, as a report.

        Raises:
            RuntimeError: the report could not be written.
        """
        from ..report_builder import ReportBuilder
        from .torch_profile import beside

        self.inform_plugins("pre-save")
        data = {**(self.data or {"traceEvents": [], "viztracer_metadata": {}})}
        if file_info and self._sources:
            data["file_info"] = self._sources
        torch = [beside(trace, data) for trace in self.torch_traces]
        ReportBuilder([data, *torch], verbose).save(output_file, file_info)

    def save_rings(self, directory: str, output_file: str, *, verbose: int) -> None:
        """Write a report on a directory of ring files, after the plugins have had it.

        Raises:
            RuntimeError: the report could not be written.
        """
        self._keep_report(read([directory]))
        self.save_data(output_file, file_info=True, verbose=verbose)
