//! The fuzz targets on a stable compiler: their entry functions over their seeds and over mutations of them.

mod support;

use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::path::{Path, PathBuf};
use support::{GOLDEN, PAGE, SOURCES};

/// The golden files, cut where the pages are so that a fuzzer has less to change, and one in the middle of a record.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let [calls, tasks, labels] = GOLDEN;
    vec![
        ("sources".into(), SOURCES.to_vec()),
        ("tasks".into(), tasks.to_vec()),
        ("labels".into(), labels.to_vec()),
        ("header".into(), calls[..PAGE].to_vec()),
        ("names".into(), calls[..2 * PAGE].to_vec()),
        ("calls".into(), calls[..5 * PAGE].to_vec()),
        ("calls_and_stack".into(), calls[..6 * PAGE].to_vec()),
        ("stack_alone".into(), [&calls[..PAGE], &calls[5 * PAGE..6 * PAGE]].concat()),
        ("cut".into(), calls[..3 * PAGE + 128 + 16 * 7 + 5].to_vec()),
    ]
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

#[test]
fn the_seeds_in_the_tree_are_those_of_the_golden_files() {
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    for (name, bytes) in seeds() {
        let path = corpus("ring").join(name);
        if bless {
            fs::write(&path, &bytes).unwrap();
        }
        let stored = fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert!(stored == bytes, "{path:?} differs: BLESS=1 writes it");
    }
}

#[test]
fn the_seeds_pass() {
    for (target, enter) in [("ring", support::ring as fn(&[u8])), ("ring", support::page), ("chrome", support::chrome)]
    {
        let seeds: Vec<_> = fs::read_dir(corpus(target)).unwrap().collect();
        assert!(seeds.len() >= 5);
        for seed in seeds {
            enter(&fs::read(seed.unwrap().path()).unwrap());
        }
    }
}

/// A seed with some bytes stored over it, and perhaps cut.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let store = (any::<Index>(), prop::collection::vec(any::<u8>(), 1..12));
    let cut = prop::option::weighted(0.2, any::<Index>());
    (0..seeds().len(), prop::collection::vec(store, 1..8), cut).prop_map(|(seed, stores, cut)| {
        let mut file = seeds().swap_remove(seed).1;
        for (at, bytes) in stores {
            let at = at.index(file.len());
            file.iter_mut().skip(at).zip(bytes).for_each(|(place, byte)| *place = byte);
        }
        if let Some(length) = cut {
            file.truncate(length.index(file.len()));
        }
        file
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_seeds_pass(file in mutated()) {
        support::ring(&file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_mutated_seeds_pass(file in mutated()) {
        support::page(&file);
    }
}
