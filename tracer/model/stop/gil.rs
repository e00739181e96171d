//! What keeps the threads of the interpreter apart. With the GIL: one lock, that a thread gives up and takes again
//! without knowing who had it meanwhile. Without: any number of threads are attached at a time, and one may stop the
//! others where they let it.

use crate::sync::{Mutex, MutexGuard, lock, shared, thread_own};
#[cfg(loom)]
use loom::sync::{RwLock, RwLockReadGuard};
use std::cell::RefCell;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(not(loom))]
use std::sync::{RwLock, RwLockReadGuard};

/// Whether the interpreter has no GIL. No atomic word of loom's: it is no part of what is explored.
static IS_FREE: AtomicBool = AtomicBool::new(false);

shared! {
    static GIL: Mutex<()> = Mutex::new(());
    /// Attached threads read, and one that has stopped them writes.
    static WORLD: RwLock<()> = RwLock::new(());
}

thread_own! {
    static HELD: RefCell<Option<Attached>> = RefCell::new(None);
}

/// What an attached thread holds.
enum Attached {
    Gil(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>),
    World(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
}

/// Chooses an interpreter with a GIL, or without.
pub fn choose(is_free: bool) {
    IS_FREE.store(is_free, Ordering::Relaxed);
}

/// Waits for the GIL, or until no thread stops the others.
pub fn acquire() {
    let held = if IS_FREE.load(Ordering::Relaxed) {
        Attached::World(WORLD.read().unwrap_or_else(PoisonError::into_inner))
    } else {
        Attached::Gil(lock(&GIL))
    };
    HELD.with(|own| assert!(own.replace(Some(held)).is_none(), "an attached thread attaches itself"));
}

/// Lets others have the GIL, or stop this thread.
pub fn release() {
    drop(HELD.with(RefCell::take).expect("only an attached thread detaches itself"));
}

/// What an attached thread does.
pub fn with<T>(work: impl FnOnce() -> T) -> T {
    acquire();
    let result = work();
    release();
    result
}

/// Python runs here: others may have the GIL for a while, or stop this thread.
pub fn give_a_chance() {
    release();
    acquire();
}

/// What an attached thread does while no other one is.
pub fn exclusively<T>(work: impl FnOnce() -> T) -> T {
    if !IS_FREE.load(Ordering::Relaxed) {
        return work();
    }
    release();
    let stopped = WORLD.write().unwrap_or_else(PoisonError::into_inner);
    let result = work();
    drop(stopped);
    acquire();
    result
}

/// A thread, from its first event until it has quite ended.
pub struct Life;

/// Threads that live. Not one of loom's: it is no part of what is explored.
static LIVING: AtomicUsize = AtomicUsize::new(0);

impl Life {
    pub fn new() -> Life {
        LIVING.fetch_add(1, Ordering::Relaxed);
        Life
    }

    /// Whether a thread has not quite ended. Loom's `join` does not wait for what a thread drops at its end.
    pub fn is_any_left() -> bool {
        LIVING.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::Relaxed);
    }
}
