//! Why an event of a document is not taken.

use std::io;

/// Why an event is not taken.
pub enum Failure {
    /// Its text is no JSON.
    NotJson,
    /// It has no meaning, for this reason.
    Refused(String),
    /// The store has failed, so that the import ends.
    Store(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Store(error)
    }
}

/// An event without a meaning, for this reason.
pub fn refused<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(reason.into()))
}
