//! Pairs begins and ends of calls that are events of their own (`B` and `E`).
//!
//! Events may be in any order, as several threads may have written them. So they are sorted by time first; those of one
//! time keep their order. An end belongs to the innermost call that is open on its track.

use super::marks::Marks;
use super::sort::{Sorter, StoredEvent};
use crate::storage::store::Store;
use std::io;

/// Calls that may be open at the same time on one track.
const OPEN_MAX: usize = 1 << 20;

/// The begins and ends in a document.
pub struct Pairs<'a>(Sorter<'a>);

/// What begins and ends turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// A call, and its end, whose members are arguments that are added to those of the begin.
    Call(StoredEvent, StoredEvent),
    /// A call without an end.
    Open(StoredEvent),
    /// The end of a call that did not begin.
    End,
    /// A call that begins in too many others.
    TooDeep,
}

impl<'a> Pairs<'a> {
    /// Makes an empty list, whose events are sorted in `store`.
    pub fn new(store: &'a Store) -> Pairs<'a> {
        Pairs(Sorter::new(store, StoredEvent::by_time))
    }

    /// Takes a begin or an end. Its number gives its order in the document.
    pub fn push(&mut self, entry: StoredEvent) -> io::Result<()> {
        self.0.push(entry)
    }

    /// Calls `each` with the calls of each track in the order of their ends, and last with those without an end.
    pub fn finish(self, mut each: impl FnMut(Pairing) -> io::Result<()>) -> io::Result<()> {
        let mut open: Vec<StoredEvent> = Vec::new();
        let mut track = None;
        // Calls that were left out, whose ends are still to come.
        let mut left_out = 0_u64;
        self.0.finish(|entry| {
            if track.replace((entry.thread, entry.task)) != Some((entry.thread, entry.task)) {
                left_out = 0;
                open.drain(..).try_for_each(|entry| each(Pairing::Open(entry)))?;
            }
            match Marks::from_bits(entry.marks).is_end() {
                true if left_out > 0 => left_out -= 1,
                true => match open.pop() {
                    Some(begin) => {
                        let call = StoredEvent { end: entry.start, marks: Marks::NONE.bits(), ..begin };
                        each(Pairing::Call(call, *entry))?;
                    }
                    None => each(Pairing::End)?,
                },
                false if open.len() == OPEN_MAX => {
                    left_out += 1;
                    each(Pairing::TooDeep)?;
                }
                false => open.push(*entry),
            }
            Ok(())
        })?;
        open.drain(..).try_for_each(|entry| each(Pairing::Open(entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    /// What is found of these begins and ends: thread, time, whether it is an end. Begin, end and number of each call.
    fn found(events: &[(u32, i64, bool)]) -> Vec<(Option<(i64, i64)>, u64)> {
        let store = Store::new(None).unwrap();
        let mut pairs = Pairs::new(&store);
        for (number, (thread, start, is_end)) in events.iter().enumerate() {
            let marks = if *is_end { Marks::END } else { Marks::NONE }.bits();
            let number = number as u64;
            pairs
                .push(StoredEvent {
                    thread: *thread,
                    start: *start,
                    end: *start,
                    number,
                    marks,
                    ..StoredEvent::zeroed()
                })
                .unwrap();
        }
        let mut found = Vec::new();
        pairs
            .finish(|one| {
                found.push(match one {
                    Pairing::Call(call, end) => (Some((call.start, call.end)), call.number * 100 + end.number),
                    Pairing::Open(call) => (None, call.number),
                    other => panic!("{other:?}"),
                });
                Ok(())
            })
            .unwrap();
        found
    }

    #[test]
    fn events_of_one_time_are_as_they_stand_in_the_file() {
        // Beside each other, and inside each other, all at once.
        assert_eq!(
            found(&[(1, 5, false), (1, 5, true), (1, 5, false), (1, 5, true)]),
            [(Some((5, 5)), 1), (Some((5, 5)), 203)]
        );
        assert_eq!(
            found(&[(1, 5, false), (1, 5, false), (1, 5, true), (1, 5, true)]),
            [(Some((5, 5)), 102), (Some((5, 5)), 3)]
        );
        // One ends where the next begins.
        assert_eq!(
            found(&[(1, 1, false), (1, 5, true), (1, 5, false), (1, 9, true)]),
            [(Some((1, 5)), 1), (Some((5, 9)), 203)]
        );
    }

    #[test]
    fn events_in_any_order() {
        let sorted = [(1, 1, false), (1, 2, false), (1, 3, true), (1, 4, true), (2, 1, false), (2, 2, true)];
        let times = |events: &[(u32, i64, bool)]| found(events).into_iter().map(|(times, _)| times).collect::<Vec<_>>();
        let expected = [Some((2, 3)), Some((1, 4)), Some((1, 2))];
        assert_eq!(times(&sorted), expected);
        for turn in 1..sorted.len() {
            let mut events = sorted;
            events.rotate_left(turn);
            assert_eq!(times(&events), expected, "{events:?}");
        }
        assert_eq!(times(&sorted[..3]), [Some((2, 3)), None]);
    }
}
