//! Locks and atomic words of the extension: the standard ones, or loom's, which explores what threads may do with them.
//! `tracer/model` explores [`recording`](crate::recording), [`current`](crate::thread::current) and
//! [`lifecycle`](crate::process::lifecycle).
//!
//! The locks are the standard library's, because a process may fork while it holds one. The whole state of such a lock
//! is one word in memory: a child that unlocks it has a free lock. The locks of `parking_lot` keep a queue of waiting
//! threads beside them and may hand the lock to a thread that the child does not have.

use std::sync::PoisonError;

#[cfg(loom)]
pub use loom::sync::{Condvar, Mutex, MutexGuard, atomic};
#[cfg(not(loom))]
pub use std::sync::{Condvar, Mutex, MutexGuard, atomic};

/// Takes a lock. A thread that has panicked with the lock does not keep it from others: what the locks here guard is
/// valid between any two statements, and a hook must not panic.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a lock up until the condition is notified, and takes it again.
pub fn wait<'a, T>(condition: &Condvar, held: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(held).unwrap_or_else(PoisonError::into_inner)
}

/// Defines statics. Loom makes them anew for each execution.
macro_rules! shared {
    ($($(#[$doc:meta])* $(pub($scope:tt))? static $name:ident: $type:ty = $value:expr;)*) => {
        $(
            $(#[$doc])*
            #[cfg(not(loom))]
            $(pub($scope))? static $name: $type = $value;
        )*
        #[cfg(loom)]
        loom::lazy_static! { $($(#[$doc])* $(pub($scope))? static ref $name: $type = $value;)* }
    };
}

/// Defines a thread-local variable.
macro_rules! thread_own {
    (static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(not(loom))]
        std::thread_local! { static $name: $type = const { $value }; }
        #[cfg(loom)]
        loom::thread_local! { static $name: $type = $value; }
    };
}

pub(crate) use {shared, thread_own};
