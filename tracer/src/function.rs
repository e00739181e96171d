//! The ids of functions, by what the interpreter hands to a hook, in front of them a small cache.

mod builtin;
#[cfg(Py_3_12)]
mod callable;
mod code;
mod id;

pub use builtin::{Builtin, definition, leave_out};
pub use code::{ArgumentName, Code};
pub use id::EXCLUDED;

/// Empties the caches: ids and decisions of before do not hold any more. May run Python.
pub fn forget() {
    code::forget();
    builtin::forget();
}
