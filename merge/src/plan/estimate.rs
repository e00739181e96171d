//! About how many calls of elided functions are not recorded.

use crate::plan::elided::ElidedFunction;
use crate::text::display::grouped;
use std::collections::BTreeMap;
use viztracer_format::names::Estimate;

/// A number of calls that is not certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The calls.
    pub calls: u64,
    /// How far off that may be: in 1 of 20 cases it is further.
    pub error: u64,
}

/// By function, about how many of its calls are not recorded.
pub type Estimates = BTreeMap<ElidedFunction, About>;

/// With fewer bursts an estimate says too little.
const BURSTS_MIN: u64 = 5;
/// The standard errors of the error that is shown.
const ERRORS: u64 = 2;
/// Digits of a number that is not certain.
const DIGITS: u32 = 3;

impl About {
    /// What an entry says; `None`: too little.
    pub fn of(estimate: &Estimate) -> Option<About> {
        let about = About { calls: estimate.calls, error: estimate.error.saturating_mul(ERRORS) };
        (estimate.bursts >= BURSTS_MIN).then_some(about)
    }

    /// Both together.
    pub fn and(self, other: About) -> About {
        let error = (self.error as f64).hypot(other.error as f64).ceil() as u64;
        About { calls: self.calls.saturating_add(other.calls), error }
    }

    /// With calls that are certain.
    pub fn with(self, calls: u64) -> About {
        About { calls: self.calls.saturating_add(calls), ..self }
    }

    /// Whether it says anything: the error is less than the number.
    pub fn is_useful(self) -> bool {
        self.error < self.calls
    }

    /// The error in percent of the calls, rounded up.
    pub fn percent(self) -> u64 {
        let percent = (u128::from(self.error) * 100).div_ceil(u128::from(self.calls.max(1)));
        u64::try_from(percent).unwrap_or(u64::MAX)
    }

    /// The calls, rounded, such as `1,230,000`.
    pub fn rounded(self) -> String {
        let digits = self.calls.checked_ilog10().map_or(1, |log| log + 1);
        let unit = 10u64.pow(digits.saturating_sub(DIGITS));
        let rounded = self.calls.saturating_add(unit / 2) / unit;
        grouped(rounded.saturating_mul(unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(calls: u64, error: u64) -> About {
        About { calls, error }
    }

    #[test]
    fn too_few_bursts_say_nothing_and_errors_are_twice_the_standard_error() {
        let estimate = Estimate { bursts: 5, calls: 1000, error: 50, ..Estimate::default() };
        assert_eq!(About::of(&estimate), Some(about(1000, 100)));
        assert_eq!(About::of(&Estimate { bursts: 4, ..estimate }), None);
        let hostile = Estimate { bursts: u64::MAX, calls: u64::MAX, error: u64::MAX, ..estimate };
        assert_eq!(About::of(&hostile), Some(about(u64::MAX, u64::MAX)));
    }

    #[test]
    fn uncertain_numbers_are_rounded() {
        let rounded = [0, 7, 1234, 9996, 1_234_567, u64::MAX].map(|calls| about(calls, 0).rounded());
        assert_eq!(rounded[..5], ["0", "7", "1,230", "10,000", "1,230,000"]);
        assert_eq!([about(1000, 1), about(1000, 10), about(3, 1), about(0, 5)].map(About::percent), [1, 1, 34, 500]);
        assert_eq!(about(3, 3).and(about(4, 4)), about(7, 5));
        assert!(about(3, 2).is_useful() && !about(3, 3).is_useful() && !about(0, 0).is_useful());
    }
}
