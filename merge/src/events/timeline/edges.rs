//! What the first reading keeps of a part.
//!
//! The times may be ticks: a clock never goes back, so what is earlier in nanoseconds is earlier in ticks. Several
//! ticks may fall into one nanosecond, so some calls too many are kept. [`WindowsBuilder`](super::WindowsBuilder) finds
//! the long ones among them by their times in nanoseconds.

use super::call::Call;
use crate::align::Clock;
use crate::events::decode::Event;

/// What may concern other parts, of each thread in a part.
#[derive(Debug, Default)]
pub struct Edges(pub(super) Vec<Edge>);

/// What may concern other parts, of one thread.
#[derive(Debug)]
pub(super) struct Edge {
    pub thread: usize,
    /// When the first of its records in the part was made.
    pub first_record: u64,
    /// When the first of its calls in the part ended.
    pub first_end: Option<u64>,
    /// When the last event in the part ended.
    pub last_end: u64,
    /// The first call that ended and those around it, innermost first: no others can have begun before the part.
    pub early: Vec<Call>,
}

impl Edges {
    /// Adds the next event of the part.
    #[inline]
    pub fn add(&mut self, event: &Event<'_>) {
        let end = event.start.saturating_add(event.duration);
        let edge = match self.0.last_mut() {
            Some(edge) if edge.thread == event.thread => edge,
            _ => self.last_of(event.thread, end),
        };
        edge.last_end = edge.last_end.max(end);
        if event.kind.is_call() && event.start < *edge.first_end.get_or_insert(end) {
            edge.early.push(Call::of(event));
        }
    }

    /// Converts times that are ticks into nanoseconds.
    pub fn convert_ticks(&mut self, clock: &Clock) {
        for edge in &mut self.0 {
            edge.first_record = clock.at(edge.first_record);
            edge.first_end = edge.first_end.map(|end| clock.at(end));
            edge.last_end = clock.at(edge.last_end);
            for call in &mut edge.early {
                (call.start, call.end) = (clock.at(call.start), clock.at(call.end));
            }
        }
    }

    /// Moves the edge of a thread to the end, where the next event of the thread finds it. A part has few threads, and
    /// their events come in runs.
    #[cold]
    fn last_of(&mut self, thread: usize, first_record: u64) -> &mut Edge {
        match self.0.iter().position(|edge| edge.thread == thread) {
            Some(index) => {
                let last = self.0.len() - 1;
                self.0.swap(index, last);
            }
            None => self.0.push(Edge { thread, first_record, first_end: None, last_end: 0, early: Vec::new() }),
        }
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}
