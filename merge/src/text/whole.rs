//! Whole numbers as people type them.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

/// Parses a whole number, or says why a text is none that this type can have.
pub fn parse<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::Zero => "it must be 1 or more".to_owned(),
        IntErrorKind::PosOverflow => "the number is too large".to_owned(),
        _ => format!("{text:?} is not a whole number"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;

    #[test]
    fn what_is_no_number_says_why() {
        let reason = |text| parse::<NonZeroUsize>(text).unwrap_err();
        assert_eq!(parse::<NonZeroUsize>("20").map(NonZeroUsize::get), Ok(20));
        assert_eq!(reason("0"), "it must be 1 or more");
        assert_eq!(reason("99999999999999999999"), "the number is too large");
        for text in ["d", "", "1.5", "-1", "5s", "\u{1b}["] {
            assert_eq!(reason(text), format!("{text:?} is not a whole number"));
        }
        assert_eq!(parse::<u32>("0"), Ok(0));
    }
}
