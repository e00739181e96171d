//! One completed call in 16 bytes.
//!
//! ```text
//!          63                              24 23                8 7       0
//! word 0  | start: low 56 bits of the ticks at the call's begin  | kind    |
//! word 1  | duration: 40 bits of ticks       | function id: 24 bits        |
//! ```
//!
//! Example: function 7, begun at tick 0x1000, 0x20 ticks long, ended by return (kind 1):
//! `01 00 10 00 00 00 00 00  07 00 00 20 00 00 00 00`.
//!
//! A duration of 40 ones, or a payload, is in an extension record that follows and is committed together with
//! the record it extends.

use bytemuck::{Pod, Zeroable};

/// The longest duration that fits a record; longer ones stand in a [`Kind::Long`] extension.
pub const DURATION_MAX: u64 = (1 << 40) - 2;
/// The duration field of a record whose duration stands in the extension that follows.
pub const DURATION_EXTENDED: u64 = (1 << 40) - 1;
/// The largest function id; it stands for every function that got no id of its own.
pub const FUNCTION_UNKNOWN: u32 = (1 << 24) - 1;
/// Flag in the kind byte: the frame was inherited by `fork`, `start` is the time of the fork.
pub const INHERITED: u8 = 0x40;
/// The bits of the kind byte that hold the kind.
pub const KIND_MASK: u8 = 0x3f;
/// Lists and objects in each other, the payload among them, that every reader shows as what they are. The tracer logs
/// values of up to 100; the event and the report around them come on top, and many JSON readers take no more than 128.
pub const NESTING_MAX: u32 = 110;

/// What a record is. Kinds below 0x20 are events; the others extend the event before them or the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A call that returned.
    Return = 0x01,
    /// A generator's or coroutine's span that ended by `yield` or `await`.
    Yield = 0x02,
    /// A call that was left by an exception.
    Raise = 0x03,
    /// A call that was open when tracing stopped and began again in the same file; it has no known end.
    Open = 0x04,
    /// A call whose end was never seen; the duration reaches until this was noticed.
    Abandoned = 0x05,
    /// An instant with a name and perhaps a payload; the function id is that of the name.
    Instant = 0x10,
    /// Named values at a time; the payload holds them.
    Counter = 0x11,
    /// Any other event of the Chrome trace format; the payload holds its members.
    Other = 0x12,
    /// From here on the segment holds records of another thread, whose serial stands in word 1.
    Thread = 0x20,
    /// The duration, in 56 bits of word 0, of the call before.
    Long = 0x21,
    /// Where the payload of the event before stands: generation in word 0, `offset | length << 32` in word 1.
    Payload = 0x22,
    /// From here on the thread runs the asyncio task whose serial stands in word 1; 0: none.
    Task = 0x23,
}

impl Kind {
    /// The kind of a kind byte, without its flag; `None` for one that this version does not know.
    pub fn from_byte(byte: u8) -> Option<Kind> {
        Some(match byte & KIND_MASK {
            0x01 => Kind::Return,
            0x02 => Kind::Yield,
            0x03 => Kind::Raise,
            0x04 => Kind::Open,
            0x05 => Kind::Abandoned,
            0x10 => Kind::Instant,
            0x11 => Kind::Counter,
            0x12 => Kind::Other,
            0x20 => Kind::Thread,
            0x21 => Kind::Long,
            0x22 => Kind::Payload,
            0x23 => Kind::Task,
            _ => return None,
        })
    }

    /// Whether records of this kind are events, as opposed to extensions and marks.
    pub fn is_event(self) -> bool {
        (self as u8) < 0x20
    }

    /// Whether records of this kind are calls.
    pub fn is_call(self) -> bool {
        (self as u8) < 0x10
    }
}

/// The 16 bytes of a record.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Record {
    /// `start << 8 | kind`.
    pub word0: u64,
    /// `duration << 24 | function`.
    pub word1: u64,
}

/// Bytes of a record.
pub const RECORD_SIZE: usize = size_of::<Record>();
const _: () = assert!(RECORD_SIZE == 16);

impl Record {
    /// A call, or with duration 0 another event. `start` loses its upper 8 bits, `duration` must be at most
    /// [`DURATION_EXTENDED`], `function` at most [`FUNCTION_UNKNOWN`].
    #[inline]
    pub fn new(kind: u8, start: u64, duration: u64, function: u32) -> Record {
        Record { word0: start << 8 | u64::from(kind), word1: duration << 24 | u64::from(function) }
    }

    /// The mark that a segment passes to the thread with this serial.
    pub fn thread(serial: u32) -> Record {
        Record { word0: Kind::Thread as u64, word1: u64::from(serial) }
    }

    /// The mark that the thread goes on in the task with this serial; 0: in none.
    pub fn task(serial: u32) -> Record {
        Record { word0: Kind::Task as u64, word1: u64::from(serial) }
    }

    /// The extension that holds a duration of up to 56 bits.
    pub fn long(duration: u64) -> Record {
        Record { word0: duration << 8 | Kind::Long as u64, word1: 0 }
    }

    /// The extension that says where a payload stands: the PAYLOAD segment's generation, and the bytes in its body.
    pub fn payload(generation: u64, offset: u32, length: u32) -> Record {
        Record { word0: generation << 8 | Kind::Payload as u64, word1: u64::from(offset) | u64::from(length) << 32 }
    }

    /// The kind byte, with its flag.
    #[inline]
    pub fn kind_byte(self) -> u8 {
        self.word0 as u8
    }

    /// The low 56 bits of the start, or the 56-bit field of an extension.
    #[inline]
    pub fn start(self) -> u64 {
        self.word0 >> 8
    }

    /// The duration field in ticks.
    #[inline]
    pub fn duration(self) -> u64 {
        self.word1 >> 24
    }

    /// The function id.
    #[inline]
    pub fn function(self) -> u32 {
        (self.word1 & u64::from(FUNCTION_UNKNOWN)) as u32
    }
}

/// What a record holds of a start: the low 56 bits of the ticks.
#[inline]
pub fn stored_start(ticks: u64) -> u64 {
    ticks & (u64::MAX >> 8)
}

/// The full tick count whose low 56 bits are `start`, as near to `reference` as there is one (within 2^55 ticks,
/// about 160 days of a 2.6 GHz counter, on either side).
#[inline]
pub fn full_ticks(start: u64, reference: u64) -> u64 {
    let distance = (start.wrapping_sub(reference) << 8) as i64 >> 8;
    reference.wrapping_add(distance as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_bytes_of_the_module_documentation() {
        let record = Record::new(Kind::Return as u8, 0x1000, 0x20, 7);
        assert_eq!(bytemuck::bytes_of(&record), [1, 0, 0x10, 0, 0, 0, 0, 0, 7, 0, 0, 0x20, 0, 0, 0, 0]);
    }

    #[test]
    fn fields_do_not_bleed_into_each_other() {
        for (start, duration, function) in
            [(0, 0, 0), ((1 << 56) - 1, 0, 0), (0, DURATION_EXTENDED, 0), (0, 0, FUNCTION_UNKNOWN)]
        {
            for byte in [Kind::Return as u8, Kind::Abandoned as u8 | INHERITED] {
                let record = Record::new(byte, start, duration, function);
                assert_eq!(record.kind_byte(), byte);
                assert_eq!((record.start(), record.duration(), record.function()), (start, duration, function));
            }
        }
    }

    #[test]
    fn kinds_survive_the_byte_and_unknown_ones_are_refused() {
        let known = (0..=255u8).filter(|byte| *byte < INHERITED && Kind::from_byte(*byte).is_some());
        assert_eq!(known.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22, 0x23]);
        assert_eq!(Kind::from_byte(0), None);
        assert_eq!(Kind::from_byte(Kind::Raise as u8 | INHERITED), Some(Kind::Raise));
    }

    #[test]
    fn starts_are_found_around_the_reference_also_across_the_wrap() {
        const LOW: u64 = (1 << 56) - 1;
        for reference in [0x1234, 1 << 56, (3 << 56) + 5, u64::MAX >> 1] {
            for distance in [-(1i64 << 54), -1000, -1, 0, 1, 1000, 1 << 54] {
                let ticks = reference.wrapping_add(distance as u64);
                assert_eq!(full_ticks(ticks & LOW, reference), ticks);
            }
        }
    }
}
