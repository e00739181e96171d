//! Ticks to nanoseconds, in integers, from the anchors a file carries.
//!
//! The tracer stores raw ticks and now and then an [`Anchor`]: the same time on the tick counter, the monotonic and
//! the realtime clock. [`TickMap`] draws a line from anchor to anchor, and extends the first and the last one.

use bytemuck::{Pod, Zeroable};
use std::ops::Range;

/// One time on three clocks. All zeros mean that none was taken.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Anchor {
    /// The tick counter.
    pub ticks: u64,
    /// `CLOCK_MONOTONIC` in ns.
    pub monotonic: u64,
    /// `CLOCK_REALTIME` in ns since 1970.
    pub realtime: u64,
}

/// Anchors nearer to each other than this (in ns) would make a steep line out of their reading error (tens of ns).
const MIN_DISTANCE: u64 = 1_000_000;

/// The map from a file's ticks to nanoseconds of its monotonic clock: never decreasing, exact at the anchors.
#[derive(Clone, Debug)]
pub struct TickMap {
    lines: Vec<Line>,
}

/// `monotonic + ((ticks - self.ticks << shift) * multiplier >> 64)`, valid from `ticks` to the next line. With a fixed
/// shift to the right it is one multiplication; `shift` is 0 for counters faster than 1 GHz.
#[derive(Clone, Copy, Debug)]
struct Line {
    ticks: u64,
    monotonic: u64,
    multiplier: u64,
    shift: u32,
}

impl TickMap {
    /// The map for ticks that already are nanoseconds of the monotonic clock.
    pub fn identity() -> TickMap {
        TickMap { lines: vec![Line { ticks: 0, monotonic: 0, multiplier: 1 << 62, shift: 2 }] }
    }

    /// The map through these anchors, in any order. `None` if they do not hold two different times.
    pub fn new(anchors: impl IntoIterator<Item = Anchor>) -> Option<TickMap> {
        let mut anchors: Vec<Anchor> = anchors.into_iter().filter(|a| *a != Anchor::default()).collect();
        anchors.sort_unstable_by_key(|a| (a.ticks, a.monotonic));
        let points = spread(&anchors)?;
        let lines = points.windows(2).map(|pair| Line::through(pair[0], pair[1])).collect::<Vec<_>>();
        Some(TickMap { lines })
    }

    /// Nanoseconds of the monotonic clock at these ticks.
    #[inline]
    pub fn nanoseconds(&self, ticks: u64) -> u64 {
        self.lines[self.line(ticks)].at(ticks)
    }

    /// The same for many ticks, one after the other.
    pub fn cursor(&self) -> TickCursor<'_> {
        TickCursor { map: self, line: self.lines[0], reach: 0..0 }
    }

    fn line(&self, ticks: u64) -> usize {
        self.lines.partition_point(|line| line.ticks <= ticks).saturating_sub(1)
    }
}

/// Keeps the line of the last ticks: the next ones are mostly near to them.
#[derive(Clone, Debug)]
pub struct TickCursor<'m> {
    map: &'m TickMap,
    line: Line,
    /// Ticks that `line` is for.
    reach: Range<u64>,
}

impl TickCursor<'_> {
    /// Nanoseconds of the monotonic clock at these ticks.
    #[inline]
    pub fn nanoseconds(&mut self, ticks: u64) -> u64 {
        if !self.reach.contains(&ticks) {
            self.seek(ticks);
        }
        self.line.at(ticks)
    }

    #[cold]
    fn seek(&mut self, ticks: u64) {
        let index = self.map.line(ticks);
        self.line = self.map.lines[index];
        let begin = if index == 0 { 0 } else { self.line.ticks };
        self.reach = begin..self.map.lines.get(index + 1).map_or(u64::MAX, |next| next.ticks);
    }
}

/// The anchors that are far enough apart and go forward on both clocks; at least two, or `None`.
fn spread(sorted: &[Anchor]) -> Option<Vec<Anchor>> {
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let mut points = vec![first];
    for anchor in &sorted[1..] {
        let previous = points[points.len() - 1];
        if anchor.ticks > previous.ticks && anchor.monotonic >= previous.monotonic.saturating_add(MIN_DISTANCE) {
            points.push(*anchor);
        }
    }
    if points.len() == 1 && last.ticks > first.ticks && last.monotonic > first.monotonic {
        points.push(last);
    }
    (points.len() > 1).then_some(points)
}

impl Line {
    fn through(a: Anchor, b: Anchor) -> Line {
        let (ticks, ns) = (u128::from(b.ticks - a.ticks), u128::from(b.monotonic - a.monotonic));
        // The smallest shift whose multiplier fits 64 bits gives the finest slope; rounding down keeps this line at
        // or below the next line's first point.
        let multiplier = |shift: u32| u64::try_from((ns << (64 - shift)) / ticks);
        let shift = (0..64).find(|shift| multiplier(*shift).is_ok()).unwrap_or(63);
        let multiplier = multiplier(shift).unwrap_or(u64::MAX);
        Line { ticks: a.ticks, monotonic: a.monotonic, multiplier, shift }
    }

    #[inline]
    fn at(&self, ticks: u64) -> u64 {
        match ticks.checked_sub(self.ticks) {
            Some(after) => self.monotonic.saturating_add(self.scale(after)),
            None => self.monotonic.saturating_sub(self.scale(self.ticks - ticks)),
        }
    }

    #[inline]
    fn scale(&self, ticks: u64) -> u64 {
        if ticks.leading_zeros() < self.shift {
            return self.scale_far(ticks);
        }
        ((u128::from(ticks << self.shift) * u128::from(self.multiplier)) >> 64) as u64
    }

    /// The same for ticks whose shift would not fit 64 bits.
    #[cold]
    fn scale_far(&self, ticks: u64) -> u64 {
        let ns = (u128::from(ticks) * u128::from(self.multiplier)) >> (64 - self.shift);
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn anchor(ticks: u64, monotonic: u64) -> Anchor {
        Anchor { ticks, monotonic, realtime: 0 }
    }

    #[test]
    fn one_moment_gives_no_map() {
        assert!(TickMap::new([]).is_none());
        assert!(TickMap::new([anchor(5, 5)]).is_none());
        assert!(TickMap::new([anchor(5, 5), anchor(5, 9), Anchor::default()]).is_none());
    }

    #[test]
    fn anchors_too_near_are_used_only_when_there_are_no_others() {
        let near = TickMap::new([anchor(0, 1000), anchor(300, 1100)]).unwrap();
        assert_eq!(near.nanoseconds(600), 1199); // slopes round down
        let far = TickMap::new([anchor(0, 1000), anchor(300, 5000), anchor(3_000_000, 1_001_000)]).unwrap();
        assert_eq!(far.nanoseconds(3_000_000), 1_000_999);
        assert_eq!(far.nanoseconds(300), 1099);
    }

    #[test]
    fn ticks_far_away_do_not_wrap() {
        // Slower than 1 GHz, and the ticks that are nanoseconds.
        for map in [TickMap::new([anchor(0, 1), anchor(1_000_000, 4_000_000)]).unwrap(), TickMap::identity()] {
            let ns = (0..64).map(|bit| map.nanoseconds(1 << bit)).collect::<Vec<_>>();
            assert!(ns.is_sorted() && ns[63] >= 1 << 63, "{ns:?}");
        }
    }

    #[test]
    fn two_hundred_days_do_not_overflow() {
        let day = 86_400_000_000_000u64;
        let map = TickMap::new([anchor(0, 1), anchor(26 * day / 10, day + 1)]).unwrap();
        let days_200 = map.nanoseconds(26 * day / 10 * 200);
        assert!(days_200.abs_diff(200 * day) <= 200, "{days_200}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 256 }))]

        #[test]
        fn monotone_and_exact_at_the_anchors_in_any_order(
            mut steps in prop::collection::vec((1u64..10_000_000_000, 1_000_000u64..4_000_000_000), 1..8),
            probes in prop::collection::vec(0u64..100_000_000_000, 2..50),
            seed in any::<u64>(),
        ) {
            let mut points = vec![anchor(1 << 40, 1 << 50)];
            for (ticks, ns) in steps.drain(..) {
                let last = points[points.len() - 1];
                points.push(anchor(last.ticks + ticks, last.monotonic + ns));
            }
            let mut shuffled = points.clone();
            shuffled.sort_by_key(|a| a.ticks.wrapping_mul(seed | 1));
            let map = TickMap::new(shuffled).unwrap();
            for point in &points[..points.len() - 1] {
                prop_assert_eq!(map.nanoseconds(point.ticks), point.monotonic);
            }
            let mut probes = probes;
            probes.sort_unstable();
            let ns: Vec<u64> = probes.iter().map(|p| map.nanoseconds((1 << 40) + p)).collect();
            prop_assert!(ns.is_sorted());
            let mut cursor = map.cursor();
            for ticks in probes.iter().flat_map(|probe| [*probe, (1 << 40) + probe, u64::MAX - probe]) {
                prop_assert_eq!(cursor.nanoseconds(ticks), map.nanoseconds(ticks));
            }
        }
    }
}
