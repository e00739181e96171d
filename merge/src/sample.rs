//! Ring files for tests and benchmarks, put together segment by segment.

use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_MONOTONIC, Forgotten, Identity, LABELS, Rests, STATE_SEALED, STATUS_OFFSET};
use viztracer_format::labels::{LABEL_SIZE, LabelKind};
use viztracer_format::names::{
    Estimate, Function, Tag, elided_entry, estimate_entry, function_entry, name_entry, thread_entry,
};
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind, Record};
use viztracer_format::segment::{SEALED, SEGMENT_HEADER_SIZE, SegmentKind};
use viztracer_format::stack::{BLOCK_FRAMES, BLOCK_HEADER_SIZE, BLOCK_SIZE, FRAME};

/// A ring file in the making. Ticks are nanoseconds unless the identity says otherwise.
pub struct Ring {
    pub identity: Identity,
    pub names: Vec<u8>,
    /// What the header says was forgotten.
    pub forgotten: Forgotten,
    /// Whether the header says that the program switched between stacks.
    pub switched: bool,
    /// How the process says it ended.
    pub ending: u64,
    /// What the header says of times in which no calls were recorded.
    pub rests: Rests,
    segments: Vec<Vec<u8>>,
    /// Segments that were allocated so far, the recycled ones included.
    allocated: u64,
}

impl Ring {
    /// A process whose monotonic clock stood at `opened` when it began.
    pub fn new(pid: u32, opened: u64) -> Ring {
        let anchor = Anchor { ticks: opened, monotonic: opened, realtime: opened + 1_000_000_000 };
        let identity = Identity { segment_size: 4096, clock: CLOCK_MONOTONIC, pid, opened: anchor, ..Identity::new() };
        let names = name_entry(Tag::ProcessName, 0, "MainProcess", 4096);
        let forgotten = Forgotten::default();
        Ring {
            identity,
            names,
            forgotten,
            switched: false,
            ending: 0,
            rests: Rests::default(),
            segments: Vec::new(),
            allocated: 0,
        }
    }

    pub fn thread(&mut self, serial: u32, tid: u64, name: &str, events: u64, lost: u64) {
        self.have_recorded(events);
        let mut entry = thread_entry(serial, tid, 0);
        entry[40..48].copy_from_slice(&events.to_le_bytes());
        entry[48..56].copy_from_slice(&lost.to_le_bytes());
        self.names.extend(entry);
        if !name.is_empty() {
            self.names.extend(name_entry(Tag::ThreadName, serial, name, 4096));
        }
    }

    /// A segment of labels: kind, serial, a thread's id, its events, and a name.
    pub fn labels(&mut self, labels: &[(LabelKind, u32, u64, u64, &str)]) {
        self.identity.incompatible = LABELS;
        let mut body = vec![0; labels.len() * LABEL_SIZE];
        for ((kind, serial, tid, events, name), label) in labels.iter().zip(body.chunks_exact_mut(LABEL_SIZE)) {
            label[..8].copy_from_slice(&[*kind as u8, 4, name.len() as u8, 0, 0, 0, 0, 0]);
            label[4..8].copy_from_slice(&serial.to_le_bytes());
            label[8..16].copy_from_slice(&tid.to_le_bytes());
            label[32..40].copy_from_slice(&events.to_le_bytes());
            label[48..48 + name.len()].copy_from_slice(name.as_bytes());
        }
        self.segment(SegmentKind::Labels, 0, 0, 0, &body, false);
    }

    /// A segment of ends of children: pid, status, and when the process had waited.
    pub fn children(&mut self, ends: &[(u32, u64, u64)]) {
        self.identity.incompatible = LABELS;
        let mut body = vec![0; ends.len() * LABEL_SIZE];
        for ((pid, status, waited), label) in ends.iter().zip(body.chunks_exact_mut(LABEL_SIZE)) {
            let head = LabelKind::Child as u64 | u64::from(*pid) << 32;
            for (index, word) in [head, *status, *waited].into_iter().enumerate() {
                label[8 * index..][..8].copy_from_slice(&word.to_le_bytes());
            }
        }
        self.segment(SegmentKind::Labels, 0, 0, 0, &body, false);
    }

    pub fn function(&mut self, id: u32, name: &str, file: &str, line: u32) {
        let is_c = file.is_empty();
        self.names.extend(function_entry(id, &Function { name, file, line, is_c }, 3000));
    }

    /// From `ticks` on, not all calls of this function, or of the C functions that it calls, are recorded.
    pub fn elided(&mut self, id: u32, only_c_calls: bool, ticks: u64) {
        self.names.extend(elided_entry(id, only_c_calls, ticks));
    }

    /// About how many calls of an elided function there were, in so many bursts.
    pub fn estimate(&mut self, id: u32, bursts: u64, calls: u64, error: u64) {
        let estimate = Estimate { bursts, counted: bursts, time: bursts, calls, error };
        self.names.extend(estimate_entry(id, &estimate));
    }

    /// So many events were recorded before, in segments that have been recycled.
    fn have_recorded(&mut self, events: u64) {
        let slots = (u64::from(self.identity.segment_size) - SEGMENT_HEADER_SIZE as u64) / 16;
        self.allocated = self.allocated.max(events.div_ceil(slots));
    }

    /// A segment of records, and its generation.
    pub fn calls(&mut self, thread: u32, first_event: u64, records: &[Record], sealed: bool) -> u64 {
        let kinds = |kind: Kind| {
            let of_kind = |r: &&Record| Kind::from_byte(r.kind_byte()) == Some(kind);
            records.iter().filter(of_kind).count() as u64
        };
        let handovers = kinds(Kind::Thread);
        let others = (kinds(Kind::Long) + kinds(Kind::Payload) + handovers) | handovers << 32;
        let body: &[u8] = bytemuck::cast_slice(records);
        self.segment(SegmentKind::Calls, thread, first_event, others, body, sealed)
    }

    pub fn payload(&mut self, body: &[u8]) -> u64 {
        self.segment(SegmentKind::Payload, 0, 0, 0, body, false)
    }

    /// Open frames of one thread: function and start.
    pub fn stack(&mut self, thread: u32, frames: &[(u32, u64)]) {
        let frames: Vec<Record> = frames.iter().map(|(id, start)| Record::new(FRAME, *start, 7, *id)).collect();
        self.frames(thread, &frames);
    }

    /// Frames as they stand in the blocks, and marks of tasks between them.
    pub fn frames(&mut self, thread: u32, frames: &[Record]) {
        for (index, part) in frames.chunks(BLOCK_FRAMES).enumerate() {
            let mut block = vec![0; BLOCK_SIZE];
            let base = (index * BLOCK_FRAMES) as u64;
            block[..8].copy_from_slice(&(u64::from(thread) | base << 32).to_le_bytes());
            block[8..16].copy_from_slice(&(part.len() as u64).to_le_bytes());
            let bytes: &[u8] = bytemuck::cast_slice(part);
            block[BLOCK_HEADER_SIZE..][..bytes.len()].copy_from_slice(bytes);
            self.segment(SegmentKind::Stacks, 0, 0, 0, &block, false);
        }
    }

    /// Any segment.
    pub fn segment(
        &mut self,
        kind: SegmentKind,
        thread: u32,
        first_event: u64,
        others: u64,
        body: &[u8],
        sealed: bool,
    ) -> u64 {
        self.have_recorded(first_event);
        self.allocated += 1;
        let generation = self.allocated;
        let seal = if sealed { SEALED | u64::from(crc(body)) } else { 0 };
        let owner = kind as u64 | u64::from(thread) << 32;
        let Anchor { ticks, monotonic, realtime } = self.identity.opened;
        let opened = if kind == SegmentKind::Calls { opened(ticks, body) } else { ticks };
        let words =
            [generation, owner, first_event, opened, ticks, monotonic, realtime, seal, body.len() as u64, others];
        let mut segment: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        segment.resize(SEGMENT_HEADER_SIZE, 0);
        segment.extend(body);
        assert!(segment.len() <= self.identity.segment_size as usize);
        segment.resize(self.identity.segment_size as usize, 0);
        self.segments.push(segment);
        generation
    }

    /// The file's bytes.
    pub fn bytes(mut self, sealed: bool) -> Vec<u8> {
        let space = self.identity.segment_size as usize - SEGMENT_HEADER_SIZE;
        let names = std::mem::take(&mut self.names);
        for part in whole_entries(&names, space) {
            self.segment(SegmentKind::Names, 0, 0, 0, part, false);
        }
        let mut bytes = self.identity.to_page(b"python\0x.py\0").to_vec();
        let state = if sealed { STATE_SEALED } else { 1 };
        let Forgotten { threads, events, tasks } = self.forgotten;
        let switched = u64::from(self.switched);
        let Rests { count, ticks, since } = self.rests;
        let forgotten = [(96, threads), (104, events), (112, tasks)];
        let rests = [(144, count), (152, ticks), (160, since)];
        for (at, word) in forgotten.into_iter().chain(rests).chain([(0, state), (72, self.ending), (120, switched)]) {
            bytes[STATUS_OFFSET + at..][..8].copy_from_slice(&word.to_le_bytes());
        }
        bytes.extend(self.segments.concat());
        bytes
    }
}

/// A process with a thread and two functions, 1 `f` and 2 `len`, that began at 5 ms.
pub fn small(pid: u32) -> Ring {
    let mut ring = Ring::new(pid, 5_000_000);
    ring.thread(1, 11, "MainThread", 0, 0);
    ring.function(1, "f", "/x/ev.py", 7);
    ring.function(2, "builtins.len", "", 0);
    ring
}

/// A call that returned.
pub fn call(function: u32, start: u64, duration: u64) -> Record {
    Record::new(Kind::Return as u8, start, duration, function)
}

/// Record of another kind.
pub fn record(kind: Kind, function: u32, start: u64, duration: u64) -> Record {
    Record::new(kind as u8, start, duration, function.min(FUNCTION_UNKNOWN))
}

/// A segment is opened when its first record is made.
fn opened(least: u64, body: &[u8]) -> u64 {
    let word = |offset: usize| body.get(offset..offset + 8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    let is_event = |kind: u8| Kind::from_byte(kind).is_some_and(|kind| kind.is_event());
    let first = (0..body.len() / 16).find(|record| is_event(body[record * 16]));
    let end = first.and_then(|record| Some((word(record * 16)? >> 8) + (word(record * 16 + 8)? >> 24)));
    end.unwrap_or(0).max(least)
}

fn crc(body: &[u8]) -> u32 {
    crc32fast::hash(body)
}

/// Entries packed into bodies of at most `space` bytes.
fn whole_entries(mut names: &[u8], space: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while !names.is_empty() {
        let mut end = 0;
        while let Some(size) = names.get(end + 4..end + 8) {
            let size = u32::from_le_bytes(size.try_into().unwrap()) as usize;
            if end + size > space {
                break;
            }
            end += size;
        }
        let (part, rest) = names.split_at(end);
        parts.push(part);
        names = rest;
    }
    parts
}
