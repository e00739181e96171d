//! The fuzz target on a stable compiler: its entry function over its seeds and over a fixed number of mutations of
//! them.

#![cfg(not(any(loom, miri)))] // the tests of damage go the same ways in less time

mod support;

use proptest::prelude::*;
use std::path::{Path, PathBuf};
use support::build::PAGE;
use support::repair::repair;
use support::walk::check;
use support::{GOLDEN, GOLDEN_ARGUMENTS, GOLDEN_ELIDED, GOLDEN_LABELS, GOLDEN_LOGGED};
use viztracer_format::header::HEADER_SIZE;

const CASES: u32 = 2000;

/// What the fuzz target does with an input.
fn enter(file: &[u8]) {
    check(file);
    check(&repair(file));
}

/// The golden file, whole and in parts that are quick to mutate: its header with one segment each, and cut in the
/// middle.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let (header, segments) = GOLDEN.split_at(HEADER_SIZE);
    let mut seeds = vec![
        ("golden".to_owned(), GOLDEN.to_vec()),
        ("header".to_owned(), header.to_vec()),
        ("cut".to_owned(), GOLDEN[..HEADER_SIZE + 2 * PAGE + 300].to_vec()),
    ];
    seeds.push(("golden_labels".to_owned(), GOLDEN_LABELS.to_vec()));
    seeds.push(("golden_logged".to_owned(), GOLDEN_LOGGED.to_vec()));
    seeds.push(("golden_arguments".to_owned(), GOLDEN_ARGUMENTS.to_vec()));
    seeds.push(("elided".to_owned(), GOLDEN_ELIDED[..HEADER_SIZE + PAGE].to_vec()));
    seeds.push((
        "labels".to_owned(),
        [&GOLDEN_LABELS[..HEADER_SIZE], &GOLDEN_LABELS[HEADER_SIZE + PAGE..][..PAGE]].concat(),
    ));
    let names = ["names", "payload", "calls_open", "calls_sealed", "stacks", "free", "retired"];
    for (name, segment) in names.iter().zip(segments.chunks(PAGE)) {
        seeds.push(((*name).to_owned(), [header, segment].concat()));
    }
    seeds
}

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/reader").join(name)
}

#[test]
fn the_seeds_in_the_tree_are_those_of_the_golden_file() {
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    for (name, bytes) in seeds() {
        let path = corpus(&name);
        if bless {
            std::fs::write(&path, &bytes).unwrap();
        }
        let stored = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert!(stored == bytes, "{path:?} differs: BLESS=1 writes it");
    }
}

#[test]
fn the_seeds_pass() {
    for (_, bytes) in seeds() {
        enter(&bytes);
    }
}

/// What a fuzzer does to a file.
#[derive(Clone, Debug)]
enum Mutation {
    Store { at: usize, bytes: Vec<u8> },
    Copy { from: usize, to: usize, length: usize },
    Cut(usize),
    Append(Vec<u8>),
}

impl Mutation {
    fn apply(&self, file: &mut Vec<u8>) {
        let length = file.len().max(1);
        match self {
            Mutation::Store { at, bytes } => {
                for (place, byte) in file.iter_mut().skip(at % length).zip(bytes) {
                    *place = *byte;
                }
            }
            Mutation::Copy { from, to, length: copied } => {
                let bytes: Vec<u8> = file.iter().skip(from % length).take(*copied).copied().collect();
                Mutation::Store { at: *to, bytes }.apply(file);
            }
            Mutation::Cut(at) => file.truncate(at % length),
            Mutation::Append(bytes) => file.extend(bytes),
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = 0..GOLDEN.len();
    prop_oneof![
        8 => (place.clone(), prop::collection::vec(any::<u8>(), 1..16))
            .prop_map(|(at, bytes)| Mutation::Store { at, bytes }),
        4 => (place.clone(), place.clone(), 1usize..600)
            .prop_map(|(from, to, length)| Mutation::Copy { from, to, length }),
        1 => place.prop_map(Mutation::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..5000).prop_map(Mutation::Append),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_seeds_pass(
        seed in 0..seeds().len(),
        mutations in prop::collection::vec(mutation(), 1..12),
    ) {
        let mut file = seeds().swap_remove(seed).1;
        mutations.iter().for_each(|mutation| mutation.apply(&mut file));
        enter(&file);
    }

    #[test]
    fn noise_passes(bytes in prop::collection::vec(any::<u8>(), 0..9000)) {
        enter(&bytes);
        let header = &GOLDEN[..HEADER_SIZE];
        enter(&[header, &bytes].concat());
    }
}
