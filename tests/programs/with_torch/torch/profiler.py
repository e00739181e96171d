"""`profile`, as torch documents it; the trace is like one of torch 2.5."""

import json
import os
import threading
import time

import torch


def supported_activities():
    return {"CPU"}


class profile:
    def __init__(self, activities=None):
        pass

    def start(self):
        self.base = time.time_ns() - 5_000_000_000
        torch.operators.clear()

    def stop(self):
        self.operators = list(torch.operators)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def export_chrome_trace(self, path):
        pid, tid = os.getpid(), threading.get_native_id()
        events = [
            {"name": "process_name", "ph": "M", "ts": 0, "pid": pid, "tid": 0, "args": {"name": "python3"}},
            {"name": "thread_name", "ph": "M", "ts": 0, "pid": pid, "tid": tid, "args": {"name": "thread (python3)"}},
            {"name": "process_sort_index", "ph": "M", "ts": 0, "pid": "Spans", "tid": 0, "args": {"sort_index": 1}},
        ]
        for name, start, end in self.operators:
            ts, dur = (start - self.base) / 1000, (end - start) / 1000
            event = {"ph": "X", "cat": "cpu_op", "name": name, "pid": pid, "tid": tid, "ts": ts, "dur": dur}
            events.append(event | {"args": {"External id": 1, "Record function id": 0}})
        report = {
            "schemaVersion": 1,
            "deviceProperties": [],
            "displayTimeUnit": "ms",
            "baseTimeNanoseconds": self.base,
            "traceEvents": events,
            "traceName": path,
        }
        with open(path, "w") as file:
            json.dump(report, file)
