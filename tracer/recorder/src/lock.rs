//! What the crate does about a lock that was held by a thread that panicked: it goes on.

use std::sync::{LockResult, PoisonError};

/// The guard, whether the lock is poisoned or not. No code panics between two changes that belong together.
pub(crate) fn ignore_poison<G>(locked: LockResult<G>) -> G {
    locked.unwrap_or_else(PoisonError::into_inner)
}
