//! The numbers of a function: its id in the ring file, and its tag on the stack.

/// The id that stands for a function which is not recorded. Others have 24 bits.
pub const EXCLUDED: u32 = 1 << 24;

/// The 40 bits by which a frame on the stack knows what entered it, from an aligned address; never 0.
#[inline(always)]
pub fn tag(address: usize) -> u64 {
    address as u64 >> 3 & ((1 << 40) - 1)
}
