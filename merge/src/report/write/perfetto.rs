//! The Perfetto trace, in protobuf. Nothing else here knows protobuf.
//!
//! ```text
//! packet     clock snapshot: the report's zero on the machine's monotonic clock and on the wall clock
//! packet*    track descriptors: processes and threads of all files
//! packet*    by part and thread: a sequence of packets, each with the begin or end of a call, or an instant
//! packet*    behind each part: the lives of tasks and coroutines that ended in it
//! packet     metadata
//! ```
//!
//! A process, thread, task or counter is a track, and every thread's packets are a packet sequence.

mod annotation;
mod fields;
mod foreign;
mod lives;
mod names;
mod origin;
mod packets;
mod sequence;
mod tracks;
mod wire;

#[cfg(test)]
mod tests;

use super::lives::Lives;
use super::part::Reader;
use super::text::Text;
use super::writer::{Report, ReportEnd, Tail, Writer, WrittenPart};
use crate::align::Alignment;
use crate::error::MergeError;
use crate::events::decode::Outcome;
use crate::parallel::lock::lock;
use crate::plan::file::FilePlan;
use fields::{chrome_event_bundle, chrome_metadata, trace, trace_packet};
use names::FileNames;
use origin::Origin;
use sequence::{Encoder, FileContext};
use std::sync::Mutex;
use tracks::{OWN_SEQUENCE, TrackIds};
use viztracer_format::names::Function;
use wire::{Message, put_bytes, put_message, put_number};

/// Writes a Perfetto trace.
#[derive(Debug)]
pub struct Perfetto {
    /// By file.
    tracks: Vec<TrackIds>,
    origin: Origin,
    /// Those that no worker is using.
    encoders: Mutex<Vec<Encoder>>,
    lives: Lives,
}

impl Perfetto {
    /// For a report of these files.
    pub fn new(files: &[FilePlan], alignment: &Alignment) -> Perfetto {
        Perfetto {
            tracks: TrackIds::of(files),
            origin: Origin::of(alignment),
            encoders: Mutex::default(),
            lives: Lives::default(),
        }
    }

    /// What comes before the events: the clocks, and the tracks of processes and threads.
    fn head(&self, files: &[FilePlan], base_realtime: u64) -> Message {
        let mut trace = Message::new();
        put_message(&mut trace, trace::packet, |packet| {
            put_number(packet, trace_packet::trusted_packet_sequence_id, OWN_SEQUENCE);
            put_message(packet, trace_packet::clock_snapshot, |snapshot| {
                self.origin.put_snapshot(snapshot, base_realtime);
            });
        });
        for (file, tracks) in files.iter().zip(&self.tracks) {
            tracks.describe(file, &mut trace);
        }
        trace
    }
}

impl Writer for Perfetto {
    type File = FileNames;
    const NESTED: bool = true;

    fn file(&self, _: &FilePlan) -> FileNames {
        FileNames::default()
    }

    fn function(&self, file: &mut FileNames, id: u32, function: &Function<'_>) {
        file.add(id, function);
    }

    fn begin(&self, report: &Report<'_>, text: &mut Text) {
        text.put(&self.head(report.files, report.alignment.base_realtime));
    }

    fn part(&self, reader: &mut Reader<'_>, names: &FileNames, text: &mut Text) -> Outcome {
        let mut encoder = lock(&self.encoders).pop().unwrap_or_default();
        let tracks = self.tracks[reader.part.file];
        let file = FileContext { plan: reader.plan, names, tracks, origin: self.origin };
        encoder.begin(&file, reader.missing());
        let mut outcome = self.lives.stack_events(reader, |event, _| encoder.put(&file, &event, text));
        encoder.end(&file, text);
        for (thread, calls) in encoder.too_deep() {
            outcome.thread(*thread).too_deep += calls;
        }
        lock(&self.encoders).push(encoder);
        outcome
    }

    fn follow(&self, written: &WrittenPart<'_, FileNames>, tail: &mut Tail<'_>) -> Result<u64, MergeError> {
        let (lives, _) = self.lives.follow(written);
        let file = written.part.file;
        if let (Some(plan), Some(tracks)) = (written.report.files.get(file), self.tracks.get(file)) {
            lives::put(plan, written.file, *tracks, self.origin, &lives, &mut tail.text);
        }
        Ok(0)
    }

    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        tail.text.put(&metadata(end.summary.metadata()));
        Ok(())
    }
}

/// The metadata, behind the last event. Only Chrome's packets have a field for text about the trace; Perfetto's table
/// `metadata` shows them as `cr-viztracer_metadata`.
fn metadata(metadata: String) -> Message {
    let mut trace = Message::new();
    put_message(&mut trace, trace::packet, |packet| {
        put_number(packet, trace_packet::trusted_packet_sequence_id, OWN_SEQUENCE);
        put_message(packet, trace_packet::chrome_events, |events| {
            put_message(events, chrome_event_bundle::metadata, |entry| {
                put_bytes(entry, chrome_metadata::name, "viztracer_metadata");
                put_bytes(entry, chrome_metadata::json_value, metadata);
            });
        });
    });
    trace
}
