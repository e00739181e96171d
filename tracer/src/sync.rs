//! The locks and atomic words of the process's one recording: the standard ones, or loom's, which explores what threads
//! may do with them. `tracer/model` has that done to [`recording`](crate::recording), [`current`](crate::thread::current) and
//! [`lifecycle`](crate::process::lifecycle).

#[cfg(loom)]
pub use loom::sync::{Condvar, Mutex, MutexGuard, atomic};
#[cfg(not(loom))]
pub use std::sync::{Condvar, Mutex, MutexGuard, atomic};

/// Defines statics; loom makes them anew for each execution.
macro_rules! shared {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        $(
            $(#[$doc])*
            #[cfg(not(loom))]
            static $name: $type = $value;
        )*
        #[cfg(loom)]
        loom::lazy_static! { $($(#[$doc])* static ref $name: $type = $value;)* }
    };
}

/// Defines what each thread has for itself.
macro_rules! own {
    (static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(not(loom))]
        std::thread_local! { static $name: $type = const { $value }; }
        #[cfg(loom)]
        loom::thread_local! { static $name: $type = $value; }
    };
}

pub(crate) use {own, shared};
