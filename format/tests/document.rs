//! `FORMAT.md` says what the code does: its tables against the types, its numbers against the constants, its hex lines
//! against the golden file.

#![cfg(not(any(loom, miri)))] // compares texts

mod support;

use std::mem::offset_of;
use support::GOLDEN;
use viztracer_format::arguments;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{self, Identity, Status};
use viztracer_format::labels::{self, Label, LabelKind};
use viztracer_format::names::{self, Function, SourceIdentity, Tag, ThreadCounts};
use viztracer_format::record::{self, Kind, Record};
use viztracer_format::segment::{self, SegmentHeader, SegmentKind};
use viztracer_format::stack::{self, BlockHeader};

const DOCUMENT: &str = include_str!("../FORMAT.md");

/// The rows of the table under this heading whose first column has this title; cells of each without the outer bars.
fn table(heading: &str, first_title: &str) -> Vec<Vec<&'static str>> {
    let begin = DOCUMENT.lines().position(|line| line.trim_start_matches('#').trim() == heading);
    let begin = begin.unwrap_or_else(|| panic!("no heading {heading:?}"));
    let section = DOCUMENT.lines().skip(begin + 1).take_while(|line| !line.starts_with('#'));
    let rows: Vec<_> = section
        .skip_while(|line| !line.starts_with(&format!("| {first_title} |")))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
        .collect();
    assert!(!rows.is_empty(), "no table of {first_title:?} under {heading:?}");
    rows
}

fn number(cell: &str) -> u64 {
    let parsed = match cell.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => cell.parse(),
    };
    parsed.unwrap_or_else(|error| panic!("{cell:?}: {error}"))
}

/// (offset, size, name) of each row; they follow each other without a gap.
fn layout(heading: &str) -> Vec<(usize, usize, &'static str)> {
    let rows = table(heading, "offset");
    let layout: Vec<_> = rows.iter().map(|row| (number(row[0]) as usize, number(row[1]) as usize, row[2])).collect();
    let mut end = 0;
    for (offset, size, name) in &layout {
        assert_eq!(*offset, end, "{heading}: {name}");
        end += size;
    }
    layout
}

/// The size of the field that this function picks.
const fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Compares a table with all fields of a type; a field that is not listed does not compile.
macro_rules! check_layout {
    ($type:ident: $($field:ident),*) => {{
        let _all = |value: $type| { let $type { $($field: _),* } = value; };
        let fields = vec![$((
            offset_of!($type, $field),
            size_of_field(|value: &$type| &value.$field),
            stringify!($field),
        )),*];
        assert_eq!(layout(stringify!($type)), fields);
        assert_eq!(fields.iter().map(|(_, size, _)| size).sum::<usize>(), size_of::<$type>());
    }};
}

#[test]
fn structures() {
    check_layout!(Anchor: ticks, monotonic, realtime);
    check_layout!(Identity: magic, version, header_size, segment_size, clock, incompatible, compatible, entries,
        min_duration, pid, parent_pid, process_start, monotonic_offset, boot_id, session_id, file_id, python_version,
        arguments_size, imported, opened, host, reserved, crc);
    check_layout!(Status: state, closed, unmatched, unnamed, lost, failure, sync_marker, ending, last_sign, gaps,
        forgotten_threads, forgotten_events, forgotten_tasks, switched, forgotten_children,
        paused, rests, rested, resting_since);
    check_layout!(SegmentHeader: generation, owner, first_event, opened, anchor, seal, committed, others, reserved);
    check_layout!(Record: word0, word1);
    check_layout!(BlockHeader: owner, count, reserved);
    check_layout!(Label: head, tid, begun, ended, events, lost, name);
}

#[test]
fn heads_of_labels() {
    let label = Label::default();
    label.take(LabelKind::Task, 0x0102_0304, 0, 0);
    for _ in 0..5 {
        label.rename("abc");
    }
    let head = label.head.load(std::sync::atomic::Ordering::Relaxed);
    let rows: Vec<_> = layout("Head of a label")
        .iter()
        .map(|(offset, size, name)| {
            let mask = u64::MAX >> (64 - 8 * size);
            (*name, head >> (8 * offset) & mask)
        })
        .collect();
    let flags = u64::from(labels::NAMED);
    assert_eq!(rows, [("kind", 2), ("flags", flags), ("name_size", 3), ("version", 5), ("serial", 0x0102_0304)]);
}

#[test]
fn kinds_of_labels() {
    let known = [LabelKind::Thread, LabelKind::Task, LabelKind::Child];
    let known = known.map(|kind| (kind as u64, format!("{kind:?}").to_uppercase()));
    assert!(table("Labels", "number").iter().map(|row| (number(row[0]), row[1].to_owned())).eq(known));
}

#[test]
fn names_entries() {
    let function = Function { name: "abc", file: "/defgh", line: 0x0405_0607, is_c: true };
    let bytes = names::function_entry(0x0102_0304, &function, 4096);
    let field = |name| {
        let (offset, size, _) = *layout("Entry").iter().find(|row| row.2 == name).expect("a row of this name");
        bytes[offset..offset + size].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let fields = ["tag", "flags", "reserved", "entry_size", "id", "line", "name_size", "file_size"];
    let values = [1, 1, 0, bytes.len() as u64, 0x0102_0304, 0x0405_0607, 3, 6];
    assert_eq!(layout("Entry").iter().map(|row| row.2).collect::<Vec<_>>(), fields);
    assert_eq!(fields.map(field), values);
    assert_eq!(&bytes[names::ENTRY_HEADER_SIZE..][..9], b"abc/defgh");
}

#[test]
fn thread_entries() {
    let at = ThreadCounts::OFFSET;
    let counted = [
        (at + offset_of!(ThreadCounts, ended), 8, "ended"),
        (at + offset_of!(ThreadCounts, events), 8, "events"),
        (at + offset_of!(ThreadCounts, lost), 8, "lost"),
    ];
    let rows = layout("Thread entry");
    assert_eq!(rows[3..], counted);
    assert_eq!(rows[..3], [(0, 16, "head"), (16, 8, "tid"), (24, 8, "begun")]);
    let bytes = names::thread_entry(7, 0x11, 0x22);
    assert_eq!((bytes.len(), bytes[16], bytes[24]), (counted[2].0 + 8, 0x11, 0x22));
}

#[test]
fn source_entries() {
    let identity = SourceIdentity { device: 0x11, inode: 0x22, size: 0x33, modified: 0x44 };
    let bytes = names::source_entry("/x/a.py", &identity, 4096).unwrap();
    let end = &bytes[bytes.len() - names::SOURCE_IDENTITY_SIZE..];
    let rows = layout("Source entry");
    assert_eq!(rows, [(0, 8, "device"), (8, 8, "inode"), (16, 8, "size"), (24, 8, "modified")]);
    let fields =
        rows.iter().map(|(offset, size, _)| u64::from_le_bytes(end[*offset..offset + size].try_into().unwrap()));
    assert!(fields.eq([0x11, 0x22, 0x33, 0x44]));
    assert_eq!(bytes.len() as u64, u64::from(bytes[4]), "the size of the entry");
}

#[test]
fn elided_entries() {
    assert_eq!(layout("Elided entry"), [(0, 24, "head"), (24, 8, "ticks")]);
    let bytes = names::elided_entry(0x11, true, 0x22);
    let tag = Tag::Elided as u8;
    let head = [tag, names::C_CALLS, 0, 0, 32, 0, 0, 0, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!((bytes.len(), &bytes[..24], bytes[24]), (names::ELIDED_ENTRY_SIZE, &head[..], 0x22));
}

#[test]
fn estimate_entries() {
    let rows = layout("Estimate entry");
    assert_eq!(rows[0], (0, 24, "head"));
    let names: Vec<_> = rows[1..].iter().map(|(_, _, name)| *name).collect();
    assert_eq!(names, ["bursts", "counted", "burst_time", "calls", "error"]);
    let estimate = names::Estimate { bursts: 1, counted: 2, time: 3, calls: 4, error: 5 };
    let bytes = names::estimate_entry(0x11, &estimate);
    let words =
        rows[1..].iter().map(|(offset, size, _)| u64::from_le_bytes(bytes[*offset..offset + size].try_into().unwrap()));
    assert!(words.eq(1..=5));
    assert_eq!((bytes.len(), bytes[0], bytes[4]), (names::ESTIMATE_ENTRY_SIZE, Tag::Estimate as u8, 64));
}

#[test]
fn kinds_of_records() {
    let rows: Vec<_> = table("Record", "number").iter().map(|row| (number(row[0]) as u8, row[1])).collect();
    let known: Vec<_> = (0..=record::KIND_MASK)
        .filter_map(|byte| Some((byte, format!("{:?}", Kind::from_byte(byte)?).to_uppercase())))
        .collect();
    assert!(rows.iter().copied().eq(known.iter().map(|(byte, name)| (*byte, name.as_str()))));
    for kind in known.iter().filter_map(|(byte, _)| Kind::from_byte(*byte)) {
        assert_eq!((kind.is_event(), kind.is_call()), ((kind as u8) < 0x20, (kind as u8) < 0x10));
    }
}

#[test]
fn kinds_of_segments() {
    let rows: Vec<_> =
        table("The ring file, version 1", "number").iter().map(|row| (number(row[0]) as u8, row[1])).collect();
    let known: Vec<_> = (0..=255)
        .filter_map(|byte| Some((byte, format!("{:?}", SegmentKind::from_byte(byte)?).to_uppercase())))
        .collect();
    assert!(rows.iter().copied().eq(known.iter().map(|(byte, name)| (*byte, name.as_str()))));
}

#[test]
fn tags_of_names() {
    let named = [Tag::Function, Tag::Thread, Tag::ThreadName, Tag::ProcessName, Tag::TaskName, Tag::Source];
    let known = named
        .into_iter()
        .chain([Tag::Elided, Tag::Estimate])
        .map(|tag| (tag as u64, format!("{tag:?}").to_uppercase()));
    let rows = table("Names", "number");
    assert!(rows.iter().map(|row| (number(row[0]), row[1].to_owned())).eq(known));
}

#[test]
fn constants() {
    macro_rules! constants {
        ($($module:ident: $($name:ident),*;)*) => {
            vec![$($((stringify!($name), $module::$name as u64)),*),*]
        };
    }
    let known = constants! {
        header: VERSION, HEADER_SIZE, STATUS_OFFSET, ARGUMENTS_OFFSET, ARGUMENTS_MAX, HOST_MAX, SEGMENT_SIZE_MIN,
            SEGMENT_SIZE_MAX;
        segment: SEGMENT_HEADER_SIZE;
        record: RECORD_SIZE;
        stack: BLOCK_SIZE, BLOCK_HEADER_SIZE, BLOCK_FRAMES;
        names: ENTRY_HEADER_SIZE, THREAD_ENTRY_SIZE, SOURCE_IDENTITY_SIZE, ELIDED_ENTRY_SIZE,
            ESTIMATE_ENTRY_SIZE;
        header: CLOCK_COUNTER, CLOCK_MONOTONIC, STATE_OPEN, STATE_SEALED, ENDING_UNKNOWN, ENDING_EXIT, ENDING_LEFT,
            ENDING_EXEC, ENDING_SIGNAL;
        record: DURATION_MAX, DURATION_EXTENDED, FUNCTION_UNKNOWN, INHERITED, KIND_MASK, NESTING_MAX;
        stack: FRAME, TASK_FRAME;
        arguments: ARGUMENT_TEXT, ARGUMENT_HEADER, TEXT_IN_SLOT, NOT_STORED;
        names: C_FUNCTION, CUT, C_CALLS;
        labels: LABEL_SIZE, LABEL_NAME_MAX, NAMED;
        header: LABELS;
    };
    let rows: Vec<_> = table("Constants", "name").iter().map(|row| (row[0], number(row[1]))).collect();
    assert_eq!(rows, known);
    assert_eq!(segment::SEALED, 1 << 63, "bit 63 of `seal`");
    assert_eq!(header::MAGIC, *b"VIZRING\n");
}

#[test]
fn hex_lines_are_those_of_the_golden_file() {
    let lines: Vec<_> =
        DOCUMENT.split("```").filter_map(|block| block.strip_prefix("hex\n")).flat_map(str::lines).collect();
    assert_eq!(lines.len(), 11);
    for line in lines {
        let (offset, bytes) = line.split_once(": ").expect("an offset");
        let offset = number(&format!("0x{offset}")) as usize;
        for (index, byte) in bytes.split(' ').enumerate() {
            let byte = number(&format!("0x{byte}")) as u8;
            assert_eq!(byte, GOLDEN[offset + index], "byte {index} of {line}");
        }
    }
}

#[test]
fn every_file_of_the_crate_begins_by_saying_what_it_is() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for part in ["src", "tests", "tests/support", "fuzz/fuzz_targets"] {
        for file in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                assert!(std::fs::read_to_string(&path).unwrap().starts_with("//! "), "{path:?}");
            }
        }
    }
}
