//! What the first reading keeps of a part.
//!
//! Ticks will do for it: a clock never goes back, so what is earlier in nanoseconds is earlier in ticks. Not the other
//! way round, since many ticks may fall into one nanosecond, so some calls too many are kept; with their times in
//! nanoseconds, [`WindowsBuilder`](super::WindowsBuilder) tells which of them are long.

use super::call::Call;
use crate::align::Clock;
use crate::events::decode::Event;

/// Of each thread in a part, what may concern other parts.
#[derive(Debug, Default)]
pub struct Edges(pub(super) Vec<Edge>);

/// One thread's.
#[derive(Debug)]
pub(super) struct Edge {
    pub thread: usize,
    /// When the first of its records here ended.
    pub begin: u64,
    /// When the first of its calls did.
    pub first_end: Option<u64>,
    /// When the last one did.
    pub last_end: u64,
    /// The first call to end and those around it, innermost first: no others can have begun before this part.
    pub early: Vec<Call>,
}

impl Edges {
    /// Takes the next moment of the part.
    #[inline]
    pub fn add(&mut self, event: &Event<'_>) {
        let end = event.start.saturating_add(event.duration);
        let edge = match self.0.last_mut() {
            Some(edge) if edge.thread == event.thread => edge,
            _ => self.turn_to(event.thread, end),
        };
        edge.last_end = edge.last_end.max(end);
        if event.kind.is_call() && event.start < *edge.first_end.get_or_insert(end) {
            edge.early.push(Call::of(event));
        }
    }

    /// Makes nanoseconds of times that are ticks.
    pub fn place(&mut self, clock: &Clock) {
        for edge in &mut self.0 {
            edge.begin = clock.at(edge.begin);
            edge.first_end = edge.first_end.map(|end| clock.at(end));
            edge.last_end = clock.at(edge.last_end);
            for call in &mut edge.early {
                (call.start, call.end) = (clock.at(call.start), clock.at(call.end));
            }
        }
    }

    /// A part has few threads, and its moments come in runs of one.
    #[cold]
    fn turn_to(&mut self, thread: usize, begin: u64) -> &mut Edge {
        match self.0.iter().position(|edge| edge.thread == thread) {
            Some(place) => {
                let last = self.0.len() - 1;
                self.0.swap(place, last);
            }
            None => self.0.push(Edge { thread, begin, first_end: None, last_end: 0, early: Vec::new() }),
        }
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}
