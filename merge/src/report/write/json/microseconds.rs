//! Nanoseconds as microseconds with three decimals, without rounding.

/// Writes them at `at`, and returns the index behind them. Most durations are below a millisecond and most starts below
/// 1000 seconds: those take table look-ups and no loop.
#[inline(always)]
pub fn microseconds(out: &mut [u8], at: usize, nanoseconds: u64) -> usize {
    if nanoseconds < 1_000_000 {
        let at = first_group(out, at, nanoseconds as usize / 1000);
        return decimals(out, at, nanoseconds as usize % 1000);
    }
    let seconds = nanoseconds / 1_000_000_000;
    let below = (nanoseconds % 1_000_000_000) as u32;
    let (milli, micro, nano) = (below / 1_000_000, below / 1000 % 1000, below % 1000);
    let at = match seconds {
        0 => first_group(out, at, milli as usize),
        1..1000 => {
            let at = first_group(out, at, seconds as usize);
            next_group(out, at, milli as usize)
        }
        _ => {
            let mut buffer = itoa::Buffer::new();
            let seconds = buffer.format(seconds).as_bytes();
            out[at..at + seconds.len()].copy_from_slice(seconds);
            next_group(out, at + seconds.len(), milli as usize)
        }
    };
    let at = next_group(out, at, micro as usize);
    decimals(out, at, nano as usize)
}

/// A number below 1000 without leading zeros.
#[inline]
fn first_group(out: &mut [u8], at: usize, number: usize) -> usize {
    let group = &FIRST[number];
    out[at..at + 4].copy_from_slice(group);
    at + group[3] as usize
}

/// A number below 1000 in three digits.
#[inline]
fn next_group(out: &mut [u8], at: usize, number: usize) -> usize {
    out[at..at + 3].copy_from_slice(&DECIMALS[number][1..]);
    at + 3
}

#[inline]
fn decimals(out: &mut [u8], at: usize, number: usize) -> usize {
    out[at..at + 4].copy_from_slice(&DECIMALS[number]);
    at + 4
}

/// `.000` to `.999`.
static DECIMALS: [[u8; 4]; 1000] = {
    let mut decimals = [[b'.'; 4]; 1000];
    let mut n = 0;
    while n < 1000 {
        decimals[n] = [b'.', b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    decimals
};

/// `0` to `999`, and behind the digits how many there are.
static FIRST: [[u8; 4]; 1000] = {
    let mut first = [[0; 4]; 1000];
    let mut n = 0;
    while n < 1000 {
        let (a, b, c) = (b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8);
        first[n] = match n {
            0..10 => [c, 0, 0, 1],
            10..100 => [b, c, 0, 2],
            _ => [a, b, c, 3],
        };
        n += 1;
    }
    first
};

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(nanoseconds: u64) -> String {
        let mut out = [0; 64];
        let end = microseconds(&mut out, 0, nanoseconds);
        String::from_utf8(out[..end].to_vec()).unwrap()
    }

    #[test]
    fn times_at_the_boundaries() {
        for (nanoseconds, text) in [
            (0, "0.000"),
            (1, "0.001"),
            (999, "0.999"),
            (1000, "1.000"),
            (9_999, "9.999"),
            (999_999, "999.999"),
            (1_000_000, "1000.000"),
            (1_002_003, "1002.003"),
            (999_999_999, "999999.999"),
            (1_000_000_000, "1000000.000"),
            (999_999_999_999, "999999999.999"),
            (1_000_002_003_004, "1000002003.004"),
            (10_000, "10.000"),
            (99_999, "99.999"),
            (100_000, "100.000"),
            (862_002_664_095, "862002664.095"),
            (u64::MAX, "18446744073709551.615"),
        ] {
            assert_eq!(shown(nanoseconds), text);
        }
    }
}
