//! Bytes in the body of a segment, which is made of atomic words.

use viztracer_format::stack::Slot;
use viztracer_format::sync::Ordering;

/// Stores bytes at an offset that is a multiple of 8, and zeros up to the next multiple of 8 behind them. They must fit
/// the body. The caller commits them.
pub(crate) fn store(slots: &[Slot], offset: usize, bytes: &[u8]) {
    debug_assert!(offset.is_multiple_of(8) && offset + bytes.len() <= size_of_val(slots));
    let (whole, rest) = bytes.as_chunks::<8>();
    let first = offset / 8;
    for (index, bytes) in (first..).zip(whole) {
        store_word(slots, index, *bytes);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        store_word(slots, first + whole.len(), last);
    }
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
}
