//! What a process may spend on tracing, and which functions it stops recording when it spends more: it *elides* them.
//!
//! Nothing of this is on the record path. Now and then a thread books the calls that it has recorded since the last time
//! ([`Account`]). If that is too much, it looks at the newest records of its segment, which are a sample of what it does
//! ([`Sample`]), and chooses the functions that are called most.

mod account;
mod sample;

pub use account::Account;
pub(crate) use sample::{Call, OpenCall};
pub use sample::{Elision, Sample};
