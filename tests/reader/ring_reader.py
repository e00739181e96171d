"""A second reader of ring files, in the order of "Reading a file, in order" of format/FORMAT.md, and from it alone.

It shares no code with the crates, so that what both tell of a file is what the document says. It is for tests: whole
files in memory, and no word about the files of hostile writers but `Refused` or what they hold.
"""

import heapq
import itertools
import struct
import zlib
from collections import defaultdict
from dataclasses import dataclass, field

NAMES, STACKS, CALLS, PAYLOAD, LABELS = 1, 2, 3, 4, 5
FUNCTION, THREAD, THREAD_NAME, PROCESS_NAME, TASK_NAME, SOURCE, ELIDED, ESTIMATE = 1, 2, 3, 4, 5, 6, 7, 8
RETURN, YIELD, RAISE, OPEN, ABANDONED, INSTANT, COUNTER, OTHER = 1, 2, 3, 4, 5, 0x10, 0x11, 0x12
THREAD_RECORD, LONG, PAYLOAD_RECORD, TASK_RECORD, TASK_FRAME, FRAME = 0x20, 0x21, 0x22, 0x23, 0x3E, 0x3F
ARGUMENT_HEADER, ARGUMENT_TEXT, TEXT_IN_SLOT, NOT_STORED = 0x3C, 0x3D, 15, (1 << 24) - 1
INHERITED, KIND_MASK, DURATION_EXTENDED = 0x40, 0x3F, (1 << 40) - 1
C_FUNCTION, C_CALLS, NAMED, LABELS_FEATURE, SEALED, CLOCK_COUNTER, CLOCK_MONOTONIC = 1, 1, 4, 1, 2, 1, 2
HEADER, SEGMENT_HEADER, RECORD, BLOCK, BLOCK_FRAMES, LABEL = 4096, 128, 16, 3968, 244, 128
MILLISECOND = 1_000_000
U56, U64 = (1 << 56) - 1, (1 << 64) - 1


OVERWRITTEN = object()


class Refused(Exception):
    """The file as a whole cannot be read."""


@dataclass
class Segment:
    """A segment in use; `body` holds its committed bytes, and is None if they are refused."""

    generation: int
    kind: int
    owner: int
    first_event: int
    opened: int
    anchor: tuple
    sealed: bool
    committed: int
    others: int
    has_extensions: bool
    body: bytes | None


@dataclass
class Thread:
    """A thread, by its label or by its records. Times in ticks; the counts are those of "Counting the loss"."""

    serial: int
    tid: int | None = None
    name: str = ""
    begun: int = 0
    ended: int = 0
    label_events: int = 0
    lost: int = 0
    kept: int = 0
    left_out: int = 0
    damaged: int = 0
    overwritten: int = 0
    counted: int = 0  # the largest number of events up to the end of a segment
    last: object = None  # its last Event


@dataclass(frozen=True)
class Call:
    """A call, an instant or a counter. `start` and `end` are ns of the monotonic clock; `end` may be None."""

    thread: int
    task: int
    function: int
    start: int
    end: int | None
    kind: int
    unfinished: bool = False
    inherited: bool = False
    payload: bytes | object | None = None  # OVERWRITTEN if it is gone
    in_order: bool = True  # no event of the thread that precedes it in the segment ends later


@dataclass
class Event:
    """A record of an event, with its extensions. Times in ticks."""

    thread: int
    task: int
    generation: int
    opened: int
    kind: int
    inherited: bool
    low_start: int
    duration: int
    function: int
    reference: tuple | None = None  # generation, offset and length of its payload
    in_order: bool = True
    is_damaged: bool = False  # it refers to the payload of another record
    arguments: bytes | object | None = None  # of an open call: as its payload will be

    def start(self):
        return nearest(self.low_start, self.opened)

    def end(self):
        return min(self.start() + self.duration, U64)

    def is_call(self):
        return self.kind < INSTANT


@dataclass
class Ring:
    """The contents of a file."""

    pid: int = 0
    parent_pid: int = 0
    entries: int = 0
    min_duration: int = 0
    segment_size: int = 0
    clock_kind: int = 0
    has_labels: bool = False
    arguments: list = field(default_factory=list)
    session: bytes = b""
    python_version: int = 0
    host: str = ""
    state: int = 0
    living: bool = False
    ending: int = 0
    last_sign: int = 0
    unmatched: int = 0
    unnamed: int = 0
    lost: int = 0
    failure: int = 0
    gaps: int = 0
    forgotten_threads: int = 0
    forgotten_events: int = 0
    forgotten_tasks: int = 0
    switched: bool = False
    sync_marker: int = 0
    forgotten_children: int = 0
    paused: bool = False
    rests: tuple = (0, 0, 0)  # how many, ticks of those that are over, ticks when the last one began
    imported: tuple = (0, 0, 0)
    opened: tuple = (0, 0, 0)
    closed: tuple = (0, 0, 0)
    process_name: str = ""
    functions: dict = field(default_factory=dict)  # id -> (name, file, line)
    sources: list = field(default_factory=list)  # (path, device, inode, size, modified)
    elided: dict = field(default_factory=dict)  # (function id, whether only its C calls) -> ticks
    estimates: dict = field(default_factory=dict)  # function id -> (bursts, counted, burst time, calls, error)
    payloads: dict = field(default_factory=dict)  # generation -> bytes, or None if they are refused
    threads: dict = field(default_factory=dict)
    tasks: dict = field(default_factory=dict)
    children: list = field(default_factory=list)  # (pid, status, monotonic ns of the wait)
    calls: list = field(default_factory=list)
    clock: object = None
    last_moment: int = 0
    last_ticks: int = 0  # the same, in ticks
    damage: int = 0  # what was refused or passed over


def read(content, living=False):
    """The ring file whose bytes are `content`. Its writer lives if it holds the file's lock."""
    ring = read_header(content)
    ring.living = living and ring.state != SEALED
    segments = list(read_segments(ring, content))
    for segment in sorted(in_use(segments, NAMES), key=lambda segment: segment.generation):
        read_names(ring, segment.body)
    ring.elided = {key: ticks for key, ticks in ring.elided.items() if key[0] in ring.functions}
    for segment in in_use(segments, LABELS):
        read_labels(ring, segment.body)
    for segment in segments:
        if segment.kind == PAYLOAD:
            ring.payloads.setdefault(segment.generation, segment.body)
    ring.clock = build_clock(ring, segments)
    frames = read_stacks(ring, segments)
    calls = sorted(in_use(segments, CALLS), key=lambda segment: segment.generation)
    by_segment = [read_calls(ring, segment) for segment in calls]
    refuse_payloads_of_others(ring, by_segment)
    events = [event for of_segment in by_segment for event in of_segment]
    count_totals(ring, segments)
    frames = drop_complete(ring, frames, events)
    ring.last_moment = find_last_moment(ring, segments, frames)
    ring.calls = [call for call in (shown(ring, event) for event in newest(ring, events)) if is_wanted(ring, call)]
    ring.calls += open_calls(ring, frames)
    count_loss(ring)
    return ring


def in_use(segments, kind):
    return [segment for segment in segments if segment.kind == kind and segment.body is not None]


# --- header ---


def read_header(content):
    if len(content) < HEADER or content[:8] != b"VIZRING\n":
        raise Refused("not a ring file")
    version, header_size, segment_size, clock, incompatible = struct.unpack_from("<IIIIQ", content, 8)
    (arguments_size,) = struct.unpack_from("<I", content, 132)
    (crc,) = struct.unpack_from("<I", content, 508)
    if version != 1:
        raise Refused("version")
    if arguments_size > 3072:
        raise Refused("arguments_size")
    if zlib.crc32(content[1024 : 1024 + arguments_size], zlib.crc32(content[:508])) != crc:
        raise Refused("CRC")
    if incompatible & ~LABELS_FEATURE:
        raise Refused("incompatible")
    if header_size != HEADER:
        raise Refused("header_size")
    if segment_size not in (4096, 8192, 16384, 32768, 65536):
        raise Refused("segment_size")
    if clock not in (CLOCK_COUNTER, CLOCK_MONOTONIC):
        raise Refused("clock")
    ring = Ring(segment_size=segment_size, clock_kind=clock, has_labels=bool(incompatible & LABELS_FEATURE))
    ring.entries, ring.min_duration, ring.pid, ring.parent_pid = struct.unpack_from("<QQII", content, 40)
    ring.imported, ring.opened = struct.unpack_from("<3Q", content, 136), struct.unpack_from("<3Q", content, 160)
    ring.session = content[96:112]
    ring.host = content[184:248].partition(b"\0")[0].decode("utf-8", "replace")
    (ring.python_version,) = struct.unpack_from("<I", content, 128)
    arguments = content[1024 : 1024 + arguments_size]
    ring.arguments = [part.decode("utf-8", "replace") for part in arguments.removesuffix(b"\0").split(b"\0")]
    if ring.arguments == [""]:
        ring.arguments = []
    (ring.state,) = struct.unpack_from("<Q", content, 512)
    ring.closed = struct.unpack_from("<3Q", content, 520) if ring.state == SEALED else (0, 0, 0)
    ring.unmatched, ring.unnamed, ring.lost, ring.failure = struct.unpack_from("<4Q", content, 512 + 32)
    ring.sync_marker, ring.ending, ring.last_sign, ring.gaps = struct.unpack_from("<4Q", content, 512 + 64)
    ring.forgotten_threads, ring.forgotten_events, ring.forgotten_tasks = struct.unpack_from("<3Q", content, 512 + 96)
    ring.switched = struct.unpack_from("<Q", content, 512 + 120) != (0,)
    (ring.forgotten_children,) = struct.unpack_from("<Q", content, 512 + 128)
    ring.paused = struct.unpack_from("<Q", content, 512 + 136) != (0,)
    ring.rests = struct.unpack_from("<3Q", content, 512 + 144)
    return ring


# --- segments ---


def read_segments(ring, content):
    body_size = ring.segment_size - SEGMENT_HEADER
    for offset in range(HEADER, len(content), ring.segment_size):
        whole = content[offset : offset + ring.segment_size]
        if len(whole) < SEGMENT_HEADER:
            continue
        generation, owner, first_event, opened = struct.unpack_from("<4Q", whole)
        seal, committed, others = struct.unpack_from("<3Q", whole, 56)
        kind = owner & 0xFF
        if generation == 0:
            continue
        if not NAMES <= kind <= LABELS or committed > body_size or (kind == CALLS and committed % RECORD):
            ring.damage += 1
            continue
        if first_event > (generation - 1) * (body_size // RECORD):
            first_event = 0
        body, sealed = whole[SEGMENT_HEADER : SEGMENT_HEADER + committed], bool(seal >> 63)
        has_extensions = not sealed or len(body) < committed or others & 0xFFFFFFFF != others >> 32
        if len(body) < committed:
            ring.damage += 1
            body = body[: len(body) // RECORD * RECORD]
        elif sealed and zlib.crc32(body) != seal & 0xFFFFFFFF:
            body = None
        ring.damage += body is None
        yield Segment(
            generation, kind, owner >> 32, first_event, opened, struct.unpack_from("<3Q", whole, 32),
            sealed, committed, others & 0xFFFFFFFF, has_extensions, body,
        )  # fmt: skip


# --- names ---


def read_names(ring, body):
    offset = 0
    while offset + 24 <= len(body):
        tag, flags, size, number, line, name_size, file_size = struct.unpack_from("<BBxxIIIII", body, offset)
        if size % 8 or size < 24 or size > len(body) - offset:
            ring.damage += 1
            return
        entry = body[offset : offset + size]
        offset += size
        if tag == THREAD:
            read_thread_entry(ring, entry, number)
            continue
        if tag == ELIDED:
            read_elided_entry(ring, entry, flags, number)
            continue
        if tag == ESTIMATE:
            read_estimate_entry(ring, entry, number)
            continue
        if name_size + file_size > size - 24:
            ring.damage += 1
            continue
        try:
            name = entry[24 : 24 + name_size].decode()
            file = entry[24 + name_size : 24 + name_size + file_size].decode()
        except UnicodeDecodeError:
            ring.damage += 1
            continue
        if tag == FUNCTION:
            ring.functions[number] = (name, "" if flags & C_FUNCTION else file, line)
        elif tag == THREAD_NAME:
            thread(ring, number).name = name
        elif tag == PROCESS_NAME:
            ring.process_name = name
        elif tag == TASK_NAME:
            ring.tasks[number] = name
        elif tag == SOURCE and size >= 24 + name_size + 32:
            ring.sources.append((name, *struct.unpack("<QQQq", entry[-32:])))


def read_thread_entry(ring, entry, serial):
    if len(entry) < 56:
        ring.damage += 1
        return
    it = thread(ring, serial)
    it.tid, it.begun, it.ended, it.label_events, it.lost = struct.unpack_from("<5Q", entry, 16)


def read_elided_entry(ring, entry, flags, function):
    if len(entry) < 32:
        ring.damage += 1
        return
    key = (function, bool(flags & C_CALLS))
    (ticks,) = struct.unpack_from("<Q", entry, 24)
    ring.elided[key] = min(ticks, ring.elided.get(key, U64))


def read_estimate_entry(ring, entry, function):
    if len(entry) < 64:
        ring.damage += 1
        return
    ring.estimates.setdefault(function, struct.unpack_from("<5Q", entry, 24))


def read_labels(ring, body):
    for offset in range(0, len(body) - LABEL + 1, LABEL):
        kind, flags, name_size, _version, serial = struct.unpack_from("<BBBBI", body, offset)
        tid, begun, ended, events, lost = struct.unpack_from("<5Q", body, offset + 8)
        name = ""
        if flags & NAMED and name_size <= 80:
            try:
                name = body[offset + 48 : offset + 48 + name_size].decode()
            except UnicodeDecodeError:
                ring.damage += 1
        if kind == 1:
            it = thread(ring, serial)
            it.tid, it.begun, it.ended, it.label_events, it.lost, it.name = tid, begun, ended, events, lost, name
        elif kind == 2:
            ring.tasks[serial] = name
        elif kind == 3:
            ring.children.append((serial, tid, begun))


def thread(ring, serial):
    return ring.threads.setdefault(serial, Thread(serial))


# --- clock ---


def build_clock(ring, segments):
    if ring.clock_kind == CLOCK_MONOTONIC:
        return lambda ticks: ticks
    anchors = [ring.imported, ring.opened, ring.closed, *(segment.anchor for segment in segments)]
    anchors = sorted(anchor for anchor in anchors if any(anchor))
    kept = anchors[:1]
    for anchor in anchors[1:]:
        if anchor[0] > kept[-1][0] and anchor[1] >= kept[-1][1] + MILLISECOND:
            kept.append(anchor)
    if len(kept) == 1 and anchors[-1][0] > kept[0][0] and anchors[-1][1] > kept[0][1]:
        kept.append(anchors[-1])
    if len(kept) < 2:
        own = anchors[-1] if anchors else ring.opened
        return lambda ticks: min(max(own[1] + ticks - own[0], 0), U64)
    scales = [(a, *scale(a, b)) for a, b in zip(kept, kept[1:], strict=False)]

    def nanoseconds(ticks):
        a, multiplier, shift = next((s for s in reversed(scales) if s[0][0] <= ticks), scales[0])
        if ticks < a[0]:
            return max(a[1] - ((a[0] - ticks) * multiplier >> shift), 0)
        return min(a[1] + ((ticks - a[0]) * multiplier >> shift), U64)

    return nanoseconds


def scale(a, b):
    for shift in range(64, 0, -1):
        multiplier = (b[1] - a[1] << shift) // (b[0] - a[0])
        if multiplier <= U64:
            return multiplier, shift
    return U64, 1


def nearest(low, reference):
    """The tick count nearest to `reference` whose low 56 bits are `low`."""
    distance = (low - reference) & U56
    return reference + (distance - (1 << 56) if distance >> 55 else distance) & U64


# --- stacks ---


def read_stacks(ring, segments):
    """The open frames by thread, outermost first, as Events whose `opened` is the newest of the file."""
    newest = max([ring.opened[0], *(segment.opened for segment in segments)])
    blocks = defaultdict(list)
    for segment in in_use(segments, STACKS):
        for offset in range(0, len(segment.body) - BLOCK + 1, BLOCK):
            owner, count = struct.unpack_from("<QQ", segment.body, offset)
            if owner & 0xFFFFFFFF and count:
                records = segment.body[offset + 64 : offset + 64 + min(count, BLOCK_FRAMES) * RECORD]
                blocks[owner & 0xFFFFFFFF].append((owner >> 32, records))
    return {serial: list(stack(ring, serial, newest, of_thread)) for serial, of_thread in blocks.items()}


def stack(ring, serial, newest, blocks):
    below = task = 0
    frame, text = None, []  # the frame that arguments belong to, and the slots of text since the last other slot
    for base, records in sorted(blocks, key=lambda block: block[0]):
        if base < below:
            ring.damage += 1
            continue
        if base > below:
            task, frame, text = 0, None, []
        for (word0, word1), slot in zip(struct.iter_unpack("<QQ", records), slots(records), strict=True):
            kind = word0 & KIND_MASK
            if kind == ARGUMENT_TEXT:
                text.append(slot)
                continue
            if kind == ARGUMENT_HEADER:
                if frame:
                    frame.arguments = changed(frame.arguments, text, slot)
                text = []
                continue
            frame, text = None, []
            if kind == TASK_FRAME:
                task = word0 >> 8 & 0xFFFFFFFF
            elif kind == FRAME:
                inherited = bool(word0 & INHERITED)
                frame = Event(serial, task, 0, newest, kind, inherited, word0 >> 8, 0, word1 & 0xFFFFFF)
                yield frame
            else:
                ring.damage += 1
        below = base + len(records) // RECORD


def slots(records):
    return (records[at : at + RECORD] for at in range(0, len(records), RECORD))


def changed(before, text, header):
    """The arguments of an open call after this header and the text that precedes it."""
    word0, word1 = struct.unpack("<QQ", header)
    kept, length = word0 >> 40, word0 >> 8 & NOT_STORED
    count = (length + TEXT_IN_SLOT - 1) // TEXT_IN_SLOT
    own = text[len(text) - count :] if count else []
    check = 0
    for word in (*(word for slot in own for word in struct.unpack("<QQ", slot)), word0, 0):
        check = ((check << 5 | check >> 59) + word) & U64
    check = (check * 0x9E3779B97F4A7C15 & U64) >> 40
    is_whole = count <= len(text) and length != NOT_STORED and word0 >> 32 & 0xFF == 0
    if not is_whole or word1 != ((1 << 40) - 1) << 24 | check:
        return OVERWRITTEN
    if kept == 0:
        before = b"}"
    if not isinstance(before, bytes) or len(before) - 1 < kept:
        return OVERWRITTEN
    return before[:kept] + b"".join(slot[1:] for slot in own)[:length] + b"}"


def drop_complete(ring, frames, events):
    """Without the frames whose calls stand in the records, too."""
    if ring.living:
        recorded = {(event.thread, event.task, event.low_start, event.function) for event in events}
        return {
            serial: [f for f in of_thread if (serial, f.task, f.low_start, f.function) not in recorded]
            for serial, of_thread in frames.items()
        }
    if ring.state == SEALED:
        return {serial: [f for f in of_thread if not f.inherited] for serial, of_thread in frames.items()}
    for serial, of_thread in frames.items():
        last = ring.threads[serial].last if serial in ring.threads else None
        if of_thread and last and last.is_call():
            frame = of_thread[-1]
            if (last.low_start, last.function) == (frame.low_start, frame.function):
                of_thread.pop()
    return frames


# --- calls ---


def read_calls(ring, segment):
    events, counts = [], {segment.owner: 0}
    serial, task, event = segment.owner, 0, None
    for word0, word1 in struct.iter_unpack("<QQ", segment.body):
        kind = word0 & KIND_MASK
        if kind < 0x20:
            counts[serial] = counts.get(serial, 0) + 1
        if kind in (RETURN, YIELD, RAISE, OPEN, ABANDONED, INSTANT, COUNTER, OTHER):
            inherited = bool(word0 & INHERITED)
            event = Event(
                serial, task, segment.generation, segment.opened,
                kind, inherited, word0 >> 8, word1 >> 24, word1 & 0xFFFFFF,
            )  # fmt: skip
            extended = event.duration == DURATION_EXTENDED
            events.append(event)
        elif kind == THREAD_RECORD:
            serial, task, event = word1 & 0xFFFFFFFF, 0, None
        elif kind == TASK_RECORD:
            task, event = word1 & 0xFFFFFFFF, None
        elif kind == LONG and event and extended:
            event.duration = word0 >> 8
        elif kind == PAYLOAD_RECORD and event:
            event.reference = (word0 >> 8, word1 & 0xFFFFFFFF, word1 >> 32)
        else:
            ring.damage += 1
            event = None
    refuse_shared_payloads(ring, segment, events)
    thread(ring, segment.owner)
    for serial, count in counts.items():
        it = thread(ring, serial)
        it.kept += count
        it.counted = max(it.counted, count + (segment.first_event if serial == segment.owner else 0))
    ends = {}
    for event in events:
        thread(ring, event.thread).last = event
        event.in_order = event.end() >= ends.get(event.thread, 0)
        ends[event.thread] = max(event.end(), ends.get(event.thread, 0))
    return events


def refuse_shared_payloads(ring, segment, events):
    """Of the events of one CALLS segment."""
    ends = {}
    for event in events:
        generation, offset, length = event.reference or (0, 0, 0)
        if generation not in ring.payloads:
            continue
        event.is_damaged = not segment.has_extensions or offset < ends.get(generation, 0)
        ring.damage += event.is_damaged
        if not event.is_damaged:
            ends[generation] = offset + length


def refuse_payloads_of_others(ring, by_segment):
    """Of the events of all CALLS segments, by generation."""
    body, shown = ring.segment_size - SEGMENT_HEADER, defaultdict(int)
    for events in by_segment:
        with_payload = [event for event in events if event.reference and not event.is_damaged]
        for generation, offset, length in (event.reference for event in with_payload):
            shown[generation] += length if generation in ring.payloads and offset + length <= body else 0
        for event in with_payload:
            event.is_damaged = shown[event.reference[0]] > body
            ring.damage += event.is_damaged


def shown(ring, event):
    end = None if event.kind == OPEN else ring.clock(event.end())
    return Call(
        event.thread, event.task, event.function, ring.clock(event.start()), end, event.kind,
        event.kind == OPEN, event.inherited, payload(ring, event.reference), event.in_order,
    )  # fmt: skip


def payload(ring, reference):
    """The bytes that a record refers to."""
    if reference is None:
        return None
    generation, offset, length = reference
    body = ring.payloads.get(generation)
    return OVERWRITTEN if body is None or offset + length > len(body) else body[offset : offset + length]


def find_last_moment(ring, segments, frames):
    ticks = [ring.last_sign, *(anchor[0] for anchor in (ring.imported, ring.opened, ring.closed))]
    ticks += [moment for segment in segments for moment in (segment.opened, segment.anchor[0])]
    for it in ring.threads.values():
        ticks += [it.ended if it.begun <= it.ended else 0, it.last.end() if it.last else 0]
    ticks += [frame.start() for of_thread in frames.values() for frame in of_thread]
    ring.last_ticks = max(ticks)
    return ring.clock(ring.last_ticks)


def open_calls(ring, frames):
    for serial, of_thread in frames.items():
        for frame in of_thread:
            thread(ring, serial)
            end = None if ring.state == SEALED else ring.last_moment + 1
            start = ring.clock(frame.start())
            yield Call(
                serial, frame.task, frame.function, start, end, FRAME, True, frame.inherited, frame.arguments
            )  # fmt: skip


# --- what the user asked for, and the loss ---


def newest(ring, events):
    """Return the newest `entries` events, without the damaged ones among them."""
    of_thread = defaultdict(list)
    for event in events:
        of_thread[event.thread].append(event)
    too_many = max(0, len(events) - ring.entries) if ring.entries else 0
    threads = [(serial, of_thread[serial]) for serial in sorted(of_thread)]
    oldest_first = heapq.merge(*(of_one(*it) for it in threads), key=lambda item: item[:2])
    for _end, serial, _event in itertools.islice(oldest_first, too_many):
        it = thread(ring, serial)
        it.kept -= 1
        it.left_out += 1
    left = (event for serial, of in threads for event in of[thread(ring, serial).left_out :])
    return [event for event in left if not event.is_damaged]


def of_one(serial, events):
    for event in events:
        yield event.end(), serial, event


def is_wanted(ring, call):
    """Calls that are shorter than `min_duration` are not, if their ends were seen."""
    return call.kind not in (RETURN, YIELD, RAISE) or call.end - call.start >= ring.min_duration


def count_totals(ring, segments):
    for segment in segments:
        if segment.kind == CALLS and segment.body is None and segment.sealed:
            thread(ring, segment.owner).damaged += max(0, segment.committed // RECORD - segment.others)
    ring.room = max((s.generation for s in segments), default=0) * ((ring.segment_size - SEGMENT_HEADER) // RECORD)


def count_loss(ring):
    for it in ring.threads.values():
        total = max(it.label_events if it.label_events <= ring.room else 0, it.counted)
        it.overwritten = max(0, total - it.kept - it.damaged)
