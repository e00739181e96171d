//! Which bytes need an escape: eight of them are looked at together.

/// A word whose bytes are all this one.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// A number that is 0 if none of eight bytes needs an escape in JSON.
pub fn escaped_in_json(word: u64) -> u64 {
    below(word, b' ') | equal(word, b'"') | equal(word, b'\\')
}

/// The same for the `repr` of a string in single quotes, where no byte but those of ASCII stands for itself.
pub fn escaped_in_repr(word: u64) -> u64 {
    below(word, b' ') | equal(word, b'\'') | equal(word, b'\\') | equal(word, 0x7f) | word & all(0x80)
}

/// Whether no byte needs an escape.
pub fn is_plain(bytes: &[u8], escaped: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = bytes.as_chunks();
    let found = words.iter().fold(0, |found, word| found | escaped(u64::from_le_bytes(*word)));
    // The last word overlaps the one before, or stands alone: a copy of a few bytes would take longer than the rest.
    let last = match bytes.last_chunk() {
        Some(last) => escaped(u64::from_le_bytes(*last)),
        None => rest.iter().fold(0, |found, byte| found | escaped(all(*byte))),
    };
    found | last == 0
}

/// A number that is 0 if no byte is below a limit of at most 0x80.
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(all(limit)) & !word & all(0x80)
}

/// A number that is 0 if no byte is this one.
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ all(byte), 1)
}
