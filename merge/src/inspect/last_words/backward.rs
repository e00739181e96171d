//! Reads a file backward from its newest segment, to find the last calls of each thread. A segment is read only if it
//! can hold a call that is still missing.

use super::words::{CALLS_MAX, EndedCall, ThreadWords};
use crate::align::Clock;
use crate::error::Problems;
use crate::events::decode::{Buffers, EventMembers, Payload};
use crate::input::ring::{Input, SegmentPart, Unread};
use crate::plan::file::{Calls, FilePlan};
use crate::plan::imported::Imported;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use viztracer_format::reader::Segment;
use viztracer_format::record::Kind;

/// Reads the segments of a file backward.
pub struct BackwardReader<'a> {
    pub plan: &'a FilePlan,
    pub clock: &'a Clock,
    /// The time that the calls' ends are counted back from.
    pub end: u64,
    /// The threads whose calls are wanted, by serial.
    pub threads: &'a mut BTreeMap<u32, ThreadWords>,
    pub problems: Problems,
}

impl BackwardReader<'_> {
    /// Finds the last calls of each thread in a ring file.
    pub fn back(&mut self, input: &Input) {
        let mut missing: HashSet<u32> = self.threads.keys().copied().collect();
        let mut buffer = Vec::new();
        for (index, calls) in self.plan.calls.iter().enumerate().rev() {
            if missing.is_empty() {
                break;
            }
            let Some(part) = calls.segment() else { continue };
            if !missing.contains(&calls.thread) && !changed_hands(input, calls, part) {
                continue;
            }
            match input.read(part, &mut buffer) {
                Ok((segment, body)) => {
                    self.add(index as u32, &segment, body);
                    let threads = &*self.threads;
                    missing.retain(|serial| threads.get(serial).is_some_and(|words| words.calls.len() < CALLS_MAX));
                    if segment.first_event == 0 {
                        missing.remove(&segment.thread);
                    }
                }
                Err(Unread::Damaged(problem)) => self.problems.add(problem),
                Err(Unread::Recycled) => {}
            }
        }
    }

    /// Finds the last calls of each thread in a trace in JSON, where each chunk is of one thread.
    pub fn back_through(&mut self, imported: &Imported) {
        let mut buffers = Buffers::default();
        for (index, calls) in self.plan.calls.iter().enumerate().rev() {
            let Some(words) = self.threads.get_mut(&calls.thread).filter(|words| words.calls.len() < CALLS_MAX) else {
                continue;
            };
            let mut last = LastCalls { capacity: CALLS_MAX - words.calls.len(), calls: VecDeque::new() };
            let (end, run) = (self.end, index..index + 1);
            let outcome = imported.decode(self.plan, &mut self.clock.cursor(), run, &mut buffers, |event| {
                let kind = match &event.payload {
                    Some(Payload::Members(members)) => EventMembers::ending(members).unwrap_or(event.kind),
                    _ => event.kind,
                };
                if has_ended(kind) {
                    let before = end.saturating_sub(event.start.saturating_add(event.duration));
                    last.add(EndedCall { function: event.function, duration: event.duration, before, kind });
                }
            });
            self.problems.append(&outcome.problems);
            last.calls.append(&mut words.calls);
            words.calls = last.calls;
        }
    }

    /// Puts the newest calls of a segment before those that were found in newer ones.
    fn add(&mut self, index: u32, segment: &Segment, body: &[u8]) {
        let mut skip = self.plan.skips.get(&index).cloned().unwrap_or_default();
        let mut found: HashMap<u32, LastCalls> = HashMap::new();
        for event in segment.events(body) {
            let skipped = skip.iter_mut().find(|(thread, left)| *thread == event.thread && *left > 0);
            if skipped.map(|(_, left)| *left -= 1).is_some()
                || !has_ended(event.kind)
                || self.plan.is_damaged(segment, &event)
            {
                continue;
            }
            let Some(words) = self.threads.get(&event.thread) else { continue };
            let capacity = CALLS_MAX.saturating_sub(words.calls.len());
            let (start, duration) = self.clock.span(event.start, event.duration);
            if capacity == 0 || duration < self.plan.min_duration() {
                continue;
            }
            let last = found.entry(event.thread).or_insert_with(|| LastCalls { capacity, calls: VecDeque::new() });
            let before = self.end.saturating_sub(start.saturating_add(duration));
            last.add(EndedCall { function: event.function, duration, before, kind: event.kind });
        }
        for (thread, mut last) in found {
            if let Some(words) = self.threads.get_mut(&thread) {
                last.calls.append(&mut words.calls);
                words.calls = last.calls;
            }
        }
    }
}

/// The last calls of a thread, at most `capacity`.
struct LastCalls {
    capacity: usize,
    calls: VecDeque<EndedCall>,
}

impl LastCalls {
    fn add(&mut self, call: EndedCall) {
        if self.calls.len() == self.capacity {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }
}

/// Whether a segment holds events of other threads than the one it was opened for. If it has no more records than
/// events, as nearly all have, it does not, and its header need not be read.
fn changed_hands(input: &Input, calls: &Calls, part: SegmentPart) -> bool {
    let others = (calls.events as usize) < calls.records();
    others && matches!(input.segment(part.index), Ok(Some(segment)) if segment.handovers > 0)
}

fn has_ended(kind: Kind) -> bool {
    matches!(kind, Kind::Return | Kind::Yield | Kind::Raise | Kind::Abandoned)
}
