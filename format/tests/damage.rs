//! Damaged files: the reader refuses or passes over what is bad, reads all the rest, and never panics.

#![cfg(not(loom))]

mod support;

use proptest::prelude::*;
use support::GOLDEN;
use support::build::PAGE;
use support::repair::repair;
use support::walk::{Content, Walk, check, walk};
use viztracer_format::FormatError;
use viztracer_format::header::{HEADER_SIZE, STATUS_OFFSET};

/// Cases per property; Miri is a hundred times slower.
const CASES: u32 = if cfg!(miri) { 4 } else { 1000 };
/// Every how manieth byte is tried where all are tried.
const STEP: usize = if cfg!(miri) { 997 } else { 1 };

fn golden() -> Walk<'static> {
    walk(GOLDEN).expect("the golden file is whole")
}

/// Segments that lie apart from these bytes are read as before.
fn check_the_rest(damaged: &[u8], touched: &[usize]) {
    check(damaged);
    let (before, after) = (golden(), walk(damaged).expect("the header is whole"));
    for (index, segment) in before.segments.iter().enumerate() {
        let begin = HEADER_SIZE + index * PAGE;
        if begin + PAGE <= damaged.len() && !touched.iter().any(|byte| (begin..begin + PAGE).contains(byte)) {
            assert_eq!(&after.segments[index], segment, "segment {index}, bytes {touched:?}");
        }
    }
}

#[test]
fn cut_at_every_length() {
    for length in (0..GOLDEN.len()).step_by(STEP) {
        let cut = &GOLDEN[..length];
        if length < HEADER_SIZE {
            let found = length as u64;
            let error = FormatError::TooShort { offset: 0, need: 4096, found };
            assert_eq!(walk(cut).err(), Some(error));
        } else {
            check_the_rest(cut, &[]);
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
    for byte in (0..HEADER_SIZE).step_by(STEP) {
        let mut damaged = GOLDEN.to_vec();
        damaged[byte] ^= 0xff;
        check(&damaged);
        check(&repair(&damaged));
        let arguments = 1024..1024 + 18;
        if byte < STATUS_OFFSET || arguments.contains(&byte) {
            assert!(walk(&damaged).is_err(), "byte {byte}");
        } else {
            check_the_rest(&damaged, &[byte]);
        }
    }
}

#[test]
fn every_byte_of_the_segment_headers_flipped() {
    for segment in 0..(GOLDEN.len() - HEADER_SIZE) / PAGE {
        for byte in (0..128).step_by(STEP) {
            let mut damaged = GOLDEN.to_vec();
            let byte = HEADER_SIZE + segment * PAGE + byte;
            damaged[byte] ^= 0xff;
            check_the_rest(&damaged, &[byte]);
            check_the_rest(&repair(&damaged), &[byte]);
        }
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
    fn random_flips(flips in prop::collection::vec((HEADER_SIZE..GOLDEN.len(), 1u8..), 1..20)) {
        let mut damaged = GOLDEN.to_vec();
        let mut touched = Vec::new();
        for (byte, mask) in flips {
            damaged[byte] ^= mask;
            touched.push(byte);
        }
        check_the_rest(&damaged, &touched);
        check_the_rest(&repair(&damaged), &touched);
    }

    #[test]
    fn random_words_in_segment_headers(
        words in prop::collection::vec((0usize..7, 0usize..16, any::<u64>(), 0u32..64), 1..8),
    ) {
        let mut damaged = GOLDEN.to_vec();
        let mut touched = Vec::new();
        for (segment, word, value, shift) in words {
            let byte = HEADER_SIZE + segment * PAGE + word * 8;
            damaged[byte..byte + 8].copy_from_slice(&(value >> shift).to_le_bytes());
            touched.push(byte);
        }
        check_the_rest(&damaged, &touched);
        check_the_rest(&repair(&damaged), &touched);
    }

    #[test]
    fn random_bodies(
        segment in 0usize..7,
        words in prop::collection::vec(any::<u64>(), (PAGE - 128) / 8),
    ) {
        let body: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        let mut damaged = GOLDEN.to_vec();
        let begin = HEADER_SIZE + segment * PAGE;
        damaged[begin + 128..][..body.len()].copy_from_slice(&body);
        damaged[begin + 64..begin + 72].copy_from_slice(&(body.len() as u64).to_le_bytes());
        check_the_rest(&damaged, &[begin]);
        check_the_rest(&repair(&damaged), &[begin]);
    }
}
