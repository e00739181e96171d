//! Arguments of open calls, in the slots of a stack block behind the frame of their call.
//!
//! ```text
//! frame | text | text | ... | header      the header completes the text
//!
//! text    byte 0: ARGUMENT_TEXT | 15 bytes of the text, the last slot padded with zeros
//!
//! header   63               40 39      32 31               8 7       0
//! word 0  | kept: 24 bits     | 0        | length: 24 bits  | kind    |
//! word 1  | all ones: 40 bits                     | check: 24 bits    |
//! ```
//!
//! The text is that of a JSON object without its last brace, so that it can grow. When it changes, the writer adds more
//! text with a header of its own: of the text before, the first `kept` bytes stay, and `length` new ones follow. So a
//! process that is killed meanwhile leaves the arguments as they were. The check tells text from the remains of other
//! text, and from text that changed while it was read.

use crate::record::{KIND_MASK, Record};

/// The kind of a slot with a part of the arguments of an open call.
pub const ARGUMENT_TEXT: u8 = 0x3d & KIND_MASK;
/// The kind of the header behind this text.
pub const ARGUMENT_HEADER: u8 = 0x3c & KIND_MASK;
/// Bytes of text in a slot.
pub const TEXT_IN_SLOT: usize = 15;
/// The length in the header of arguments that the file has no space for.
pub const NOT_STORED: usize = (1 << 24) - 1;

/// The tag in a header: it is no call's, so that the end of the call does not take the header for its frame.
const NO_TAG: u64 = (1 << 40) - 1;

/// How many slots this many bytes of text take, header included.
pub const fn slots(length: usize) -> usize {
    length.div_ceil(TEXT_IN_SLOT) + 1
}

/// The slots of a text, header included, that leaves `kept` bytes of the text before as they are.
pub fn encode(kept: usize, text: &[u8]) -> impl Iterator<Item = Record> {
    let mut check = Check::default();
    let header = header(kept, text.len());
    let parts = text.chunks(TEXT_IN_SLOT).map(text_slot);
    parts.map(Some).chain([None]).map(move |part| match part {
        Some(slot) => {
            check.add(slot);
            slot
        }
        None => check.complete(header),
    })
}

/// The header of arguments that the file has no space for.
pub fn not_stored() -> Record {
    Check::default().complete(header(0, NOT_STORED))
}

/// A slot of text that belongs to no header.
pub fn blank() -> Record {
    text_slot(&[])
}

/// Whether a slot is a header of arguments.
#[inline]
pub fn is_header(slot: Record) -> bool {
    slot.kind_byte() & KIND_MASK == ARGUMENT_HEADER
}

/// Whether a slot is a part of arguments, and so neither a frame nor the mark of a task.
#[inline]
pub fn is_part(slot: Record) -> bool {
    matches!(slot.kind_byte() & KIND_MASK, ARGUMENT_TEXT | ARGUMENT_HEADER)
}

#[inline]
fn text_slot(part: &[u8]) -> Record {
    let mut bytes = [0; 16];
    bytes[0] = ARGUMENT_TEXT;
    for (to, from) in bytes[1..].iter_mut().zip(part) {
        *to = *from;
    }
    let all = u128::from_le_bytes(bytes);
    Record { word0: all as u64, word1: (all >> 64) as u64 }
}

/// A header without its check.
fn header(kept: usize, length: usize) -> Record {
    let [kept, length] = [kept, length].map(|number| number as u64 & 0xff_ffff);
    Record { word0: kept << 40 | length << 8 | u64::from(ARGUMENT_HEADER), word1: NO_TAG << 24 }
}

/// The check of a text and its header.
#[derive(Clone, Copy, Debug, Default)]
struct Check(u64);

impl Check {
    #[inline]
    fn add(&mut self, slot: Record) {
        for word in [slot.word0, slot.word1] {
            self.0 = self.0.rotate_left(5).wrapping_add(word);
        }
    }

    /// The header with the check of the text that was added and of the header itself.
    fn complete(mut self, header: Record) -> Record {
        self.add(Record { word1: 0, ..header });
        Record { word1: header.word1 & !0xff_ffff | self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40, ..header }
    }
}

/// The arguments of an open call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StackedArguments {
    /// A JSON object as far as the writer was sound.
    Json(Vec<u8>),
    /// The file has no space for them, they are damaged, or they changed while they were read.
    Lost,
}

/// Reads the slots behind a frame.
#[derive(Debug, Default)]
pub struct ArgumentsReader {
    /// The slots of text since the last other one.
    parts: Vec<Record>,
    found: Option<StackedArguments>,
}

impl ArgumentsReader {
    /// Takes the next slot that is a part of arguments.
    pub fn take(&mut self, slot: Record) {
        if !is_header(slot) {
            return self.parts.push(slot);
        }
        let before = self.found.take();
        self.found = Some(changed(before, slot, &self.parts).map_or(StackedArguments::Lost, StackedArguments::Json));
        self.parts.clear();
    }

    /// Ends the call. Returns its arguments, if it has any.
    pub fn finish(&mut self) -> Option<StackedArguments> {
        self.parts.clear();
        match self.found.take() {
            Some(StackedArguments::Json(text)) => Some(StackedArguments::Json([&text[..], b"}"].concat())),
            found => found,
        }
    }
}

/// The text before, changed as a header and the text in front of it say. The slots of text may be preceded by others
/// that belong to no header.
fn changed(before: Option<StackedArguments>, slot: Record, parts: &[Record]) -> Option<Vec<u8>> {
    let (kept, length) = ((slot.word0 >> 40) as usize, (slot.word0 >> 8 & 0xff_ffff) as usize);
    let own = parts.get(parts.len().checked_sub(length.div_ceil(TEXT_IN_SLOT))?..)?;
    let mut check = Check::default();
    own.iter().for_each(|part| check.add(*part));
    if length == NOT_STORED || check.complete(header(kept, length)) != slot {
        return None;
    }
    let mut text = match before {
        Some(StackedArguments::Json(text)) if text.len() >= kept => text,
        _ if kept == 0 => Vec::new(),
        _ => return None,
    };
    text.truncate(kept);
    let bytes = own.iter().flat_map(|part| [part.word0.to_le_bytes(), part.word1.to_le_bytes()].concat().split_off(1));
    text.extend(bytes.take(length));
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(slots: impl IntoIterator<Item = Record>) -> Option<StackedArguments> {
        let mut reader = ArgumentsReader::default();
        slots.into_iter().for_each(|slot| reader.take(slot));
        reader.finish()
    }

    fn json(text: &str) -> Option<StackedArguments> {
        Some(StackedArguments::Json(text.into()))
    }

    #[test]
    fn texts_of_all_lengths_come_back() {
        for length in (0..100).chain([4000, 65_408]) {
            let text: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let all: Vec<Record> = encode(0, &text).collect();
            assert_eq!(all.len(), slots(length));
            assert!(all.iter().all(|slot| is_part(*slot)));
            assert_eq!(read(all), Some(StackedArguments::Json([&text[..], b"}"].concat())));
        }
        assert_eq!(read([]), None);
    }

    #[test]
    fn later_text_keeps_what_was_before() {
        let first: Vec<Record> = encode(0, b"{\"a\":[1,2]").collect();
        let more: Vec<Record> = encode(9, b",3]").collect();
        assert_eq!(read([first.clone(), more.clone()].concat()), json(r#"{"a":[1,2,3]}"#));
        // A kill in the middle of the second text leaves the first.
        for length in 0..more.len() {
            assert_eq!(read([&first[..], &more[..length]].concat()), json(r#"{"a":[1,2]}"#), "{length}");
        }
        // Text that belongs to no header is passed over; a whole text needs nothing before it.
        let whole: Vec<Record> = encode(0, b"{\"b\":1").collect();
        let remains = [blank(), blank(), first[0]];
        assert_eq!(read([&remains[..], &whole].concat()), json(r#"{"b":1}"#));
        assert_eq!(read([&more[..], &whole].concat()), json(r#"{"b":1}"#));
    }

    #[test]
    fn what_does_not_fit_together_is_lost() {
        let lost = Some(StackedArguments::Lost);
        let all: Vec<Record> = encode(0, b"{\"a\":\"0123456789abcdef\"").collect();
        for index in 0..all.len() {
            for bit in 0..128 {
                let mut damaged = all.clone();
                match bit {
                    0..64 => damaged[index].word0 ^= 1 << bit,
                    _ => damaged[index].word1 ^= 1 << (bit - 64),
                }
                if damaged.iter().all(|slot| is_part(*slot)) && is_header(damaged[2]) {
                    assert_eq!(read(damaged), lost, "slot {index}, bit {bit}");
                }
            }
        }
        assert_eq!(read(all[1..].to_vec()), lost, "the text is not all there");
        assert_eq!(read([not_stored()]), lost);
        assert_eq!(read(encode(5, b"more")), lost, "nothing is before it");
        assert_eq!(read(encode(0, b"four").chain(encode(5, b"more"))), lost);
        assert_eq!(read([&all[..], &[not_stored()]].concat()), lost);
    }
}
