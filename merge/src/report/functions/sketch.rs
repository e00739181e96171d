//! How durations are spread, in so little memory that every function of every process can have its own: a count for
//! each range of durations that occurred. Ranges are as wide as 1/64 of what they begin with:
//!
//! ```text
//! 0 1 2 ... 127 | 128-129 130-131 ... 254-255 | 256-259 ... 508-511 | 512-519 ...      64 ranges for every doubling
//! ```
//!
//! A quantile is told as the middle of its range, which is at most 1/128 (0.8 %) off; below 128 ns it is exact.

/// Every doubling has `1 << BITS` ranges.
const BITS: u32 = 6;

/// Counts of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// The number of a range, and how many durations are in it; sorted.
    counts: Vec<(u16, u64)>,
}

impl Sketch {
    /// Adds a duration.
    pub fn add(&mut self, duration: u64) {
        let range = range(duration);
        match self.counts.binary_search_by_key(&range, |(range, _)| *range) {
            Ok(place) => self.counts[place].1 += 1,
            Err(place) => self.counts.insert(place, (range, 1)),
        }
    }

    /// Adds the durations of another sketch.
    pub fn append(&mut self, other: &Sketch) {
        if other.counts.len() == 1 || self.counts.is_empty() {
            return self.append_few(other);
        }
        let mut counts = Vec::with_capacity(self.counts.len().max(other.counts.len()));
        let (mut ours, mut theirs) = (self.counts.iter().peekable(), other.counts.iter().peekable());
        while let (Some((our, count)), Some((their, more))) = (ours.peek(), theirs.peek()) {
            counts
                .push((*our.min(their), if our <= their { *count } else { 0 } + if their <= our { *more } else { 0 }));
            let (next_ours, next_theirs) = (our <= their, their <= our);
            ours.next_if(|_| next_ours);
            theirs.next_if(|_| next_theirs);
        }
        counts.extend(ours);
        counts.extend(theirs);
        self.counts = counts;
    }

    fn append_few(&mut self, other: &Sketch) {
        for (range, more) in &other.counts {
            match self.counts.binary_search_by_key(range, |(range, _)| *range) {
                Ok(place) => self.counts[place].1 += more,
                Err(place) => self.counts.insert(place, (*range, *more)),
            }
        }
    }

    /// The duration that so many hundredths of all do not exceed; 0 if there are none.
    pub fn percentile(&self, percent: u32) -> u64 {
        let all: u128 = self.counts.iter().map(|(_, count)| u128::from(*count)).sum();
        let rank = (all * u128::from(percent)).div_ceil(100).max(1);
        let mut before = 0;
        let found = self.counts.iter().find(|(_, count)| {
            before += u128::from(*count);
            before >= rank
        });
        found.map_or(0, |(range, _)| middle(*range))
    }
}

fn range(duration: u64) -> u16 {
    let shift = (u64::BITS - duration.leading_zeros()).saturating_sub(BITS + 1);
    ((shift << BITS) + (duration >> shift) as u32) as u16
}

fn middle(range: u16) -> u64 {
    let shift = (u32::from(range) >> BITS).saturating_sub(1);
    let begin = (u64::from(range) - (u64::from(shift) << BITS)) << shift;
    begin + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_follow_each_other_without_a_gap() {
        assert_eq!(range(u64::MAX), 57 * 64 + 127);
        for number in 0..range(u64::MAX) {
            assert_eq!(range(middle(number)), number);
        }
        for at in (7..64).map(|bits| 1u64 << bits) {
            assert_eq!(range(at), range(at - 1) + 1);
        }
    }

    fn durations() -> impl Strategy<Value = Vec<u64>> {
        let duration = prop_oneof![0..300u64, 0..100_000u64, any::<u64>(), Just(u64::MAX), Just(0)];
        prop::collection::vec(duration, 1..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

        #[test]
        fn percentiles_are_within_a_128th_of_the_exact_ones(mut durations in durations(), percent in 0..=100u32) {
            let mut sketch = Sketch::default();
            durations.iter().for_each(|duration| sketch.add(*duration));
            durations.sort_unstable();
            let rank = (durations.len() * percent as usize).div_ceil(100).max(1);
            let (exact, told) = (durations[rank - 1], sketch.percentile(percent));
            prop_assert!(told.abs_diff(exact) <= exact / 128, "{told} for {exact}");
        }

        #[test]
        fn sketches_of_parts_add_up(parts in prop::collection::vec(durations(), 0..4)) {
            let of = |durations: &[u64]| {
                let mut sketch = Sketch::default();
                durations.iter().for_each(|duration| sketch.add(*duration));
                sketch
            };
            let mut sum = Sketch::default();
            parts.iter().for_each(|part| sum.append(&of(part)));
            prop_assert_eq!(sum, of(&parts.concat()));
        }
    }
}
