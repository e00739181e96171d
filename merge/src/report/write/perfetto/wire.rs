//! Protobuf's wire format, as far as a trace needs it: a field is its tag, and a varint, eight bytes, or a length and
//! bytes.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;

/// The bytes of a message, field after field.
pub type Message = Vec<u8>;

/// A number as 7 bits a byte, lowest first; all bytes but the last have the highest bit.
pub fn put_varint(message: &mut Message, mut value: u64) {
    while value > 0x7f {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// A field of any integer type, `bool` or an enumeration. Negative numbers are those of 64 bits.
pub fn put_number(message: &mut Message, field: u32, value: u64) {
    put_tag(message, field, VARINT);
    put_varint(message, value);
}

/// A field of type `double`.
pub fn put_double(message: &mut Message, field: u32, value: f64) {
    put_tag(message, field, FIXED64);
    message.extend_from_slice(&value.to_le_bytes());
}

/// A field of type `string` or `bytes`, or a message that is there already.
pub fn put_bytes(message: &mut Message, field: u32, bytes: impl AsRef<[u8]>) {
    put_tag(message, field, LENGTH);
    put_varint(message, bytes.as_ref().len() as u64);
    message.extend_from_slice(bytes.as_ref());
}

/// A field that is a message of its own. Most are short, so one byte is left for the length; longer ones are moved.
pub fn put_message(message: &mut Message, field: u32, fill: impl FnOnce(&mut Message)) {
    put_tag(message, field, LENGTH);
    let begin = message.len();
    message.push(0);
    fill(message);
    let length = message.len() - begin - 1;
    if length > 0x7f {
        let mut bytes = Message::new();
        put_varint(&mut bytes, length as u64);
        message.splice(begin..=begin, bytes);
    } else {
        message[begin] = length as u8;
    }
}

fn put_tag(message: &mut Message, field: u32, wire_type: u32) {
    put_varint(message, u64::from(field << 3 | wire_type));
}

/// Values below this are [`varint`]'s.
pub const VARINT_END: u64 = 1 << 28;

/// A varint of up to 4 bytes as a little-endian number, and how many bytes it has. Without a loop: lengths change from
/// event to event, and a mispredicted branch costs more than a varint.
#[inline(always)]
pub fn varint(value: u64) -> (u32, usize) {
    let value = value as u32;
    let spread = value & 0x7f | (value & 0x3f80) << 1 | (value & 0x1f_c000) << 2 | (value & 0x0fe0_0000) << 3;
    let length = (38 - (value | 1).leading_zeros()) / 7;
    let more = 0x0080_8080 & ((1u32 << (8 * (length - 1))) - 1);
    (spread | more, length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_at_the_boundaries() {
        let edges = (0..64).flat_map(|bits| [(1u64 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for value in edges.chain([u64::MAX]) {
            let mut message = Message::new();
            put_varint(&mut message, value);
            let back = message.iter().rev().fold(0u64, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
            assert_eq!(back, value);
            if value < VARINT_END {
                let (bytes, length) = varint(value);
                assert_eq!(bytes.to_le_bytes()[..length], message, "{value}");
            }
        }
    }

    #[test]
    fn a_message_of_the_documentation() {
        let mut message = Message::new();
        put_number(&mut message, 1, 150);
        put_bytes(&mut message, 2, "testing");
        put_message(&mut message, 3, |inner| put_number(inner, 1, 150));
        assert_eq!(message, b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01");
    }

    #[test]
    fn long_messages_get_long_lengths() {
        for length in [0, 126, 127, 128, 129, 16_383, 16_384, 3_000_000] {
            let text = "x".repeat(length);
            let (mut nested, mut flat) = (Message::new(), Message::new());
            put_message(&mut nested, 3, |inner| inner.extend_from_slice(text.as_bytes()));
            put_bytes(&mut flat, 3, text);
            assert_eq!(nested, flat);
        }
    }
}
