//! The ids of functions, by what the interpreter passes to a hook, with small caches in front.

mod builtin;
#[cfg(Py_3_12)]
mod callable;
mod code;
mod greenlet;
mod id;

pub use builtin::{Builtin, definition, leave_out};
pub use code::{ArgumentName, Code, LookedUp};
pub use id::EXCLUDED;

/// Empties the caches: earlier ids and decisions do not hold any more. May run Python.
pub fn forget() {
    code::forget();
    builtin::forget();
}
