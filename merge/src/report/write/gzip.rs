//! Text as gzip members. Members stand alone, so many can be made at once, and `gzip`, Python and Perfetto read a file
//! of them as one.

use libdeflater::{CompressionLvl, Compressor};
use std::fmt;

/// `cargo bench -p viztracer-merge` (rows `gzip level`) chose it: level 1 makes 577 MB/s and 1/10.6 of the size, level
/// 3 makes 419 MB/s and 1/11.1, level 6 makes 233 MB/s and 1/12.8.
pub const LEVEL: i32 = 1;

/// Makes members, one after the other.
pub struct Gzip {
    compressor: Compressor,
    member: Vec<u8>,
}

impl Gzip {
    /// A compressor of a level from 1 (fast) to 12 (small); any other number means [`LEVEL`].
    pub fn new(level: i32) -> Gzip {
        let level = CompressionLvl::new(level).unwrap_or_default();
        Gzip { compressor: Compressor::new(level), member: Vec::new() }
    }

    /// A member that holds `text`.
    pub fn member(&mut self, text: &[u8]) -> &[u8] {
        let bound = self.compressor.gzip_compress_bound(text.len());
        self.member.resize(bound.max(self.member.len()), 0);
        // The bound is enough for any text, which is all that can fail here.
        let length = self.compressor.gzip_compress(text, &mut self.member).unwrap_or(0);
        self.member.get(..length).unwrap_or_default()
    }
}

/// A compressor for the benchmark that chose `LEVEL`.
pub fn of_level(level: i32) -> Gzip {
    Gzip::new(level)
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gzip")
    }
}
