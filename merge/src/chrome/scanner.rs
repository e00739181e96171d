//! Where values begin and end in JSON text, with no look at what is in them.

use super::value::ValueScanner;
use memchr::memchr2;
use std::ops::Range;

/// Reads JSON from a position on.
pub struct JsonScanner<'a> {
    pub bytes: &'a [u8],
    /// Where the scanner is in the bytes.
    pub at: usize,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The bytes end before the value does.
    Short,
    /// The bytes are not what they should be.
    Bad,
}

impl JsonScanner<'_> {
    /// Goes to the next byte that is no white space, and returns it.
    #[inline]
    pub fn first(&mut self) -> Result<u8, Broken> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(Broken::Short),
            }
        }
    }

    /// Goes past this byte.
    #[inline]
    pub fn take(&mut self, byte: u8) -> Result<(), Broken> {
        if self.first()? != byte {
            return Err(Broken::Bad);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes past a string, and returns where it is.
    #[inline]
    pub fn string(&mut self) -> Result<Range<usize>, Broken> {
        let begin = self.at;
        self.take(b'"')?;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let next = memchr2(b'"', b'\\', rest).ok_or(Broken::Short)?;
            self.at += next + 1;
            if rest[next] == b'"' {
                return Ok(begin..self.at);
            }
            self.at += 1;
        }
    }

    /// Goes past any value, and returns where it is.
    #[inline]
    pub fn value(&mut self) -> Result<Range<usize>, Broken> {
        let begin = self.at;
        let rest = self.bytes.get(begin..).unwrap_or_default();
        let length = match rest.first() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') => ValueScanner::default().end(rest),
            _ => rest
                .iter()
                .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'+' | b'.')),
        };
        match length.ok_or(Broken::Short)? {
            0 => Err(Broken::Bad),
            length => {
                self.at += length;
                Ok(begin..self.at)
            }
        }
    }
}
