//! Damaged files: the reader refuses or passes over what is bad, reads all the rest, and never panics.

#![cfg(not(loom))]

mod support;

use proptest::prelude::*;
use proptest::sample::Index;
use support::build::PAGE;
use support::repair::repair;
use support::walk::{Content, Walk, check, walk};
use support::{GOLDEN, GOLDEN_ARGUMENTS, GOLDEN_LABELS, GOLDEN_LOGGED};
use viztracer_format::FormatError;
use viztracer_format::header::{HEADER_SIZE, LABELS, STATUS_OFFSET};
use viztracer_format::names::Entry;

/// Cases per property; Miri is ten thousand times slower.
const CASES: u32 = if cfg!(miri) { 1 } else { 1000 };
/// Every how manieth byte is tried where all are tried.
const STEP: usize = if cfg!(miri) { 15_013 } else { 1 };

/// The golden files that are damaged, and the bytes of arguments in each.
const FILES: [(&[u8], usize); 4] = [(GOLDEN, 18), (GOLDEN_LABELS, 16), (GOLDEN_LOGGED, 17), (GOLDEN_ARGUMENTS, 15)];

fn read(golden: &[u8]) -> Walk<'_> {
    walk(golden).expect("the golden file is whole")
}

/// Segments that lie apart from these bytes are read as before.
fn check_the_rest(golden: &[u8], damaged: &[u8], touched: &[usize]) {
    check(damaged);
    let (before, after) = (read(golden), walk(damaged).expect("the header is whole"));
    for (index, segment) in before.segments.iter().enumerate() {
        let begin = HEADER_SIZE + index * PAGE;
        if begin + PAGE <= damaged.len() && !touched.iter().any(|byte| (begin..begin + PAGE).contains(byte)) {
            assert_eq!(&after.segments[index], segment, "segment {index}, bytes {touched:?}");
        }
    }
}

#[test]
fn cut_at_every_length() {
    for (golden, _) in FILES {
        for length in (0..golden.len()).step_by(STEP) {
            let cut = &golden[..length];
            if length < HEADER_SIZE {
                let found = length as u64;
                let error = FormatError::TooShort { offset: 0, need: 4096, found };
                assert_eq!(walk(cut).err(), Some(error));
            } else {
                check_the_rest(golden, cut, &[]);
            }
        }
    }
}

#[test]
fn a_cut_segment_is_named_with_its_offset() {
    let cut = &GOLDEN[..HEADER_SIZE + 2 * PAGE + 130];
    let error = walk(cut).unwrap().segments[2].clone().unwrap_err();
    assert_eq!(error.to_string(), "too short at offset 12416: need 320 bytes, found 2");
}

#[test]
fn every_byte_of_the_header_flipped() {
    for (golden, arguments) in FILES {
        for byte in (0..HEADER_SIZE).step_by(STEP) {
            let mut damaged = golden.to_vec();
            damaged[byte] ^= 0xff;
            check(&damaged);
            check(&repair(&damaged));
            if byte < STATUS_OFFSET || (1024..1024 + arguments).contains(&byte) {
                assert!(walk(&damaged).is_err(), "byte {byte}");
            } else {
                check_the_rest(golden, &damaged, &[byte]);
            }
        }
    }
}

#[test]
fn every_byte_of_the_segment_headers_flipped() {
    for (golden, _) in FILES {
        for segment in (0..(golden.len() - HEADER_SIZE) / PAGE).step_by(if cfg!(miri) { 4 } else { 1 }) {
            for byte in (0..128).step_by(STEP) {
                let mut damaged = golden.to_vec();
                let byte = HEADER_SIZE + segment * PAGE + byte;
                damaged[byte] ^= 0xff;
                check_the_rest(golden, &damaged, &[byte]);
                check_the_rest(golden, &repair(&damaged), &[byte]);
            }
        }
    }
}

/// Where the labels' segment begins in its golden file.
const LABELS_AT: usize = HEADER_SIZE + PAGE + 128;

/// What a damaged labels' segment tells.
fn labels(file: &[u8]) -> Vec<Result<Entry<'_>, FormatError>> {
    match walk(file).expect("the header is whole").segments.swap_remove(1) {
        Ok(Some((_, Content::Names(entries)))) => entries,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_damaged_label_costs_no_other() {
    let before = labels(GOLDEN_LABELS);
    let tells = |serial: u32| {
        move |entry: &&Result<Entry<'_>, FormatError>| match entry {
            Ok(Entry::Thread { serial: of, .. } | Entry::ThreadName { serial: of, .. }) => *of == serial,
            Ok(Entry::TaskName { serial: of, .. }) => *of == serial,
            _ => false,
        }
    };
    for byte in (128..256).step_by(STEP) {
        for mask in [4, 0x80, 0xff] {
            let mut damaged = GOLDEN_LABELS.to_vec();
            damaged[LABELS_AT + byte] ^= mask; // of the second label
            let after = labels(&damaged);
            for serial in [1, 8, 259_000_003] {
                assert!(after.iter().filter(tells(serial)).eq(before.iter().filter(tells(serial))), "byte {byte}");
            }
            check_the_rest(GOLDEN_LABELS, &damaged, &[LABELS_AT]);
        }
    }
}

#[test]
fn a_cut_labels_segment_is_refused_and_labels_that_are_not_committed_are_not_read() {
    let error = walk(&GOLDEN_LABELS[..LABELS_AT + 300]).unwrap().segments[1].clone().unwrap_err();
    assert_eq!(error.to_string(), "too short at offset 8320: need 768 bytes, found 300");
    let mut damaged = GOLDEN_LABELS.to_vec();
    damaged[LABELS_AT - 64..][..2].copy_from_slice(&200u16.to_le_bytes()); // one label and a part of the next
    assert_eq!(labels(&damaged).len(), 2);
}

/// A reader that does not know of labels would tell untruths, so it has to refuse the file, as this one does where it
/// does not know a feature.
#[test]
fn features_that_are_not_known_are_refused() {
    assert_eq!(walk(GOLDEN_LABELS).unwrap().header.identity.incompatible, LABELS);
    for feature in 1..64 {
        let mut damaged = GOLDEN_LABELS.to_vec();
        damaged[24 + feature / 8] |= 1 << (feature % 8);
        assert_eq!(walk(&repair(&damaged)).err(), Some(FormatError::Features(1 << feature)));
    }
}

#[test]
fn a_sealed_segment_with_any_flipped_byte_is_refused() {
    let begin = HEADER_SIZE + 3 * PAGE;
    for byte in (begin + 128..begin + 128 + 96).step_by(STEP) {
        let mut damaged = GOLDEN.to_vec();
        damaged[byte] ^= 1;
        let error = walk(&damaged).unwrap().segments[3].clone().unwrap_err();
        assert_eq!(error, FormatError::SegmentChecksum(begin as u64));
    }
}

#[test]
fn names_before_a_bad_entry_are_kept() {
    let mut damaged = GOLDEN.to_vec();
    damaged[HEADER_SIZE + 128 + 40 + 4] = 7; // the size of the second entry
    let walk = walk(&damaged).unwrap();
    let Ok(Some((_, Content::Names(entries)))) = &walk.segments[0] else { panic!("no names") };
    assert_eq!(entries.len(), 2);
    let error = entries[1].clone().unwrap_err();
    assert_eq!(error.to_string(), "bad entry size at offset 4268: 7");
}

#[test]
fn foreign_files_are_refused() {
    for file in [&b""[..], b"{\"traceEvents\": []}", &[0; 8192], &[0xff; 8192], b"VIZRING\n"] {
        assert!(walk(file).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_flips(file in 0..FILES.len(), flips in prop::collection::vec((any::<Index>(), 1u8..), 1..20)) {
        let golden = FILES[file].0;
        let mut damaged = golden.to_vec();
        let mut touched = Vec::new();
        for (byte, mask) in flips {
            let byte = HEADER_SIZE + byte.index(golden.len() - HEADER_SIZE);
            damaged[byte] ^= mask;
            touched.push(byte);
        }
        check_the_rest(golden, &damaged, &touched);
        check_the_rest(golden, &repair(&damaged), &touched);
    }

    #[test]
    fn random_words_in_segment_headers(
        file in 0..FILES.len(),
        words in prop::collection::vec((any::<Index>(), 0usize..16, any::<u64>(), 0u32..64), 1..8),
    ) {
        let golden = FILES[file].0;
        let mut damaged = golden.to_vec();
        let mut touched = Vec::new();
        for (segment, word, value, shift) in words {
            let byte = HEADER_SIZE + segment.index(golden.len() / PAGE - 1) * PAGE + word * 8;
            damaged[byte..byte + 8].copy_from_slice(&(value >> shift).to_le_bytes());
            touched.push(byte);
        }
        check_the_rest(golden, &damaged, &touched);
        check_the_rest(golden, &repair(&damaged), &touched);
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes; the other ones go the same ways")]
    fn random_bodies(
        file in 0..FILES.len(),
        segment in any::<Index>(),
        words in prop::collection::vec(any::<u64>(), (PAGE - 128) / 8),
    ) {
        let golden = FILES[file].0;
        let body: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        let mut damaged = golden.to_vec();
        let begin = HEADER_SIZE + segment.index(golden.len() / PAGE - 1) * PAGE;
        damaged[begin + 128..][..body.len()].copy_from_slice(&body);
        damaged[begin + 64..begin + 72].copy_from_slice(&(body.len() as u64).to_le_bytes());
        check_the_rest(golden, &damaged, &[begin]);
        check_the_rest(golden, &repair(&damaged), &[begin]);
    }
}
