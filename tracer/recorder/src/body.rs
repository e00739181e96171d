//! Bytes in the body of a segment, which is made of atomic words.

use viztracer_format::stack::Slot;
use viztracer_format::sync::Ordering;

/// Stores bytes at an offset that is a multiple of 8, and zeros up to the next multiple of 8 behind them. They must fit
/// the body. The caller commits them.
pub(crate) fn store(slots: &[Slot], offset: usize, bytes: &[u8]) {
    debug_assert!(offset.is_multiple_of(8) && offset + bytes.len() <= size_of_val(slots));
    let (words, rest) = bytes.as_chunks::<8>();
    let (mut first, mut whole) = (offset / 8, words);
    if !first.is_multiple_of(2)
        && let Some((word, later)) = whole.split_first()
    {
        store_word(slots, first, *word);
        (first, whole) = (first + 1, later);
    }
    let (pairs, single) = whole.as_chunks::<2>();
    for (slot, [word0, word1]) in slots.iter().skip(first / 2).zip(pairs) {
        slot.word0.store(u64::from_le_bytes(*word0), Ordering::Relaxed);
        slot.word1.store(u64::from_le_bytes(*word1), Ordering::Relaxed);
    }
    if let [word] = single {
        store_word(slots, first + 2 * pairs.len(), *word);
    }
    if !rest.is_empty() {
        store_word(slots, offset / 8 + words.len(), last_word(bytes, rest));
    }
}

/// The word of the rest of some bytes, which is shorter than a word, with zeros behind them.
#[inline(always)]
fn last_word(bytes: &[u8], rest: &[u8]) -> [u8; 8] {
    if let Some(last) = bytes.last_chunk() {
        // Shifted: a copy of a few bytes would have to reach the memory before all eight can be read.
        return (u64::from_le_bytes(*last) >> (64 - 8 * rest.len())).to_le_bytes();
    }
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    word
}

/// Stores the word with this index.
#[inline(always)]
fn store_word(slots: &[Slot], index: usize, bytes: [u8; 8]) {
    let Some(slot) = slots.get(index / 2) else { return };
    let word = if index.is_multiple_of(2) { &slot.word0 } else { &slot.word1 };
    word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use viztracer_format::sync::AtomicU64;

    /// The words of slots in the order of their bytes.
    fn words(slots: &[Slot]) -> impl Iterator<Item = &AtomicU64> {
        slots.iter().flat_map(|slot| [&slot.word0, &slot.word1])
    }

    #[test]
    fn bytes_stand_at_their_offset_and_are_filled_up_with_zeros() {
        let slots: Vec<Slot> = (0..3).map(|_| Slot::default()).collect();
        words(&slots).for_each(|word| word.store(u64::MAX, Ordering::Relaxed));
        store(&slots, 8, b"123456789");
        let bytes: Vec<u8> = words(&slots).flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
        assert_eq!(bytes[..8], [0xff; 8]);
        assert_eq!(bytes[8..24], *b"123456789\0\0\0\0\0\0\0");
        assert_eq!(bytes[24..], [0xff; 24]);
    }

    #[test]
    fn bytes_of_any_length_stand_at_any_offset() {
        let text: Vec<u8> = (1..=64).collect();
        for (offset, length) in (0..=4).flat_map(|word| (0..=text.len()).map(move |length| (8 * word, length))) {
            let slots: Vec<Slot> = (0..7).map(|_| Slot::default()).collect();
            words(&slots).for_each(|word| word.store(u64::MAX, Ordering::Relaxed));
            store(&slots, offset, &text[..length]);
            let bytes: Vec<u8> = words(&slots).flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
            let end = offset + length;
            assert_eq!(bytes[offset..end], text[..length]);
            assert_eq!(bytes[end..end.next_multiple_of(8)].iter().filter(|byte| **byte != 0).count(), 0);
            assert!(bytes[..offset].iter().chain(&bytes[end.next_multiple_of(8)..]).all(|byte| *byte == 0xff));
        }
    }
}
