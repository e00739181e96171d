//! Checks that the bytes of a report are a report of its kind, whatever it holds.

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

/// The scope of the lives of tasks and coroutines: a merge finds them in the recorded events, and counts none of them.
const LIVES: &str = "viztracer_ring";

/// Checks the report of this name, in which so many events should be. Those `of_rings` have names, and metadata
/// are none of them; those of a document are what they were there.
pub fn check(name: &str, bytes: &[u8], events: u64, of_rings: bool) {
    match name.split_once('.').map_or(name, |(_, kind)| kind) {
        "json" => json(bytes, events, of_rings),
        "pftrace" => perfetto(bytes),
        "folded" => folded(bytes),
        "speedscope.json" => drop(serde_json::from_slice::<Value>(bytes).expect("the report is JSON")),
        "parquet" => parquet(bytes),
        "csv" | "html" => drop(str::from_utf8(bytes).expect("the report is text")),
        other => panic!("{other} is not known"),
    }
}

/// It is JSON, and holds so many events.
fn json(bytes: &[u8], expected: u64, of_rings: bool) {
    let report: Value = serde_json::from_slice(bytes).expect("the report is JSON");
    let events = report["traceEvents"].as_array().expect("a list of events");
    let (mut recorded, mut metadata) = (0, 0);
    for event in events {
        assert!(event["name"].is_string() || !of_rings, "{event}");
        assert!(event["pid"].is_number(), "{event}");
        if event["ph"] == "M" {
            metadata += 1;
            continue;
        }
        assert!(event["ts"].is_number(), "{event}");
        if event["scope"] != LIVES {
            recorded += 1;
        }
    }
    let most = recorded + if of_rings { 0 } else { metadata };
    assert!((recorded..=most).contains(&expected), "{expected} events are not from {recorded} to {most}");
}

/// Each of its row groups can be read to the end.
fn parquet(bytes: &[u8]) {
    let file = SerializedFileReader::new(Bytes::copy_from_slice(bytes)).expect("the report is in Parquet");
    let rows = file.get_row_iter(None).expect("its columns are known").inspect(|row| assert!(row.is_ok())).count();
    assert_eq!(rows as i64, file.metadata().file_metadata().num_rows());
}

/// It is a sequence of packets, in which every field has the length that it says.
fn perfetto(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (tag, packet) = field(&mut bytes).expect("a packet");
        assert_eq!(tag, 1 << 3 | 2, "a packet");
        let mut rest = packet;
        while !rest.is_empty() {
            field(&mut rest).expect("a field of a packet");
        }
    }
}

/// The tag of the first field, and its bytes if it has a length.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let tag = varint(bytes)?;
    let length = match tag & 7 {
        0 => varint(bytes).map(|_| 0)?,
        1 => 8,
        2 => usize::try_from(varint(bytes)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (value, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some((tag, value))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let length = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (digits, rest) = bytes.split_at(length);
    *bytes = rest;
    Some(digits.iter().rev().fold(0, |value, digit| value << 7 | u64::from(digit & 0x7f)))
}

/// Every line is a stack and a number: the exact sum of times, each of which a damaged file may make as long as 64 bits
/// can see.
fn folded(bytes: &[u8]) {
    let text = str::from_utf8(bytes).expect("the report is text");
    for line in text.split_terminator('\n') {
        let (stack, own) = line.rsplit_once(' ').expect("a stack and its time");
        assert!(!stack.is_empty() && own.parse::<u128>().is_ok(), "{line:?}");
        assert!(!stack.chars().any(char::is_control), "{line:?}");
    }
}
