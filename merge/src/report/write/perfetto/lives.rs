//! The lives of tasks and coroutines, as slices on tracks below those of their tasks.

use super::annotation::{put_count, put_true, put_word};
use super::fields::track_event;
use super::names::FileNames;
use super::origin::Origin;
use super::packets::Packets;
use super::tracks::{LIVES_SEQUENCE, TrackIds};
use super::wire::{Message, put_bytes, put_number};
use crate::events::lives::Life;
use crate::plan::file::FilePlan;
use crate::report::write::text::Text;
use std::collections::BTreeSet;

/// Appends lives as a sequence of their own.
pub fn put(plan: &FilePlan, names: &FileNames, tracks: TrackIds, origin: Origin, lives: &[Life], text: &mut Text) {
    if lives.is_empty() {
        return;
    }
    let mut packets = Packets::default();
    packets.begin(LIVES_SEQUENCE, origin, None, text);
    let mut described = BTreeSet::new();
    for life in lives {
        if described.insert((life.task, None)) {
            let name = names.task(plan, life.task);
            packets.put(text, |trace| tracks.describe_task(LIVES_SEQUENCE, life.task, &name, trace));
        }
        if described.insert((life.task, Some(level(life)))) {
            packets.put(text, |trace| tracks.describe_lives(LIVES_SEQUENCE, life.task, level(life), trace));
        }
    }
    // The clock of a sequence never goes back. At equal times ends come first.
    let mut times: Vec<(u64, bool, &Life)> =
        lives.iter().flat_map(|life| [(life.begin, true, life), (life.end, false, life)]).collect();
    times.sort_by_key(|(time, is_begin, life)| (*time, *is_begin && life.end > life.begin));
    for (time, is_begin, life) in times {
        packets.put_fields(time, text, |event| {
            let kind = if is_begin { track_event::TYPE_SLICE_BEGIN } else { track_event::TYPE_SLICE_END };
            put_number(event, track_event::r#type, kind);
            put_number(event, track_event::track_uuid, tracks.lives(life.task, level(life)));
            if is_begin {
                put_begin(plan, names, life, event);
            }
        });
    }
}

/// A task and coroutines that are as deep in it never overlap, so they have a track.
fn level(life: &Life) -> u32 {
    life.function.map_or(0, |_| life.depth.saturating_add(1))
}

fn put_begin(plan: &FilePlan, names: &FileNames, life: &Life, event: &mut Message) {
    put_bytes(event, track_event::categories, if life.function.is_some() { "coroutine" } else { "task" });
    match life.function {
        Some(function) => put_bytes(event, track_event::name, names.entry(names.index_of(function)).name.as_bytes()),
        None => put_bytes(event, track_event::name, names.task(plan, life.task)),
    }
    for (name, number) in [("running_ns", life.running), ("awaiting_ns", life.awaiting()), ("resumes", life.resumes)] {
        put_count(event, name, number);
    }
    put_word(event, "end", life.how.word());
    if !life.is_begin_known {
        put_true(event, "begin_unknown");
    }
}
