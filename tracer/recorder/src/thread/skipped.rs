//! The newest calls that were too short to be recorded: they cost as much as others, so [`crate::budget`] needs them.

use crate::budget::Call;

/// How many calls are kept.
const KEPT: usize = 256;

/// Calls that were not recorded.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    /// The newest ones; the oldest of them is replaced next.
    calls: Vec<Call>,
    count: u64,
}

impl Skipped {
    /// Adds a call. Allocates memory once.
    pub fn push(&mut self, call: Call) {
        if self.calls.is_empty() {
            self.calls.reserve_exact(KEPT);
        }
        let index = (self.count % KEPT as u64) as usize;
        match self.calls.get_mut(index) {
            Some(oldest) => *oldest = call,
            None => self.calls.push(call),
        }
        self.count += 1;
    }

    /// How many calls there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The newest ones, in no order.
    pub fn newest(&self) -> &[Call] {
        &self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_ones_are_kept() {
        let mut skipped = Skipped::default();
        for start in 0..1000 {
            skipped.push(Call { function: 1, start, duration: 1 });
        }
        let mut starts: Vec<u64> = skipped.newest().iter().map(|call| call.start).collect();
        starts.sort();
        assert_eq!((skipped.count(), starts), (1000, (1000 - KEPT as u64..1000).collect()));
    }
}
