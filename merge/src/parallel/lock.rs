//! Locks that outlive a panic: it is passed on when the workers have ended, and what they share is dropped then.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, whether or not somebody has panicked who held it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
