//! The steps of one thread in one part as packets.
//!
//! Parts are encoded one without the other, so in every part a thread's sequence begins anew: its first packet clears
//! what was interned, sets the track and a clock that counts from one packet to the next, and ties that clock to the
//! report's. A name is interned when it is first used. Nearly all packets are then one of these, `aa` being the
//! nanoseconds since the packet before, `ss` the sequence, `nn` the name and `ll` its source location:
//!
//! ```text
//! 0a 12  40 aa  50 ss  68 02  5a 0a  48 01  18 01  50 nn  90 02 ll     a call begins
//! 0a 0a  40 aa  50 ss  68 02  5a 02  48 02                             it ends
//! ```

use super::annotation::{put_arguments, put_count, put_true};
use super::fields::{
    clock, clock_snapshot, interned_data, interned_name, source_location, trace, trace_packet, trace_packet_defaults,
    track_event, track_event_defaults,
};
use super::foreign;
use super::names::Names;
use super::tracks::Tracks;
use super::wire::{Message, VARINT_END, put_bytes, put_double, put_message, put_number, varint};
use crate::align::Clock;
use crate::decode::{Moment, Payload};
use crate::plan::FilePlan;
use crate::summary::grouped;
use crate::timeline::{Call, Step};
use serde_json::{Map, Value};
use std::collections::HashSet;
use viztracer_format::record::Kind;

/// Levels of calls that Perfetto draws; deeper ones it would put beside the outermost.
pub const LEVELS: u32 = 512;

/// A clock of the sequence's own.
const SEQUENCE_CLOCK: u64 = 64;
/// Categories are interned at the begin of a sequence, under these numbers.
const CALL: u64 = 1;
const INSTANT: u64 = 2;
const CATEGORIES: [(u64, &str); 2] = [(CALL, "FEE"), (INSTANT, "INSTANT")];
/// What tells how much is missing is no call of the program.
const LOSS: &str = "LOSS";

/// Longer than the packet of a call that begins, without its arguments.
const PACKET_MAX: usize = 48;
/// Longer than the event in it.
const EVENT_MAX: usize = 24;
/// The number of the sequence, and the flags.
const PREFIX_MAX: usize = 8;

/// The end of a call: its event has no other field than the type.
const END: [u8; 4] = [0x5a, 2, 0x48, track_event::TYPE_SLICE_END as u8];

/// Makes the packets of parts, one part after the other. What it keeps between them is memory only.
#[derive(Debug, Default)]
pub struct Encoder {
    trace: Message,
    /// By the function's place in its file.
    begins: Vec<Begin>,
    sequence: Sequence,
    /// Tracks of tasks and counters that the part has described.
    described: HashSet<u64>,
    /// Threads that no earlier part has anything of, by place.
    beginning: Vec<usize>,
    /// Calls that no level was left for, by thread.
    too_deep: Vec<(usize, u64)>,
}

/// The event of a call that begins, if it is interned in this sequence.
#[derive(Clone, Copy, Debug, Default)]
struct Begin {
    event: [u8; EVENT_MAX],
    length: u8,
    /// The sequence, by its `epoch`.
    epoch: u32,
}

/// The file that a part is of.
#[derive(Debug)]
pub struct File<'a> {
    /// Its plan.
    pub plan: &'a FilePlan,
    /// Its clock.
    pub clock: &'a Clock,
    /// Its functions and tasks.
    pub names: &'a Names,
    /// The numbers of its tracks.
    pub tracks: Tracks,
}

/// What a thread recorded and the report does not show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Loss {
    overwritten: u64,
    lost: u64,
    /// When its first event was recorded.
    since: u64,
}

/// The state of the sequence that is written to.
#[derive(Debug, Default)]
struct Sequence {
    /// The thread's place in the plan; `None` before the first step of a part.
    thread: Option<usize>,
    id: u64,
    /// Counts sequences, so that nothing of one is taken for another's.
    epoch: u32,
    interned: u64,
    /// The time of the last packet.
    now: u64,
    prefix: [u8; PREFIX_MAX],
    prefix_length: usize,
}

impl Encoder {
    /// Begins a part of a file. `beginning` are the threads, by place in the plan, that no earlier part has steps of.
    pub fn begin(&mut self, file: &File<'_>, beginning: impl Iterator<Item = usize>) {
        self.beginning.clear();
        self.beginning.extend(beginning);
        self.trace.clear();
        self.described.clear();
        self.too_deep.clear();
        self.sequence.thread = None;
        self.begins.resize(file.names.len().max(self.begins.len()), Begin::default());
    }

    /// The packets of the part.
    pub fn packets(&self) -> &[u8] {
        &self.trace
    }

    /// By the thread's place in the plan, calls that are not shown because [`LEVELS`] others are around them.
    pub fn too_deep(&self) -> &[(usize, u64)] {
        &self.too_deep
    }

    /// Appends a step. Those of a thread come one after the other.
    #[inline]
    pub fn step(&mut self, file: &File<'_>, step: &Step<'_>) {
        let (thread, time) = match step {
            Step::Begin(call) => (call.thread, call.start),
            Step::End(call, _) => (call.thread, call.end),
            Step::Moment(moment) => (moment.thread, moment.start),
        };
        if self.sequence.thread != Some(thread) {
            self.begin_sequence(file, thread, time);
        }
        match step {
            Step::Begin(call) if call.depth >= LEVELS => self.leave_out(call.thread),
            Step::End(call, _) if call.depth >= LEVELS => {}
            Step::Begin(call) => {
                let place = file.names.place(call.function);
                let begin = &self.begins[place];
                let (event, length) = match begin.epoch == self.sequence.epoch {
                    true => (begin.event, begin.length),
                    false => self.intern(file.names, place),
                };
                match mark(call) {
                    None if call.task == 0 && !call.is_clipped => self.put(time, &event, length.into()),
                    mark => self.put_marked(file, call, mark, &event[..length.into()]),
                }
            }
            Step::End(call, None) if call.task == 0 => {
                let mut event = [0; EVENT_MAX];
                event[..END.len()].copy_from_slice(&END);
                self.put(time, &event, END.len());
            }
            Step::End(call, payload) => self.put_end(file.tracks, call, *payload),
            Step::Moment(moment) => self.moment(file, moment),
        }
    }

    /// Appends a packet with this event: all the way of a usual call.
    #[inline]
    fn put(&mut self, time: u64, event: &[u8; EVENT_MAX], length: usize) {
        let sequence = &mut self.sequence;
        let delta = time.saturating_sub(sequence.now);
        if delta >= VARINT_END {
            // What was prepared has a tag and a length of one byte before its fields.
            let fields = event.get(2..length).unwrap_or_default();
            return self.put_event(time, |message| message.extend_from_slice(fields));
        }
        sequence.now += delta;
        let (delta, digits) = varint(delta);
        // All is copied in fixed numbers of bytes, which are moves of the processor, and what is too much written over.
        let begin = self.trace.len();
        self.trace.extend_from_slice(&[0; PACKET_MAX]);
        let packet = &mut self.trace[begin..begin + PACKET_MAX];
        let prefix = 3 + digits;
        let event_begin = prefix + sequence.prefix_length;
        let end = event_begin + length;
        packet[..3].copy_from_slice(&[0x0a, end as u8 - 2, 0x40]);
        packet[3..7].copy_from_slice(&delta.to_le_bytes());
        packet[prefix..prefix + PREFIX_MAX].copy_from_slice(&sequence.prefix);
        packet[event_begin..event_begin + EVENT_MAX].copy_from_slice(event);
        self.trace.truncate(begin + end);
    }

    /// Appends a packet that is put together field by field.
    pub(super) fn put_event(&mut self, time: u64, fill: impl FnOnce(&mut Message)) {
        let sequence = &mut self.sequence;
        let delta = time.saturating_sub(sequence.now);
        sequence.now = sequence.now.max(time);
        put_message(&mut self.trace, trace::packet, |packet| {
            put_number(packet, trace_packet::timestamp, delta);
            packet.extend_from_slice(&sequence.prefix[..sequence.prefix_length]);
            put_message(packet, trace_packet::track_event, fill);
        });
    }

    /// Begins the sequence of a thread; what is missing before its first step is shown on its track.
    #[cold]
    fn begin_sequence(&mut self, file: &File<'_>, thread: usize, time: u64) {
        let id = file.tracks.thread(thread);
        let sequence = &mut self.sequence;
        let epoch = sequence.epoch.wrapping_add(1);
        if epoch == 0 {
            self.begins.fill(Begin::default());
        }
        *sequence = Sequence { thread: Some(thread), id, epoch: epoch.max(1), ..Sequence::default() };
        let mut prefix = Message::new();
        put_number(&mut prefix, trace_packet::trusted_packet_sequence_id, u64::from(id as u32));
        put_number(&mut prefix, trace_packet::sequence_flags, trace_packet::SEQ_NEEDS_INCREMENTAL_STATE);
        sequence.prefix[..prefix.len()].copy_from_slice(&prefix);
        sequence.prefix_length = prefix.len();
        let loss = if self.beginning.contains(&thread) { file.loss(thread) } else { Loss::default() };
        put_message(&mut self.trace, trace::packet, |packet| put_state(packet, id, loss));
        self.put_loss(loss, time);
    }

    /// A slice where history was overwritten, and a mark for events that found no room.
    fn put_loss(&mut self, loss: Loss, first: u64) {
        let since = loss.since.min(first);
        if loss.lost > 0 {
            let name = format!("{} events found no room", grouped(loss.lost));
            self.put_event(since, |event| put_loss_event(event, track_event::TYPE_INSTANT, &name, "lost", loss.lost));
        }
        if loss.overwritten > 0 {
            let name = format!("{} events overwritten", grouped(loss.overwritten));
            let (begin, count) = (track_event::TYPE_SLICE_BEGIN, loss.overwritten);
            self.put_event(since, |event| put_loss_event(event, begin, &name, "overwritten", count));
            self.put_event(first, |event| put_number(event, track_event::r#type, track_event::TYPE_SLICE_END));
        }
    }

    /// Interns a function and its source location, under the same number.
    #[cold]
    fn intern(&mut self, names: &Names, place: usize) -> ([u8; EVENT_MAX], u8) {
        let number = self.put_interned(names, place);
        let mut event = Message::new();
        put_message(&mut event, trace_packet::track_event, |event| {
            put_number(event, track_event::r#type, track_event::TYPE_SLICE_BEGIN);
            put_number(event, track_event::category_iids, CALL);
            put_number(event, track_event::name_iid, number);
            if names.entry(place).location.is_some() {
                put_number(event, track_event::source_location_iid, number);
            }
        });
        let begin = &mut self.begins[place];
        begin.event[..event.len()].copy_from_slice(&event);
        begin.length = event.len() as u8;
        begin.epoch = self.sequence.epoch;
        (begin.event, begin.length)
    }

    /// Gives a function a number in this sequence.
    fn put_interned(&mut self, names: &Names, place: usize) -> u64 {
        let Encoder { trace, sequence, .. } = self;
        sequence.interned += 1;
        let number = sequence.interned;
        let entry = names.entry(place);
        put_message(trace, trace::packet, |packet| {
            packet.extend_from_slice(&sequence.prefix[..sequence.prefix_length]);
            put_message(packet, trace_packet::interned_data, |interned| {
                put_message(interned, interned_data::event_names, |name| {
                    put_number(name, interned_name::iid, number);
                    put_bytes(name, interned_name::name, entry.name.as_bytes());
                });
                let Some(location) = &entry.location else { return };
                put_message(interned, interned_data::source_locations, |message| {
                    put_number(message, source_location::iid, number);
                    message.extend_from_slice(location);
                });
            });
        });
        number
    }

    /// The begin of a call with something to tell of it, or on the track of a task.
    #[cold]
    fn put_marked(&mut self, file: &File<'_>, call: &Call, mark: Option<&str>, event: &[u8]) {
        self.describe_task(file, call.task);
        // What was prepared has a tag and a length of one byte before its fields.
        let fields = event.get(2..).unwrap_or_default();
        self.put_event(call.start, |message| {
            message.extend_from_slice(fields);
            put_task(message, file.tracks, call.task);
            for mark in mark.into_iter().chain(call.is_clipped.then_some("clipped")) {
                put_true(message, mark);
            }
        });
    }

    /// The end of a call that carries arguments, or on the track of a task. Perfetto adds them to those of the begin.
    #[cold]
    fn put_end(&mut self, tracks: Tracks, call: &Call, payload: Option<&Payload<'_>>) {
        self.put_event(call.end, |event| {
            put_number(event, track_event::r#type, track_event::TYPE_SLICE_END);
            put_task(event, tracks, call.task);
            put_arguments(event, &arguments(payload));
        });
    }

    #[cold]
    fn leave_out(&mut self, thread: usize) {
        match self.too_deep.last_mut().filter(|(last, _)| *last == thread) {
            Some((_, count)) => *count += 1,
            None => self.too_deep.push((thread, 1)),
        }
    }

    #[cold]
    fn moment(&mut self, file: &File<'_>, moment: &Moment<'_>) {
        if let Some(Payload::Members(members)) = moment.payload {
            return self.foreign(file, moment, members);
        }
        let place = file.names.place(moment.function);
        let arguments = arguments(moment.payload.as_ref());
        if moment.kind == Kind::Counter {
            return self.counters(file, moment.start, &file.names.entry(place).name, &arguments);
        }
        self.describe_task(file, moment.task);
        let name = file.names.entry(place).name.as_bytes();
        self.put_event(moment.start, |event| {
            put_number(event, track_event::r#type, track_event::TYPE_INSTANT);
            put_number(event, track_event::category_iids, INSTANT);
            put_bytes(event, track_event::name, name);
            put_task(event, file.tracks, moment.task);
            put_arguments(event, &arguments);
        });
    }

    /// A counter has a track for each of its values.
    pub(super) fn counters(&mut self, file: &File<'_>, time: u64, name: &str, values: &Map<String, Value>) {
        for (key, value) in values {
            let Value::Number(value) = value else { continue };
            let name = format!("{name} {key}");
            let track = file.tracks.counter(&name);
            if self.described.insert(track) {
                file.tracks.describe_counter(self.sequence.id, &name, &mut self.trace);
            }
            self.put_event(time, |event| {
                put_number(event, track_event::r#type, track_event::TYPE_COUNTER);
                put_number(event, track_event::track_uuid, track);
                match value.as_i64() {
                    Some(value) => put_number(event, track_event::counter_value, value as u64),
                    None => put_double(event, track_event::double_counter_value, value.as_f64().unwrap_or(f64::NAN)),
                }
            });
        }
    }

    fn describe_task(&mut self, file: &File<'_>, task: u32) {
        if task != 0 && self.described.insert(file.tracks.task(task)) {
            file.tracks.describe_task(self.sequence.id, task, &file.names.task(file.plan, task), &mut self.trace);
        }
    }
}

impl File<'_> {
    fn loss(&self, thread: usize) -> Loss {
        let Some(thread) = self.plan.threads.get(thread) else { return Loss::default() };
        let (since, _) = self.clock.span(thread.begun.max(self.plan.header.identity.opened.ticks), 0);
        Loss { overwritten: thread.overwritten, lost: thread.lost, since }
    }
}

/// What is to be said of a call.
#[inline]
fn mark(call: &Call) -> Option<&'static str> {
    match call.kind {
        _ if call.is_unfinished => Some("unfinished"),
        Kind::Return | Kind::Yield => None,
        Kind::Raise => Some("raised"),
        Kind::Abandoned => Some("abandoned"),
        _ => Some("unfinished"),
    }
}

/// The fields of a sequence's first packet.
fn put_state(packet: &mut Message, id: u64, loss: Loss) {
    put_number(packet, trace_packet::trusted_packet_sequence_id, u64::from(id as u32));
    put_number(packet, trace_packet::sequence_flags, trace_packet::SEQ_INCREMENTAL_STATE_CLEARED);
    if loss.overwritten > 0 {
        let reason = trace_packet::DATA_LOSS_PRESENT | trace_packet::DATA_LOSS_OVERWRITE;
        put_number(packet, trace_packet::previous_packet_dropped, reason);
    } else if loss.lost > 0 {
        put_number(packet, trace_packet::previous_packet_dropped, trace_packet::DATA_LOSS_PRESENT);
    }
    put_message(packet, trace_packet::trace_packet_defaults, |defaults| {
        put_number(defaults, trace_packet_defaults::timestamp_clock_id, SEQUENCE_CLOCK);
        put_message(defaults, trace_packet_defaults::track_event_defaults, |event| {
            put_number(event, track_event_defaults::track_uuid, id);
        });
    });
    put_message(packet, trace_packet::interned_data, |interned| {
        for (number, category) in CATEGORIES {
            put_message(interned, interned_data::event_categories, |name| {
                put_number(name, interned_name::iid, number);
                put_bytes(name, interned_name::name, category);
            });
        }
    });
    put_message(packet, trace_packet::clock_snapshot, |snapshot| {
        put_message(snapshot, clock_snapshot::clocks, |clock| {
            put_number(clock, clock::clock_id, SEQUENCE_CLOCK);
            put_number(clock, clock::timestamp, 0);
            put_number(clock, clock::is_incremental, 1);
        });
        put_clock(snapshot, clock::BUILTIN_CLOCK_BOOTTIME, 0);
    });
}

/// What a clock shows at the moment of a snapshot.
pub fn put_clock(snapshot: &mut Message, id: u64, timestamp: u64) {
    put_message(snapshot, clock_snapshot::clocks, |clock| {
        put_number(clock, clock::clock_id, id);
        put_number(clock, clock::timestamp, timestamp);
    });
}

fn put_task(event: &mut Message, tracks: Tracks, task: u32) {
    if task != 0 {
        put_number(event, track_event::track_uuid, tracks.task(task));
    }
}

fn put_loss_event(event: &mut Message, event_type: u64, name: &str, what: &str, count: u64) {
    put_number(event, track_event::r#type, event_type);
    put_bytes(event, track_event::categories, LOSS);
    put_bytes(event, track_event::name, name);
    put_count(event, what, count);
}

/// A payload is a JSON object as the traced program wrote it; anything else is shown as the text that it is.
fn arguments(payload: Option<&Payload<'_>>) -> Map<String, Value> {
    let one = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
    match payload {
        None => Map::new(),
        Some(Payload::Overwritten) => one("overwritten", true.into()),
        Some(Payload::Members(members)) => foreign::arguments(members),
        Some(Payload::Bytes(bytes)) => match serde_json::from_slice(bytes) {
            Ok(Value::Object(arguments)) => arguments,
            _ => one("value", String::from_utf8_lossy(bytes).into()),
        },
    }
}
