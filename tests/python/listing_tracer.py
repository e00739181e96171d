"""A tracer that keeps events in a list, to see what counters, objects and instrumented code record."""

import itertools

from viztracer.snaptrace import text_of
from viztracer.tracer.interpreter_events import InterpreterEvents


class ListingTracer(InterpreterEvents):
    """Has the methods of `Tracer` that record events, with the same signatures; `events` holds what they got."""

    enable = True
    log_sparse = log_print = log_gc = False
    log_audit = None

    def __init__(self):
        self.events = []
        self.open_call = {}
        self.paused = 0
        self.deepest_pause = 0
        self._times = itertools.count(1000)

    def add_instant(self, name, args=None, scope="g"):
        if scope not in ("g", "p", "t"):
            raise ValueError("Scope must be one of 'g', 'p', 't'")
        self._add("i", name, args, scope)

    def add_counter(self, name, args):
        self._add("C", name, dict(args))

    def add_number(self, name, key, value):
        is_number = isinstance(value, (int, float))
        if is_number:
            self.add_counter(name, {key: value})
        return is_number or not self.enable

    def add_assignment(self, name, value):
        if self.enable:
            self.add_instant(f"{name} = {text_of(value)}", None, "p")

    def add_object(self, ph, obj_id, name, args=None):
        assert isinstance(obj_id, str)
        self._add(ph, name, args)

    def add_raw(self, raw):
        self._add(raw["ph"], raw["name"], raw)

    def begin_block(self):
        return self.getts() if self.enable else None

    def add_block(self, event_name, file_name, lineno, start):
        name = f"{event_name} ({file_name}:{lineno})"
        self._add("X", name, {"ts": start, "dur": self.getts() - start})

    def add_func_args(self, key, value):
        self.open_call[key] = value

    def add_func_exec(self, name, val, lineno):
        if self.enable:
            self.open_call.setdefault("exec_steps", []).append(f"({lineno}) {name} = {text_of(val, str)}")

    def get_func_args(self):
        return self.open_call or None

    def getts(self):
        return float(next(self._times))

    def pause(self):
        self.paused += 1
        self.deepest_pause = max(self.deepest_pause, self.paused)

    def resume(self):
        self.paused -= 1

    def _add(self, *event):
        if self.enable and not self.paused:
            self.events.append(event)
