//! Files that are damaged, cut off or none at all: what is good in them, and beside them, is merged.

use super::{Case, events, small};
use crate::sample::{call, record};
use crate::{Request, merge};
use proptest::prelude::*;
use std::fs;
use viztracer_format::names::thread_entry;
use viztracer_format::record::{Kind, Record};
use viztracer_format::segment::SegmentKind;
use viztracer_format::stack::{BLOCK_HEADER_SIZE, BLOCK_SIZE, FRAME};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics_and_leaves_json(
        length in 0usize..30_000,
        flips in prop::collection::vec((4096usize..30_000, 0u8..8), 0..12),
        sealed in any::<bool>(),
    ) {
        let mut bytes = damaged_sample(sealed);
        bytes.truncate(length.max(4096));
        for (at, bit) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        let mut case = Case::new();
        case.add("a.bin", bytes);
        case.json();
    }
}

fn damaged_sample(sealed: bool) -> Vec<u8> {
    let mut ring = small(1);
    ring.identity.entries = 20;
    let payload = ring.payload(b"{\"k\":1}");
    ring.calls(1, 0, &[call(1, 5_000_000, 10); 17], true);
    let other = [Record::thread(2), call(1, 5_000_100, 10), record(Kind::Instant, 1, 5_000_200, 0)];
    ring.calls(1, 17, &[&other[..], &[Record::payload(payload, 0, 7), call(2, 5_000_300, 1)]].concat(), true);
    ring.calls(2, 3, &[call(1, 5_001_000, 10); 9], sealed);
    ring.stack(1, &[(1, 5_000_001), (2, 5_000_002)]);
    ring.bytes(sealed)
}

#[test]
fn cut_at_every_interesting_length() {
    for sealed in [false, true] {
        let bytes = damaged_sample(sealed);
        for length in (0..bytes.len()).filter(|l| l % 4096 < 200 || l % 97 == 0) {
            let mut case = Case::new();
            case.add("a.bin", &bytes[..length]);
            let output = case.directory.path().join("out.json");
            let merged = merge(&Request::new(case.inputs.clone(), output), &());
            assert_eq!(merged.is_err(), length < 4096, "length {length}");
        }
    }
}

#[test]
fn a_damaged_segment_costs_only_itself() {
    let mut ring = small(1);
    for first in 0..3 {
        ring.calls(1, first, &[call(1, 5_000_000 + first * 100, 10)], true);
    }
    let mut bytes = ring.bytes(true);
    bytes[4096 + 4096 + 130] ^= 1;
    let mut case = Case::new();
    case.add("a.bin", bytes);
    let (summary, report) = case.json();
    assert_eq!(events(&report).len(), 2);
    let problem = &summary.files[0].problems.first[0];
    assert_eq!(problem.to_string(), "damaged segment: wrong checksum (offset 8192)");
    assert_eq!(case.command(&["-q"]), 1);
}

#[cfg(unix)] // names of files, and what the system says of them
#[test]
fn bad_inputs_are_named_and_good_ones_merged() {
    let mut case = Case::of(small(1), true);
    assert_eq!(case.command(&["-q"]), 0);
    case.add("empty.bin", "");
    case.add("report.json", "{\"traceEvents\":[]}");
    case.add("noise.bin", [0x5a; 9000]);
    case.add("short.bin", &small(1).bytes(true)[..100]);
    case.inputs.push(case.directory.path().join("missing.bin"));
    let reasons: Vec<String> = case.json().0.bad.iter().map(|bad| bad.problem.to_string()).collect();
    let expected = [
        "No such file or directory",
        "the file is empty (offset 0)",
        "there are no events in it",
        "not a ring file: it does not begin with VIZRING (offset 0)",
        "cut off: 4096 bytes needed, 100 found (offset 0)",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(case.command(&["-q"]), 1);
    case.inputs.remove(0);
    fs::remove_file(case.directory.path().join("out.json")).unwrap();
    assert_eq!(case.command(&["-q"]), 2);
    assert!(!case.directory.path().join("out.json").exists());
}

/// A stack block of thread 1 above `base` other frames; what follows `frames` is zeros.
fn block(base: u64, count: u64, frames: &[(u32, u64)]) -> Vec<u8> {
    let mut block = vec![0; BLOCK_SIZE];
    block[..8].copy_from_slice(&(1 | base << 32).to_le_bytes());
    block[8..16].copy_from_slice(&count.to_le_bytes());
    let records: Vec<Record> = frames.iter().map(|(id, start)| Record::new(FRAME, *start, 7, *id)).collect();
    let bytes: &[u8] = bytemuck::cast_slice(&records);
    block[BLOCK_HEADER_SIZE..][..bytes.len()].copy_from_slice(bytes);
    block
}

#[test]
fn frames_above_a_gap_are_open_calls() {
    let mut ring = small(1);
    for (base, frame) in [(0, (1, 5_000_000)), (300, (2, 5_000_100)), (301, (1, 5_000_200))] {
        ring.segment(SegmentKind::Stacks, 0, 0, 0, &block(base, 1, &[frame]), false);
    }
    let (summary, report) = Case::of(ring, false).json();
    assert_eq!(events(&report).len(), 3);
    assert_eq!(summary.files[0].threads[0].unfinished, 3);
}

#[test]
fn what_is_no_frame_is_no_open_call() {
    let mut ring = small(1);
    ring.segment(SegmentKind::Stacks, 0, 0, 0, &block(0, 238, &[(1, 5_000_000)]), false);
    let (summary, report) = Case::of(ring, false).json();
    assert_eq!(events(&report).len(), 1);
    let problem = &summary.files[0].problems.first[0];
    assert_eq!(problem.to_string(), "237 open frames of thread 1 are damaged");
}

#[test]
fn a_damaged_segment_is_not_among_the_newest() {
    let mut ring = small(1);
    ring.identity.entries = 4;
    for first in 0..3 {
        let at = 5_000_000 + first * 100;
        ring.calls(1, first * 2, &[call(1, at, 10), call(1, at + 20, 10)], true);
    }
    let mut bytes = ring.bytes(true);
    bytes[4096 + 4096 + 130] ^= 1;
    let mut case = Case::new();
    case.add("a.bin", bytes);
    let (summary, report) = case.json();
    assert_eq!(events(&report).len(), 4, "all four that can be read");
    assert_eq!((summary.overwritten(), summary.files[0].problems.count), (0, 1));
}

#[test]
fn counts_that_cannot_be_are_not_believed() {
    let mut ring = small(1);
    ring.calls(1, 0, &[call(1, 5_000_000, 10)], true);
    ring.calls(1, 1, &[call(1, 5_000_100, 10)], true);
    let mut bytes = ring.bytes(true);
    let first_event = 4096 + 4096 + 16;
    bytes[first_event + 7] ^= 0x20;
    let mut case = Case::new();
    case.add("a.bin", bytes);
    let (summary, report) = case.json();
    assert_eq!((events(&report).len(), summary.overwritten()), (2, 0));
    let problem = summary.files[0].problems.first[0].to_string();
    assert_eq!(problem, "2305843009213693953 events before this segment, but there was space for 248 (offset 8208)");
}

#[test]
fn open_calls_last_until_the_last_thread_ended() {
    let mut ring = small(1);
    let mut ended = thread_entry(2, 12, 5_000_000);
    ended[32..40].copy_from_slice(&5_009_000u64.to_le_bytes());
    ring.names.extend(ended);
    ring.stack(1, &[(1, 5_001_000)]);
    let (_, report) = Case::of(ring, false).json();
    assert_eq!(events(&report)[0]["dur"], 8.001);
}

#[test]
fn starts_of_frames_are_near_to_the_newest_segment() {
    let mut ring = small(1);
    let newest = (1 << 56) + 5_000;
    ring.identity.opened.ticks = newest;
    ring.identity.opened.monotonic = newest;
    let low = |ticks: u64| ticks & ((1 << 56) - 1);
    ring.stack(1, &[(1, low(newest + 1_000)), (2, low(newest + 2_000))]);
    let (_, report) = Case::of(ring, false).json();
    let starts: Vec<_> = events(&report).iter().map(|event| event["dur"].clone()).collect();
    assert_eq!(starts, [1.001, 0.001]);
}
