//! Medians of whole numbers, which may lie in the middle between two of them.

use serde_json::Value;

/// A median. The order is that of the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Median {
    /// Twice the number, which is whole.
    doubled: u128,
}

impl Median {
    /// The middle number, or the mean of the two in the middle; 0 if there is none.
    pub fn of(numbers: &[u64]) -> Median {
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable();
        let middle = |index: usize| u128::from(sorted.get(index).copied().unwrap_or(0));
        Median { doubled: middle(sorted.len().saturating_sub(1) / 2) + middle(sorted.len() / 2) }
    }

    /// By how much it is more than another one; 0 if it is less.
    pub fn above(self, other: Median) -> Median {
        Median { doubled: self.doubled.saturating_sub(other.doubled) }
    }

    /// The number, rounded up.
    pub fn rounded_up(self) -> u64 {
        u64::try_from(self.doubled.div_ceil(2)).unwrap_or(u64::MAX)
    }

    /// The whole number that is not more than it, and whether it is half more.
    pub fn parts(self) -> (u64, bool) {
        (u64::try_from(self.doubled / 2).unwrap_or(u64::MAX), self.doubled % 2 == 1)
    }

    /// The number, as exactly as this type has it.
    pub fn number(self) -> f64 {
        self.doubled as f64 / 2.0
    }

    /// As JSON: a whole number if it is one.
    pub fn json(self) -> Value {
        match self.parts() {
            (whole, false) => whole.into(),
            _ => self.number().into(),
        }
    }
}

impl From<u64> for Median {
    fn from(number: u64) -> Median {
        Median { doubled: u128::from(number) * 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        for (numbers, expected) in [
            (&[][..], 0.0),
            (&[7], 7.0),
            (&[3, 1, 2], 2.0),
            (&[4, 1, 2, 100], 3.0),
            (&[1, 2], 1.5),
            (&[u64::MAX; 2], u64::MAX as f64),
        ] {
            assert_eq!(Median::of(numbers).number(), expected, "{numbers:?}");
        }
        assert_eq!((Median::of(&[1, 2]).rounded_up(), Median::of(&[1, 2]).json()), (2, 1.5.into()));
        assert_eq!((Median::of(&[u64::MAX; 2]).rounded_up(), Median::of(&[2, 4]).json()), (u64::MAX, 3.into()));
        assert_eq!(Median::of(&[2, 3]).above(Median::of(&[1, 2])), Median::from(1));
    }
}
