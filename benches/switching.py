"""What does a call cost when threads contend, or when tasks take turns?  ``benches/run switching``

As in `overhead`, with the first fill of the ring: eight threads that contend for the interpreter, and 1,000 asyncio
tasks that take turns, with and without `log_async`. viztracer-ring and VizTracer take turns, each sample in a fresh
process.
"""

from __future__ import annotations

from dataclasses import replace

from overhead import CALLS, Case, Program, added_ns
from question import Answer, Bench, median, number

RUNS = 5
CASES = (
    (Program("threads"), "all", "8 threads"),
    (Program("tasks"), "all", "1,000 tasks"),
    (Program("tasks"), "tasks", "1,000 tasks, `log_async`"),
)


def answer(bench: Bench) -> Answer:
    """Measure every Python version."""
    result = Answer("Threads and tasks", (__doc__ or "").partition("\n\n")[2].strip())
    cases = {
        Case(environment, program, calls): title
        for environment in bench.environments
        for program, calls, title in CASES
    }
    counted = {
        case: replace(case, calls="all").sample("count", case.environment.viztracer, bench.scratch)["all"]
        for case in cases
    }
    added: dict[Case, dict[str, list[float]]] = {case: {"ours": [], "VizTracer": []} for case in cases}
    for _ in bench.rounds(RUNS):
        for case in cases:
            for contender, binaries in (("ours", case.environment.ours), ("VizTracer", case.environment.viztracer)):
                sample = case.sample("viztracer", binaries, bench.scratch)
                added[case][contender].append(added_ns(sample, "first", "wall") / counted[case])
                labels = {"python": case.environment.version, "program": case.program.name, "calls": case.calls}
                result.samples.append({**labels, "contender": contender, "count": counted[case], **sample})
    rows = []
    for case, title in cases.items():
        ours, viztracer = (median(added[case][contender]) for contender in ("ours", "VizTracer"))
        rows.append(
            [
                f"{case.environment.version}, {title}",
                number(counted[case], 0),
                number(ours),
                number(viztracer),
                number(ours / viztracer, 2),
            ]
        )
    result.table(
        ("program", "calls", "ours", "VizTracer", "ours/VizTracer"),
        rows,
        f"ns added per call, of about {CALLS:,}, medians",
    )
    return result
