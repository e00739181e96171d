//! The instant as of which processes are shown. Reading takes time, and processes that run go on meanwhile; what they
//! record after the instant is left out, so that all of them are shown at the same time.

use crate::align::Zero;
use crate::error::MergeError;
use crate::plan::recording::{Boot, Recording};
use crate::system::{boot_id, monotonic, monotonic_offset};
use std::str::FromStr;

/// Why there is no report of what another machine, or another boot of this one, has recorded.
pub(crate) const OTHER_CLOCK: &str = "--as_of needs ring files that were recorded since this machine started";

/// An instant of this machine's monotonic clock, in ns, without the offset of a time namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf(i64);

impl AsOf {
    /// This instant.
    pub fn now() -> AsOf {
        AsOf::at(monotonic())
    }

    /// The instant at which the monotonic clock of this process shows so many ns.
    pub fn at(monotonic: i64) -> AsOf {
        AsOf(monotonic.saturating_sub(monotonic_offset()))
    }

    /// Whether a recording had begun by then.
    pub fn is_after_begin(self, recording: &Recording) -> bool {
        i128::from(recording.opened.monotonic) - i128::from(recording.monotonic_offset) <= i128::from(self.0)
    }

    /// Whether the instant is a time of the clock of a recording, as far as is known.
    pub(crate) fn is_of(self, recording: &Recording) -> bool {
        recording.boot == this_boot() || recording.boot == Boot::Unknown
    }

    /// The instant in nanoseconds of a report with this zero; 0 if it is earlier.
    ///
    /// # Errors
    /// The report's zero is a time of another machine, or of another boot of this one.
    pub(crate) fn of_report(self, zero: Zero) -> Result<u64, MergeError> {
        if zero.boot != Boot::Unknown && zero.boot != this_boot() {
            return Err(MergeError::NoTime(OTHER_CLOCK));
        }
        let since = i128::from(self.0) + i128::from(zero.monotonic_offset) - i128::from(zero.monotonic);
        Ok(since.clamp(0, u64::MAX.into()) as u64)
    }
}

impl FromStr for AsOf {
    type Err = String;

    /// Parses `now`, and ns of the monotonic clock.
    fn from_str(text: &str) -> Result<AsOf, String> {
        match text {
            "now" => Ok(AsOf::now()),
            _ => text.parse().map(AsOf::at).map_err(|_| {
                "neither now, nor a number of nanoseconds of the monotonic clock, as time.monotonic_ns() returns it"
                    .to_owned()
            }),
        }
    }
}

fn this_boot() -> Boot {
    let digits: String = boot_id().chars().filter(char::is_ascii_hexdigit).collect();
    // The header of a ring file has the digits in the order of the text.
    Boot::of(u128::from_str_radix(&digits, 16).unwrap_or(0).swap_bytes().to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use viztracer_format::clock::Anchor;

    #[test]
    fn an_instant_is_a_time_of_the_report() {
        let zero = Zero { boot: this_boot(), monotonic_offset: 1_000, monotonic: 5_000 };
        assert_eq!(AsOf(9_000).of_report(zero).unwrap(), 5_000);
        assert_eq!(AsOf(1).of_report(zero).unwrap(), 0);
        assert_eq!(AsOf(i64::MAX).of_report(Zero { monotonic_offset: i64::MAX, ..zero }).unwrap(), u64::MAX - 5_001);
        let elsewhere = Zero { boot: Boot::Id([7; 16]), ..zero };
        assert!(matches!(AsOf(9_000).of_report(elsewhere), Err(MergeError::NoTime(_))));
    }

    #[test]
    fn only_recordings_that_had_begun_are_shown() {
        let opened = Anchor { monotonic: 7_000, ..Anchor::default() };
        let recording = Recording { opened, monotonic_offset: 1_000, ..Recording::default() };
        assert!(AsOf(6_000).is_after_begin(&recording) && !AsOf(5_999).is_after_begin(&recording));
    }

    #[test]
    fn instants_are_read() {
        let (before, now, after) = (AsOf::now(), "now".parse::<AsOf>().unwrap(), AsOf::now());
        assert!(before.0 <= now.0 && now.0 <= after.0);
        assert_eq!("17".parse::<AsOf>().unwrap(), AsOf::at(17));
        assert!("5s".parse::<AsOf>().is_err() && "".parse::<AsOf>().is_err());
    }
}
