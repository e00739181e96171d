//! Times as numbers of microseconds.

/// Converts a number of microseconds, which may be in quotes, into whole nanoseconds. Fractions of a nanosecond are
/// cut, as in Perfetto.
pub fn nanoseconds(number: &[u8]) -> Option<i64> {
    let quoted = number.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let number = quoted.map_or(number, <[u8]>::trim_ascii);
    let (sign, digits) = match number.strip_prefix(b"-") {
        Some(rest) => (-1, rest),
        None => (1, number),
    };
    // `decimals` is the number of digits after the point, of which three count.
    let (mut sum, mut decimals, mut digits) = (0_i64, None, digits.iter());
    while decimals != Some(3) {
        match digits.next() {
            Some(digit @ b'0'..=b'9') => {
                sum = sum.checked_mul(10)?.checked_add((digit - b'0').into())?;
                decimals = decimals.map(|decimals| decimals + 1);
            }
            Some(b'.') if decimals.is_none() => decimals = Some(0),
            None if number.last()?.is_ascii_digit() => break,
            _ => return with_exponent(number),
        }
    }
    if !digits.all(u8::is_ascii_digit) {
        return with_exponent(number);
    }
    sum.checked_mul([1000, 100, 10, 1][decimals.unwrap_or(0)])?.checked_mul(sign)
}

/// Reads a number with an exponent, which is rare for times.
#[cold]
fn with_exponent(number: &[u8]) -> Option<i64> {
    let microseconds: f64 = serde_json::from_slice(number).ok()?;
    (microseconds.abs() < 9e15).then_some((microseconds * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("1.", None),
            ("862002664.095", Some(862_002_664_095)),
            ("862002664.09", Some(862_002_664_090)),
            ("9007199254740993.001", Some(9_007_199_254_740_993_001)),
            ("4.49670679517934", Some(4_496)),
            ("-1.5", Some(-1500)),
            ("1.5e3", Some(1_500_000)),
            ("1.55555e1", Some(15_555)),
            ("1E2", Some(100_000)),
            ("1e300", None),
            ("99999999999999999999", None),
            ("1.5.5", None),
            ("1.5555.5", None),
            ("\"5\"", Some(5_000)),
            ("\" 862002664.095 \"", Some(862_002_664_095)),
            ("\"\"", None),
            ("\"five\"", None),
            ("\"", None),
            ("NaN", None),
            ("\"NaN\"", None),
            ("-Infinity", None),
            ("null", None),
            ("true", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(nanoseconds(text.as_bytes()), expected, "{text}");
        }
    }
}
