//! The rank test of Mann and Whitney: how often would chance alone make two samples differ as much as these do?
//!
//! Only the order of the numbers counts, so one very slow run does no more than any slow one. Equal numbers share the
//! mean of their ranks. Up to [`EXACT_MAX`] numbers on each side, all ways to deal the ranks to the sides are counted;
//! with more, their number is taken to be normally distributed. Where numbers are equal, each function has ranks of its
//! own to be counted, so that is done up to [`EXACT_TIED_MAX`] only.

use std::collections::HashMap;

/// A difference counts if chance makes it less often than this.
pub const SIGNIFICANT: f64 = 0.05;

/// The most numbers on a side for which the p-value is exact.
const EXACT_MAX: usize = 20;

/// The same if some numbers are equal.
const EXACT_TIED_MAX: usize = 10;

/// The test. It remembers what it has counted, as most functions have runs without equal numbers.
#[derive(Debug, Default)]
pub struct RankTest {
    /// By the ranks and the size of the first sample: how many ways there are to each sum of its ranks.
    ways: HashMap<(Vec<usize>, usize), Vec<f64>>,
}

impl RankTest {
    /// The two-sided p-value; 1 if a sample is empty.
    pub fn p(&mut self, base: &[u64], head: &[u64]) -> f64 {
        if base.is_empty() || head.is_empty() {
            return 1.0;
        }
        let (ranks, sum) = doubled_ranks(base, head);
        let is_tied = ranks.windows(2).any(|pair| pair[0] == pair[1]);
        if base.len().max(head.len()) > if is_tied { EXACT_TIED_MAX } else { EXACT_MAX } {
            return approximate(&ranks, sum, base.len());
        }
        let ways = self.ways.entry((ranks, base.len())).or_insert_with_key(|(ranks, size)| ways(ranks, *size));
        let (low, high): (f64, f64) = (ways[..=sum].iter().sum(), ways[sum..].iter().sum());
        let all: f64 = ways.iter().sum();
        (2.0 * low.min(high) / all).min(1.0)
    }
}

/// The smallest p-value that samples of these sizes can have: when each number of one is below all of the other.
pub fn least_p(base: usize, head: usize) -> f64 {
    let ways = (1..=head).map(|k| (base + k) as f64 / k as f64).product::<f64>();
    (2.0 / ways).min(1.0)
}

/// Twice the rank of each number, sorted, and the sum of those of the base. Doubled, the mean of two ranks is whole.
fn doubled_ranks(base: &[u64], head: &[u64]) -> (Vec<usize>, usize) {
    let mut all: Vec<u64> = [base, head].concat();
    all.sort_unstable();
    // Of the numbers below and those not above, each number's rank is the middle.
    let rank = |number: u64| all.partition_point(|n| *n < number) + all.partition_point(|n| *n <= number) + 1;
    (all.iter().map(|number| rank(*number)).collect(), base.iter().map(|number| rank(*number)).sum())
}

/// In how many ways so many of the ranks have each sum.
fn ways(ranks: &[usize], size: usize) -> Vec<f64> {
    let most = ranks.iter().sum::<usize>();
    let mut ways = vec![vec![0.0; most + 1]; size + 1];
    ways[0][0] = 1.0;
    let mut reached = 0;
    for rank in ranks {
        reached += rank;
        for taken in (1..=size).rev() {
            for sum in *rank..=reached {
                ways[taken][sum] += ways[taken - 1][sum - rank];
            }
        }
    }
    ways.swap_remove(size)
}

/// The p-value by the normal distribution, with corrections for equal numbers and for continuity.
fn approximate(ranks: &[usize], sum: usize, base: usize) -> f64 {
    let (all, base) = (ranks.len() as f64, base as f64);
    let head = all - base;
    let equal = ranks.chunk_by(|a, b| a == b).map(|chunk| (chunk.len() as f64).powi(3) - chunk.len() as f64);
    let variance = base * head / 12.0 * (all + 1.0 - equal.sum::<f64>() / (all * (all - 1.0)));
    let distance = (sum as f64 / 2.0 - base * (all + 1.0) / 2.0).abs() - 0.5;
    if variance <= 0.0 { 1.0 } else { libm::erfc(distance.max(0.0) / (2.0 * variance).sqrt()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn p(base: &[u64], head: &[u64]) -> f64 {
        RankTest::default().p(base, head)
    }

    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= expected * 1e-9, "{found} instead of {expected}");
    }

    /// From `scipy.stats.mannwhitneyu(base, head, method="exact").pvalue`, scipy 1.17.1.
    #[test]
    fn exact_values() {
        assert_near(p(&[1], &[2]), 1.0);
        assert_near(p(&[1, 2, 3], &[4, 5, 6]), 0.1);
        assert_near(p(&[1, 2, 3, 4], &[5, 6, 7, 8]), 0.028_571_428_571_428_57);
        assert_near(p(&[3, 1, 4, 15, 9], &[2, 6, 5, 35, 8, 97]), 0.428_571_428_571_428_55);
        let every_second = |from: u64| (0..20).map(|n| from + 2 * n).collect::<Vec<u64>>();
        assert_near(p(&every_second(0), &every_second(11)), 0.009_483_607_191_205_003);
    }

    /// scipy's exact method does not know equal numbers. These are from all `itertools.combinations` of
    /// `scipy.stats.rankdata(base + head)`: twice the share of those with at most, or at least, the sum of the base.
    #[test]
    fn exact_values_with_equal_numbers() {
        assert_near(p(&[1, 1, 2], &[2, 3, 3]), 0.2);
        assert_near(p(&[5, 5, 5], &[5, 5, 5]), 1.0);
        assert_near(p(&[1, 2, 2, 3, 3], &[2, 3, 4, 4, 5]), 0.111_111_111_111_111_1);
        assert_near(p(&[0, 0, 0, 0], &[7, 7, 7, 8]), 0.028_571_428_571_428_57);
    }

    /// From `scipy.stats.mannwhitneyu(base, head, method="asymptotic").pvalue`, scipy 1.17.1.
    #[test]
    fn approximate_values() {
        let every_second = |from: u64| (0..21).map(|n| from + 2 * n).collect::<Vec<u64>>();
        assert_near(p(&every_second(0), &every_second(15)), 0.001_174_133_090_442_064_2);
        let base: Vec<u64> = (0..30).map(|n| n % 7).collect();
        let head: Vec<u64> = (0..25).map(|n| n % 9 + 1).collect();
        assert_near(p(&base, &head), 0.007_525_425_440_224_27);
        assert_near(p(&(0..30).collect::<Vec<_>>(), &(100..130).collect::<Vec<_>>()), 3.019_859_359_162_157e-11);
        assert_near(p(&[5; 30], &[5; 30]), 1.0);
        assert_near(p(&[5; 11], &[5; 11]), 1.0);
        // A few more numbers on each side, and the exact value would be no other one to speak of.
        let spread = |count: u64, from: u64| (0..count).map(|n| from + n % 8).collect::<Vec<u64>>();
        let (exact, approximate) = (p(&spread(10, 0), &spread(10, 3)), p(&spread(11, 0), &spread(11, 3)));
        assert!((exact - approximate).abs() < 0.01, "{exact} {approximate}");
    }

    #[test]
    fn the_smallest_values() {
        assert_near(least_p(1, 1), 1.0);
        assert_near(least_p(3, 3), 0.1);
        assert_near(least_p(4, 4), 2.0 / 70.0);
        assert_near(least_p(1, 39), 0.05);
        assert_eq!((p(&[], &[1]), least_p(0, 3)), (1.0, 1.0));
    }

    proptest! {
        #[test]
        fn any_numbers(base in prop::collection::vec(0..9u64, 1..8), head in prop::collection::vec(0..9u64, 1..8)) {
            let found = p(&base, &head);
            prop_assert!(found >= least_p(base.len(), head.len()) - 1e-12 && found <= 1.0);
            prop_assert!((found - p(&head, &base)).abs() < 1e-12);
            prop_assert!((p(&base, &base) - 1.0).abs() < 1e-12);
            let (ranks, sum) = doubled_ranks(&base, &head);
            prop_assert_eq!(ranks.iter().sum::<usize>(), ranks.len() * (ranks.len() + 1));
            prop_assert!(sum <= ranks.iter().sum());
        }
    }
}
