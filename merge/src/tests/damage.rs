//! Files that are damaged, cut off or none at all: what is good in them, and beside them, is merged.

use super::{Case, events, small};
use crate::sample::{call, record};
use crate::{Request, merge};
use proptest::prelude::*;
use std::fs;
use viztracer_format::record::{Kind, Record};

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
