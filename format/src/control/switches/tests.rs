//! Switches: what is written is read, unknown words mean recording, and a mark is read whole or not at all.

use super::super::{COUNTS_OFFSET, Description};
use super::*;
use proptest::prelude::*;
use std::mem::offset_of;

const ID: [u8; 16] = [7; 16];

fn block(words: &[(usize, u64)]) -> Box<[u8; BLOCK_SIZE]> {
    let mut block = Description { session_id: ID, ..Description::new() }.to_block(b"/tmp", b"python\0");
    for (offset, word) in words {
        block[*offset..][..8].copy_from_slice(&word.to_le_bytes());
    }
    block
}

fn slot(index: usize) -> usize {
    SWITCHES_OFFSET + offset_of!(SwitchWords, slots) + index * size_of::<MarkSlot>()
}

/// A block with the mark of this number, name and time.
fn marked(number: u64, name: &str, time: u64) -> Box<[u8; BLOCK_SIZE]> {
    let at = slot((number as usize - 1) % MARK_SLOTS);
    let mut words = vec![(SWITCHES_OFFSET + 8, number), (at, number), (at + 8, time)];
    words.extend(name_words(name).unwrap().iter().enumerate().map(|(index, word)| (at + 16 + 8 * index, *word)));
    block(&words)
}

#[test]
fn unknown_words_mean_recording() {
    for (word, wanted) in [
        (0, Wanted::Recording),
        (1, Wanted::Paused),
        (2, Wanted::Stopped),
        (3, Wanted::Recording),
        (255, Wanted::Recording),
        (0x0700, Wanted::Recording),
        (0x0701, Wanted::Paused),
        (u64::MAX, Wanted::Recording),
    ] {
        let switches = Switches::parse(&block(&[(SWITCHES_OFFSET, word)])[..], ID).unwrap();
        assert_eq!(switches.wanted, wanted, "{word:#x}");
    }
}

#[test]
fn each_change_counts_and_a_stop_is_for_good() {
    let paused = changed(0, Wanted::Paused).unwrap();
    assert_eq!(paused, 0x101);
    assert_eq!(changed(paused, Wanted::Paused), None);
    let resumed = changed(paused, Wanted::Recording).unwrap();
    assert_eq!(resumed, 0x200);
    let stopped = changed(resumed, Wanted::Stopped).unwrap();
    assert_eq!(Wanted::of(stopped), Wanted::Stopped);
    assert!([Wanted::Recording, Wanted::Paused, Wanted::Stopped].iter().all(|to| changed(stopped, *to).is_none()));
    assert_eq!(changed(u64::MAX - 0xff, Wanted::Paused), Some(1)); // the count begins again
    assert_eq!(changed(0x2a, Wanted::Recording), Some(0x100)); // garbage is replaced
}

#[test]
fn blocks_of_other_sessions_and_versions_say_nothing() {
    let good = block(&[]);
    assert_eq!(Switches::parse(&good[..], ID), Ok(Switches::default()));
    assert_eq!(Switches::parse(&good[..], [8; 16]), Err(FormatError::Magic));
    assert!(matches!(Switches::parse(&good[..READ_SIZE - 1], ID), Err(FormatError::TooShort { .. })));
    let mut other = good.clone();
    other[8] = 3;
    assert_eq!(Switches::parse(&other[..], ID), Err(FormatError::Version(3)));
    other[0] = 0;
    assert_eq!(Switches::parse(&other[..], ID), Err(FormatError::Magic));
}

#[test]
fn a_mark_is_read_whole_or_not_at_all() {
    let name = "é".repeat(MARK_NAME_MAX / 2);
    for number in [1, 8, 9, 1000] {
        let switches = Switches::parse(&marked(number, &name, 5)[..], ID).unwrap();
        let mark = Mark { number, time: 5, name: name.clone() };
        assert_eq!(switches.mark(number, &switches, &switches), Some(mark));
        for other in [0, number - 1, number + MARK_SLOTS as u64] {
            assert_eq!(switches.mark(other, &switches, &switches), None, "{other}");
        }
        let rewritten = Switches::parse(&block(&[])[..], ID).unwrap();
        assert_eq!(switches.mark(number, &rewritten, &switches), None);
        assert_eq!(switches.mark(number, &switches, &rewritten), None);
        assert_eq!(rewritten.mark(number, &switches, &switches), None);
    }
    assert_eq!([name_words(""), name_words(&"x".repeat(65)), name_words("a\0b")], [None; 3]);
}

/// `CONTROL.md` lists every word with its offset and size.
#[test]
fn the_document_has_every_word() {
    let document = include_str!("../../../CONTROL.md");
    let rows = [
        ("wanted", SWITCHES_OFFSET + offset_of!(SwitchWords, wanted), 8),
        ("marks", SWITCHES_OFFSET + offset_of!(SwitchWords, marks), 8),
        ("slots", slot(0), size_of::<[MarkSlot; MARK_SLOTS]>()),
        ("number", offset_of!(MarkSlot, number), 8),
        ("time", offset_of!(MarkSlot, time), 8),
        ("name", offset_of!(MarkSlot, name), MARK_NAME_MAX),
    ];
    for (name, offset, size) in rows {
        let row = format!("| {offset} | {size} | `{name}` |");
        assert!(document.contains(&row), "CONTROL.md has no row {row}");
    }
    assert_eq!(SWITCHES_OFFSET, COUNTS_OFFSET + size_of::<super::super::Counts>());
    assert!(document.contains(&format!("Bytes {} to 1023 are zeros", slot(MARK_SLOTS))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 256 }))]

    /// Whatever stands in the words, reading them does not panic, and a mark has the number that was asked for.
    #[test]
    fn garbage_is_read_or_ignored(words in proptest::collection::vec(any::<u8>(), 736), number in 0..20u64) {
        let mut garbage = block(&[]);
        garbage[SWITCHES_OFFSET..][..736].copy_from_slice(&words);
        let switches = Switches::parse(&garbage[..], ID).unwrap();
        if let Some(mark) = switches.mark(number, &switches, &switches) {
            prop_assert_eq!(mark.number, number);
        }
    }
}
