//! However many stacks fit into memory: the lines are those of an oracle that holds them all.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// What a call spent by itself, by its stack.
type Spent = (Vec<u8>, u64);

/// A call with this stack, and the calls around it, as the counter sees them.
fn spend(stacks: &mut Stacks, (path, time): &Spent) {
    let mut around = OUTSIDE;
    for (depth, frame) in path.iter().enumerate() {
        around = stacks.of(around, &format!("f{frame}"));
        stacks.spend(around, *time, depth > 0);
    }
}

fn lines(parts: &[Vec<Spent>], stacks_max: usize) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = Output::create(&directory.path().join("a.folded")).unwrap();
    let folded = Folded { stacks_max, ..Folded::new(&output) };
    let mut collected = lock(&folded.collected);
    for part in parts {
        let mut stacks = Stacks::default();
        part.iter().for_each(|spent| spend(&mut stacks, spent));
        collected.stacks.append(&stacks);
        if collected.stacks.len() > stacks_max {
            collected.spill(&folded.spool);
        }
    }
    let runs = std::mem::take(&mut collected.runs);
    let (mut lines, mut text) = (Lines::new(&collected.stacks, runs, &folded.spool).unwrap(), Text::default());
    while lines.next(&mut text).unwrap() {}
    String::from_utf8(text.as_bytes().to_vec()).unwrap()
}

fn oracle(parts: &[Vec<Spent>]) -> String {
    let mut own: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    for (path, time) in parts.iter().flatten() {
        *own.entry(path.iter().map(|frame| format!("f{frame}")).collect()).or_default() += time;
    }
    let own = own.into_iter().filter(|(_, time)| *time > 0);
    own.map(|(path, time)| format!("{} {time}\n", path.join(";"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn lines_do_not_depend_on_what_fits_into_memory(
        parts in prop::collection::vec(
            prop::collection::vec((prop::collection::vec(0..12u8, 1..6), 0..50u64), 0..30),
            0..8,
        ),
        stacks_max in 0..60usize,
    ) {
        let expected = oracle(&parts);
        prop_assert_eq!(lines(&parts, usize::MAX), expected.clone());
        prop_assert_eq!(lines(&parts, stacks_max), expected);
    }
}

#[test]
fn a_run_is_read_in_chunks() {
    let part: Vec<Spent> = (0..20_000u32).map(|n| (n.to_le_bytes()[..3].to_vec(), 1)).collect();
    let parts = [part.clone(), part];
    assert!(lines(&parts, 10) == oracle(&parts));
}

#[test]
fn nothing_is_made_beside_the_report_that_is_not_needed() {
    let output = Output::create(Path::new("/dev/null")).unwrap();
    assert!(!format!("{:?}", Folded::new(&output).spool).contains("Some(Store"));
}
