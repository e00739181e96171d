//! A thread's packets, one after the other.
//!
//! Parts are encoded one without the other, so in every part a thread's sequence begins anew: its first packet clears
//! what was interned, sets the track and a clock that counts from one packet to the next, and ties that clock to the
//! report's. Nearly all packets are then one of these, `aa` being the nanoseconds since the packet before, `ss` the
//! sequence, `nn` the name and `ll` its source location:
//!
//! ```text
//! 0a 10  40 aa  50 ss  68 02  5a 08  48 01  50 nn  90 02 ll     a call begins
//! 0a 0a  40 aa  50 ss  68 02  5a 02  48 02                      it ends
//! ```

use super::fields::{trace, trace_packet, trace_packet_defaults, track_event_defaults};
use super::origin::Origin;
use super::wire::{Message, VARINT_END, put_message, put_number, varint};
use crate::report::write::text::Text;

/// A clock of the sequence's own.
const SEQUENCE_CLOCK: u64 = 64;
/// Longer than the packet of a call that begins, without its arguments.
const PACKET_MAX: usize = 48;
/// Longer than the event in it.
const EVENT_MAX: usize = 24;
/// The number of the sequence, and the flags.
const PREFIX_MAX: usize = 8;

/// A short event that is put together beforehand: the field of the packet, with a tag and a length of one byte.
#[derive(Clone, Copy, Debug, Default)]
pub struct Encoded {
    bytes: [u8; EVENT_MAX],
    length: u8,
}

impl Encoded {
    /// An event with these fields.
    pub const fn new(fields: &[u8]) -> Encoded {
        let mut bytes = [0; EVENT_MAX];
        (bytes[0], bytes[1]) = ((trace_packet::track_event << 3 | 2) as u8, fields.len() as u8);
        let (_, rest) = bytes.split_at_mut(2);
        rest.split_at_mut(fields.len()).0.copy_from_slice(fields);
        Encoded { bytes, length: 2 + fields.len() as u8 }
    }

    /// Its fields.
    pub fn fields(&self) -> &[u8] {
        self.bytes.get(2..self.length.into()).unwrap_or_default()
    }
}

/// The sequence that is written to.
#[derive(Debug, Default)]
pub struct Packets {
    /// Its number.
    pub id: u64,
    /// The time of the last packet.
    now: u64,
    prefix: [u8; PREFIX_MAX],
    prefix_length: usize,
    /// A packet in the making.
    packet: Message,
}

impl Packets {
    /// Begins a sequence; `reason` says why packets before it are missing, if any are.
    pub fn begin(&mut self, id: u64, origin: Origin, reason: Option<u64>, text: &mut Text) {
        let mut prefix = Message::new();
        put_number(&mut prefix, trace_packet::trusted_packet_sequence_id, u64::from(id as u32));
        put_number(&mut prefix, trace_packet::sequence_flags, trace_packet::SEQ_NEEDS_INCREMENTAL_STATE);
        self.prefix[..prefix.len()].copy_from_slice(&prefix);
        (self.id, self.now, self.prefix_length) = (id, 0, prefix.len());
        self.put(text, |trace| put_message(trace, trace::packet, |packet| put_state(packet, id, origin, reason)));
    }

    /// Appends a packet with this event: all the way of a usual call.
    #[inline(always)]
    pub fn put_event(&mut self, time: u64, event: &Encoded, text: &mut Text) {
        let delta = time.saturating_sub(self.now);
        if delta >= VARINT_END {
            return self.put_fields(time, text, |message| message.extend_from_slice(event.fields()));
        }
        self.now += delta;
        let (delta, digits) = varint(delta);
        // All is copied in fixed numbers of bytes, which are moves of the processor, and what is too much written over.
        text.reserve(PACKET_MAX);
        let packet: &mut [u8; PACKET_MAX] = text.bytes[text.len..].first_chunk_mut().expect("was reserved");
        let prefix = 3 + digits;
        let begin = prefix + self.prefix_length;
        let end = begin + event.length as usize;
        packet[..3].copy_from_slice(&[0x0a, end as u8 - 2, 0x40]);
        packet[3..7].copy_from_slice(&delta.to_le_bytes());
        packet[prefix..prefix + PREFIX_MAX].copy_from_slice(&self.prefix);
        packet[begin..begin + EVENT_MAX].copy_from_slice(&event.bytes);
        text.len += end;
    }

    /// Appends a packet with an event that is put together field by field.
    pub fn put_fields(&mut self, time: u64, text: &mut Text, fill: impl FnOnce(&mut Message)) {
        let delta = time.saturating_sub(self.now);
        self.now = self.now.max(time);
        self.put_packet(text, |packet, prefix| {
            put_number(packet, trace_packet::timestamp, delta);
            packet.extend_from_slice(prefix);
            put_message(packet, trace_packet::track_event, fill);
        });
    }

    /// Appends a packet without a time.
    pub fn put_untimed(&mut self, text: &mut Text, fill: impl FnOnce(&mut Message)) {
        self.put_packet(text, |packet, prefix| {
            packet.extend_from_slice(prefix);
            fill(packet);
        });
    }

    fn put_packet(&mut self, text: &mut Text, fill: impl FnOnce(&mut Message, &[u8])) {
        let (prefix, length) = (self.prefix, self.prefix_length);
        self.put(text, |trace| put_message(trace, trace::packet, |packet| fill(packet, &prefix[..length])));
    }

    /// Appends packets that `fill` makes.
    pub fn put(&mut self, text: &mut Text, fill: impl FnOnce(&mut Message)) {
        self.packet.clear();
        fill(&mut self.packet);
        text.put(&self.packet);
    }
}

/// The fields of a sequence's first packet.
fn put_state(packet: &mut Message, id: u64, origin: Origin, reason: Option<u64>) {
    put_number(packet, trace_packet::trusted_packet_sequence_id, u64::from(id as u32));
    put_number(packet, trace_packet::sequence_flags, trace_packet::SEQ_INCREMENTAL_STATE_CLEARED);
    if let Some(reason) = reason {
        put_number(packet, trace_packet::previous_packet_dropped, reason);
    }
    put_message(packet, trace_packet::trace_packet_defaults, |defaults| {
        put_number(defaults, trace_packet_defaults::timestamp_clock_id, SEQUENCE_CLOCK);
        put_message(defaults, trace_packet_defaults::track_event_defaults, |event| {
            put_number(event, track_event_defaults::track_uuid, id);
        });
    });
    put_message(packet, trace_packet::clock_snapshot, |snapshot| origin.put_start(snapshot, SEQUENCE_CLOCK));
}
