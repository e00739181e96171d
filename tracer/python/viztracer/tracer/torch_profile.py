"""What torch does, recorded by its own profiler beside the calls (``log_torch``)."""

from __future__ import annotations

import os

from ..output.report_times import shifted_events

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    Report = dict[str, Any]

NAMES = ("process_name", "thread_name")


def is_installed() -> bool:
    """Whether there is a package torch; it is not imported."""
    from importlib.util import find_spec

    return find_spec("torch") is not None


class TorchProfile:
    """A run of `torch.profiler`, of this process and all devices that torch knows. It has begun.

    Raises:
        ImportError: torch is not installed.
    """

    def __init__(self) -> None:
        from torch.profiler import profile  # type: ignore[import-not-found, unused-ignore]

        self._process = os.getpid()
        self._profile = profile()
        self._profile.start()

    def end(self) -> list[Report]:
        """End it; return its trace, as torch exports it. A forked child has none, since torch records one process."""
        if os.getpid() != self._process:
            return []
        import json
        import tempfile

        self._profile.stop()
        with tempfile.TemporaryDirectory(prefix="viztracer_") as directory:
            path = os.path.join(directory, "torch.json")
            self._profile.export_chrome_trace(path)
            with open(path, encoding="utf-8") as file:
                trace: Report = json.load(file)
        return [trace]


def beside(trace: Report, report: Report) -> Report:
    """Return a trace of torch with the times of a report, and without the names that the report gives.

    ``baseTimeNanoseconds`` is the real time of time 0 in both (in torch: since 2.3).
    """
    metadata = report["viztracer_metadata"]
    base = metadata.get("baseTimeNanoseconds", 0)
    shift = (trace.get("baseTimeNanoseconds", base) - base) / 1000
    named = {_key(event) for event in report["traceEvents"] if event["ph"] == "M"}
    own = [event for event in trace["traceEvents"] if _key(event) not in named]
    names = [{key: value for key, value in event.items() if key != "ts"} for event in own if event.get("ph") == "M"]
    events = names + shifted_events([event for event in own if event.get("ph") != "M"], shift)
    same_clock = {name: metadata[name] for name in ("baseTimeNanoseconds", "clock") if name in metadata}
    return {"traceEvents": events, "viztracer_metadata": same_clock}


def _key(event: dict[str, Any]) -> tuple[Any, ...] | None:
    """Return what a name is given to; None for any other event."""
    if event.get("ph") != "M" or event.get("name") not in NAMES:
        return None
    thread = event.get("tid") if event["name"] == "thread_name" else None
    return (event["name"], event.get("pid"), thread)
