//! A page to which a server adds what it shows with more detail.

use crate::events::timeline::Detail;

/// A page to which a server adds what it shows with more detail.
#[derive(Clone, Debug)]
pub struct Served {
    /// What the page itself shows.
    pub detail: Detail,
    /// What the page calls the trace when it asks the server.
    pub id: String,
    /// A time with so many events, or fewer, is added with all calls.
    pub whole: u64,
}
