//! What the calls of a part inherit from the parts before: their ids, and what the calls took that they made there.
//!
//! Part after part, [`Carried`] finds out what a part inherits, by a look at the calls that are open when it begins and
//! ends. With that, its rows are [settled](Inherited::settle) without the other parts.

use super::rows::{NO_CALL, OpenCall, Rows};
use std::collections::HashMap;

/// The calls that are open between two parts of a file, outermost first, by the index of their thread.
#[derive(Debug, Default)]
pub struct Carried {
    /// The next id.
    next: i64,
    /// The file of `open`.
    file: usize,
    open: HashMap<usize, Vec<CarriedCall>>,
}

/// A call that is open between two parts.
#[derive(Clone, Copy, Debug)]
struct CarriedCall {
    id: i64,
    callees: i64,
}

/// What a part inherits.
#[derive(Debug)]
pub struct Inherited {
    /// The id of the first call that begins in the part.
    base: i64,
    /// By thread, in the order of the part, the calls that are open when it begins.
    open: Vec<Vec<CarriedCall>>,
}

impl Carried {
    /// What the next part inherits, which is one of this file.
    pub fn next(&mut self, file: usize, rows: &Rows) -> Inherited {
        if self.file != file {
            self.open.clear();
            self.file = file;
        }
        let base = self.next;
        self.next += rows.begun;
        let mut inherited = Vec::with_capacity(rows.threads.len());
        for part in &rows.threads {
            let mut before = self.open.remove(&part.thread).unwrap_or_default();
            // Only damage leaves a call whose begin no part has seen.
            before.resize_with(part.earlier.max(before.len()), || self.unseen());
            let left = part.left.iter().map(|open| match *open {
                OpenCall { number, callees } if number >= 0 => CarriedCall { id: base + number, callees },
                OpenCall { number, callees } => {
                    let CarriedCall { id, callees: earlier } = before[level(number)];
                    CarriedCall { id, callees: earlier.saturating_add(callees) }
                }
            });
            self.open.insert(part.thread, left.collect());
            inherited.push(before);
        }
        Inherited { base, open: inherited }
    }

    fn unseen(&mut self) -> CarriedCall {
        self.next += 1;
        CarriedCall { id: self.next - 1, callees: 0 }
    }
}

impl Inherited {
    /// Gives the rows their ids and those of their parents, in place of numbers in the part, and takes the calls of
    /// earlier parts out of their own times.
    pub fn settle(&self, rows: &mut Rows) {
        for (part, before) in rows.threads.iter().zip(&self.open) {
            for row in part.rows.clone() {
                let number = &mut rows.numbers[row];
                if *number >= 0 {
                    *number += self.base;
                } else {
                    let CarriedCall { id, callees } = before[level(*number)];
                    *number = id;
                    rows.own[row] = rows.own[row].saturating_sub(callees);
                }
                let parent = &mut rows.parents[row];
                if *parent >= 0 {
                    *parent += self.base;
                } else if *parent != NO_CALL {
                    *parent = before[level(*parent)].id;
                }
                rows.own[row] = rows.own[row].max(0);
            }
        }
    }
}

/// Where the call with this number, which is negative, stands among those that were open when the part began.
fn level(number: i64) -> usize {
    (-1 - number) as usize
}
