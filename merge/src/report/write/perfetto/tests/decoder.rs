//! A decoder of Perfetto's traces: to packets as text, or to slices as its users see them.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A field: its number, and a number, a double's bits, or bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).expect("a varint ends") + 1;
    let (digits, rest) = bytes.split_at(length);
    *bytes = rest;
    digits.iter().enumerate().map(|(index, byte)| u64::from(byte & 0x7f) << (7 * index)).sum()
}

pub fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => {
                let (double, rest) = bytes.split_first_chunk().unwrap();
                bytes = rest;
                Field::Number(u64::from_le_bytes(*double))
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(value)
            }
            other => panic!("wire type {other}"),
        };
        fields.push((tag >> 3, field));
    }
    fields
}

/// Which fields are messages, by the numbers from the packet on.
const MESSAGES: &[&[u64]] = &[
    &[5],
    &[5, 2],
    &[6],
    &[6, 1],
    &[11],
    &[11, 4],
    &[11, 4, 11],
    &[11, 4, 12],
    &[12],
    &[12, 1],
    &[12, 2],
    &[12, 4],
    &[59],
    &[59, 11],
    &[60],
    &[60, 3],
    &[60, 4],
    &[60, 8],
];

/// A packet as text: `number:value`, messages in braces.
pub fn show(bytes: &[u8], path: &[u64]) -> String {
    let mut text = String::new();
    for (number, field) in fields(bytes) {
        let path = [path, &[number]].concat();
        let space = if text.is_empty() { "" } else { " " };
        match field {
            Field::Number(value) => write!(text, "{space}{number}:{value}").unwrap(),
            Field::Bytes(inner) if MESSAGES.contains(&&path[..]) => {
                write!(text, "{space}{number}{{{}}}", show(inner, &path)).unwrap();
            }
            Field::Bytes(string) => write!(text, "{space}{number}:{:?}", str::from_utf8(string).unwrap()).unwrap(),
        }
    }
    text
}

pub fn packets(trace: &[u8]) -> Vec<String> {
    let packets = fields(trace).into_iter().map(|(number, field)| match (number, field) {
        (1, Field::Bytes(packet)) => show(packet, &[]),
        other => panic!("{other:?} is no packet"),
    });
    packets.collect()
}

/// Name, begin, end, depth.
pub type Slice = (String, u64, u64, usize);

fn number(fields: &[(u64, Field<'_>)], wanted: u64) -> Option<u64> {
    match fields.iter().find(|(number, _)| *number == wanted) {
        Some((_, Field::Number(value))) => Some(*value),
        _ => None,
    }
}

fn bytes<'a>(fields: &[(u64, Field<'a>)], wanted: u64) -> Option<&'a [u8]> {
    fields.iter().find_map(|(number, field)| match field {
        Field::Bytes(bytes) if *number == wanted => Some(*bytes),
        _ => None,
    })
}

fn string(fields: &[(u64, Field<'_>)], wanted: u64) -> Option<String> {
    bytes(fields, wanted).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// What the packets of a sequence leave out.
#[derive(Default)]
struct Sequence {
    now: u64,
    track: u64,
    names: BTreeMap<u64, String>,
}

impl Sequence {
    /// Takes the defaults and the interned names of a packet.
    fn take(&mut self, packet: &[(u64, Field<'_>)]) {
        if number(packet, 13) == Some(1) {
            *self = Sequence::default();
        }
        if let Some(defaults) = bytes(packet, 59) {
            assert_eq!(number(&fields(defaults), 58), Some(64));
            self.track = number(&fields(bytes(&fields(defaults), 11).unwrap()), 11).unwrap();
        }
        for (kind, interned) in bytes(packet, 12).into_iter().flat_map(fields) {
            let Field::Bytes(interned) = interned else { panic!("interned") };
            let entry = fields(interned);
            if kind == 2 {
                let name = string(&entry, 2).unwrap();
                assert_eq!(self.names.insert(number(&entry, 1).unwrap(), name), None);
            }
        }
    }
}

/// The slices of a trace as a reader sees them that knows sequences, defaults, interned names and incremental clocks:
/// per track its name, begin, end and depth, in the order of begins.
pub fn slices(trace: &[u8]) -> BTreeMap<u64, Vec<Slice>> {
    let mut sequences: BTreeMap<u64, Sequence> = BTreeMap::new();
    let mut tracks: BTreeMap<u64, Vec<Slice>> = BTreeMap::new();
    let mut open: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (_, packet) in fields(trace) {
        let Field::Bytes(packet) = packet else { panic!("no packet") };
        let packet = fields(packet);
        let sequence = sequences.entry(number(&packet, 10).unwrap()).or_default();
        sequence.take(&packet);
        let Some(event) = bytes(&packet, 11) else { continue };
        assert_eq!(number(&packet, 13), Some(2));
        sequence.now += number(&packet, 8).unwrap();
        let event = fields(event);
        let track = number(&event, 11).unwrap_or(sequence.track);
        let (slices, open) = (tracks.entry(track).or_default(), open.entry(track).or_default());
        match number(&event, 9) {
            Some(1) => {
                let name = number(&event, 10).map(|iid| sequence.names[&iid].clone());
                let name = name.unwrap_or_else(|| string(&event, 23).unwrap());
                slices.push((name, sequence.now, u64::MAX, open.len()));
                open.push(slices.len() - 1);
            }
            Some(2) => slices[open.pop().expect("an end has a begin")].2 = sequence.now,
            _ => {}
        }
    }
    assert!(open.values().all(Vec::is_empty), "every begin has an end");
    tracks
}
