//! The ids of functions, by what the interpreter hands to a hook, in front of them a small cache.

mod builtin;
#[cfg(Py_3_12)]
mod callable;
mod code;

pub use builtin::{Builtin, definition, leave_out};
pub use code::Code;

/// The id that stands for a function which is not recorded.
pub const EXCLUDED: u32 = u32::MAX;

/// Empties the caches: ids and decisions of before do not hold any more. May run Python.
pub fn forget() {
    code::forget();
    builtin::forget();
}

/// The 40 bits by which a frame on the stack knows what entered it, from an aligned address; never 0.
#[inline(always)]
fn tag(address: usize) -> u64 {
    address as u64 >> 3 & ((1 << 40) - 1)
}
