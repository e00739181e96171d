//! What `--info` and `--dump` show of a file.

use super::{Case, events, small};
use crate::align::{Align, align};
use crate::inspect::dump;
use crate::inspect::info;
use crate::inspect::live::look;
use crate::plan::file::FilePlan;
use crate::sample::{Ring, call, record};
use std::path::Path;
use viztracer_format::record::{DURATION_EXTENDED, Kind, Record};
use viztracer_format::stack::task_frame;

fn dumped(path: &Path) -> (String, u64) {
    let plan = FilePlan::of(path).unwrap();
    let clock = &align(std::slice::from_ref(&plan), Align::Clock, &[]).clocks[0];
    let mut text = Vec::new();
    let damaged = dump::write(&plan, clock, &|| true, &mut text).unwrap();
    (String::from_utf8(text).unwrap(), damaged)
}

/// The lines from the first segment on.
fn segments(text: &str) -> &str {
    &text[text.find("\nsegment 0").unwrap()..]
}

fn sample() -> Ring {
    let mut ring = small(9);
    ring.identity.python_version = 0x030c_04f0;
    ring.identity.session_id = [0xab; 16];
    let payload = ring.payload(b"{\"k\":1}");
    ring.calls(
        1,
        3,
        &[
            call(2, 5_000_100, 50),
            Record::task(4),
            record(Kind::Raise, 1, 4_999_000, DURATION_EXTENDED),
            Record::long(2_000),
            Record::thread(2),
            record(Kind::Instant, 77, 5_001_000, 0),
            Record::payload(payload, 0, 7),
            Record::new(0x2f, 1, 2, 3),
        ],
        true,
    );
    ring.stack(1, &[(1, 5_000_010)]);
    ring
}

#[test]
fn every_record_is_a_line() {
    let case = Case::of(sample(), true);
    let (text, damaged) = dumped(&case.inputs[0]);
    let expected = "
segment 0: PAYLOAD at 4096, generation 1, open, 7 bytes, opened at 0, anchor at 0
  4224 {\"k\":1}

segment 1: CALLS at 8192, generation 2, sealed 0x, 128 bytes, thread 1, 3 events before, 3 others, 1 handovers, \
opened at 150, anchor at 0
        8320     1      2    1    0  RETURN                100           50  builtins.len
        8336     1      2    1    4  TASK       4
        8352     1      2    1    4  RAISE               -1000         2000  f (/x/ev.py:7)
        8368     1      2    1    4  LONG       2000 ticks
        8384     1      2    2    0  THREAD     2
        8400     1      2    2    0  INSTANT              1000            0  unknown function 77
        8416     1      2    2    0  PAYLOAD    generation 1, offset 0, 7 bytes
        8432     1      2    2    0  KIND 0x2f  0x000000000000012f 0x0000000002000003

segment 2: STACKS at 12288, generation 3, open, 3968 bytes, opened at 0, anchor at 0
  12416 block of thread 1, base 0, 1 frames
    began 10 f (/x/ev.py:7)

segment 3: NAMES at 16384, generation 4, open, 216 bytes, opened at 0, anchor at 0
  PROCESSNAME MainProcess
  THREAD 1 tid 11, begun -5000000, ended -, 0 events, 0 lost
  THREADNAME 1 MainThread
  FUNCTION 1 f (/x/ev.py:7)
  FUNCTION 2 builtins.len
";
    let seal = text.find("sealed 0x").unwrap() + "sealed 0x".len();
    let without_checksum = format!("{}{}", &text[..seal], &text[seal + 8..]);
    assert_eq!(segments(&without_checksum), expected);
    assert_eq!(damaged, 0);
    let header = &text[..text.find("\nanchors").unwrap()];
    for line in ["pid               9", "argument          x.py", "python_version    0x030c04f0"] {
        assert!(header.contains(line), "{header}");
    }
}

#[test]
fn frames_of_tasks_stand_under_their_mark() {
    let mut ring = small(1);
    ring.stack(1, &[(1, 5_000_010)]);
    let mut bytes = ring.bytes(false);
    let second = 4096 + 128 + 64 + 16;
    bytes[4096 + 128 + 8] = 2;
    let mark = task_frame(3);
    bytes[second..second + 8].copy_from_slice(&mark.word0.to_le_bytes());
    bytes[second + 8..second + 16].copy_from_slice(&mark.word1.to_le_bytes());
    let mut case = Case::new();
    let (text, _) = dumped(&case.add("a.bin", bytes));
    assert!(text.contains("    began 10 f (/x/ev.py:7)\n    task 3\n"), "{text}");
}

#[test]
fn damage_is_named_in_its_place_and_the_rest_goes_on() {
    let mut ring = small(1);
    for first in 0..5 {
        ring.calls(1, first, &[call(1, 5_000_000 + first * 100, 10)], true);
    }
    let mut bytes = ring.bytes(true);
    bytes[4096 * 2 + 130] ^= 1; // a record of segment 1
    bytes[4096 * 4 + 8] = 99; // the kind of segment 3
    let mut case = Case::new();
    let (text, damaged) = dumped(&case.add("a.bin", bytes));
    let heads: Vec<_> = text.lines().filter(|line| line.starts_with("segment ")).collect();
    assert_eq!(heads[1], "segment 1: not read: damaged segment: wrong checksum (offset 8192)");
    assert_eq!(heads[3], "segment 3: not read: impossible segment kind: 99 (offset 16392)");
    assert_eq!((heads.len(), damaged), (6, 2));
    assert_eq!(text.matches("  RETURN  ").count(), 3);
}

#[test]
fn a_file_cut_anywhere_tells_what_is_before() {
    let mut ring = small(1);
    for first in 0..3 {
        ring.calls(1, first, &[call(1, 5_000_000 + first * 100, 10)], true);
    }
    let bytes = ring.bytes(true);
    for length in (4096..bytes.len()).step_by(61) {
        let mut case = Case::new();
        let (text, _) = dumped(&case.add("a.bin", &bytes[..length]));
        // A segment of 128 + 16 bytes each.
        let whole = (0..3).filter(|segment| length >= 4096 * (segment + 1) + 144).count();
        assert_eq!(text.matches("  RETURN  ").count(), whole, "length {length}");
    }
}

#[test]
fn records_before_the_cut_are_kept_and_the_cut_is_named() {
    for sealed in [false, true] {
        let mut ring = small(1);
        ring.calls(1, 0, &[call(1, 5_000_000, 10); 3], true);
        ring.calls(1, 3, &(0..50).map(|i| call(1, 5_001_000 + i * 100, 10)).collect::<Vec<_>>(), sealed);
        let bytes = ring.bytes(sealed);
        let body = 4096 * 2 + 128;
        for length in [0, 1, 15, 16, 17, 16 * 20 + 8, 16 * 49, 16 * 50 - 1, 16 * 50].map(|in_body| body + in_body) {
            let mut case = Case::new();
            case.add("a.bin", &bytes[..length]);
            let (summary, report) = case.json();
            let before = (length - body) / 16;
            assert_eq!(events(&report).len(), 3 + before, "{length}");
            let problems = &summary.files[0].problems;
            assert_eq!(problems.count, u64::from(before < 50), "{length}: {problems:?}");
            if before < 50 {
                let expected = format!("cut off: 800 bytes needed, {} found (offset 8320)", length - body);
                assert_eq!(problems.first[0].to_string(), expected);
            }
            let (text, damaged) = dumped(&case.inputs[0]);
            assert_eq!((text.matches("  RETURN  ").count(), damaged), (3 + before, problems.count));
        }
    }
}

#[test]
fn damage_in_the_middle_costs_what_it_hits() {
    let mut ring = small(1);
    for first in 0..30 {
        ring.calls(1, first * 10, &[call(1, 5_000_000 + first * 1000, 10); 10], true);
    }
    let good = ring.bytes(true);
    for hit in 0..30 {
        let mut bytes = good.clone();
        bytes[4096 * (hit + 1) + 128..][..100].fill(0xa5);
        let mut case = Case::new();
        case.add("a.bin", bytes);
        let (summary, report) = case.json();
        assert_eq!((events(&report).len(), summary.files[0].problems.count), (290, 1));
        let mut bytes = good.clone();
        bytes[4096 * (hit + 1)..][..4096].fill(0xa5);
        case.add("a.bin", bytes);
        case.inputs.truncate(1);
        let (summary, report) = case.json();
        assert_eq!((events(&report).len(), summary.files[0].problems.count), (290, 1));
    }
}

#[test]
fn a_reader_who_goes_away_or_interrupts_ends_it() {
    let case = Case::of(sample(), true);
    let plan = FilePlan::of(&case.inputs[0]).unwrap();
    let clock = &align(std::slice::from_ref(&plan), Align::Clock, &[]).clocks[0];
    let interrupted = dump::write(&plan, clock, &|| false, &mut Vec::new()).unwrap_err();
    assert_eq!(interrupted.kind(), std::io::ErrorKind::Interrupted);
    let mut none = std::io::Cursor::new([0u8; 10]);
    assert!(dump::write(&plan, clock, &|| true, &mut none).is_err());
}

#[test]
fn the_table_and_the_document() {
    let mut case = Case::of(sample(), true);
    let path = case.inputs.remove(0);
    let plans = [FilePlan::of(&path).unwrap()];
    let table = info::table(&plans);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 2);
    let file = path.to_str().unwrap();
    let expected =
        ["9", "MainProcess", "stopped", "3.12.4", "1970-01-01", "00:00:01.005", "0", "ns", "2", "3", "3", "0"];
    assert_eq!(rows[1][..12], expected);
    assert_eq!(rows[1][12..], ["20,480", "abababab", file]);
    let document: serde_json::Value = serde_json::from_str(&info::document(&plans, &[])).unwrap();
    let keys: Vec<&String> = document["files"][0].as_object().unwrap().keys().collect();
    let stable = [
        "file",
        "pid",
        "parent_pid",
        "process",
        "command",
        "host",
        "state",
        "ending",
        "python",
        "started_ns",
        "started",
        "duration_ns",
        "events",
        "open_calls",
        "overwritten",
        "lost",
        "unnamed",
        "unmatched",
        "gaps",
        "failure",
        "damaged",
        "forgotten_threads",
        "forgotten_events",
        "forgotten_tasks",
        "switched",
        "bursts",
        "rested_ns",
        "elided",
        "entries",
        "size",
        "session",
        "threads",
    ];
    assert_eq!(keys, stable);
}

/// A look reads only headers where they suffice, and this ring has a segment that passed from thread to thread.
#[test]
fn a_look_counts_what_a_plan_counts() {
    for sealed in [true, false] {
        let case = Case::of(sample(), sealed);
        let (plan, status) = (FilePlan::of(&case.inputs[0]).unwrap(), look(&case.inputs[0]).unwrap());
        let kept: u64 = plan.calls.iter().map(|calls| u64::from(calls.events)).sum();
        let overwritten: u64 = plan.threads.iter().map(|thread| thread.overwritten).sum();
        assert_eq!((status.events, status.overwritten), (kept + overwritten, overwritten));
        assert!(kept > 0 && overwritten > 0);
        assert_eq!((status.facts.state, status.facts.session_id), (plan.state, [0xab; 16]));
    }
}

#[test]
fn nothing_is_overwritten_since_the_second_segment_of_any_thread() {
    let mut ring = small(9);
    ring.calls(1, 50, &[call(1, 5_000_100, 50)], true);
    ring.calls(2, 0, &[call(1, 5_000_200, 50)], true);
    ring.calls(1, 51, &[call(1, 5_000_300, 50)], true);
    ring.calls(2, 1, &[call(1, 5_000_400, 50)], false);
    let opened = ring.identity.opened.realtime;
    let case = Case::of(ring, false);
    let status = look(&case.inputs[0]).unwrap();
    assert_eq!((status.events, status.overwritten), (54, 50));
    assert!(status.complete_since >= opened, "{} {opened}", status.complete_since);
    assert!(look(Path::new("no such file")).is_err());
}

/// The header of a segment was read before the thread filled it, and that of its next segment afterwards.
#[test]
fn what_is_recorded_during_a_look_is_not_overwritten() {
    let mut ring = small(9);
    ring.calls(1, 0, &[call(1, 5_000_100, 50)], false);
    ring.calls(1, 50, &[call(1, 5_000_300, 50)], false);
    let case = Case::of(ring, false);
    let status = look(&case.inputs[0]).unwrap();
    assert_eq!((status.events, status.overwritten), (51, 0));
}
