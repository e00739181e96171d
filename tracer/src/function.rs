//! The ids and names of functions, by what the interpreter passes to a hook, with small caches in front.

use pyo3::Python;

mod builtin;
mod cache;
#[cfg(Py_3_12)]
mod callable;
mod code;
#[cfg(Py_3_12)]
mod elided;
mod greenlet;
mod id;
mod work;

pub use builtin::{Builtin, Forgotten, definition, leave_out};
pub use code::{ArgumentName, Code, LookedUp, request_slot};
#[cfg(Py_3_12)]
pub use elided::{elided_codes, functions_with_other_code};
pub use id::EXCLUDED;
#[cfg(Py_3_12)]
pub use work::Step;

/// Empties the cache of Python functions: earlier decisions on them do not hold any more. No hook may be under way.
pub fn forget_decisions() {
    cache::clear();
}

/// Empties the caches: earlier ids and decisions do not hold any more. No hook may be under way. The caller drops the
/// answer once others may be: that may run Python.
#[must_use]
pub fn forget(python: Python<'_>) -> Forgotten {
    cache::clear();
    builtin::forget(python)
}
