//! The cache of the ids of Python functions: direct-mapped, by the address of the code object.
//!
//! An entry is one word, so no thread ever sees the address of one function with the id of another. The index of an
//! entry says the lower bits of the address, and the entry has the others. 2048 entries take 16 KiB.
//!
//! ```text
//! bits   63 .. 28         27           26              25         24 .. 0
//!        address >> 14    is_elided    hides_c_calls   is_async   function id
//! ```

use crate::sync::atomic::{AtomicU64, Ordering};

#[cfg(not(loom))]
const SIZE: usize = 1 << 11;
#[cfg(not(loom))]
static CACHE: [AtomicU64; SIZE] = [const { AtomicU64::new(0) }; SIZE];

#[cfg(loom)]
const SIZE: usize = 2;
#[cfg(loom)]
loom::lazy_static! { static ref CACHE: [AtomicU64; SIZE] = [AtomicU64::new(0), AtomicU64::new(0)]; }

/// The lower bits of an address, which the index of an entry says: objects are aligned to 8 bytes.
const INDEX_BITS: u32 = 14;
const ASYNC: u64 = 1 << 25;
const HIDES_C_CALLS: u64 = 1 << 26;
const ELIDED: u64 = 1 << 27;
const ADDRESS_SHIFT: u32 = 28;

/// What the cache has of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cached {
    /// Its id, or [`EXCLUDED`](super::id::EXCLUDED); at most 25 bits.
    pub id: u32,
    /// Whether `log_async` looks at its calls: an asyncio task may begin with it, or it is a step of a pool's work.
    pub is_async: bool,
    /// Whether the C functions that it calls are not recorded.
    pub hides_c_calls: bool,
    /// Whether it was recorded and is elided.
    pub is_elided: bool,
}

/// Returns what is known of the function with the code object at this address, if the cache has it.
#[inline(always)]
pub fn get(code: usize) -> Option<Cached> {
    // The id is of a name in the file. `Acquire`: the name is there before any record that refers to it.
    let word = entry(code).load(Ordering::Acquire);
    let has = |flag| word & flag != 0;
    let id = (word & (ASYNC - 1)) as u32;
    let cached = Cached { id, is_async: has(ASYNC), hides_c_calls: has(HIDES_C_CALLS), is_elided: has(ELIDED) };
    (word >> ADDRESS_SHIFT == address(code)).then_some(cached)
}

/// Puts a function into the cache, instead of the one that has its entry. An address with more bits than an entry has
/// is left out.
pub fn put(code: usize, cached: Cached) {
    if address(code) >> (u64::BITS - ADDRESS_SHIFT) == 0 {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let flags =
            flag(cached.is_async, ASYNC) | flag(cached.hides_c_calls, HIDES_C_CALLS) | flag(cached.is_elided, ELIDED);
        entry(code).store(address(code) << ADDRESS_SHIFT | flags | u64::from(cached.id), Ordering::Release);
    }
}

/// Removes a function, whose code object is about to be freed: its address may soon be another one's. Another function
/// that gets the same entry meanwhile may be removed, too: it is looked up once more.
pub fn remove(code: usize) {
    if entry(code).load(Ordering::Relaxed) >> ADDRESS_SHIFT == address(code) {
        entry(code).store(0, Ordering::Relaxed);
    }
}

/// Removes all functions.
pub fn clear() {
    CACHE.iter().for_each(|entry| entry.store(0, Ordering::Relaxed));
}

#[inline(always)]
fn entry(code: usize) -> &'static AtomicU64 {
    &CACHE[(code >> 3 ^ code >> INDEX_BITS) % SIZE]
}

#[inline(always)]
fn address(code: usize) -> u64 {
    code as u64 >> INDEX_BITS
}
