"""Moves the events and processes of a report in time."""

from __future__ import annotations

TYPE_CHECKING = False  # a checker takes it for true; `typing` itself is slow to import
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]

DURATION = "waited_after_ns"  # the one such member of a process that is no time of the report


def aligned_at(events: list[Event], sync_marker: float | None) -> float:
    """Return the time that is the new 0, in microseconds: the marker, or that of the first event."""
    return min((event["ts"] for event in events if "ts" in event), default=0) if sync_marker is None else sync_marker


def shifted_process(process: Any, shift: int) -> Any:
    """Return a process, or a thread of it, as reports describe it, with its times this many nanoseconds later."""
    if not shift or not isinstance(process, dict):
        return process
    shifted = {key: _shifted_time(key, value, shift) for key, value in process.items()}
    if isinstance(process.get("threads"), list):
        shifted["threads"] = [shifted_process(thread, shift) for thread in process["threads"]]
    if isinstance(process.get("elided"), list):
        shifted["elided"] = [_shifted_function(function, shift) for function in process["elided"]]
    return shifted


def _shifted_time(key: str, value: Any, shift: int) -> Any:
    """Return a member of a process, this many nanoseconds later if it is a time."""
    is_time = key.endswith("_ns") and key != DURATION
    return value + shift if is_time and isinstance(value, int) else value


def _shifted_function(function: Any, shift: int) -> Any:
    """Return a function of which not all calls are recorded, with its time this many nanoseconds later."""
    if not isinstance(function, dict) or not isinstance(function.get("ts"), (int, float)):
        return function
    return {**function, "ts": round(function["ts"] + shift / 1000, 3)}


def shifted_events(events: list[Event], shift: float) -> list[Event]:
    """Return the events, this many microseconds later."""
    if not shift:
        return events
    return [{**event, "ts": round(event["ts"] + shift, 3)} if "ts" in event else event for event in events]
