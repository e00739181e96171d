"""The format of VizTracer's compressed reports (``.cvf``).

A file is the version, a number of 64 bits, and records until its end. All numbers are little-endian. A record begins
with a byte that says its kind:

- 1: calls of one function on one thread: pid, tid, name, how many, the offset of their arguments in the file (0: they
  have none), the time of the first in 10 ns, then each call's duration and the time to the next one's begin, as short
  numbers. At that offset: a list of the arguments, packed.
- 2, 3: a process's or a thread's name: pid, tid, name.
- 4: a counter: pid, tid, name, how many keys, the keys, how many events, then for each its time in ns and for each key
  a byte (`ABSENT`, `SAME`, `INTEGER`, `FLOAT`) and the value if it is new.
- 5: a list of all other events, packed.
- 17: the sources, packed.

Texts end with a zero byte. A packed value is JSON: its length, its compressed length, and what zlib makes of it. A
short number has in its two lowest bits how many bytes it takes: 1, 2, 4 or 8.

The format rounds times of calls to 10 ns and knows one category. What it cannot hold otherwise is among the other
events, also the report's metadata, as an event of phase ``"M"``.
"""

from __future__ import annotations

VERSION = 1
# Kinds of records.
CALLS, PROCESS_NAME, THREAD_NAME, COUNTER, OTHERS, SOURCES = 1, 2, 3, 4, 5, 0x11
# Kinds of values of a counter.
ABSENT, SAME, INTEGER, FLOAT = 0x21, 0x22, 0x23, 0x24
# The records of names, by the names of their events.
NAMES = {"process_name": PROCESS_NAME, "thread_name": THREAD_NAME}
# The event that holds the report's metadata.
METADATA = "viztracer_metadata"
