//! What the first reading keeps of a part.
//!
//! Ticks will do for it: a clock never goes back, so what is earlier in nanoseconds is earlier in ticks. Not the other
//! way round, since many ticks may fall into one nanosecond, so some calls too many are kept; with their times in
//! nanoseconds, [`WindowsBuilder`](super::WindowsBuilder) tells which of them are long.

use super::Call;
use crate::align::Clock;
use crate::decode::Moment;

/// Of each thread in a part, what may concern other parts.
#[derive(Debug, Default)]
pub struct Edges(pub(super) Vec<Edge>);

/// One thread's.
#[derive(Debug)]
pub(super) struct Edge {
    pub thread: usize,
    /// When the first of its calls here ended.
    pub first_end: Option<u64>,
    /// When the last one did.
    pub last_end: u64,
    /// The first call to end and those around it, innermost first: no others can have begun before this part.
    pub early: Vec<Call>,
}

impl Edges {
    /// Takes the next moment of the part.
    pub fn add(&mut self, moment: &Moment<'_>) {
        let call = Call::of(moment);
        let edge = self.of(call.thread);
        edge.last_end = edge.last_end.max(call.end);
        if moment.kind.is_call() && call.start < *edge.first_end.get_or_insert(call.end) {
            edge.early.push(call);
        }
    }

    /// Makes nanoseconds of times that are ticks.
    pub fn place(&mut self, clock: &Clock) {
        for edge in &mut self.0 {
            edge.first_end = edge.first_end.map(|end| clock.at(end));
            edge.last_end = clock.at(edge.last_end);
            for call in &mut edge.early {
                (call.start, call.end) = (clock.at(call.start), clock.at(call.end));
            }
        }
    }

    /// A part has few threads, and its moments come in runs of one.
    fn of(&mut self, thread: usize) -> &mut Edge {
        let place = self.0.iter().rposition(|edge| edge.thread == thread).unwrap_or_else(|| {
            self.0.push(Edge { thread, first_end: None, last_end: 0, early: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[place]
    }
}
