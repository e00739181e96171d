//! The events of a part, as text, for each profile.

use crate::events::timeline::{Call, StackEvent};
use crate::report::write::text::Text;
use std::collections::BTreeMap;

/// The source of a profile: the calls of a thread, or of a task on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileTrack {
    /// The index of the thread in the plan.
    pub thread: usize,
    /// The task's serial, 0 for what no task did.
    pub task: u32,
}

/// Events of one profile that follow each other.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The events, each with a comma before it.
    pub text: Text,
    /// The time of the first event.
    pub first: u64,
    /// The time of the last event.
    pub last: u64,
    /// Frames that were open before, outermost first.
    pub before: Vec<u32>,
    /// Frames that are open now.
    pub open: Vec<u32>,
}

/// The chunks of a part.
#[derive(Debug, Default)]
pub struct Chunks {
    indexes: BTreeMap<ProfileTrack, usize>,
    list: Vec<(ProfileTrack, Chunk)>,
    /// The index of the chunk that was used last.
    current: usize,
}

impl Chunks {
    /// Adds the next stack event; `frame` returns a function's frame by its id.
    pub fn take(&mut self, event: &StackEvent<'_>, open: &[Call], frame: impl Fn(u32) -> u32) {
        match event {
            StackEvent::Begin(call) => {
                let (_, around) = open.split_last().unwrap_or((call, &[]));
                let chunk = self.of(call, call.start, around, &frame);
                let frame = frame(call.function);
                chunk.open.push(frame);
                chunk.put(b'O', frame, call.start);
            }
            StackEvent::End(call, _) => {
                if self.list.get(self.current).is_none_or(|(track, _)| *track != ProfileTrack::of(call)) {
                    // It has begun in an earlier part, if this is the first that is seen of it.
                    let around: Vec<Call> = open.iter().chain([*call]).copied().collect();
                    self.of(call, call.end, &around, &frame);
                }
                let chunk = &mut self.list[self.current].1;
                if let Some(frame) = chunk.open.pop() {
                    chunk.put(b'C', frame, call.end);
                }
            }
            StackEvent::Instant(_) => {}
        }
    }

    /// Returns all chunks.
    pub fn finish(self) -> Vec<(ProfileTrack, Chunk)> {
        self.list
    }

    /// The chunk of a call's track, a new one if these calls are all that is known of it.
    fn of(&mut self, call: &Call, now: u64, around: &[Call], frame: &impl Fn(u32) -> u32) -> &mut Chunk {
        let track = ProfileTrack::of(call);
        if self.list.get(self.current).is_none_or(|(current, _)| *current != track) {
            let list = &mut self.list;
            self.current = *self.indexes.entry(track).or_insert_with(|| {
                let of_track = around.iter().filter(|around| around.task == call.task);
                let before: Vec<u32> = of_track.map(|around| frame(around.function)).collect();
                let chunk = Chunk { first: now, last: now, open: before.clone(), before, ..Chunk::default() };
                list.push((track, chunk));
                list.len() - 1
            });
        }
        &mut self.list[self.current].1
    }
}

impl ProfileTrack {
    fn of(call: &Call) -> ProfileTrack {
        ProfileTrack { thread: call.thread, task: call.task }
    }
}

impl Chunk {
    #[inline]
    fn put(&mut self, what: u8, frame: u32, at: u64) {
        self.last = at;
        put_event(what, frame, at, &mut self.text);
    }
}

/// Appends an event, a comma before it.
#[inline]
pub fn put_event(what: u8, frame: u32, at: u64, text: &mut Text) {
    text.put(b",\n{\"type\":\"");
    text.put(&[what]);
    text.put(b"\",\"frame\":");
    text.put_number(frame.into());
    text.put(b",\"at\":");
    text.put_number(at);
    text.put(b"}");
}
