//! The stack events of one part as packets, thread after thread. A name is interned when a thread's sequence first uses
//! it.

use super::annotation::{put_arguments, put_count, put_true};
use super::fields::{interned_data, interned_name, source_location, trace_packet, track_event};
use super::names::FileNames;
use super::origin::Origin;
use super::packets::{Encoded, Packets};
use super::tracks::TrackIds;
use super::wire::{Message, put_bytes, put_double, put_message, put_number};
use crate::events::decode::{Event, Payload};
use crate::events::timeline::{Call, StackEvent};
use crate::plan::file::FilePlan;
use crate::report::write::missing::{self, LEVELS, Missing};
use crate::report::write::text::Text;
use serde_json::{Map, Value};
use std::collections::HashSet;
use viztracer_format::record::Kind;

/// The category of instants. Calls have none, as it would take two bytes of each.
const INSTANT: &str = "INSTANT";

/// The end of a call.
const END: Encoded = Encoded::new(&[(track_event::r#type << 3) as u8, track_event::TYPE_SLICE_END as u8]);

/// Makes the packets of parts, one part after the other. What it keeps between them is memory only.
#[derive(Debug, Default)]
pub struct Encoder {
    pub(super) packets: Packets,
    /// The thread whose sequence it is, by its index in the plan; `None` before the first event of a part.
    thread: Option<usize>,
    /// Counts sequences, so that nothing of one is taken for another's.
    epoch: u32,
    /// How many names are interned in the sequence.
    interned: u64,
    /// The begin of each function's calls, by its index in the file.
    begins: Vec<Begin>,
    /// TrackIds of tasks and counters that the part has described.
    described: HashSet<u64>,
    /// What is missing of threads that begin in the part, and have not begun yet.
    missing: Vec<Missing>,
    /// What is missing on the thread's track and was not written yet.
    unwritten: Option<Missing>,
    /// Calls that no level was left for, by thread.
    too_deep: Vec<(usize, u64)>,
}

/// The event of a call that begins, if it is interned in this sequence.
#[derive(Clone, Copy, Debug, Default)]
struct Begin {
    event: Encoded,
    /// The sequence, by its `epoch`.
    epoch: u32,
}

/// The file that a part is of.
#[derive(Debug)]
pub struct FileContext<'a> {
    /// Its plan.
    pub plan: &'a FilePlan,
    /// Its functions and tasks.
    pub names: &'a FileNames,
    /// The numbers of its tracks.
    pub tracks: TrackIds,
    /// The clock of all times.
    pub origin: Origin,
}

impl Encoder {
    /// Begins a part of a file, of whose threads this is missing.
    pub fn begin(&mut self, file: &FileContext<'_>, missing: impl Iterator<Item = Missing>) {
        self.missing.clear();
        self.missing.extend(missing);
        self.described.clear();
        self.too_deep.clear();
        self.thread = None;
        self.begins.resize(file.names.len().max(self.begins.len()), Begin::default());
    }

    /// Ends a part: writes what is missing of threads that have no events in it.
    pub fn end(&mut self, file: &FileContext<'_>, text: &mut Text) {
        while let Some(missing) = self.missing.last() {
            self.begin_sequence(file, missing.thread, text);
            self.put_missing(u64::MAX, text);
        }
    }

    /// How many calls of each thread are not shown because [`LEVELS`] calls are around them, by the thread's index.
    pub fn too_deep(&self) -> &[(usize, u64)] {
        &self.too_deep
    }

    /// Appends a stack event. The events of a thread come one after the other.
    #[inline]
    pub fn put(&mut self, file: &FileContext<'_>, event: &StackEvent<'_>, text: &mut Text) {
        if event.is_overwritten() {
            return; // the longest stretch is among what is missing
        }
        let (thread, time) = match event {
            StackEvent::Begin(call) => (call.thread, call.start),
            StackEvent::End(call, _) => (call.thread, call.end),
            StackEvent::Instant(event) => (event.thread, event.start),
        };
        if self.thread != Some(thread) {
            self.begin_sequence(file, thread, text);
        }
        if self.unwritten.is_some() {
            self.put_missing(time, text);
        }
        match event {
            StackEvent::Begin(call) if call.depth >= LEVELS => self.leave_out(call.thread),
            StackEvent::End(call, _) if call.depth >= LEVELS => {}
            StackEvent::Begin(call) => {
                let index = file.names.index_of(call.function);
                if self.begins[index].epoch != self.epoch {
                    self.intern(file.names, index, text);
                }
                let begin = &self.begins[index];
                match mark(call) {
                    None if call.task == 0 && !call.is_clipped => self.packets.put_event(time, &begin.event, text),
                    mark => self.put_marked(file, call, mark, index, text),
                }
            }
            StackEvent::End(call, None) if call.task == 0 => self.packets.put_event(time, &END, text),
            StackEvent::End(call, payload) => self.put_end(file.tracks, call, *payload, text),
            StackEvent::Instant(event) => self.instant(file, event, text),
        }
    }

    /// Begins the sequence of a thread.
    #[cold]
    fn begin_sequence(&mut self, file: &FileContext<'_>, thread: usize, text: &mut Text) {
        let epoch = self.epoch.wrapping_add(1);
        if epoch == 0 {
            self.begins.fill(Begin::default());
        }
        (self.thread, self.epoch, self.interned) = (Some(thread), epoch.max(1), 0);
        let missing = self.missing.iter().position(|missing| missing.thread == thread);
        self.unwritten = missing.map(|index| self.missing.swap_remove(index));
        let reason = self.unwritten.as_ref().map(|missing| match missing.overwritten {
            0 => trace_packet::DATA_LOSS_PRESENT,
            _ => trace_packet::DATA_LOSS_PRESENT | trace_packet::DATA_LOSS_OVERWRITE,
        });
        self.packets.begin(file.tracks.thread(thread), file.origin, reason, text);
    }

    /// Appends a mark for lost events, and a slice where history was overwritten, unless they come after `next`.
    #[cold]
    fn put_missing(&mut self, next: u64, text: &mut Text) {
        let Some(missing) = &mut self.unwritten else { return };
        let packets = &mut self.packets;
        if missing.lost > 0 {
            let lost = std::mem::take(&mut missing.lost);
            packets.put_fields(missing.since.min(next), text, |event| {
                put_missing_event(event, track_event::TYPE_INSTANT, &missing::lost(lost), "lost", lost);
            });
        }
        if missing.overwritten > 0 {
            if next < missing.gap.end {
                return;
            }
            let (name, count) = (missing::overwritten(missing.overwritten), missing.overwritten);
            packets.put_fields(missing.gap.start, text, |event| {
                put_missing_event(event, track_event::TYPE_SLICE_BEGIN, &name, "overwritten", count);
                // As in JSON, microseconds.
                let times = [("since", missing.since), ("until", missing.until)];
                let times = times.map(|(name, time)| (name.to_owned(), Value::from(time as f64 / 1000.0)));
                put_arguments(event, &Map::from_iter(times));
            });
            packets.put_fields(missing.gap.end, text, |event| event.extend_from_slice(END.fields()));
        }
        self.unwritten = None;
    }

    /// Interns a function and its source location, under the same number.
    #[cold]
    fn intern(&mut self, names: &FileNames, index: usize, text: &mut Text) {
        let number = self.put_interned(names, index, text);
        let mut fields = Message::new();
        put_number(&mut fields, track_event::r#type, track_event::TYPE_SLICE_BEGIN);
        put_number(&mut fields, track_event::name_iid, number);
        if names.entry(index).location.is_some() {
            put_number(&mut fields, track_event::source_location_iid, number);
        }
        self.begins[index] = Begin { event: Encoded::new(&fields), epoch: self.epoch };
    }

    /// Interns a function in this sequence, and returns its number.
    fn put_interned(&mut self, names: &FileNames, index: usize, text: &mut Text) -> u64 {
        self.interned += 1;
        let number = self.interned;
        let entry = names.entry(index);
        self.packets.put_untimed(text, |packet| {
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

    /// Appends the begin of a call that has a mark, or is on the track of a task.
    #[cold]
    fn put_marked(&mut self, file: &FileContext<'_>, call: &Call, mark: Option<&str>, index: usize, text: &mut Text) {
        self.describe_task(file, call.task, text);
        let begin = &self.begins[index];
        self.packets.put_fields(call.start, text, |message| {
            message.extend_from_slice(begin.event.fields());
            put_task(message, file.tracks, call.task);
            for mark in mark.into_iter().chain(call.is_clipped.then_some("clipped")) {
                put_true(message, mark);
            }
        });
    }

    /// The end of a call that carries arguments, or on the track of a task. Perfetto adds them to those of the begin.
    #[cold]
    fn put_end(&mut self, tracks: TrackIds, call: &Call, payload: Option<&Payload<'_>>, text: &mut Text) {
        self.packets.put_fields(call.end, text, |event| {
            event.extend_from_slice(END.fields());
            put_task(event, tracks, call.task);
            put_arguments(event, &payload.map(Payload::arguments).unwrap_or_default());
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
    fn instant(&mut self, file: &FileContext<'_>, event: &Event<'_>, text: &mut Text) {
        if let Some(Payload::Members(members)) = event.payload {
            return self.foreign(file, event, members, text);
        }
        let index = file.names.index_of(event.function);
        let arguments = event.payload.as_ref().map(Payload::arguments).unwrap_or_default();
        if event.kind == Kind::Counter {
            return self.counters(file, event.start, &file.names.entry(index).name, &arguments, text);
        }
        self.describe_task(file, event.task, text);
        let name = file.names.entry(index).name.as_bytes();
        self.packets.put_fields(event.start, text, |message| {
            put_number(message, track_event::r#type, track_event::TYPE_INSTANT);
            put_bytes(message, track_event::categories, INSTANT);
            put_bytes(message, track_event::name, name);
            put_task(message, file.tracks, event.task);
            put_arguments(message, &arguments);
        });
    }

    /// A counter has a track for each of its values.
    pub(super) fn counters(
        &mut self,
        file: &FileContext<'_>,
        time: u64,
        name: &str,
        values: &Map<String, Value>,
        text: &mut Text,
    ) {
        for (key, value) in values {
            let Value::Number(value) = value else { continue };
            let name = format!("{name} {key}");
            let track = file.tracks.counter(&name);
            if self.described.insert(track) {
                let id = self.packets.id;
                self.packets.put(text, |trace| file.tracks.describe_counter(id, &name, trace));
            }
            self.packets.put_fields(time, text, |event| {
                put_number(event, track_event::r#type, track_event::TYPE_COUNTER);
                put_number(event, track_event::track_uuid, track);
                match value.as_i64() {
                    Some(value) => put_number(event, track_event::counter_value, value as u64),
                    None => put_double(event, track_event::double_counter_value, value.as_f64().unwrap_or(f64::NAN)),
                }
            });
        }
    }

    fn describe_task(&mut self, file: &FileContext<'_>, task: u32, text: &mut Text) {
        if task != 0 && self.described.insert(file.tracks.task(task)) {
            let (id, name) = (self.packets.id, file.names.task(file.plan, task));
            self.packets.put(text, |trace| file.tracks.describe_task(id, task, &name, trace));
        }
    }
}

/// The argument that marks a call which did not just return.
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

fn put_task(event: &mut Message, tracks: TrackIds, task: u32) {
    if task != 0 {
        put_number(event, track_event::track_uuid, tracks.task(task));
    }
}

fn put_missing_event(event: &mut Message, event_type: u64, name: &str, what: &str, count: u64) {
    put_number(event, track_event::r#type, event_type);
    put_bytes(event, track_event::categories, missing::CATEGORY);
    put_bytes(event, track_event::name, name);
    put_count(event, what, count);
}
